"""Commands that run AlphaPlus, or look at one that runs."""

# ruff: noqa: PLC0415  each command imports what it needs when it runs, so that --help is instant

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from alphaplus_tui.cli.commands.shared import AsJson, Duration, Force, Headless, Limit
from alphaplus_tui.cli.options import wishes

app = typer.Typer()


@app.command()
def replay(
    context: typer.Context,
    *,
    files: Annotated[
        list[Path],
        typer.Argument(help="What `alphaplus record` wrote, or lines of `<receive time ns> <frame>`, gz or not."),
    ],
    exchange: Annotated[
        str, typer.Option("--exchange", help="Whose a recording is that does not say it: binance, binanceusdm, demo.")
    ] = "binance",
    speed: Annotated[str, typer.Option("--speed", help="How many times faster than it was, or max.")] = "1",
    headless: Headless = False,
    duration: Duration = None,
) -> None:
    """Play recorded frames through the whole system. The time is the recording's."""
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
def logs(
    context: typer.Context,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is logged from now on.")] = False,
    level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], typer.Option("--level", help="The least level.")
    ] = "debug",
    service: Annotated[str, typer.Option("--service", help="Only what this service said.")] = "",
    limit: Limit = 200,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object on each line.")] = False,
) -> None:
    """The newest lines of the log. Of a running AlphaPlus, or of the last one that ran."""
    from alphaplus_tui.cli.logs import show_logs
    from alphaplus_tui.logs.reader import Filter

    show_logs(wishes(context), Filter(level, service), follow=follow, limit=limit, as_json=as_json)


@app.command()
def attach(
    context: typer.Context,
    *,
    url: Annotated[
        str | None, typer.Argument(help="ws://HOST:PORT or wss://HOST:PORT. Default: this machine's.")
    ] = None,
    token_file: Annotated[Path | None, typer.Option("--token-file", help="Holds the token of that AlphaPlus.")] = None,
) -> None:
    """The console on a running AlphaPlus. Leaving it leaves that one running."""
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
    """The console in a browser. On the running AlphaPlus, or on one started for it."""
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
    """Check all that can be wrong, with the way out. Settings, database, exchange, clock, disk, models and terminal."""
    from alphaplus_tui.cli.doctor import examine_all

    examine_all(wishes(context), bundle=bundle, force=force, as_json=as_json)
