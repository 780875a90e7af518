"""Headless on a market that is known to the last trade: what is stored is what happened."""

import signal
from pathlib import Path

import psutil
import pytest

from tests.e2e.following import all_is_well, following, has_fetched, lives, now_ms, run_for, stop
from tests.e2e.harness import Program, data_folder, exported, pointed_at, started
from tests.e2e.truth import compare_candles, compare_trades, read_journal
from tests.support import eventually
from tests.support_simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("machine")]


async def stored_is_what_happened(home: Path, journal: Path, from_ms: int, until_ms: int) -> None:
    """Checks C1 to C5: each trade between the two moments once, no other, and candles that are their sums."""
    happened = read_journal(journal)
    trades = compare_trades(await exported(home, "trades"), happened, from_ms=from_ms, until_ms=until_ms)
    assert not trades.differences
    assert trades.trades > 100
    candles = compare_candles(await exported(home, "candles", "--timeframe", "1m"), happened)
    assert not candles.differences


async def test_a_busy_market_is_stored_trade_by_trade(tmp_path: Path) -> None:
    journal = tmp_path / "journal.csv"
    async with (
        running_simulator(symbols=30, rate=400, journal=journal) as market,
        started(tmp_path, "--headless", extra=pointed_at(market.rest_url, market.ws_url)) as program,
    ):
        from_ms = await following(program)
        await run_for(10)
        until_ms = now_ms() - 1000
        summary = await stop(program)
    assert summary["restarts"] == 0
    assert summary["gaps_open"] == 0
    await stored_is_what_happened(tmp_path, journal, from_ms, until_ms)


async def test_connections_cut_every_second_cost_no_trade_and_no_restart(tmp_path: Path) -> None:
    journal = tmp_path / "journal.csv"
    async with (
        running_simulator(symbols=10, rate=200, journal=journal) as market,
        started(tmp_path, "--headless", extra=pointed_at(market.rest_url, market.ws_url)) as program,
    ):
        from_ms = await following(program)
        await market.set_faults({"kind": "cut", "period_s": 1.0})
        await run_for(12)
        await market.set_faults()
        until_ms = now_ms()
        await program.until(all_is_well)
        summary = await stop(program)
    assert summary["restarts"] == 0
    assert summary["gaps_open"] == 0
    assert summary["trades_backfilled"] > 0
    await stored_is_what_happened(tmp_path, journal, from_ms, until_ms)


async def test_skipped_doubled_and_reordered_frames_are_put_right(tmp_path: Path) -> None:
    journal = tmp_path / "journal.csv"
    async with (
        running_simulator(symbols=10, rate=200, journal=journal) as market,
        started(tmp_path, "--headless", extra=pointed_at(market.rest_url, market.ws_url)) as program,
    ):
        from_ms = await following(program)
        await market.set_faults(
            {"kind": "skip", "probability": 0.05},
            {"kind": "duplicate", "probability": 0.1},
            {"kind": "reorder", "probability": 0.1},
        )
        await run_for(8)
        await market.set_faults()
        until_ms = now_ms()
        await run_for(1)
        await program.until(all_is_well)
        summary = await stop(program)
    assert summary["gaps_open"] == 0
    await stored_is_what_happened(tmp_path, journal, from_ms, until_ms)


async def test_after_a_sigkill_nothing_lingers_and_the_next_start_fetches_what_is_missing(tmp_path: Path) -> None:
    journal = tmp_path / "journal.csv"
    async with running_simulator(symbols=10, rate=200, journal=journal) as market:
        extra = pointed_at(market.rest_url, market.ws_url)
        async with started(tmp_path, "--headless", extra=extra) as program:
            from_ms = await following(program)
            await run_for(5)
            family = program.family()
            assert any("postgres" in member.name() for member in family)
            program.send(signal.SIGKILL)
            await program.process.wait()
            await eventually(lambda: not any(lives(member) for member in family))
        await run_for(2)
        async with started(tmp_path, "--headless", extra=extra) as program:
            await program.line("ready")
            await program.until(lambda status: all_is_well(status) and has_fetched(status))
            await run_for(2)
            await program.until(all_is_well)
            until_ms = now_ms() - 1000
            summary = await stop(program)
    assert summary["trades_backfilled"] > 0
    assert summary["gaps_open"] == 0
    await stored_is_what_happened(tmp_path, journal, from_ms, until_ms)


async def test_postgresql_killed_under_load_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    journal = tmp_path / "journal.csv"
    async with (
        running_simulator(symbols=10, rate=300, journal=journal) as market,
        started(tmp_path, "--headless", extra=pointed_at(market.rest_url, market.ws_url)) as program,
    ):
        from_ms = await following(program)
        for _ in range(3):
            await run_for(2)
            killed = _postmasters(program)
            for process in killed:
                process.kill()
            await eventually(lambda old=killed: [new for new in _postmasters(program) if new not in old], within_s=30)
            await program.until(all_is_well)
        until_ms = now_ms() - 1000
        summary = await stop(program)
    assert summary["restarts"] == 0
    await stored_is_what_happened(tmp_path, journal, from_ms, until_ms)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
async def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    async with started(tmp_path, "--demo", "--headless") as program:
        await program.line("ready")
        await program.until(all_is_well)
        family = program.family()
        summary = await stop(program, number)
        await eventually(lambda: not any(lives(member) for member in family), within_s=2)
    assert summary["trades_committed"] == summary["trades_received"] + summary["trades_backfilled"]


async def test_with_the_database_away_at_the_start_it_spools_and_says_so(tmp_path: Path) -> None:
    journal = tmp_path / "journal.csv"
    nowhere = {"ALPHAPLUS_DATABASE__URL": "postgresql://nobody@127.0.0.1:1/alphaplus"}
    async with running_simulator(symbols=5, rate=100, journal=journal) as market:
        extra = pointed_at(market.rest_url, market.ws_url)
        async with started(tmp_path, "--headless", extra={**extra, **nowhere}) as program:
            await program.line("ready")
            await run_for(2)
            from_ms = now_ms()
            await program.until(lambda status: status.database and status.database.spool_bytes)
            until_ms = now_ms() - 500
            program.send(signal.SIGTERM)
            finished = await program.ends()
        assert finished.last["trades_committed"] == 0
        assert "database" in finished.stderr
        assert list((data_folder(tmp_path) / "spool").iterdir())
        async with started(tmp_path, "--headless", extra=extra) as program:
            await program.line("ready")
            await program.until(all_is_well)
            await stop(program)
    await stored_is_what_happened(tmp_path, journal, from_ms, until_ms)


def _postmasters(program: Program) -> list[psutil.Process]:
    children = psutil.Process(program.pid).children()
    return [child for child in children if lives(child) and "postgres" in child.name()]
