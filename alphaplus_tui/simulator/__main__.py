"""The command line of the demo exchange: ``python -m alphaplus_tui.simulator``."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# this process calls nobody over TLS: without certificates to read, aiohttp is imported much faster
os.environ["SSL_CERT_FILE"] = os.devnull

from alphaplus_tui.simulator.faults import FaultError, read_faults
from alphaplus_tui.simulator.instruments import MOST
from alphaplus_tui.simulator.kinds import KINDS
from alphaplus_tui.simulator.limits import WEIGHT_PER_MINUTE
from alphaplus_tui.simulator.server import Options, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; 0, or 1 when the port or the journal cannot be opened."""
    try:
        asyncio.run(serve(_options(arguments)))
    except OSError as error:
        print(f"simulator: {error}", file=sys.stderr)  # noqa: T201  the only words for whoever started it
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="alphaplus simulate", description="A demo exchange on loopback that speaks Binance's spot protocol."
    )
    parser.add_argument("--market", choices=sorted(KINDS), default="demo", help="the kind of market (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 for any free one")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same market (%(default)s)")
    parser.add_argument("--symbols", type=int, default=12, metavar="N", help=f"instruments, 1 to {MOST} (%(default)s)")
    parser.add_argument(
        "--rate", type=float, default=40.0, metavar="TRADES_PER_S", help="over all symbols (%(default)s)"
    )
    parser.add_argument("--faults", type=Path, metavar="FILE", help="what shall go wrong, TOML or JSON")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="append every trade that happens, as CSV")
    parser.add_argument(
        "--weight-per-minute", type=int, default=WEIGHT_PER_MINUTE, metavar="N", help="REST budget (%(default)s)"
    )
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input ends")
    given = parser.parse_args(arguments)
    if not 0 <= given.port <= 65535:
        parser.error(f"argument --port: must be from 0 to 65535, not {given.port}")
    if given.seed < 0:
        parser.error(f"argument --seed: must not be negative, but is {given.seed}")
    if not 1 <= given.symbols <= MOST:
        parser.error(f"argument --symbols: must be from 1 to {MOST}, not {given.symbols}")
    if not 0 < given.rate <= 20_000:
        parser.error(f"argument --rate: must be above 0 and at most 20000, not {given.rate}")
    if given.weight_per_minute < 1:
        parser.error(f"argument --weight-per-minute: must be positive, not {given.weight_per_minute}")
    try:
        faults = tuple(read_faults(given.faults)) if given.faults else ()
    except (FaultError, OSError) as error:
        parser.error(f"argument --faults: {error}")
    return Options(
        market=KINDS[given.market],
        port=given.port,
        seed=given.seed,
        symbols=given.symbols,
        rate=given.rate,
        faults=faults,
        journal=given.journal,
        weight_per_minute=given.weight_per_minute,
        exit_with_parent=given.exit_with_parent,
    )


if __name__ == "__main__":
    sys.exit(main())
