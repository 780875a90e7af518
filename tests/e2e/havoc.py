"""Lets a market go wrong in every way at once, or kills the program again and again, and looks at what is stored."""

import json
import signal
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

import aiohttp

from alphaplus_tui.wire.control import Status
from tests.e2e.following import all_is_well, following, has_fetched, lives, now_ms, run_for, stop
from tests.e2e.harness import Report, exported, pointed_at, run, started
from tests.e2e.truth import compare_candles, compare_trades, read_journal
from tests.support import eventually
from tests.support_simulator import RunningSimulator, running_simulator

_UNRATIONED = 1_000_000
"""Weight of requests a minute: what is tested is AlphaPlus, not how long an exchange lets it wait."""
_SETTLE_S = 240.0
_CUT_EVERY_S, _CUT_CHANCE = 0.2, 0.9


@dataclass
class Verdict:
    """What was stored, held against the journal."""

    trades: int = 0
    candles: int = 0
    cuts: int = 0
    kills: int = 0
    backfilled: int = 0
    restarts: int = 0
    gaps_open: int = 0
    differences: list[str] = field(default_factory=list[str])
    """A sentence each."""

    def lines(self) -> list[str]:
        told = [
            f"{self.trades:,} trades and {self.candles} candles of 1m compared with the journal",
            f"{self.cuts:,} connections cut, {self.kills} times killed, {self.backfilled:,} trades fetched later",
            f"{self.restarts} services restarted, {self.gaps_open} gaps open at the end",
        ]
        return told + [f"DIFFERENT  {difference}" for difference in self.differences]


async def endure(
    home: Path, *, seconds: float, seed: int, cuts: int = 0, symbols: int = 10, rate: float = 200.0
) -> Verdict:
    """Frames skipped, doubled, reordered and late, connections cut at random, all at once.

    For so many seconds, and on until so many connections were cut.
    """
    journal, verdict = home / "journal.csv", Verdict()
    async with (
        running_simulator(
            seed=seed, symbols=symbols, rate=rate, journal=journal, weight_per_minute=_UNRATIONED
        ) as market,
        started(home, "--headless", extra=pointed_at(market.rest_url, market.ws_url)) as program,
    ):
        from_ms = await following(program)
        await market.set_faults(
            {"kind": "skip", "probability": 0.02},
            {"kind": "duplicate", "probability": 0.05},
            {"kind": "reorder", "probability": 0.05},
            {"kind": "delay", "probability": 0.02, "delay_ms": 700, "streams": ["trade"]},
            {"kind": "cut", "period_s": _CUT_EVERY_S, "probability": _CUT_CHANCE},
        )
        await run_for(seconds)
        while await _count_of(market, "cut") < cuts:
            await run_for(1)
        verdict.cuts = await _count_of(market, "cut")
        await market.set_faults()
        until_ms = now_ms() - 1000
        await run_for(2)
        await program.until(_nothing_is_missing, within_s=_SETTLE_S)
        _summarise(await stop(program), verdict)
    await _compare(home, journal, verdict, from_ms, until_ms)
    return verdict


async def die_again_and_again(home: Path, *, kills: int, seed: int, symbols: int = 10, rate: float = 200.0) -> Verdict:
    """SIGKILL at random instants under load, and a new start each time."""
    journal, verdict, rng = home / "journal.csv", Verdict(), Random(seed)
    from_ms = 0
    async with running_simulator(
        seed=seed, symbols=symbols, rate=rate, journal=journal, weight_per_minute=_UNRATIONED
    ) as market:
        extra = pointed_at(market.rest_url, market.ws_url)
        for _ in range(kills):
            async with started(home, "--headless", extra=extra) as program:
                if not from_ms:
                    from_ms = await following(program)
                else:
                    await program.line("ready", within_s=60)
                await run_for(rng.uniform(0.0, 4.0))
                family = program.family()
                program.send(signal.SIGKILL)
                await program.process.wait()
                await eventually(lambda family=family: not any(map(lives, family)), within_s=30)
                verdict.kills += 1
        async with started(home, "--headless", extra=extra) as program:
            await program.line("ready", within_s=60)
            await program.until(lambda status: has_fetched(status) and _nothing_is_missing(status), within_s=_SETTLE_S)
            await run_for(2)
            await program.until(_nothing_is_missing, within_s=_SETTLE_S)
            until_ms = now_ms() - 1000
            _summarise(await stop(program), verdict)
    await _compare(home, journal, verdict, from_ms, until_ms)
    return verdict


def _nothing_is_missing(status: Status) -> bool:
    return all_is_well(status) and not status.gaps


def _summarise(summary: Report, verdict: Verdict) -> None:
    verdict.restarts, verdict.gaps_open = int(summary["restarts"]), int(summary["gaps_open"])
    verdict.backfilled = int(summary["trades_backfilled"])


async def _compare(home: Path, journal: Path, verdict: Verdict, from_ms: int, until_ms: int) -> None:
    happened = read_journal(journal)
    trades = compare_trades(await exported(home, "trades"), happened, from_ms=from_ms, until_ms=until_ms)
    candles = compare_candles(await exported(home, "candles", "--timeframe", "1m"), happened)
    verdict.trades, verdict.candles = trades.trades, candles.candles
    verdict.differences = [*trades.differences, *candles.differences]
    verdict.differences += await _holes(home, set(happened), from_ms, until_ms)


async def _holes(home: Path, symbols: set[str], from_ms: int, until_ms: int) -> list[str]:
    """The ledger must say that all of the time was covered, for every symbol's trades."""
    done = await run(home, "--demo", "coverage", "--limit", "100000", "--json")
    assert done.code == 0, done.stderr
    told: list[str] = []
    covered: dict[str, tuple[int, int]] = {}
    for row in done.last["rows"]:
        if row["kind"] != "trades":
            continue
        symbol, start, end = row["symbol"].replace("/", ""), _ms(row["start"]), _ms(row["end"])
        if row["state"] == "gap":
            if end > from_ms and start < until_ms:
                told.append(f"{symbol}: the ledger has a gap from {row['start']} to {row['end']}: {row['reason']}")
            continue
        first, last = covered.get(symbol, (start, end))
        covered[symbol] = min(first, start), max(last, end)
    told += [f"{symbol}: the ledger knows nothing of it" for symbol in sorted(symbols - covered.keys())]
    for symbol, (start, end) in covered.items():
        if start > from_ms or end < until_ms - 30_000:
            told.append(f"{symbol}: the ledger covers {start} to {end} ms, not {from_ms} to {until_ms}")
    return told


def _ms(iso: str) -> int:
    return round(datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp() * 1000)


async def _count_of(market: RunningSimulator, kind: str) -> int:
    url = f"{market.rest_url}/control/faults"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        found = json.loads(await response.text())
    return sum(row["count"] for row in found["faults"] if row["kind"] == kind)
