"""The whole program headless on a busy demo market: is everything stored, how late, and at what cost."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from alphaplus_tui.wire.control import Status
from tests.e2e.harness import Program, Report, exported, pointed_at, started
from tests.e2e.truth import compare_candles, compare_trades, read_journal
from tests.support_simulator import running_simulator


async def main(seconds: int, symbols: int, rate: float, *, cut: bool, steps: Path | None) -> int:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        journal = home / "journal.csv"
        # a demo exchange that does not ration REST: what is measured is AlphaPlus
        async with (
            running_simulator(symbols=symbols, rate=rate, journal=journal, weight_per_minute=1_000_000) as market,
            _started(home, steps, pointed_at(market.rest_url, market.ws_url)) as program,
        ):
            await program.line("ready")
            await asyncio.sleep(3)
            if cut:
                await market.set_faults({"kind": "cut", "period_s": 1.0})
            await asyncio.sleep(seconds)
            await market.set_faults()
            if cut:
                await program.until(_no_gap_is_open, within_s=60)
            summary = await _ended(program)
        happened = read_journal(journal)
        trades = compare_trades(await exported(home, "trades"), happened)
        candles = compare_candles(await exported(home, "candles", "--timeframe", "1m"), happened)
    print(
        f"{symbols} symbols, {rate:g} trades/s asked, {seconds} s{', every connection cut each second' if cut else ''}"
    )
    print(
        f"  frames            {summary['messages']:>10,}  ({summary['messages'] / summary['duration_s']:,.0f} a second)"
    )
    print(f"  trades            {summary['trades_received']:>10,} received, {summary['trades_backfilled']:,} fetched")
    print(f"  journal           {trades.trades:>10,} trades compared, {candles.candles} candles of 1m compared")
    for difference in (*trades.differences, *candles.differences):
        print(f"  DIFFERENT         {difference}")
    print(f"  restarts, gaps    {summary['restarts']:>10}, {summary['gaps_open']}")
    for name in ("wire_to_state_ms", "wire_to_commit_ms", "event_loop_lag_ms"):
        print(f"  {name:<17} p50 {summary[name]['p50']:>8.3f}   p99 {summary[name]['p99']:>8.3f}")
    print(f"  memory (PSS)      {summary['peak_memory_mb']:>10.0f} MB, with children and PostgreSQL")
    print(f"  CPU               {100 * summary['cpu_seconds'] / summary['duration_s']:>10.1f} % of one core, likewise")
    return 1 if trades.differences or candles.differences else 0


def _started(home: Path, steps: Path | None, extra: Mapping[str, str]) -> AbstractAsyncContextManager[Program]:
    """steps: where to name the longest steps of its event loop, which costs a little."""
    extra = {**extra, "PYTHONDONTWRITEBYTECODE": ""}  # as installed, it has its bytecode
    if steps is None:
        return started(home, "--headless", extra=extra)
    watched = ("--report", str(steps.resolve()), "--", "--headless")
    return started(home, *watched, extra=extra, module="tests.bench.slow_steps")


def _no_gap_is_open(status: Status) -> bool:
    return not status.gaps


async def _ended(program: Program) -> Report:
    program.process.terminate()
    return (await program.ends(within_s=30)).last


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--rate", type=float, default=2000.0)
    parser.add_argument("--cut", action="store_true", help="cut every connection each second")
    parser.add_argument("--steps", type=Path, help="write here what held the event loop up")
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.seconds, asked.symbols, asked.rate, cut=asked.cut, steps=asked.steps)))
