"""Recorded sessions with Binance's two markets: each frame is understood or named, and the books are right."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, DayStatistics, OrderBook, Ticker, Trade
from alphaplus_tui.exchanges.binance.kinds import SPOT, USD_M, Kind
from alphaplus_tui.exchanges.binance.parser import Parser
from alphaplus_tui.exchanges.shared.books import Books, NoResync
from alphaplus_tui.exchanges.shared.parsing import Events, NotAskedFor, NotMarketData, to_ns
from tests.sessions import Line, payloads, session

CHANNELS = frozenset(Channel)


def an_instrument(venue: str, kind: Kind) -> Instrument:
    return Instrument("binance", f"{venue}:{kind.api}", venue, venue, "", 1e-8, 1e-8)


class Listener:
    """Reads a session as an adapter would, and counts what it could not use."""

    def __init__(self, kind: Kind, venues: Sequence[str]) -> None:
        instruments = [an_instrument(venue, kind) for venue in venues]
        self.books = Books(instruments, kind.book_rule, NoResync())
        self._parser = Parser(instruments, CHANNELS, books=self.books, kind=kind)
        self.heard: Counter[type[Any]] = Counter()
        self.unsupported: Counter[str] = Counter()
        self.tickers: dict[tuple[str, int], Ticker] = {}
        self.shown: list[OrderBook] = []

    def read(self, line: Line) -> Events:
        frame = line.data.encode()
        if line.kind == "http":
            venue = re.search(r"depth\?symbol=(\w+)", line.url)
            if venue is None:
                return ()
            frame = b'{"stream":"%b@snapshot","data":%b}' % (venue.group(1).lower().encode(), frame)
        try:
            events = self._parser.read(frame, line.ts_recv)
        except NotAskedFor as error:
            self.unsupported[re.sub(r".*@(\w+?)(_\w+)?'.*", r"\1", str(error))] += 1
            return ()
        for event in events:
            self.heard[type(event)] += 1
            if isinstance(event, Ticker):
                self.tickers[event.instrument, event.sequence] = event
            if isinstance(event, OrderBook):
                self.shown.append(event)
        return events


def venues_of(lines: Sequence[Line]) -> list[str]:
    streams = {
        stream for line in lines if line.kind == "recv" for stream in re.findall(r'^{"stream":"(\w+)@', line.data)
    }
    return sorted(stream.upper() for stream in streams)


def a_listener_of(name: str, kind: Kind) -> tuple[Listener, list[Line]]:
    lines = [line for line in session(name) if line.kind in {"http", "recv"}]
    listener = Listener(kind, venues_of(lines))
    for line in lines:
        listener.read(line)
    return listener, lines


def assert_books_are_right(listener: Listener) -> int:
    """How many books could be compared with the best prices that the exchange told for the same update."""
    same = 0
    for book in listener.shown:
        assert book.bids[0].price < book.asks[0].price
        ticker = listener.tickers.get((book.instrument, book.sequence))
        if ticker is not None:
            assert (book.bids[0].price, book.bids[0].quantity) == (ticker.bid, ticker.bid_quantity)
            assert (book.asks[0].price, book.asks[0].quantity) == (ticker.ask, ticker.ask_quantity)
            same += 1
    return same


def test_a_recorded_spot_session_is_understood_and_its_books_are_those_of_the_exchange() -> None:
    listener, _ = a_listener_of("BINANCE", SPOT)
    assert listener.heard[Ticker] == 84
    assert listener.heard[OrderBook] >= 170
    assert listener.unsupported == {"aggTrade": 2}
    assert listener.heard[Candle] == 2
    assert assert_books_are_right(listener) > 10


def test_a_recorded_futures_session_is_understood_and_its_books_are_those_of_the_exchange() -> None:
    listener, lines = a_listener_of("BINANCE_FUTURES", USD_M)
    told = Counter(re.findall(r'"e":"(\w+)"', "".join(line.data for line in lines if line.kind == "recv")))
    assert listener.heard[Trade] == told["aggTrade"] > 50
    assert listener.heard[Ticker] == told["bookTicker"]
    assert listener.heard[OrderBook] > 0.9 * told["depthUpdate"]
    assert not listener.unsupported
    assert listener.heard[Candle] == told["kline"] == 67
    assert assert_books_are_right(listener) > 10
    assert all(listener.books.of(book.instrument).synced for book in listener.shown)


def test_a_recorded_candle_closes_with_all_that_the_exchange_says_of_it() -> None:
    kind = USD_M
    lines = [line for line in session("BINANCE_FUTURES") if line.kind == "recv"]
    instruments = [an_instrument(venue, kind) for venue in venues_of(lines)]
    parser = Parser(instruments, CHANNELS, books=Books(instruments, kind.book_rule, NoResync()), kind=kind)
    candles = [
        event
        for line in lines
        if "@kline_1m" in line.data
        for event in parser.read(line.data.encode(), line.ts_recv)
        if isinstance(event, Candle)
    ]
    sushi = [candle for candle in candles if candle.instrument.startswith("binance:SUSHIUSDT")]
    closed = next(candle for candle in sushi if not candle.forming)
    assert closed.open_time == 1626992700_000_000_000
    assert (closed.open, closed.high, closed.low, closed.close) == (7.6080, 7.6180, 7.6070, 7.6170)
    assert (closed.volume, closed.trades, closed.buy_volume) == (3005.0, 113, 1900.0)
    assert sushi[0].forming
    assert all(candle.provenance == "backfilled" and candle.timeframe == "1m" for candle in candles)


SUPPORTED = {
    ("trade", "linear_swap"): Trade,
    ("trade", "linear_future"): Trade,
    ("bbo", "linear_swap"): Ticker,
    ("ticker", "linear_swap"): DayStatistics,
    ("ticker", "linear_future"): DayStatistics,
    ("ticker", "spot"): DayStatistics,
    ("candlestick", "spot"): Candle,
    ("candlestick", "linear_future"): Candle,
}


def test_frames_of_other_years_are_understood_or_named() -> None:
    told: Counter[str] = Counter()
    for row in payloads("binance"):
        frame = row["raw"].encode()
        kind = SPOT if row["case"] == "spot" else USD_M
        venue, time = re.search(r'"s":"(\w+)"', row["raw"]), re.search(r'"E":(\d+)', row["raw"])
        instrument = an_instrument(venue.group(1) if venue else "BTCUSDT", kind)
        parser = Parser((instrument,), CHANNELS, books=Books((instrument,), kind.book_rule, NoResync()), kind=kind)
        now = to_ns(int(time.group(1))) if time else 1
        try:
            events = parser.read(frame, now)
        except NotAskedFor:
            told["not asked for"] += 1
            events = ()
        except NotMarketData:
            told["no market data"] += 1
            events = ()
        wanted = SUPPORTED.get((row["kind"], row["case"]))
        if wanted is not None and not row["raw"].startswith('{"stream":"!'):
            assert [type(event) for event in events] == [wanted], row
    assert told["not asked for"] > 10
    # open interest and answers of REST: whoever hears them on a socket is told so
    assert told["no market data"] > 3


TRADE = (
    b'{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1616202009196,"a":389551486,"s":"BTCUSDT","p":"58665.00",'
    b'"q":"0.043","f":621622993,"l":621622993,"T":1616202009188,"m":false,"nq":"0.043"}}'
)


@pytest.mark.parametrize("kind", [SPOT, USD_M])
def test_only_the_stream_of_the_market_s_own_id_space_is_taken(kind: Kind) -> None:
    instrument = an_instrument("BTCUSDT", kind)
    parser = Parser((instrument,), CHANNELS, books=Books((instrument,), kind.book_rule, NoResync()), kind=kind)
    if kind is SPOT:
        with pytest.raises(NotAskedFor):
            parser.read(TRADE, to_ns(1616202009188))
        return
    (trade,) = parser.read(TRADE, to_ns(1616202009188))
    assert isinstance(trade, Trade)
    assert (trade.seq, trade.trade_id, trade.price, trade.side) == (389551486, "389551486", 58665.0, "buy")
