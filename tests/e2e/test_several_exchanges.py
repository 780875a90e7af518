"""One engine on two exchanges, one of them by way of ccxt; the trouble of one is none of the other's."""

import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from alphaplus_tui.domain.events import ExchangeState
from tests.e2e.harness import Program, Report, exported, run, started
from tests.e2e.test_headless_market import all_is_well, now_ms, run_for
from tests.e2e.truth import compare_candles, compare_trades, read_journal
from tests.support_simulator import RunningSimulator, running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("machine")]

NATIVE, BY_CCXT = "binance", "binanceus"
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
WITHIN_S = 120
"""ccxt takes its time to be imported on a busy machine."""


def following(native: RunningSimulator, by_ccxt: RunningSimulator, *symbols: str) -> dict[str, str]:
    """Settings that point each exchange at a simulator of its own."""
    return {
        "ALPHAPLUS_EXCHANGE__ID": NATIVE,
        "ALPHAPLUS_EXCHANGE__REST_URL": native.rest_url,
        "ALPHAPLUS_EXCHANGE__WS_URL": native.ws_url,
        "ALPHAPLUS_EXCHANGE__SYMBOLS": ",".join(symbols or (*SYMBOLS, *(f"{BY_CCXT}:{name}" for name in SYMBOLS))),
        "ALPHAPLUS_EXCHANGE__HISTORY_CANDLES": "50",
        "ALPHAPLUS_EXCHANGE__OVERRIDES__BINANCEUS__REST_URL": by_ccxt.rest_url,
        "ALPHAPLUS_EXCHANGE__OVERRIDES__BINANCEUS__WS_URL": by_ccxt.ws_url,
        "ALPHAPLUS_INFERENCE__ENABLED": "false",
    }


async def complete(home: Path, exchange: str, journal: Path, from_ms: int, until_ms: int) -> None:
    """What is stored of ``exchange`` is what happened there."""
    folder = ("--data-dir", str(home / "data"))
    happened = read_journal(journal)

    def own(rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
        return [row for row in rows if row["exchange"] == exchange]

    wanted = {name.replace("/", ""): happened[name.replace("/", "")] for name in SYMBOLS}
    trades = compare_trades(own(await exported(home, "trades", *folder)), wanted, from_ms=from_ms, until_ms=until_ms)
    assert not trades.differences
    assert trades.trades > 100
    candles = compare_candles(own(await exported(home, "candles", "--timeframe", "1m", *folder)), wanted)
    assert not candles.differences


async def end(program: Program) -> Report:
    program.send(signal.SIGTERM)
    finished = await program.ends(within_s=30)
    assert finished.code == 128 + signal.SIGTERM, finished.stderr
    return finished.last


async def test_two_exchanges_are_stored_trade_by_trade_while_one_of_them_cuts_its_connections(tmp_path: Path) -> None:
    first, second, data = tmp_path / "first.csv", tmp_path / "second.csv", tmp_path / "data"
    async with (
        running_simulator(seed=1, symbols=3, rate=100, journal=first) as native,
        running_simulator(seed=2, symbols=3, rate=100, journal=second) as by_ccxt,
        started(tmp_path, "--headless", "--data-dir", str(data), extra=following(native, by_ccxt)) as program,
    ):
        program.data = data
        await program.line("ready", within_s=WITHIN_S)
        await program.until(lambda status: len(status.feeds) == 6 and all_is_well(status), within_s=WITHIN_S)
        await run_for(2)
        from_ms = now_ms()
        await by_ccxt.set_faults({"kind": "cut", "period_s": 2.0})
        await run_for(12)
        await by_ccxt.set_faults()
        until_ms = now_ms()
        status = await program.until(all_is_well, within_s=WITHIN_S)
        await run_for(3)
        assert {row.exchange: row.state for row in status.exchanges} == dict.fromkeys(
            (NATIVE, BY_CCXT), ExchangeState.FOLLOWED
        )
        assert all(abs(row.clock_offset_ms or 1e9) < 1000 for row in status.exchanges)
        assert not any(row.reconnects for row in status.connections if row.exchange == NATIVE)
        assert any(row.reconnects for row in status.connections if row.exchange == BY_CCXT)
        summary = await end(program)
    assert summary["restarts"] == 0
    assert summary["gaps_open"] == 0
    await complete(tmp_path, NATIVE, first, from_ms, until_ms)
    await complete(tmp_path, BY_CCXT, second, from_ms, until_ms)
    mixed = await run(tmp_path, "export", "trades", "--data-dir", str(data), "--symbol", "BTC/USDT")
    assert mixed.code == 2
    assert "binance:BTC/USDT or binanceus:BTC/USDT" in mixed.stderr


async def test_an_exchange_that_is_away_says_so_and_the_other_is_stored(tmp_path: Path) -> None:
    journal, data = tmp_path / "journal.csv", tmp_path / "data"
    async with (
        running_simulator(symbols=3, rate=100, journal=journal) as native,
        running_simulator(symbols=3) as gone,
    ):
        await gone.stop()
        async with started(tmp_path, "--headless", "--data-dir", str(data), extra=following(native, gone)) as program:
            program.data = data
            await program.line("ready", within_s=WITHIN_S)
            await program.until(
                lambda status: any(row.state is ExchangeState.AWAY and row.reason for row in status.exchanges),
                within_s=WITHIN_S,
            )
            await program.until(lambda status: len(status.feeds) == 3 and all_is_well(status), within_s=WITHIN_S)
            await run_for(2)
            from_ms = now_ms()
            await run_for(5)
            until_ms = now_ms() - 1000
            await end(program)
    await complete(tmp_path, NATIVE, journal, from_ms, until_ms)
