"""What every adapter of the market data port keeps: the fake, a replay, and each venue on a local server."""

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, Provenance, Trade
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns, open_time
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.exchanges.replay import ReplayMarketData
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import MarketData
from tests.fakes.binance_futures_venue import FakeBinanceFutures
from tests.fakes.bybit_venue import FakeBybit
from tests.fakes.coinbase_venue import FakeCoinbase
from tests.fakes.kraken_venue import FakeKraken
from tests.fakes.market_data import FakeMarketData, a_trade, an_instrument
from tests.fakes.venue import FakeVenue, opened
from tests.integration.exchanges.listening import WITHOUT_NUMBERS, a_ccxt_adapter, a_native_adapter, an_adapter
from tests.support import eventually
from tests.support_simulator import running_simulator

MINUTE = Timeframe("1m")
START = 1_723_161_240_000_000_000


LOCAL_VENUES: dict[str, Callable[[], FakeVenue]] = {
    "binanceusdm": FakeBinanceFutures,
    "bybit": FakeBybit,
    "coinbase": FakeCoinbase,
    "kraken": FakeKraken,
}


@dataclass
class Venue:
    """An adapter under test, and what may be expected of it."""

    adapter: MarketData
    has_past: bool
    speak: "object" = None
    """The fake must be told to say something."""


def a_fake() -> Venue:
    instruments = an_instrument(), an_instrument("ETH/USDT")
    fake = FakeMarketData(*instruments)
    for seq in range(1, 51):
        fake.trade(a_trade(instruments[0].id, seq), heard=False)
    fake.history[instruments[0].id, MINUTE] = [
        Candle(
            instruments[0].id,
            MINUTE,
            START + n * 60 * 10**9,
            1.0,
            2.0,
            0.5,
            1.5,
            10.0,
            provenance=Provenance.BACKFILLED,
        )
        for n in range(30)
    ]
    fake.told_timeframe = MINUTE
    return Venue(fake, has_past=True)


def a_replay(folder: Path) -> Venue:
    lines: list[str] = []
    for number in range(1, 51):
        symbol = ("BTCUSDT", "ETHUSDT")[number % 2]
        ms = START // 1_000_000 + number
        data = {"e": "trade", "s": symbol, "t": number, "p": "100.5", "q": "0.25", "T": ms, "m": True}
        lines.append(
            f"{ms}000000 " + json.dumps({"stream": f"{symbol.lower()}@trade", "data": data}, separators=(",", ":"))
        )
    file = folder / "recording.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    clock, market = SystemClock(), ManualMarketClock()
    replay = ReplayMarketData((file,), exchange="binance", speed=None, clock=clock, market=market, meters=Meters())
    return Venue(replay, has_past=False)


@pytest.fixture(params=["fake", "demo", "replay", "ccxt", "ccxt without numbers", *LOCAL_VENUES])
async def venue(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Venue]:
    async with AsyncExitStack() as stack:
        match request.param:
            case "fake":
                made = a_fake()
            case "replay":
                made = a_replay(tmp_path)
            case exchange if exchange in LOCAL_VENUES:
                fake = await stack.enter_async_context(opened(LOCAL_VENUES[exchange](), rate=100.0))
                made = Venue(a_native_adapter(exchange, fake.rest_url, fake.ws_url, tmp_path), has_past=True)
            case name:
                simulator = await stack.enter_async_context(running_simulator(rate=400, symbols=4))
                make = an_adapter if name == "demo" else a_ccxt_adapter
                quirks = {"quirks": WITHOUT_NUMBERS} if name.endswith("numbers") else {}
                exchange = "demo" if name == "demo" else "binance"
                adapter = make(simulator.rest_url, simulator.ws_url, tmp_path, exchange=exchange, **quirks)
                made = Venue(adapter, has_past=True)
        yield made
        await made.adapter.close()


async def some_trades(venue: Venue, instrument: Instrument, count: int) -> list[Trade]:
    """The first trades of ``instrument`` that its stream says."""
    trades: list[Trade] = []
    async with venue.adapter.stream((instrument,), frozenset({Channel.TRADE})) as stream:
        if isinstance(venue.adapter, FakeMarketData):
            for seq in range(51, 51 + count):
                venue.adapter.trade(a_trade(instrument.id, seq))
        async for received in stream:
            assert received.received_ns > 0
            trades += [event for event in received.events if isinstance(event, Trade)]
            if len(trades) >= count:
                break
    return trades


async def test_all_instruments_or_those_asked_for_in_their_order(venue: Venue) -> None:
    everything = await venue.adapter.instruments(())
    assert len(everything) >= 2
    assert all(instrument.exchange == venue.adapter.exchange for instrument in everything)
    assert all(instrument.price_step > 0 and instrument.quantity_step > 0 for instrument in everything)
    backwards = everything[1::-1]
    assert await venue.adapter.instruments([instrument.symbol for instrument in backwards]) == backwards


