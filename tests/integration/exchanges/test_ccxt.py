"""The adapter of any exchange, by ccxt's Binance on the demo exchange and its faults."""

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from alphaplus_tui.domain.events import FeedConnected, FeedLost, FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, DayStatistics, OrderBook, Ticker, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import Disconnected, RateLimited, TransientError, VenueUnavailable
from alphaplus_tui.exchanges.ccxt.adapter import CcxtMarketData
from alphaplus_tui.exchanges.ccxt.library import Library
from alphaplus_tui.exchanges.ccxt.names import CCXT_NAMES
from tests.integration.exchanges.listening import TRADES, WITHOUT_NUMBERS, Heard, a_ccxt_adapter, listening
from tests.support import eventually
from tests.support_simulator import RunningSimulator, running_simulator

pytestmark = pytest.mark.timeout(180)  # ccxt takes its time to be imported

ALL = frozenset(Channel)
HEARD = ALL - {Channel.CANDLE}
"""ccxt's own candles are not asked for: ours are held against those of REST."""
STREAMS = frozenset(
    f"watch{what}"
    for what in ("Trades", "TradesForSymbols", "OrderBook", "OrderBookForSymbols", "BidsAsks", "Ticker", "Tickers")
)


async def an_adapter_of(
    simulator: RunningSimulator, folder: Path, **options: Any
) -> tuple[CcxtMarketData, tuple[Instrument, ...]]:
    adapter = a_ccxt_adapter(simulator.rest_url, simulator.ws_url, folder, **options)
    return adapter, await adapter.instruments(())


def missing(heard: Heard, instrument: Instrument) -> set[int]:
    ids = {int(trade.trade_id) for trade in heard.of(Trade) if trade.instrument == instrument.id}
    return set(range(min(ids), max(ids) + 1)) - ids


def alike(trades: Sequence[Trade]) -> list[str]:
    return [f"{trade.instrument} {trade.trade_id}" for trade in trades]


async def test_everything_is_heard_and_no_trade_is_skipped_or_doubled(tmp_path: Path) -> None:
    async with running_simulator(rate=400, symbols=6) as simulator:
        adapter, instruments = await an_adapter_of(simulator, tmp_path)
        async with listening(adapter, instruments, ALL) as heard:
            await eventually(lambda: len(heard.of(Trade)) > 1500, within_s=60)
            await eventually(lambda: heard.of(DayStatistics) and heard.of(Ticker), within_s=30)
            await eventually(lambda: len(heard.of(OrderBook)) > 50, within_s=30)
    assert not any(missing(heard, instrument) for instrument in instruments)
    assert len(set(alike(heard.of(Trade)))) == len(heard.of(Trade))
    assert all(book.bids[0].price < book.asks[0].price for book in heard.of(OrderBook))
    assert {i for event in heard.of(FeedConnected) for i in event.instruments} == {i.id for i in instruments}
    assert {channel for event in heard.of(FeedConnected) for channel in event.channels} == HEARD
    assert not heard.of(FeedLost)
    assert not heard.of(FrameRejected)


async def test_lost_connections_are_told_and_what_they_cost_is_had_from_rest(tmp_path: Path) -> None:
    async with running_simulator(rate=300, symbols=2) as simulator:
        adapter, instruments = await an_adapter_of(simulator, tmp_path)
        rest, _ = await an_adapter_of(simulator, tmp_path)
        async with listening(adapter, instruments, TRADES) as heard:
            await eventually(lambda: len(heard.of(Trade)) > 100, within_s=60)
            await simulator.set_faults({"kind": "cut", "start_s": 0, "period_s": 1.5})
            await eventually(lambda: len(heard.of(FeedLost)) >= 3, within_s=60)
            await simulator.set_faults()
            lost = len(heard.of(FeedLost))
            await eventually(lambda: len(heard.of(FeedConnected)) == lost + 1, within_s=30)
            before = len(heard.of(Trade))
            await eventually(lambda: len(heard.of(Trade)) > before + 100, within_s=30)
            for instrument in instruments:
                gaps = missing(heard, instrument)
                fetched = await rest.trades(instrument, from_seq=min(gaps, default=0), since=0, limit=1000)
                assert gaps <= {trade.seq for trade in fetched}
        await rest.close()
    assert len(set(alike(heard.of(Trade)))) == len(heard.of(Trade))


async def test_a_poisoned_frame_is_set_aside_and_the_connection_stays(tmp_path: Path) -> None:
    async with running_simulator(rate=400, symbols=2) as simulator:
        adapter, instruments = await an_adapter_of(simulator, tmp_path)
        async with listening(adapter, instruments, TRADES) as heard:
            await eventually(lambda: len(heard.of(Trade)) > 100, within_s=60)
            await simulator.set_faults({"kind": "garble", "probability": 0.2})
            await eventually(lambda: len(heard.of(FrameRejected)) > 20, within_s=30)
            await simulator.set_faults()
            before = len(heard.of(Trade))
            await eventually(lambda: len(heard.of(Trade)) > before + 100, within_s=30)
    assert not heard.of(FeedLost)
    assert all(event.reason and "\x1b" not in event.frame for event in heard.of(FrameRejected))


@pytest.mark.parametrize("fault", ["half-open", "mute"])
async def test_a_connection_that_fell_silent_is_replaced(tmp_path: Path, fault: str) -> None:
    async with running_simulator(rate=400, symbols=2) as simulator:
        adapter, instruments = await an_adapter_of(simulator, tmp_path)
        async with listening(adapter, instruments, TRADES) as heard:
            await eventually(lambda: len(heard.of(Trade)) > 1200, within_s=60)
            await simulator.set_faults({"kind": fault, "start_s": 0})
            await eventually(lambda: heard.of(FeedLost), within_s=30)
            await simulator.set_faults()
            await eventually(lambda: len(heard.of(FeedConnected)) >= 2, within_s=30)
            before = len(heard.of(Trade))
            await eventually(lambda: len(heard.of(Trade)) > before + 50, within_s=30)
    assert "silent" in heard.of(FeedLost)[0].reason


