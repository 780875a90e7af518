"""What several commands take, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from alphaplus_tui.cli.options import parse_duration, parse_time

EPILOG = "Every command also takes --config FILE, --data-dir DIR, --demo and --log-level LEVEL."

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, on the last line.")]
Headless = Annotated[bool, typer.Option("--headless", help="No console: a ready line, and a summary at the end.")]
Duration = Annotated[
    float | None,
    typer.Option("--duration", parser=parse_duration, metavar="TIME", help="End by itself after 30s, 5m, 2h."),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")]
Format = Annotated[Literal["csv", "json", "parquet"], typer.Option("--format", help="How the table is written.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")]
Symbols = Annotated[list[str] | None, typer.Option("--symbol", help="BTC/USDT; may be repeated. Default: all.")]
Model = Annotated[str, typer.Argument(help="As `alphaplus models list` names it.")]
Secret = Annotated[str, typer.Argument(help="Such as telegram, or database.password.")]
Since = Annotated[
    int | None, typer.Option("--since", parser=parse_time, metavar="TIME", help="From this time on (ISO 8601, UTC).")
]
Until = Annotated[
    int | None, typer.Option("--until", parser=parse_time, metavar="TIME", help="Up to this time, not included.")
]