async def test_an_unknown_symbol_is_named(venue: Venue) -> None:
    with pytest.raises(UnknownName, match="NO/SUCH"):
        await venue.adapter.instruments(["NO/SUCH"])


async def test_a_stream_says_the_trades_of_the_instruments_asked_for_and_no_others(venue: Venue) -> None:
    instrument = (await venue.adapter.instruments(()))[0]
    trades = await some_trades(venue, instrument, 5)
    assert {trade.instrument for trade in trades} == {instrument.id}
    seqs = [trade.seq for trade in trades]
    assert seqs == sorted(seqs)
    assert len({trade.trade_id for trade in trades}) == len(trades)
    if instrument.numbered:
        assert len(set(seqs)) == len(seqs)
    else:
        assert seqs == [trade.ts_event for trade in trades]
    assert all(trade.provenance in {Provenance.LIVE, Provenance.REPLAYED} for trade in trades)


async def test_candles_are_told_of_the_timeframe_that_is_named_or_not_at_all(venue: Venue) -> None:
    adapter = venue.adapter
    instrument = (await adapter.instruments(()))[0]
    channels = frozenset({Channel.TRADE, Channel.CANDLE})
    candles: list[Candle] = []
    async with adapter.stream((instrument,), channels) as stream:
        if isinstance(adapter, FakeMarketData):
            adapter.say(
                *(a_trade(instrument.id, seq) for seq in range(51, 56)), adapter.history[instrument.id, MINUTE][0]
            )
        trades = 0
        async for received in stream:
            candles += [event for event in received.events if isinstance(event, Candle)]
            trades += sum(isinstance(event, Trade) for event in received.events)
            if trades >= 5 and (candles or adapter.told_timeframe is None):
                break
    assert {candle.timeframe for candle in candles} == ({adapter.told_timeframe} if adapter.told_timeframe else set())
    for candle in candles:
        assert (candle.instrument, candle.provenance) == (instrument.id, Provenance.BACKFILLED)
        assert open_time(candle.open_time, candle.timeframe) == candle.open_time
        assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high


async def test_a_stream_can_be_opened_again(venue: Venue) -> None:
    instrument = (await venue.adapter.instruments(()))[0]
    for _ in range(2):
        assert await some_trades(venue, instrument, 2)


async def test_missing_trades_come_in_order_from_the_number_asked_for_or_not_at_all(venue: Venue) -> None:
    instrument = (await venue.adapter.instruments(()))[0]
    last = (await some_trades(venue, instrument, 5))[-1]
    newest, since = last.seq, last.ts_event - 600_000_000_000
    if not instrument.numbered:
        await trades_come_in_order_from_the_moment_asked_for(venue.adapter, instrument, newest)
        return
    trades = await venue.adapter.trades(instrument, from_seq=newest - 20, since=since, limit=10)
    assert [trade.seq for trade in trades] == (list(range(newest - 20, newest - 10)) if venue.has_past else [])
    assert all(trade.provenance is Provenance.BACKFILLED for trade in trades)
    assert await venue.adapter.trades(instrument, from_seq=newest + 10**6, since=since, limit=10) == ()


async def trades_come_in_order_from_the_moment_asked_for(
    adapter: MarketData, instrument: Instrument, newest: int
) -> None:
    since = newest - 5_000_000_000
    trades = await adapter.trades(instrument, from_seq=since, since=since, limit=10)
    assert len(trades) == 10
    assert [trade.seq for trade in trades] == sorted(trade.ts_event for trade in trades)
    assert trades[0].seq >= since
    assert all(trade.provenance is Provenance.BACKFILLED for trade in trades)
    assert await adapter.trades(instrument, from_seq=newest + 10**15, since=since, limit=10) == ()


async def test_candles_come_oldest_first_from_the_moment_asked_for_or_not_at_all(venue: Venue) -> None:
    instrument = (await venue.adapter.instruments(()))[0]
    everything = await venue.adapter.candles(instrument, MINUTE, since=START, limit=20)
    assert len(everything) == (20 if venue.has_past else 0)
    times = [candle.open_time for candle in everything]
    assert times == [START + n * duration_ns(MINUTE) for n in range(len(times))]
    assert all(candle.provenance is Provenance.BACKFILLED for candle in everything)
    if everything:
        later = await venue.adapter.candles(instrument, MINUTE, since=times[3] + 1, limit=2)
        assert [candle.open_time for candle in later] == times[4:6]


async def test_the_clock_offset_is_known(venue: Venue) -> None:
    assert abs(await venue.adapter.clock_offset_ns()) < 10**9


async def test_closing_one_that_was_used_twice_raises_nothing_and_leaves_no_task(venue: Venue) -> None:
    before = asyncio.all_tasks()
    await some_trades(venue, (await venue.adapter.instruments(()))[0], 1)
    await venue.adapter.close()
    await venue.adapter.close()
    await eventually(lambda: asyncio.all_tasks() <= before)
