"""Commands for market data: in from files and exchanges, what is there, and out again."""

# ruff: noqa: PLC0415  each command imports what it needs when it runs, so that --help is instant

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from alphaplus_tui.cli.commands.shared import EPILOG, AsJson, Format, Output, Since, Symbols, Until
from alphaplus_tui.cli.options import parse_duration, parse_time, wishes

app = typer.Typer()
export_app = typer.Typer(help="Data out, with a header; times ISO 8601 UTC.", no_args_is_help=True, epilog=EPILOG)


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
        str,
        typer.Option(
            "--exchange",
            help="Whose prices they are. Default: what the file says, else exchange.id; on the demo: imported.",
        ),
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
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="The newest stretches and gaps, so many at most.")
    ] = 1_000,
    as_json: AsJson = False,
) -> None:
    """What is stored whole, and what is missing. Also what was repaired, and why something is missing."""
    from alphaplus_tui.cli.coverage import show_coverage

    show_coverage(wishes(context), tuple(symbol or ()), since=since, until=until, limit=limit, as_json=as_json)


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
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            parser=parse_duration,
            metavar="TIME",
            help="How long an exchange is waited for that does not answer: 30s, 5m. Default: 1m.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load history from an exchange. Goes on where the stored history ends."""
    from alphaplus_tui.cli.backfilling import Stretch, run_backfill

    wanted = Stretch(tuple(symbol or ()), tuple(timeframe or ()), since, until, trades, timeout)
    run_backfill(wishes(context), wanted, as_json=as_json)


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


def _add_export(kind: Literal["trades", "signals", "decisions"], words: str) -> None:
    """A command of ``export`` that takes nothing of its own."""

    @export_app.command(kind, help=words)
    def export_rows(
        context: typer.Context,
        *,
        symbol: Symbols = None,
        since: Since = None,
        until: Until = None,
        file_format: Format = "csv",
        output: Output = None,
        as_json: AsJson = False,
    ) -> None:
        from alphaplus_tui.cli.exporting import Selection, export

        chosen = Selection(tuple(symbol or ()), since, until, file_format, output, as_json)
        export(wishes(context), kind, chosen)


_add_export("trades", "Stored trades.")
_add_export("signals", "Stored signals and what became of them. Of each symbol the newest first.")
_add_export("decisions", "Stored decisions with the served features. Of each symbol the newest first.")
