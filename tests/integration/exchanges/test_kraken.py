"""Kraken's adapter against a server that speaks as Kraken does."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec import structs

from alphaplus_tui.domain.events import FeedConnected, FeedLost, FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, DayStatistics, Level, OrderBook, Ticker, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import ProtocolError, RateLimited, UnknownName, VenueUnavailable
from alphaplus_tui.exchanges.kraken.rest import KrakenRest
from alphaplus_tui.exchanges.shared.talk import Patience
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import MarketData
from tests.fakes.kraken_venue import FakeKraken
from tests.fakes.venue import FIRST_NUMBER, SECOND_NS, opened
from tests.integration.exchanges.listening import QUICK, a_native_adapter, listening
from tests.support import eventually

BTC = Instrument("kraken", "BTC/USD", "BTC/USD", "BTC", "USD", 0.1, 1e-8)
ETH = Instrument("kraken", "ETH/USD", "ETH/USD", "ETH", "USD", 0.1, 1e-8)
EVERYTHING = frozenset(Channel)
BOOKS = frozenset({Channel.BOOK})
PATIENT = structs.replace(QUICK, patience=Patience())
MINUTE_NS = 60 * SECOND_NS


def an_adapter_of(venue: FakeKraken, folder: Path, **options: Any) -> MarketData:
    return a_native_adapter("kraken", venue.rest_url, venue.ws_url, folder, **options)


@asynccontextmanager
async def asking(folder: Path) -> AsyncGenerator[tuple[FakeKraken, MarketData]]:
    async with opened(FakeKraken()) as venue:
        adapter = an_adapter_of(venue, folder)
        try:
            yield venue, adapter
        finally:
            await adapter.close()


def asked_for(venue: FakeKraken, method: str) -> list[tuple[str, list[str]]]:
    """Channels and symbols of the requests so far."""
    said = [request for request in venue.requests if request["method"] == method]
    return [(request["params"]["channel"], request["params"]["symbol"]) for request in said]


async def test_everything_that_was_asked_for_is_told(tmp_path: Path) -> None:
    async with (
        opened(FakeKraken()) as venue,
        listening(an_adapter_of(venue, tmp_path), (BTC, ETH), EVERYTHING) as heard,
    ):
        await eventually(lambda: len(heard.of(OrderBook)) == 2 and len(heard.of(DayStatistics)) == 2)
        made = await venue.trade("ETH/USD")
        await eventually(lambda: heard.seqs() == [made.number])
        trade = heard.of(Trade)[0]
        assert (trade.instrument, trade.price, trade.side) == (ETH.id, float(made.price), made.taker)
        assert {ticker.instrument for ticker in heard.of(Ticker)} == {BTC.id, ETH.id}
        assert not heard.of(FrameRejected)
        wanted = [(name, ["BTC/USD", "ETH/USD"]) for name in ("trade", "ticker", "book", "ohlc")]
        await eventually(lambda: asked_for(venue, "subscribe") == wanted)


async def test_a_book_that_the_checksum_disowns_begins_anew_and_nobody_else_notices(tmp_path: Path) -> None:
    async with opened(FakeKraken()) as venue, listening(an_adapter_of(venue, tmp_path), (BTC, ETH), BOOKS) as heard:
        await eventually(lambda: len(heard.of(OrderBook)) == 2)
        venue.wrong_checksums, began = 1, time.monotonic()
        await venue.change("BTC/USD", bids={"99.5": "3.00000000"})
        await eventually(lambda: len(heard.of(OrderBook)) == 3)
        assert time.monotonic() - began < 2.0
        assert heard.of(OrderBook)[-1].bids[0] == Level(99.5, 3.0)
        assert asked_for(venue, "unsubscribe") == [("book", ["BTC/USD"])]
        assert venue.dialled == 1
        assert not heard.of(FeedLost)


async def test_a_book_whose_new_snapshot_is_wrong_as_well_is_asked_for_until_it_is_right(tmp_path: Path) -> None:
    adapter_of = partial(an_adapter_of, folder=tmp_path, habits=PATIENT)
    async with opened(FakeKraken()) as venue, listening(adapter_of(venue), (BTC,), BOOKS) as heard:
        await eventually(lambda: heard.of(OrderBook))
        venue.wrong_checksums = 3
        await venue.change("BTC/USD", bids={"99.5": "3.00000000"})
        await eventually(lambda: len(heard.of(OrderBook)) == 2, within_s=20.0)
        assert heard.of(OrderBook)[-1].bids[0] == Level(99.5, 3.0)
        assert len(asked_for(venue, "unsubscribe")) == 3


async def test_a_change_that_was_lost_is_never_shown_as_a_crossed_book(tmp_path: Path) -> None:
    async with opened(FakeKraken()) as venue, listening(an_adapter_of(venue, tmp_path), (BTC,), BOOKS) as heard:
        await eventually(lambda: heard.of(OrderBook))
        # the market rises; that the old ask is gone is lost on the way
        del venue.books["BTC/USD"][1]["101.0"]
        await venue.change("BTC/USD", bids={"102.0": "1.00000000"}, asks={"103.0": "1.00000000"})
        await eventually(lambda: len(heard.of(OrderBook)) == 2)
        seen = heard.of(OrderBook)[-1]
        assert (seen.bids[0].price, seen.asks[0].price) == (102.0, 103.0)
        assert all(book.bids[0].price < book.asks[0].price for book in heard.of(OrderBook))


async def test_trades_of_an_outage_are_brought_by_the_next_connection(tmp_path: Path) -> None:
    trades = frozenset({Channel.TRADE})
    async with opened(FakeKraken()) as venue, listening(an_adapter_of(venue, tmp_path), (BTC,), trades) as heard:
        await eventually(lambda: heard.of(FeedConnected))
        first = (await venue.trade()).number
        await eventually(lambda: heard.seqs() == [first])
        venue.happen("BTC/USD", 20)
        venue.cut()
        await eventually(lambda: len(heard.seqs()) == 21)
        assert heard.seqs() == list(range(first, first + 21))


async def test_a_symbol_that_is_refused_does_not_silence_the_others(tmp_path: Path) -> None:
    gone = Instrument("kraken", "OLD/USD", "OLD/USD", "OLD", "USD", 0.1, 1e-8)
    async with opened(FakeKraken()) as venue:
        venue.unlisted = {"OLD/USD"}
        async with listening(an_adapter_of(venue, tmp_path), (gone, BTC), BOOKS) as heard:
            await eventually(lambda: heard.of(OrderBook) and heard.of(FeedConnected))
            assert [event.reason for event in heard.of(FrameRejected)] == [
                "OLD/USD refused: Currency pair not supported OLD/USD"
            ]
            assert not heard.of(FeedLost)


async def test_a_gap_of_thousands_of_trades_is_read_page_by_page_in_order(tmp_path: Path) -> None:
    async with asking(tmp_path) as (venue, adapter):
        known = venue.tape["BTC/USD"][-1]
        venue.happen("BTC/USD", 2500)
        found: list[int] = []
        while page := await adapter.trades(BTC, from_seq=known.number + len(found) + 1, since=known.ts, limit=1000):
            found += [trade.seq for trade in page]
        assert found == list(range(known.number + 1, known.number + 2501))
        # each page goes on where the last one ended, rather than from the beginning of the gap
        assert len([path for path in venue.asked if "Trades" in path]) <= 5


async def test_a_trade_has_the_same_time_on_the_stream_and_in_rest(tmp_path: Path) -> None:
    trades = frozenset({Channel.TRADE})
    async with opened(FakeKraken()) as venue:
        adapter = an_adapter_of(venue, tmp_path)
        async with listening(adapter, (BTC,), trades) as heard:
            await eventually(lambda: heard.of(FeedConnected))
            made = await venue.trade()
            await eventually(heard.seqs)
            (again,) = await adapter.trades(BTC, from_seq=made.number, since=made.ts - SECOND_NS, limit=10)
            live = heard.of(Trade)[0]
            assert abs(again.ts_event - live.ts_event) <= 1000  # the fake writes a binary fraction
            assert (again.trade_id, again.price, again.side) == (live.trade_id, live.price, live.side)


async def test_trades_before_the_first_are_asked_for_in_vain(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, adapter):
        (first, *_) = await adapter.trades(BTC, from_seq=0, since=1, limit=5)
        assert first.seq == FIRST_NUMBER


async def test_candles_of_timeframes_that_kraken_does_not_have_are_made_of_shorter_ones(tmp_path: Path) -> None:
    async with asking(tmp_path) as (venue, adapter):
        start = time.time_ns() // (120 * MINUTE_NS) * 120 * MINUTE_NS - 480 * MINUTE_NS
        candles = await adapter.candles(BTC, Timeframe("2h"), since=start, limit=3)
        assert [candle.open_time for candle in candles] == [start + n * 120 * MINUTE_NS for n in range(3)]
        assert [candle.volume for candle in candles] == [25.0] * 3
        assert "interval=60" in venue.asked[-1]
        with pytest.raises(UnknownName, match="timeframe of kraken"):
            await adapter.candles(BTC, Timeframe("1s"), since=start, limit=3)


def saying(*errors: str) -> web.Response:
    return web.json_response({"error": list(errors)})


async def test_too_many_requests_are_said_with_status_200_and_heeded(tmp_path: Path) -> None:
    async with asking(tmp_path) as (venue, adapter):
        venue.answers["/0/public/Trades"] = lambda: saying("EGeneral:Too many requests")
        for _ in range(2):
            with pytest.raises(RateLimited):
                await adapter.trades(BTC, from_seq=1, since=1, limit=5)
        assert len(venue.asked) == 1


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ("EService:Unavailable", VenueUnavailable),
        ("EGeneral:Internal error", VenueUnavailable),
        ("EQuery:Unknown asset pair", ProtocolError),
    ],
)
async def test_what_kraken_says_is_understood(tmp_path: Path, said: str, raised: type[Exception]) -> None:
    async with asking(tmp_path) as (venue, adapter):
        venue.answers["/0/public/Trades"] = lambda: saying(said)
        with pytest.raises(raised, match=said):
            await adapter.trades(BTC, from_seq=1, since=1, limit=5)


@pytest.mark.parametrize("row", [["nan", "1", 1.5, "b", "m", "", 7], ["1", "1", "x", "b", "m", "", 7], ["1"], "none"])
async def test_trades_that_cannot_be_are_refused(tmp_path: Path, row: object) -> None:
    async with asking(tmp_path) as (venue, adapter):
        body = json.dumps({"error": [], "result": {"XXBTZUSD": [row], "last": "1"}})
        venue.answers["/0/public/Trades"] = lambda: web.Response(text=body, content_type="application/json")
        with pytest.raises(ProtocolError):
            await adapter.trades(BTC, from_seq=1, since=1, limit=5)


async def test_a_clock_that_says_whole_seconds_is_measured_to_a_fraction_of_one(tmp_path: Path) -> None:
    async with asking(tmp_path) as (venue, adapter):
        venue.offset_ns = -3_300_000_000
        offset_s = await adapter.clock_offset_ns() / 1e9
        assert offset_s == pytest.approx(-3.3, abs=0.15)


async def test_doubts_about_quiet_instruments_leave_room_for_missing_trades(tmp_path: Path) -> None:
    async with opened(FakeKraken()) as venue:
        rest = KrakenRest(
            venue.rest_url, clock=SystemClock(), market=ManualMarketClock(), requests=Meters().counter("rest_requests")
        )
        for _ in range(4):
            assert await rest.newest_trade("BTC/USD") == venue.tape["BTC/USD"][-1].number
        with pytest.raises(RateLimited):
            await rest.newest_trade("BTC/USD")
        rows, _ = await rest.trades("BTC/USD", since=1, limit=5)
        assert rows[0][6] == FIRST_NUMBER
        await rest.close()


async def test_a_quiet_market_is_left_alone_and_a_mute_one_subscribed_to_anew(tmp_path: Path) -> None:
    trades = frozenset({Channel.TRADE})
    async with opened(FakeKraken()) as venue, listening(an_adapter_of(venue, tmp_path), (BTC,), trades) as heard:
        await eventually(lambda: heard.of(FeedConnected))
        first = (await venue.trade()).number
        await eventually(lambda: heard.seqs() == [first])
        await eventually(lambda: len(venue.asked) >= 2)
        assert venue.dialled == 1
        assert not heard.of(FeedLost)
        venue.happen("BTC/USD", 3)
        await eventually(lambda: heard.seqs() == list(range(first, first + 4)), within_s=20.0)


async def test_a_market_that_cannot_be_asked_about_for_now_is_not_taken_for_mute(tmp_path: Path) -> None:
    trades = frozenset({Channel.TRADE})
    async with opened(FakeKraken()) as venue:
        venue.answers["/0/public/Trades"] = lambda: saying("EGeneral:Too many requests")
        async with listening(an_adapter_of(venue, tmp_path), (BTC,), trades) as heard:
            await eventually(lambda: venue.asked)
            # ten times as long as silence is borne without asking
            await asyncio.sleep(10 * QUICK.patience.first_data_within_s)
            assert venue.dialled == 1
            assert not heard.of(FeedLost)
