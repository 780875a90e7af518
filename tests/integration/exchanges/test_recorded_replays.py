"""What is recorded of any native venue replays the same, over all its connections and those dialled anew."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alphaplus_tui.domain.events import FeedConnected, FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, OrderBook, Provenance, Trade
from alphaplus_tui.exchanges.recording import Opening, RecordingWriter
from alphaplus_tui.exchanges.replay import ReplayMarketData
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import FeedEvent
from tests.fakes.binance_futures_venue import FakeBinanceFutures
from tests.fakes.bybit_venue import FakeBybit
from tests.fakes.coinbase_venue import FakeCoinbase
from tests.fakes.kraken_venue import FakeKraken
from tests.fakes.venue import FakeVenue, opened
from tests.integration.exchanges.listening import a_native_adapter, listening
from tests.integration.exchanges.test_connection import CALM
from tests.sessions import session
from tests.support import eventually

ALL = frozenset(Channel)
VENUES: dict[str, Callable[[], FakeVenue]] = {
    "binanceusdm": FakeBinanceFutures,
    "bybit": FakeBybit,
    "coinbase": FakeCoinbase,
    "kraken": FakeKraken,
}


def a_replay(file: Path) -> ReplayMarketData:
    """Nobody says whose recording it is."""
    market = ManualMarketClock()
    return ReplayMarketData(
        (file,), exchange="binance", speed=None, clock=SystemClock(), market=market, meters=Meters()
    )


async def replayed(replay: ReplayMarketData) -> list[FeedEvent]:
    async with replay.stream(await replay.instruments(()), ALL) as stream:
        return [event async for received in stream for event in received.events]


def of(kind: type[Any], events: list[FeedEvent]) -> list[Any]:
    """Without where it comes from and when it came, which a replay cannot know to the nanosecond."""
    found: list[Any] = [event for event in events if isinstance(event, kind)]
    if kind is Trade:
        return [(e.instrument, e.trade_id, e.seq, e.price, e.quantity, e.side, e.ts_event) for e in found]
    if kind is OrderBook:
        return [(e.instrument, e.bids, e.asks) for e in found]
    return found


@pytest.mark.parametrize("exchange", VENUES)
async def test_what_is_recorded_replays_the_same(exchange: str, tmp_path: Path) -> None:
    file = tmp_path / "recording.gz"
    async with opened(VENUES[exchange](), rate=50.0) as venue, RecordingWriter(file, SystemClock()) as writer:
        adapter = a_native_adapter(exchange, venue.rest_url, venue.ws_url, tmp_path, habits=CALM, tap=writer.tap)
        instruments = await adapter.instruments(())
        async with listening(adapter, instruments, ALL) as heard:
            traded = {instrument.id for instrument in instruments}
            await eventually(lambda: {trade.instrument for trade in heard.of(Trade)} == traded)
            await eventually(lambda: {book.instrument for book in heard.of(OrderBook)} == traded)
            connections = len(heard.of(FeedConnected))
            venue.cut()
            await eventually(lambda: len(heard.of(FeedConnected)) == 2 * connections)
            trades = len(heard.of(Trade))
            await eventually(lambda: len(heard.of(Trade)) > trades + 50 and heard.of(Candle))
    replay = a_replay(file)
    assert replay.exchange == exchange
    assert set(await replay.instruments(())) == set(instruments)
    events = await replayed(replay)
    assert not [event for event in events if isinstance(event, FrameRejected)]
    for kind in (Trade, Candle):
        told = of(kind, heard.events)
        assert of(kind, events)[: len(told)] == told
    assert all(event.provenance is Provenance.REPLAYED for event in events if isinstance(event, Trade))
    # on Binance the snapshot's place among the changes may differ by a frame, what it comes to does not
    shown = of(OrderBook, heard.events)
    assert sum(book in of(OrderBook, events) for book in shown) >= 0.9 * len(shown) > 1


async def test_one_chosen_instrument_is_replayed_without_the_others(tmp_path: Path) -> None:
    file = tmp_path / "recording.gz"
    async with opened(FakeBybit(), rate=50.0) as venue, RecordingWriter(file, SystemClock()) as writer:
        adapter = a_native_adapter("bybit", venue.rest_url, venue.ws_url, tmp_path, habits=CALM, tap=writer.tap)
        instruments = await adapter.instruments(())
        async with listening(adapter, instruments, ALL) as heard:
            await eventually(lambda: len(heard.of(Trade)) > 40)
    replay = a_replay(file)
    (spot,) = await replay.instruments(["BTC/USDT"])
    async with replay.stream((spot,), frozenset({Channel.TRADE})) as stream:
        events = [event async for received in stream for event in received.events]
    mine = [trade for trade in heard.events if isinstance(trade, Trade) and trade.instrument == "bybit:BTC/USDT"]
    assert of(Trade, events)[: len(mine)] == of(Trade, [*mine])
    assert not [event for event in events if isinstance(event, FrameRejected | OrderBook)]


async def test_the_real_session_of_bybit_replays_with_each_candle_on_its_own_market(tmp_path: Path) -> None:
    symbols = {"spot": ("BTC/USDT", "ETH/USDT"), "linear": ("BTC/USDT:USDT", "ETH/USDT:USDT")}
    file, connections = tmp_path / "bybit.gz", dict[str, int]()
    async with RecordingWriter(file, SystemClock()) as writer:
        for line in session("BYBIT"):
            if line.kind == "connect":
                category = line.address.rpartition("/")[2]
                instruments = tuple(
                    Instrument("bybit", s, s.partition(":")[0].replace("/", ""), "", "", 0.01, 0.01, numbered=False)
                    for s in symbols[category]
                )
                number = connections[line.connection] = len(connections) + 1
                writer.tap(line.ts_recv, Opening("bybit", instruments, tuple(sorted(ALL))).frame(), number)
            elif line.kind == "recv":
                writer.tap(line.ts_recv, line.data.encode(), connections[line.connection])
    events = await replayed(a_replay(file))
    closed = {str(e.instrument): e.close for e in events if isinstance(e, Candle) and not e.forming}
    assert closed["bybit:BTC/USDT"] == 65140.5
    assert closed["bybit:BTC/USDT:USDT"] == 65114.2
    assert {e.instrument for e in events if isinstance(e, OrderBook)} == {
        f"bybit:{symbol}" for both in symbols.values() for symbol in both
    }
    assert not [event for event in events if isinstance(event, FrameRejected)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'1723161255000000000@1 {"alphaplus":"connection","exchange":"kraken"}', "does not say what its connection"),
        (
            b'1723161255000000000@1 {"alphaplus":"connection","exchange":"x\\u001b[2J","instruments":[],"channels":[]}',
            "no proper name",
        ),
        (b"1723161255000000000@x {}", "does not begin with the nanoseconds"),
    ],
)
async def test_a_line_that_says_nonsense_of_a_connection_is_set_aside(tmp_path: Path, line: bytes, why: str) -> None:
    file = tmp_path / "odd.txt"
    trade = (
        b'1723161255000000001 {"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","t":1,"p":"100.5","q":"0.25",'
        b'"T":1723161255000,"m":true}}'
    )
    file.write_bytes(line + b"\n" + trade)
    events = await replayed(a_replay(file))
    (rejected,) = [event for event in events if isinstance(event, FrameRejected)]
    assert why in rejected.reason
    assert "\x1b" not in rejected.frame
    assert len(of(Trade, events)) == 1
