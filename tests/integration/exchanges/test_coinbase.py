"""Coinbase's adapter against a server that speaks as Coinbase does."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec import structs

from alphaplus_tui.domain.events import FeedConnected, FeedLost, FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, DayStatistics, Level, OrderBook, Ticker, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import ProtocolError, RateLimited
from alphaplus_tui.exchanges.shared.talk import Patience
from alphaplus_tui.ports.market_data import MarketData
from tests.fakes.coinbase_venue import FakeCoinbase
from tests.fakes.venue import FIRST_NUMBER, SECOND_NS, opened
from tests.integration.exchanges.listening import QUICK, a_native_adapter, listening
from tests.support import eventually

BTC = Instrument("coinbase", "BTC/USD", "BTC-USD", "BTC", "USD", 0.01, 1e-8)
ETH = Instrument("coinbase", "ETH/USD", "ETH-USD", "ETH", "USD", 0.01, 1e-8)
EVERYTHING, BOOKS, TRADES = frozenset(Channel), frozenset({Channel.BOOK}), frozenset({Channel.TRADE})
MINUTE_NS = 60 * SECOND_NS
PATIENT = structs.replace(QUICK, patience=Patience(), answer_within_s=5.0)


def an_adapter_of(venue: FakeCoinbase, folder: Path, **options: Any) -> MarketData:
    return a_native_adapter("coinbase", venue.rest_url, venue.ws_url, folder, **{"habits": PATIENT} | options)


@asynccontextmanager
async def asking(folder: Path) -> AsyncGenerator[tuple[FakeCoinbase, MarketData]]:
    async with opened(FakeCoinbase()) as venue:
        adapter = an_adapter_of(venue, folder)
        try:
            yield venue, adapter
        finally:
            await adapter.close()


def said(venue: FakeCoinbase, kind: str) -> list[str]:
    return [request["channel"] for request in venue.requests if request["type"] == kind]


async def test_everything_that_was_asked_for_is_told_and_books_have_a_connection_of_their_own(tmp_path: Path) -> None:
    async with (
        opened(FakeCoinbase()) as venue,
        listening(an_adapter_of(venue, tmp_path), (BTC, ETH), EVERYTHING) as heard,
    ):
        await eventually(lambda: len(heard.of(OrderBook)) == 2 and len(heard.of(DayStatistics)) == 2)
        await eventually(lambda: len(heard.of(FeedConnected)) == 2)
        made = await venue.trade("ETH/USD")
        await eventually(lambda: heard.seqs() == [made.number])
        trade = heard.of(Trade)[0]
        assert (trade.instrument, trade.price, trade.side) == (ETH.id, float(made.price), made.taker)
        assert {ticker.instrument for ticker in heard.of(Ticker)} == {BTC.id, ETH.id}
        assert not heard.of(FrameRejected)
        assert venue.dialled == 2
        channels = [set(event.channels) for event in heard.of(FeedConnected)]
        assert {Channel.BOOK} in channels


async def test_a_skipped_number_makes_the_books_begin_anew_within_two_seconds(tmp_path: Path) -> None:
    async with opened(FakeCoinbase()) as venue, listening(an_adapter_of(venue, tmp_path), (BTC, ETH), BOOKS) as heard:
        await eventually(lambda: len(heard.of(OrderBook)) == 2)
        began = time.monotonic()
        # the market falls; that the old bid is gone does not come
        await venue.change("BTC/USD", bids={"99.0": "0", "97.0": "2"}, heard=False)
        await venue.change("BTC/USD", asks={"98.0": "3"})
        await eventually(lambda: len(heard.of(OrderBook)) >= 4)
        assert time.monotonic() - began < 2.0
        seen = [book for book in heard.of(OrderBook) if book.instrument == BTC.id]
        assert (seen[-1].bids[0], seen[-1].asks[0]) == (Level(97.0, 2.0), Level(98.0, 3.0))
        assert all(book.bids[0].price < book.asks[0].price for book in seen)
        assert said(venue, "unsubscribe") == ["level2", "level2"]
        assert venue.dialled == 1
        assert not heard.of(FeedLost)


async def test_a_book_of_five_megabytes_is_taken_in(tmp_path: Path) -> None:
    async with opened(FakeCoinbase()) as venue:
        bids, asks = venue.books["BTC/USD"]
        bids.update({f"{30000 - n / 4:.2f}": "1.00000001" for n in range(20_000)})
        asks.clear()
        asks.update({f"{30001 + n / 4:.2f}": "1.00000002" for n in range(27_000)})
        async with listening(an_adapter_of(venue, tmp_path), (BTC,), BOOKS) as heard:
            await eventually(lambda: heard.of(OrderBook))
            book = heard.of(OrderBook)[0]
            assert (book.bids[0].price, book.asks[0].price) == (30000.0, 30001.0)
            assert not heard.of(FrameRejected)


async def test_trades_of_an_outage_are_brought_by_the_next_connection(tmp_path: Path) -> None:
    async with opened(FakeCoinbase()) as venue, listening(an_adapter_of(venue, tmp_path), (BTC,), TRADES) as heard:
        await eventually(lambda: heard.of(FeedConnected))
        first = (await venue.trade()).number
        await eventually(lambda: heard.seqs() == [first])
        venue.happen("BTC/USD", 20)
        venue.cut()
        await eventually(lambda: len(heard.seqs()) == 21)
        assert heard.seqs() == list(range(first, first + 21))


async def test_a_refusal_is_told_in_the_words_of_the_exchange(tmp_path: Path) -> None:
    async with opened(FakeCoinbase()) as venue:
        venue.refuses = "rate limit exceeded\x1b[31m"
        async with listening(an_adapter_of(venue, tmp_path), (BTC,), TRADES) as heard:
            await eventually(lambda: heard.of(FeedLost))
            assert heard.of(FeedLost)[0].reason == "subscription refused: rate limit exceeded [31m"


async def test_a_gap_of_thousands_of_trades_is_found_by_windows_of_time(tmp_path: Path) -> None:
    async with asking(tmp_path) as (venue, adapter):
        tape = venue.tape["BTC/USD"]
        known, began = tape[100], tape[100].ts
        # fifteen hundred in the middle of a quiet time, a hundred a second
        busy = [replace(tape[200], ts=tape[200].ts + n * 10_000_000) for n in range(1500)]
        tape[200:201] = busy
        venue.tape["BTC/USD"] = tape = [replace(one, number=FIRST_NUMBER + n) for n, one in enumerate(tape)]
        tape.sort(key=lambda one: one.ts)
        tape[:] = [replace(one, number=FIRST_NUMBER + n) for n, one in enumerate(tape)]
        found: list[int] = []
        while page := await adapter.trades(BTC, from_seq=known.number + len(found) + 1, since=began, limit=1000):
            found += [trade.seq for trade in page]
        assert found == list(range(known.number + 1, tape[-1].number + 1))


async def test_trades_of_a_moment_long_ago_are_reached_in_few_questions(tmp_path: Path) -> None:
    async with asking(tmp_path) as (venue, adapter):
        since = time.time_ns() - 30 * 86_400 * SECOND_NS
        page = await adapter.trades(BTC, from_seq=FIRST_NUMBER, since=since, limit=10)
        assert [trade.seq for trade in page] == list(range(FIRST_NUMBER, FIRST_NUMBER + 10))
        assert len(venue.asked) <= 12


async def test_what_shares_the_book_of_another_is_found_by_its_name_and_not_listed(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, adapter):
        assert [instrument.symbol for instrument in await adapter.instruments(())] == ["BTC/USD", "ETH/USD"]
        (shared,) = await adapter.instruments(["BTC/USDC"])
        assert (shared.symbol, shared.venue_symbol) == ("BTC/USDC", "BTC-USD")


async def test_many_candles_are_asked_for_page_by_page(tmp_path: Path) -> None:
    async with asking(tmp_path) as (venue, adapter):
        since = time.time_ns() // MINUTE_NS * MINUTE_NS - 1000 * MINUTE_NS
        candles = await adapter.candles(BTC, Timeframe("1m"), since=since, limit=2000)
        assert [candle.open_time for candle in candles] == [since + n * MINUTE_NS for n in range(len(candles))]
        assert len(candles) in {1001, 1002}
        assert candles[-1].forming
        assert not candles[-3].forming
        assert len(venue.asked) == 3


async def test_more_pages_than_the_budget_of_a_second_wait_for_the_next(tmp_path: Path) -> None:
    async with asking(tmp_path) as (venue, adapter):
        since = time.time_ns() // MINUTE_NS * MINUTE_NS - 4000 * MINUTE_NS
        candles = await adapter.candles(BTC, Timeframe("1m"), since=since, limit=4001)
        assert len(candles) >= 4000
        assert len(venue.asked) == 12


async def test_what_coinbase_does_not_like_is_told_in_its_words(tmp_path: Path) -> None:
    async with asking(tmp_path) as (venue, adapter):
        complaint = {"error": "NOT_FOUND", "error_details": "x", "message": "valid product_id is required"}
        path = "/api/v3/brokerage/market/products/BTC-USD/ticker"
        venue.answers[path] = lambda: web.json_response(complaint, status=404)
        with pytest.raises(ProtocolError, match="NOT_FOUND valid product_id is required"):
            await adapter.trades(BTC, from_seq=1, since=time.time_ns(), limit=5)
        venue.answers[path] = lambda: web.json_response(complaint, status=429, headers={"Retry-After": "30"})
        for _ in range(2):
            with pytest.raises(RateLimited):
                await adapter.trades(BTC, from_seq=1, since=time.time_ns(), limit=5)
        assert len(venue.asked) == 2


async def test_the_clock_is_measured(tmp_path: Path) -> None:
    async with asking(tmp_path) as (venue, adapter):
        venue.offset_ns = 5_000_000_000
        assert await adapter.clock_offset_ns() / 1e9 == pytest.approx(5.0, abs=0.1)
