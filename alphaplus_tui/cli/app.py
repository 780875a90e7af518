"""The tree of commands; each imports what it needs when it runs, so that ``--help`` is instant."""

# ruff: noqa: PLC0415  each command imports what it needs when it runs, so that --help is instant

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from alphaplus_tui.cli.guard import guarded, heed_signals
from alphaplus_tui.cli.options import Wishes, hoist, parse_duration, parse_time, wishes

_EPILOG = "Every command also takes --config FILE, --data-dir DIR, --demo and --log-level LEVEL."

app = typer.Typer(
    name="alphaplus",
    help="A terminal trading console. Without a command it opens the console.",
    epilog=_EPILOG,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Settings, and where each value came from.", no_args_is_help=True, epilog=_EPILOG)
db_app = typer.Typer(help="The database.", no_args_is_help=True, epilog=_EPILOG)
export_app = typer.Typer(help="Data out, with a header; times ISO 8601 UTC.", no_args_is_help=True, epilog=_EPILOG)
alerts_app = typer.Typer(help="What AlphaPlus called for, and whom it tells.", no_args_is_help=True, epilog=_EPILOG)
secrets_app = typer.Typer(
    help="Passwords, keys and addresses of channels, in the system's keyring.", no_args_is_help=True, epilog=_EPILOG
)
models_app = typer.Typer(help="The models of the data folder.", no_args_is_help=True, epilog=_EPILOG)
app.add_typer(config_app, name="config")
app.add_typer(db_app, name="db")
app.add_typer(export_app, name="export")
app.add_typer(models_app, name="models")
app.add_typer(alerts_app, name="alerts")
app.add_typer(secrets_app, name="secrets")

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, on the last line.")]
Headless = Annotated[bool, typer.Option("--headless", help="No console: a ready line, and a summary at the end.")]
Duration = Annotated[
    float | None,
    typer.Option("--duration", parser=parse_duration, metavar="TIME", help="End by itself after 30s, 5m, 2h."),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")]
Format = Annotated[Literal["csv", "json", "parquet"], typer.Option("--format", help="How the table is written.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="BTC/USDT; may be repeated. Default: all.")]
Model = Annotated[str, typer.Argument(help="As `alphaplus models list` names it.")]
Since = Annotated[
    int | None, typer.Option("--since", parser=parse_time, metavar="TIME", help="From this time on (ISO 8601, UTC).")
]
Until = Annotated[
    int | None, typer.Option("--until", parser=parse_time, metavar="TIME", help="Up to this time, not included.")
]


def run(started_at: float) -> None:
    """Runs the command line of this process."""
    os.umask(0o077)
    heed_signals()
    with guarded():
        app(args=hoist(sys.argv[1:]), obj=started_at, prog_name="alphaplus")


def _print_version(wanted: bool) -> None:
    if wanted:
        from alphaplus_tui import __version__

        typer.echo(f"alphaplus {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option("--config", help="Read settings from this TOML file.")] = None,
    data_dir: Annotated[Path | None, typer.Option("--data-dir", help="Keep everything in this folder.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="The demo market, whatever the configuration says.")] = False,
    log_level: Annotated[
        str | None, typer.Option("--log-level", help="debug, info, warning or error.", show_default=False)
    ] = None,
    headless: Headless = False,
    duration: Duration = None,
    version: Annotated[  # noqa: ARG001  the callback does it all
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    said = Wishes(context.obj, config, data_dir, demo, log_level, headless, duration)
    context.obj = said
    if context.invoked_subcommand is None:
        from alphaplus_tui.cli.engine import run_engine

        run_engine(said)


@app.command()
def replay(
    context: typer.Context,
    *,
    files: Annotated[list[Path], typer.Argument(help="Recordings, gz lines of `<receive time ns> <frame>`.")],
    exchange: Annotated[str, typer.Option("--exchange", help="The exchange that was recorded.")] = "binance",
    speed: Annotated[str, typer.Option("--speed", help="How many times faster than it was, or max.")] = "1",
    headless: Headless = False,
    duration: Duration = None,
) -> None:
    """Play recorded frames through the whole system, on the recording's clock."""
    from alphaplus_tui.cli.engine import run_replay

    run_replay(wishes(context), files, exchange=exchange, speed=speed, headless=headless, duration_s=duration)


@app.command()
def record(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(help="A file that is not there yet, such as market.gz.")],
    duration: Duration = None,
    as_json: AsJson = False,
) -> None:
    """Write what the exchange sends, in the format that replay reads."""
    from alphaplus_tui.cli.recording import run_record

    run_record(wishes(context), file, duration_s=duration, as_json=as_json)


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
)
def simulate(context: typer.Context) -> None:
    """Run the demo exchange alone; one JSON line tells its addresses. `alphaplus simulate --help` lists options."""
    from alphaplus_tui.cli.recording import become_simulator

    become_simulator(context.args)


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Services, feeds, gaps and database of the running AlphaPlus."""
    from alphaplus_tui.cli.status import show_status

    show_status(wishes(context), as_json=as_json)


@app.command()
def attach(
    context: typer.Context,
    *,
    url: Annotated[
        str | None, typer.Argument(help="ws://HOST:PORT or wss://HOST:PORT. Default: this machine's.")
    ] = None,
    token_file: Annotated[Path | None, typer.Option("--token-file", help="Holds the token of that AlphaPlus.")] = None,
) -> None:
    """The console on a running AlphaPlus; leaving it leaves that one running."""
    from alphaplus_tui.cli.attach import run_attach

    run_attach(wishes(context), url, token_file=token_file)


@app.command()
def web(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 picks a free one.")] = 8711,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="--host may be an address that other machines reach.")
    ] = False,
    allowed_host: Annotated[
        list[str] | None, typer.Option("--allowed-host", help="A name it may be asked under; may be repeated.")
    ] = None,
    tabs: Annotated[int, typer.Option("--tabs", min=1, max=64, help="How many may be open at once.")] = 8,
    as_json: AsJson = False,
) -> None:
    """The console in a browser, on the running AlphaPlus or on one started for it."""
    from alphaplus_tui.cli.web import Served, run_web

    run_web(wishes(context), Served(host, port, allow_remote, tuple(allowed_host or ()), tabs, as_json))


@app.command()
def doctor(
    context: typer.Context,
    *,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="Pack what was found, settings and log into a zip, without secrets.")
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Check settings, database, exchange, clock, disk, models and terminal; each with the way out."""
    from alphaplus_tui.cli.doctor import examine_all

    examine_all(wishes(context), bundle=bundle, force=force, as_json=as_json)


@config_app.command("show")
def config_show(
    context: typer.Context,
    *,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value came from.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every setting as it counts now; secrets masked."""
    from alphaplus_tui.cli.configuration import show

    show(wishes(context), origin=origin, as_json=as_json)


@config_app.command("init")
def config_init(
    context: typer.Context,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a configuration file with every key, commented."""
    from alphaplus_tui.cli.configuration import init

    init(wishes(context), force=force, as_json=as_json)


@config_app.command("path")
def config_path(context: typer.Context, as_json: AsJson = False) -> None:
    """Where the configuration file is looked for."""
    from alphaplus_tui.cli.configuration import path

    path(wishes(context), as_json=as_json)


@config_app.command("schema")
def config_schema() -> None:
    """The JSON schema of the configuration file."""
    from alphaplus_tui.cli.configuration import schema

    schema()


@db_app.command("status")
def db_status(context: typer.Context, as_json: AsJson = False) -> None:
    """Version, size and rows of the database."""
    from alphaplus_tui.cli.database import show_database

    show_database(wishes(context), as_json=as_json)


@db_app.command("migrate")
def db_migrate(
    context: typer.Context,
    *,
    backup: Annotated[
        bool, typer.Option("--backup/--no-backup", help="Back up first where a step changes what is stored.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Bring the database's schema up to this release."""
    from alphaplus_tui.cli.database import migrate

    migrate(wishes(context), backup=backup, as_json=as_json)


@db_app.command("backup")
def db_backup(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(help="A file that is not there yet, such as alphaplus.dump.")],
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write everything stored into a file of pg_dump's custom format; an engine may go on meanwhile."""
    from alphaplus_tui.cli.database import back_up_database

    back_up_database(wishes(context), file, force=force, as_json=as_json)


@db_app.command("restore")
def db_restore(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(help="What `alphaplus db backup` wrote; only one that you trust.")],
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of what is stored; no engine may run. All of it, or nothing is changed."""
    from alphaplus_tui.cli.database import restore_database

    restore_database(wishes(context), file, force=force, as_json=as_json)


@db_app.command("prune")
def db_prune(context: typer.Context, as_json: AsJson = False) -> None:
    """Forget what is older than the settings keep, as a running engine does once an hour."""
    from alphaplus_tui.cli.database import prune

    prune(wishes(context), as_json=as_json)


@export_app.command("candles")
def export_candles(
    context: typer.Context,
    *,
    symbol: Symbols = None,
    timeframe: Annotated[
        list[str] | None, typer.Option("--timeframe", help="1m; may be repeated. Default: exchange.timeframes.")
    ] = None,
    since: Since = None,
    until: Until = None,
    file_format: Format = "csv",
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Stored candles."""
    from alphaplus_tui.cli.exporting import Selection, export

    chosen = Selection(tuple(symbol or ()), since, until, file_format, output, as_json)
    export(wishes(context), "candles", chosen, timeframes=tuple(timeframe or ()))


@export_app.command("trades")
def export_trades(
    context: typer.Context,
    *,
    symbol: Symbols = None,
    since: Since = None,
    until: Until = None,
    file_format: Format = "csv",
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Stored trades."""
    from alphaplus_tui.cli.exporting import Selection, export

    chosen = Selection(tuple(symbol or ()), since, until, file_format, output, as_json)
    export(wishes(context), "trades", chosen)


@export_app.command("signals")
def export_signals(
    context: typer.Context,
    *,
    symbol: Symbols = None,
    since: Since = None,
    until: Until = None,
    file_format: Format = "csv",
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Stored signals and what became of them, the newest first."""
    from alphaplus_tui.cli.exporting import Selection, export

    chosen = Selection(tuple(symbol or ()), since, until, file_format, output, as_json)
    export(wishes(context), "signals", chosen)


@export_app.command("decisions")
def export_decisions(
    context: typer.Context,
    *,
    symbol: Symbols = None,
    since: Since = None,
    until: Until = None,
    file_format: Format = "csv",
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Stored decisions with the served features, the newest first."""
    from alphaplus_tui.cli.exporting import Selection, export

    chosen = Selection(tuple(symbol or ()), since, until, file_format, output, as_json)
    export(wishes(context), "decisions", chosen)


@app.command("import")
def import_history(
    context: typer.Context,
    *,
    paths: Annotated[
        list[Path], typer.Argument(help="Files (CSV, feather, parquet; .gz, .zst, .zip; recordings), or folders.")
    ],
    symbol: Annotated[str, typer.Option("--symbol", help="BTC/USDT, where the file's name does not say it.")] = "",
    timeframe: Annotated[str, typer.Option("--timeframe", help="5m, where name and rows do not say it.")] = "",
    exchange: Annotated[
        str, typer.Option("--exchange", help="Whose prices they are. Default: exchange.id; on the demo: imported.")
    ] = "",
    file_format: Annotated[str, typer.Option("--format", help="What it is, where the guess is wrong.")] = "",
    as_json: AsJson = False,
) -> None:
    """Load candles and trades from files; says what it took each for. Safe to repeat."""
    from alphaplus_tui.cli.importing import Source, import_files

    import_files(wishes(context), Source(tuple(paths), symbol, timeframe, exchange, file_format), as_json=as_json)


@app.command()
def coverage(
    context: typer.Context,
    *,
    symbol: Symbols = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """What is stored whole, what was repaired, what is missing and why."""
    from alphaplus_tui.cli.coverage import show_coverage

    show_coverage(wishes(context), tuple(symbol or ()), since=since, until=until, as_json=as_json)


@app.command()
def backfill(
    context: typer.Context,
    *,
    since: Annotated[
        int, typer.Option("--since", parser=parse_time, metavar="TIME", help="From this time on (ISO 8601, UTC).")
    ],
    symbol: Annotated[
        list[str] | None, typer.Option("--symbol", help="BTC/USDT, or kraken:BTC/USD; may be repeated.")
    ] = None,
    timeframe: Annotated[list[str] | None, typer.Option("--timeframe", help="5m; may be repeated.")] = None,
    until: Until = None,
    trades: Annotated[bool, typer.Option("--trades", help="The trades, where the exchange serves them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Load history from an exchange; goes on where the stored history ends."""
    from alphaplus_tui.cli.backfilling import Stretch, run_backfill

    wanted = Stretch(tuple(symbol or ()), tuple(timeframe or ()), since, until, trades)
    run_backfill(wishes(context), wanted, as_json=as_json)


@app.command()
def train(
    context: typer.Context,
    *,
    symbol: Symbols = None,
    timeframe: Annotated[str, typer.Option("--timeframe", help="Default: training.timeframe.")] = "",
    engine: Annotated[
        list[str] | None, typer.Option("--engine", help="xgboost,lightgbm,catboost. Default: training.engines.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train, validate, export and register a candidate from stored history."""
    from alphaplus_tui.cli.training import train as train_model
    from alphaplus_tui.services.training import TrainingWish

    engines = tuple(name.strip() for one in engine or () for name in one.split(",") if name.strip())
    train_model(wishes(context), TrainingWish(tuple(symbol or ()), timeframe, engines), as_json=as_json)


@app.command()
def signals(
    context: typer.Context,
    *,
    symbol: Symbols = None,
    since: Since = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest signals, and what became of them."""
    from alphaplus_tui.cli.opinions import show_signals

    show_signals(wishes(context), tuple(symbol or ()), since=since, limit=limit, as_json=as_json)


@app.command()
def why(
    context: typer.Context,
    *,
    symbol: Annotated[str, typer.Argument(help="BTC/USDT, or kraken:BTC/USD.")],
    at: Annotated[
        int | None,
        typer.Option("--at", parser=parse_time, metavar="TIME", help="This moment. Default: the newest decision."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The full decision trace for a moment, also when nothing was signalled."""
    from alphaplus_tui.cli.opinions import show_why

    show_why(wishes(context), symbol, at=at, as_json=as_json)


@models_app.command("list")
def models_list(context: typer.Context, as_json: AsJson = False) -> None:
    """All models, newest first."""
    from alphaplus_tui.cli.models import list_models

    list_models(wishes(context), as_json=as_json)


@models_app.command("show")
def models_show(context: typer.Context, model: Model, as_json: AsJson = False) -> None:
    """One model and the report of its training."""
    from alphaplus_tui.cli.models import show_model

    show_model(wishes(context), model, as_json=as_json)


@models_app.command("promote")
def models_promote(context: typer.Context, model: Model, as_json: AsJson = False) -> None:
    """Make a model the champion."""
    from alphaplus_tui.cli.models import promote

    promote(wishes(context), model, as_json=as_json)


@models_app.command("pin")
def models_pin(context: typer.Context, model: Model, as_json: AsJson = False) -> None:
    """Make a model the champion, which nobody but you changes."""
    from alphaplus_tui.cli.models import pin

    pin(wishes(context), model, as_json=as_json)


@models_app.command("unpin")
def models_unpin(context: typer.Context, as_json: AsJson = False) -> None:
    """Let a better candidate follow the champion again."""
    from alphaplus_tui.cli.models import unpin

    unpin(wishes(context), as_json=as_json)


@models_app.command("rollback")
def models_rollback(context: typer.Context, as_json: AsJson = False) -> None:
    """The champion before this one serves again, and is pinned."""
    from alphaplus_tui.cli.models import roll_back

    roll_back(wishes(context), as_json=as_json)


@models_app.command("import")
def models_import(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="An .onnx file of yours that says which features it wants.")],
    name: Annotated[str, typer.Option("--name", help="What to call it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put an ONNX model of your own into the registry, as a candidate."""
    from alphaplus_tui.cli.models import import_model

    import_model(wishes(context), file, name=name, as_json=as_json)


@alerts_app.command("test")
def alerts_test(
    context: typer.Context,
    *,
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", help="Only this one; may be repeated. Default: all in the settings."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a test message to each channel, and say which took it."""
    from alphaplus_tui.cli.alerts import send_test

    send_test(wishes(context), tuple(channel or ()), as_json=as_json)


@alerts_app.command("list")
def alerts_list(
    context: typer.Context,
    *,
    symbol: Annotated[str, typer.Option("--symbol", help="Only those about BTC/USDT, or kraken:BTC/USD.")] = "",
    since: Since = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The newest alerts, and whom they were told."""
    from alphaplus_tui.cli.alerts import list_alerts

    list_alerts(wishes(context), symbol, since=since, limit=limit, as_json=as_json)


SecretArgument = Annotated[str, typer.Argument(help="Such as telegram, or database.password.")]


@secrets_app.command("set")
def secrets_set(
    context: typer.Context,
    *,
    name: SecretArgument,
    in_file: Annotated[
        bool, typer.Option("--file", help="Keep it in a file that only you can read, not in the keyring.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Keep a secret; its value is asked for, or read from stdin."""
    from alphaplus_tui.cli.secrets import keep

    keep(wishes(context), name, in_file=in_file, as_json=as_json)


@secrets_app.command("list")
def secrets_list(context: typer.Context, as_json: AsJson = False) -> None:
    """Names of secrets and where they are kept; never a value."""
    from alphaplus_tui.cli.secrets import list_names

    list_names(wishes(context), as_json=as_json)


@secrets_app.command("delete")
def secrets_delete(context: typer.Context, name: SecretArgument, as_json: AsJson = False) -> None:
    """Forget a secret."""
    from alphaplus_tui.cli.secrets import forget

    forget(wishes(context), name, as_json=as_json)
