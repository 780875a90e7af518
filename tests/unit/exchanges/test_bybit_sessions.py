"""A recorded session with Bybit's two sockets: each frame is understood or named, and the books are right."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from alphaplus_tui.domain.events import FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, DayStatistics, OrderBook, Ticker, Trade
from alphaplus_tui.exchanges.bybit.dialect import BybitDialect
from alphaplus_tui.exchanges.bybit.frames import Listing, RestAnswer
from alphaplus_tui.exchanges.bybit.parser import BOOK_RULE, BybitParser
from alphaplus_tui.exchanges.bybit.symbols import category_of, unified_symbol
from alphaplus_tui.exchanges.shared.books import Books, NoResync
from alphaplus_tui.exchanges.shared.parsing import NotAskedFor, NotMarketData
from tests.sessions import Line, payloads, session

CHANNELS = frozenset(Channel)
SECOND_NS = 1_000_000_000
_ANSWER = msgspec.json.Decoder(RestAnswer)
_LISTING = msgspec.json.Decoder(Listing, strict=False)
SYMBOLS = {
    "spot": ("BTC/USDT", "ETH/USDT"),
    "linear": ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "DOGE/USDT:USDT"),
}


def instruments_of(category: str) -> tuple[Instrument, ...]:
    return tuple(
        Instrument("bybit", symbol, symbol.partition(":")[0].replace("/", ""), "", "", 0.01, 0.01, numbered=False)
        for symbol in SYMBOLS[category]
    )


class Socket:
    """Reads one connection of the session as the adapter would."""

    def __init__(self, category: str) -> None:
        self.instruments = instruments_of(category)
        self.books = Books(self.instruments, BOOK_RULE, NoResync())
        self._parser = BybitParser(self.instruments, CHANNELS, books=self.books)
        self.events: list[Any] = []
        self.unsupported: Counter[str] = Counter()
        self.answers = 0

    def read(self, line: Line) -> None:
        try:
            self.events += self._parser.read(line.data.encode(), line.ts_recv)
        except NotAskedFor as error:
            self.unsupported[re.sub(r"topic '(\w+)\..*", r"\1", str(error))] += 1
        except NotMarketData:
            self.answers += 1

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def sockets() -> tuple[dict[str, Socket], list[Line]]:
    lines = session("BYBIT")
    address = {line.connection: line.address for line in lines if line.kind == "connect"}
    found = {name: Socket(url.rpartition("/")[2]) for name, url in address.items()}
    for line in lines:
        if line.kind == "recv":
            found[line.connection].read(line)
    return {address[name].rpartition("/")[2]: socket for name, socket in found.items()}, lines


def told(lines: Sequence[Line], topic: str) -> list[Line]:
    return [line for line in lines if line.kind == "recv" and f'"topic":"{topic}.' in line.data]


def test_every_frame_of_both_sockets_is_understood_or_named() -> None:
    found, lines = sockets()
    assert {name: socket.answers for name, socket in found.items()} == {"linear": 17, "spot": 7}
    assert not found["linear"].unsupported + found["spot"].unsupported
    trades = [trade for socket in found.values() for trade in socket.of(Trade)]
    assert len(trades) == sum(line.data.count('"p":') for line in told(lines, "publicTrade")) > 100
    assert not [event for socket in found.values() for event in socket.events if isinstance(event, FrameRejected)]
    changes = sum(len(socket.of(OrderBook)) for socket in found.values())
    assert changes == len(told(lines, "orderbook"))


def test_one_name_on_two_sockets_is_two_instruments() -> None:
    found, _ = sockets()
    spot, linear = found["spot"], found["linear"]
    assert {book.instrument for book in spot.of(OrderBook)} == {"bybit:BTC/USDT", "bybit:ETH/USDT"}
    last = {category: socket.of(OrderBook) for category, socket in found.items()}
    prices = {
        category: next(book.bids[0].price for book in books if "BTC" in book.instrument)
        for category, books in last.items()
    }
    assert prices == {"spot": 65140.4, "linear": 65114.2}
    assert not {trade.trade_id for trade in spot.of(Trade)} & {trade.trade_id for trade in linear.of(Trade)}


def test_the_candle_that_closed_and_the_one_that_begins_come_in_one_frame_each_on_its_own_market() -> None:
    found, lines = sockets()
    candles = [candle for socket in found.values() for candle in socket.of(Candle)]
    said = [line.data for line in lines if line.kind == "recv" and '"topic":"kline.' in line.data]
    assert len(candles) == sum(data.count('"start"') for data in said) > len(said) > 90
    assert all(candle.timeframe == "1m" and candle.trades is candle.buy_volume is None for candle in candles)
    closed = [candle for candle in candles if not candle.forming]
    assert {candle.open_time for candle in closed} == {1786310760 * SECOND_NS}
    figures = {c.instrument: (c.open, c.high, c.low, c.close, c.volume) for c in closed}
    assert figures["bybit:BTC/USDT"] == (65140.4, 65140.5, 65140.4, 65140.5, 0.15388)
    assert figures["bybit:BTC/USDT:USDT"] == (65119.9, 65119.9, 65114.2, 65114.2, 3.712)
    assert {name for name in figures if name not in {"bybit:BTC/USDT", "bybit:BTC/USDT:USDT"}} == {
        "bybit:ETH/USDT", "bybit:ETH/USDT:USDT", "bybit:SOL/USDT:USDT", "bybit:DOGE/USDT:USDT",
    }  # fmt: skip
    linear = found["linear"].of(Candle)
    after = linear[linear.index(next(c for c in linear if not c.forming and c.instrument == "bybit:BTC/USDT:USDT")) + 1]
    assert (after.instrument, after.open_time) == ("bybit:BTC/USDT:USDT", 1786310820 * SECOND_NS)
    assert (after.forming, after.open, after.volume) == (True, 65114.2, 0.0)


def test_books_follow_without_a_hole_and_are_never_crossed() -> None:
    found, _ = sockets()
    for socket in found.values():
        for book in socket.of(OrderBook):
            assert book.bids[0].price < book.asks[0].price
        assert all(socket.books.of(instrument.id).synced for instrument in socket.instruments)


def test_merged_tickers_are_whole_though_each_frame_says_only_what_changed() -> None:
    found, lines = sockets()
    linear, spot = found["linear"], found["spot"]
    said = told(lines, "tickers")
    with_best = [line for line in said if "bid1Price" in line.data or "ask1Price" in line.data]
    assert len(linear.of(Ticker)) == len(with_best)
    assert all(0 < ticker.bid < ticker.ask for ticker in linear.of(Ticker))
    assert not spot.of(Ticker)  # best prices of the spot market are another topic, which was not recorded
    first = spot.of(DayStatistics)[0]
    assert (first.open, first.high, first.low, first.last) == (65045.3, 65305.6, 64727.9, 65140.5)
    assert (first.volume, first.quote_volume) == (2953.835931, 191907024.69597728)
    assert len(linear.of(DayStatistics)) > 80


def test_trades_are_told_by_their_time_and_known_by_their_identity() -> None:
    found, _ = sockets()
    for socket in found.values():
        for instrument in socket.instruments:
            trades = [trade for trade in socket.of(Trade) if trade.instrument == instrument.id]
            assert [trade.seq for trade in trades] == sorted(trade.ts_event for trade in trades)
            assert len({trade.trade_id for trade in trades}) == len(trades)


def test_the_recorded_lists_name_every_instrument_as_ccxt_does() -> None:
    symbols: dict[str, str] = {}
    for line in session("BYBIT"):
        if line.kind == "http":
            for row in _LISTING.decode(_ANSWER.decode(line.data.encode()).result).rows:
                symbol = unified_symbol(
                    row.base, row.quote, settle=row.settle, contract=row.contract, delivers_at_ms=row.delivers_at
                )
                assert row.price.step > 0
                assert (row.lot.spot_step if category_of(symbol) == "spot" else row.lot.linear_step) > 0
                assert symbol not in symbols
                symbols[symbol] = row.symbol
    assert symbols["BTC/USDT"] == symbols["BTC/USDT:USDT"] == "BTCUSDT"
    assert symbols["BTC/USDC:USDC"] == "BTCPERP"
    assert any(re.fullmatch(r"BTC/USDT:USDT-\d{6}", symbol) for symbol in symbols)


def test_frames_of_older_versions_are_named() -> None:
    instruments = instruments_of("linear")
    outcomes: Counter[str] = Counter()
    for row in payloads("bybit"):
        parser = BybitParser(instruments, CHANNELS, books=Books(instruments, BOOK_RULE, NoResync()))
        try:
            parser.read(row["raw"].encode(), 1)
        except NotAskedFor:
            outcomes["not asked for"] += 1
        except NotMarketData:
            outcomes["no market data"] += 1
    assert outcomes["not asked for"] == 18
    assert outcomes.total() == len(payloads("bybit"))


def test_many_instruments_are_spread_over_connections_by_category_and_length() -> None:
    spot = [Instrument("bybit", f"S{n}/USDT", f"S{n}USDT", f"S{n}", "USDT", 0.01, 0.01) for n in range(600)]
    linear = [Instrument("bybit", f"S{n}/USDT:USDT", f"S{n}USDT", f"S{n}", "USDT", 0.01, 0.01) for n in range(10)]
    dialect = BybitDialect("bybit", "wss://stream.bybit.com", None)  # pyright: ignore[reportArgumentType] - asks nothing
    shards = dialect.shards([*linear, *spot], CHANNELS)
    assert [shard.url.rpartition("/")[2] for shard in shards].count("linear") == 1
    assert len(shards) > 2
    assert sum(len(shard.instruments) for shard in shards) == 610
    for shard in shards:
        requests = dialect.requests(shard.instruments, CHANNELS, iter(range(1000)), on=True)
        arguments = [msgspec.json.decode(request.text)["args"] for request in requests]
        assert max(map(len, arguments)) <= 10
        assert sum(len(msgspec.json.encode(these)) for these in arguments) < 21_000