async def test_one_instrument_that_falls_mute_costs_its_connection_which_is_told(tmp_path: Path) -> None:
    async with running_simulator(rate=400, symbols=2) as simulator:
        adapter, (mute, other) = await an_adapter_of(simulator, tmp_path, quirks=WITHOUT_NUMBERS)
        async with listening(adapter, (mute, other), TRADES) as heard:
            await eventually(lambda: len(heard.of(Trade)) > 400, within_s=60)
            await simulator.set_faults({"kind": "mute", "start_s": 0, "symbols": [mute.venue_symbol]})
            await eventually(lambda: heard.of(FeedLost), within_s=60)
            await simulator.set_faults()
            await eventually(lambda: len(heard.of(FeedConnected)) >= 2, within_s=30)
            before = len(heard.of(Trade))
            await eventually(lambda: mute.id in {t.instrument for t in heard.of(Trade)[before:]}, within_s=30)
    (lost, *_) = heard.of(FeedLost)
    assert lost.reason == f"{mute.symbol} is silent, others are not"
    assert mute.id in lost.instruments


async def test_where_there_are_no_streams_the_exchange_is_asked(tmp_path: Path) -> None:
    async with running_simulator(rate=100, symbols=3) as simulator:
        adapter, instruments = await an_adapter_of(
            simulator, tmp_path, quirks=structs.replace(WITHOUT_NUMBERS, without=STREAMS)
        )
        async with listening(adapter, instruments, ALL) as heard:
            await eventually(lambda: len(heard.of(Trade)) > 200, within_s=60)
            await eventually(lambda: heard.of(OrderBook) and heard.of(Ticker), within_s=30)
            await eventually(lambda: heard.of(DayStatistics), within_s=30)
    assert len(set(alike(heard.of(Trade)))) == len(heard.of(Trade))
    assert not any(missing(heard, instrument) for instrument in instruments)
    assert all(trade.seq == trade.ts_event for trade in heard.of(Trade))
    assert len(heard.of(FeedConnected)) == 3


async def test_an_exchange_that_is_away_is_told_once_and_waited_for(tmp_path: Path) -> None:
    async with running_simulator(rate=200, symbols=2) as simulator:
        adapter, instruments = await an_adapter_of(simulator, tmp_path)
        async with listening(adapter, instruments, TRADES) as heard:
            await eventually(lambda: len(heard.of(Trade)) > 20, within_s=60)
            await simulator.stop()
            await eventually(lambda: heard.of(FeedLost), within_s=30)
            await asyncio.sleep(1)
            assert len({event.reason for event in heard.of(FeedLost)}) == len(heard.of(FeedLost)) <= 2
            async with running_simulator(rate=200, symbols=2, port=simulator.port):
                before = len(heard.of(Trade))
                await eventually(lambda: len(heard.of(Trade)) > before + 50, within_s=30)
        other = a_ccxt_adapter(simulator.rest_url, simulator.ws_url, tmp_path / "other")
        with pytest.raises((Disconnected, VenueUnavailable)):
            await other.instruments(())
        await other.close()


@pytest.mark.parametrize(("fault", "banned"), [("429", False), ("418", True)])
async def test_when_asked_to_wait_nothing_is_asked_until_then(tmp_path: Path, fault: str, banned: bool) -> None:
    async with running_simulator(rate=100, symbols=2) as simulator:
        adapter, instruments = await an_adapter_of(simulator, tmp_path)
        await simulator.set_faults({"kind": fault, "retry_after_s": 30})
        with pytest.raises(RateLimited) as refused:
            await adapter.trades(instruments[0], from_seq=0, since=0, limit=10)
        assert (refused.value.retry_after_s, refused.value.banned) == (30, banned)
        await simulator.set_faults()
        with pytest.raises(RateLimited) as refused:
            await adapter.clock_offset_ns()
        assert 20 < refused.value.retry_after_s <= 30
        await adapter.close()


async def test_maintenance_is_no_defect(tmp_path: Path) -> None:
    async with running_simulator(rate=100, symbols=2) as simulator:
        adapter, instruments = await an_adapter_of(simulator, tmp_path)
        await simulator.set_faults({"kind": "503"})
        with pytest.raises(VenueUnavailable):
            await adapter.candles(instruments[0], Timeframe("1m"), since=0, limit=10)
        await adapter.close()


@pytest.mark.slow
async def test_every_exchange_that_ccxt_knows_can_be_pointed_elsewhere_and_fails_in_our_words(tmp_path: Path) -> None:
    nowhere = {"rest_url": "http://127.0.0.1:9", "ws_url": "ws://127.0.0.1:9"}
    astray: list[str] = []
    for name in sorted(CCXT_NAMES):
        library = Library(name, **nowhere)
        venue: Any = await library.venue()
        urls = json.dumps(venue.urls["api"])
        astray += [
            f"{name}: {url}" for url in re.findall(r"(?:https?|wss?)://[^/\"]*", urls) if "127.0.0.1:9" not in url
        ]
        await library.close()
    assert not astray
    for name in ("okx", "gate", "bitstamp", "upbit"):
        adapter = a_ccxt_adapter(**nowhere, folder=tmp_path, exchange=name)
        with pytest.raises(TransientError):
            await adapter.instruments(())
        await adapter.close()
