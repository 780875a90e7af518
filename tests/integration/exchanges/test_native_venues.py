"""The adapters of real venues against fakes of them: what they tell, and what they do when something goes wrong."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from alphaplus_tui.domain.events import FeedConnected, FeedLost, FeedMute, FeedRenewed, FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, OrderBook, Ticker, Trade
from alphaplus_tui.errors import RateLimited, VenueUnavailable
from alphaplus_tui.exchanges.bybit.dialect import BybitDialect
from alphaplus_tui.exchanges.recording import RecordingWriter
from alphaplus_tui.exchanges.replay import ReplayMarketData
from alphaplus_tui.exchanges.shared.talk import KeepAlive, Patience
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import MarketData
from tests.fakes.binance_futures_venue import FakeBinanceFutures
from tests.fakes.bybit_venue import FakeBybit
from tests.fakes.talking_venue import Market, TalkingVenue
from tests.fakes.venue import opened
from tests.integration.exchanges.listening import QUICK, TRADES, Heard, a_native_adapter, listening
from tests.support import eventually

ALL = frozenset(Channel)
CALM = structs.replace(QUICK, patience=Patience())
FAKES: dict[str, type[FakeBinanceFutures | FakeBybit]] = {"binanceusdm": FakeBinanceFutures, "bybit": FakeBybit}


def an_adapter_of(venue: TalkingVenue, folder: Path, **options: Any) -> MarketData:
    return a_native_adapter(venue.exchange, venue.rest_url, venue.ws_url, folder, **options)


@dataclass
class Place:
    """A fake venue and where its adapter keeps its cache."""

    venue: TalkingVenue
    folder: Path

    def adapter(self, **options: Any) -> MarketData:
        return an_adapter_of(self.venue, self.folder, **({"habits": CALM} | options))

    def market(self, instrument: Instrument) -> Market:
        category = "linear" if ":" in instrument.symbol else "spot"
        name = instrument.venue_symbol
        return self.venue.markets.get(name) or self.venue.markets[f"{category} {name}"]


@pytest.fixture(params=list(FAKES))
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Place]:
    async with opened(FAKES[request.param](), rate=100.0) as venue:
        yield Place(venue, tmp_path)


def numbers(heard: Heard, instrument: Instrument) -> list[int]:
    """What the fake numbered, in the order told; a number may have been told twice."""
    ids = [trade.trade_id for trade in heard.of(Trade) if trade.instrument == instrument.id]
    return [int(text.partition("-")[0], 16) if "-" in text else int(text) % 10**8 for text in ids]


async def test_everything_is_told_and_each_book_is_the_venue_s(place: Place) -> None:
    adapter = place.adapter()
    instruments = await adapter.instruments(())
    async with listening(adapter, instruments, ALL) as heard:
        everybody = {instrument.id for instrument in instruments}
        for kind in (Trade, OrderBook):
            await eventually(lambda k=kind: {event.instrument for event in heard.of(k)} == everybody)
        with_best = {i.id for i in instruments if ":" in i.symbol}
        await eventually(lambda: {event.instrument for event in heard.of(Ticker)} >= with_best)
        for market in place.venue.markets.values():
            market.talks = False
        for instrument in instruments:
            market = place.market(instrument)
            mine = [book for book in heard.of(OrderBook) if book.instrument == instrument.id]
            assert all(book.bids[0].price < book.asks[0].price for book in mine)
            wanted = sorted(market.bids.items(), reverse=True)[:25]
            await eventually(lambda i=instrument, w=wanted: last_bids(heard, i) == w)
            told = numbers(heard, instrument)
            assert told == list(range(told[0], told[-1] + 1))
    assert not heard.of(FeedLost)
    assert not heard.of(FrameRejected)


def last_bids(heard: Heard, instrument: Instrument) -> list[tuple[float, float]]:
    book = [book for book in heard.of(OrderBook) if book.instrument == instrument.id][-1]
    return [(level.price, level.quantity) for level in book.bids]


async def test_each_socket_is_asked_only_for_what_it_serves(place: Place) -> None:
    adapter = place.adapter()
    instruments = await adapter.instruments(())
    async with listening(adapter, instruments, ALL) as heard:
        await eventually(lambda: len(heard.of(FeedConnected)) == len(place.venue.ws_paths))
        assert sorted(place.venue.dialled_to) == sorted(place.venue.ws_paths)
        told = [
            (channel, i) for event in heard.of(FeedConnected) for channel in event.channels for i in event.instruments
        ]
        assert sorted(told) == sorted((channel, i.id) for channel in ALL for i in instruments)


async def test_after_a_cut_the_stream_goes_on_and_rest_has_what_was_missed(place: Place) -> None:
    adapter = place.adapter()
    instrument = (await adapter.instruments(()))[-1]
    async with listening(adapter, (instrument,)) as heard:
        await eventually(lambda: len(heard.of(Trade)) > 5)
        place.venue.cut()
        await eventually(lambda: len(heard.of(FeedConnected)) == 2)
        trades = len(heard.of(Trade))
        await eventually(lambda: len(heard.of(Trade)) > trades + 5)
        lost = next(n for n, event in enumerate(heard.events) if isinstance(event, FeedLost))
        before = [event for event in heard.events[:lost] if isinstance(event, Trade)][-1]
        after = next(event for event in heard.events[lost:] if isinstance(event, Trade))
        missed = await adapter.trades(instrument, from_seq=before.seq, since=before.ts_event, limit=1000)
        known = {trade.trade_id for trade in (*heard.of(Trade), *missed)}
        assert {before.trade_id, after.trade_id} <= {trade.trade_id for trade in missed}
        start, end = numbers(heard, instrument)[0], place.market(instrument).tape[-1].number
        assert len(known) >= end - start - 5


async def test_a_book_that_lost_its_place_is_right_again_soon_and_never_crossed(place: Place) -> None:
    adapter = place.adapter()
    instrument = (await adapter.instruments(()))[-1]
    async with listening(adapter, (instrument,), frozenset({Channel.BOOK})) as heard:
        await eventually(lambda: len(heard.of(OrderBook)) > 5)
        for _ in range(3):
            place.venue.skip_changes = 4
            await eventually(lambda: not place.venue.skip_changes)
            shown, sequence = len(heard.of(OrderBook)), place.market(instrument).sequence
            await eventually(lambda s=shown: len(heard.of(OrderBook)) > s + 3, within_s=5.0)
            assert heard.of(OrderBook)[-1].sequence >= sequence
        place.market(instrument).talks = False
        wanted = sorted(place.market(instrument).bids.items(), reverse=True)[:25]
        await eventually(lambda: last_bids(heard, instrument) == wanted)
    assert not heard.of(FeedLost)
    assert all(book.bids[0].price < book.asks[0].price for book in heard.of(OrderBook))


async def test_an_old_connection_is_replaced_before_it_is_closed_and_no_trade_is_missing(place: Place) -> None:
    adapter = place.adapter(habits=structs.replace(CALM, renew_after_s=0.3, patience=Patience(look_every_s=0.02)))
    instrument = (await adapter.instruments(()))[-1]
    channels = frozenset({Channel.TRADE, Channel.BOOK})
    async with listening(adapter, (instrument,), channels) as heard:
        await eventually(lambda: len(place.venue.dialled_to) > 6)
        shown = len(heard.of(OrderBook))
        await eventually(lambda: len(heard.of(OrderBook)) > shown + 5)
        told = set(numbers(heard, instrument))
        assert told == set(range(min(told), max(told) + 1))
        assert not heard.of(FeedLost)
        assert all(book.bids[0].price < book.asks[0].price for book in heard.of(OrderBook))


async def test_a_refused_subscription_is_tried_three_times_and_then_rarely(place: Place) -> None:
    place.venue.refuse = "no such \x1b[31mthing"
    adapter = place.adapter(habits=structs.replace(CALM, refused_wait_s=3600.0))
    instrument = (await adapter.instruments(()))[-1]
    async with listening(adapter, (instrument,)) as heard:
        await eventually(lambda: len(place.venue.dialled_to) == 3)
        await asyncio.sleep(0.3)  # six times the longest ordinary wait
        assert len(place.venue.dialled_to) == 3
        (lost,) = heard.of(FeedLost)
        assert lost.reason.startswith("subscription refused: no such  [31mthing")


async def test_a_connection_that_is_open_and_mute_is_given_up(place: Place) -> None:
    adapter = place.adapter(habits=QUICK)
    instrument = (await adapter.instruments(()))[-1]
    async with listening(adapter, (instrument,), TRADES) as heard:
        await eventually(lambda: len(heard.of(Trade)) > 5)
        place.venue.mute = True
        await eventually(lambda: heard.of(FeedLost))
        assert "silent" in heard.of(FeedLost)[0].reason
        place.venue.mute = False
        trades = len(heard.of(Trade))
        await eventually(lambda: len(heard.of(Trade)) > trades + 5)


async def test_one_instrument_that_falls_mute_is_subscribed_to_anew_and_that_is_told_of_it_alone(place: Place) -> None:
    adapter = place.adapter(habits=QUICK)
    *_, other, instrument = await adapter.instruments(())
    async with listening(adapter, (other, instrument), TRADES) as heard:
        await eventually(lambda: numbers(heard, instrument) and numbers(heard, other))
        for client in place.venue.clients:
            client.wants = {want for want in client.wants if want[1] != place.market(instrument).name}
        await eventually(lambda: heard.of(FeedRenewed))
        told = len(numbers(heard, instrument))
        await eventually(lambda: len(numbers(heard, instrument)) > told + 5)
    (mute,), (renewed,) = heard.of(FeedMute), heard.of(FeedRenewed)
    assert mute.instrument == renewed.instrument == instrument.id
    assert mute.ts <= renewed.ts
    first, again = heard.events.index(mute), heard.events.index(renewed)
    between = heard.events[first:again]
    assert not any(isinstance(event, Trade) and event.instrument == instrument.id for event in between)
    assert not heard.of(FeedLost)


async def test_books_alone_are_believed_quiet_when_nothing_trades_either(place: Place) -> None:
    habits = structs.replace(QUICK, patience=structs.replace(QUICK.patience, silent_after_s=1e9, rhythms=1e9))
    adapter = place.adapter(habits=habits)
    instrument = (await adapter.instruments(()))[-1]
    async with listening(adapter, (instrument,), frozenset({Channel.TRADE, Channel.BOOK})) as heard:
        await eventually(lambda: len(heard.of(Trade)) > 5)
        for market in place.venue.markets.values():
            market.talks = False
        await eventually(lambda: sum("rade" in path for path in place.venue.asked) > 2)
        assert not heard.of(FeedLost)


async def test_after_too_many_requests_nothing_is_asked_until_it_ends(place: Place) -> None:
    adapter = place.adapter()
    instrument = (await adapter.instruments(()))[-1]
    place.venue.page = (429, "{}", {"Retry-After": "30"})
    asked = len(place.venue.asked)
    for _ in range(3):
        with pytest.raises(RateLimited) as limited:
            await adapter.trades(instrument, from_seq=1, since=1, limit=10)
        assert 29 < limited.value.retry_after_s <= 30
    assert len(place.venue.asked) == asked + 1
    await adapter.close()


@pytest.mark.parametrize("status", [503, 200, 403])
async def test_a_page_instead_of_an_answer_is_an_exchange_that_is_away(place: Place, status: int) -> None:
    adapter = place.adapter()
    instrument = (await adapter.instruments(()))[-1]
    place.venue.page = (status, "<html>", {})
    with pytest.raises(VenueUnavailable):
        await adapter.trades(instrument, from_seq=1, since=1, limit=10)
    await adapter.close()


@pytest.mark.parametrize(
    ("status", "text", "banned"),
    [
        (200, '{"retCode":10006,"retMsg":"Too many visits!","result":{}}', False),
        (403, "access too frequent", True),
    ],
)
async def test_bybit_s_own_ways_of_saying_that_it_is_too_much(
    tmp_path: Path, status: int, text: str, banned: bool
) -> None:
    async with opened(FakeBybit(), rate=100.0) as venue:
        adapter = an_adapter_of(venue, tmp_path)
        instrument = (await adapter.instruments(()))[0]
        venue.page, asked = (status, text, {}), len(venue.asked)
        for _ in range(2):
            with pytest.raises(RateLimited) as limited:
                await adapter.trades(instrument, from_seq=1, since=1, limit=10)
            assert limited.value.banned is banned
        assert len(venue.asked) == asked + 1
        await adapter.close()


async def test_bybit_is_pinged_in_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BybitDialect, "keep_alive", KeepAlive('{"op":"ping"}', every_s=0.05))
    async with opened(FakeBybit(), rate=100.0) as venue:
        adapter = an_adapter_of(venue, tmp_path, habits=structs.replace(CALM, patience=Patience(look_every_s=0.02)))
        instrument = (await adapter.instruments(()))[0]
        async with listening(adapter, (instrument,)) as heard:
            await eventually(lambda: venue.requests.count({"op": "ping"}) > 3)
            await eventually(lambda: len(heard.of(Trade)) > 5)
            assert not heard.of(FrameRejected)
            assert not heard.of(FeedLost)


async def test_bybit_of_one_name_is_two_instruments_on_two_sockets(tmp_path: Path) -> None:
    async with opened(FakeBybit(), rate=100.0) as venue:
        adapter = an_adapter_of(venue, tmp_path)
        spot, linear = await adapter.instruments(["BTC/USDT", "BTC/USDT:USDT"])
        assert spot.venue_symbol == linear.venue_symbol == "BTCUSDT"
        assert {spot.numbered, linear.numbered} == {False}
        venue.markets["spot BTCUSDT"].talks = False
        async with listening(adapter, (spot, linear)) as heard:
            await eventually(lambda: len(heard.of(Trade)) > 5)
            assert {trade.instrument for trade in heard.of(Trade)} == {"bybit:BTC/USDT:USDT"}
            await eventually(lambda: sorted(venue.dialled_to) == ["/v5/public/linear", "/v5/public/spot"])


async def test_a_symbol_that_bybit_has_no_more_does_not_silence_the_others(tmp_path: Path) -> None:
    async with opened(FakeBybit(), rate=100.0) as venue:
        adapter = an_adapter_of(venue, tmp_path)
        known = await adapter.instruments(["BTC/USDT", "ETH/USDT"])
        gone = structs.replace(known[0], symbol="OLD/USDT", venue_symbol="OLDUSDT", base="OLD")
        async with listening(adapter, (gone, *known), ALL) as heard:
            await eventually(lambda: {trade.instrument for trade in heard.of(Trade)} == {i.id for i in known})
            await eventually(lambda: {book.instrument for book in heard.of(OrderBook)} == {i.id for i in known})
            (told,) = heard.of(FrameRejected)
            assert "handler not found" in told.reason
            assert not heard.of(FeedLost)


async def test_a_connection_of_nothing_but_a_symbol_that_is_no_more_stays_up_and_says_nothing(tmp_path: Path) -> None:
    async with opened(FakeBybit(), rate=100.0) as venue:
        adapter = an_adapter_of(venue, tmp_path)
        (known,) = await adapter.instruments(["BTC/USDT"])
        gone = structs.replace(known, symbol="OLD/USDT", venue_symbol="OLDUSDT", base="OLD")
        asked = len(venue.asked)
        async with listening(adapter, (gone,)) as heard:
            await eventually(lambda: len(venue.asked) > asked + 1)
            assert not heard.ended
            assert not heard.of(FeedLost)


async def test_a_venue_that_says_it_will_hang_up_is_left_before_it_does(tmp_path: Path) -> None:
    habits = structs.replace(CALM, leaving_after_s=0.1, patience=Patience(look_every_s=0.02))
    async with opened(FakeBinanceFutures(), rate=100.0) as venue:
        adapter = an_adapter_of(venue, tmp_path, habits=habits)
        instrument = (await adapter.instruments(()))[0]
        async with listening(adapter, (instrument,)) as heard:
            await eventually(lambda: len(heard.of(Trade)) > 5)
            await venue.say("aggTrade", "BTCUSDT", {"e": "serverShutdown", "E": 1})
            await eventually(lambda: len(venue.dialled_to) == 2)
            await eventually(lambda: len(venue.clients) == 1)
            trades = len(heard.of(Trade))
            await eventually(lambda: len(heard.of(Trade)) > trades + 5)
            told = set(numbers(heard, instrument))
            assert told == set(range(min(told), max(told) + 1))
            assert not heard.of(FeedLost)
            assert not heard.of(FrameRejected)


async def test_what_is_recorded_of_the_futures_replays_the_same(tmp_path: Path) -> None:
    file = tmp_path / "futures.gz"
    async with opened(FakeBinanceFutures(), rate=100.0) as venue, RecordingWriter(file, SystemClock()) as writer:
        adapter = an_adapter_of(venue, tmp_path, habits=CALM, tap=writer.tap)
        instruments = await adapter.instruments(())
        async with listening(adapter, instruments, ALL) as heard:
            await eventually(lambda: len(heard.of(OrderBook)) > 20)
    replay = ReplayMarketData(
        (file,), exchange="binanceusdm", speed=None, clock=SystemClock(), market=ManualMarketClock(), meters=Meters()
    )
    found = await replay.instruments(())
    assert {instrument.symbol for instrument in found} == {"BTC/USDT:USDT", "ETH/USDT:USDT"}
    async with replay.stream(found, ALL) as stream:
        events = [event async for received in stream for event in received.events]
    trades = [event.trade_id for event in events if isinstance(event, Trade)]
    assert trades[: len(heard.of(Trade))] == [trade.trade_id for trade in heard.of(Trade)]
    assert len([event for event in events if isinstance(event, OrderBook)]) >= len(heard.of(OrderBook))
    assert not [event for event in events if isinstance(event, FrameRejected)]
