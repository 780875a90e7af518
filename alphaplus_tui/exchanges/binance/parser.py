"""Turns Binance's frames into what the market says."""

import re
from collections.abc import Callable, Sequence

import msgspec
from msgspec.json import Decoder

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, DayStatistics, Side, Ticker, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.binance.frames import (
    AggTradeData,
    BookTickerData,
    Combined,
    DayData,
    KlineData,
    SnapshotData,
    TradeData,
)
from alphaplus_tui.exchanges.binance.kinds import SPOT, TOLD, Kind
from alphaplus_tui.exchanges.binance.symbols import SNAPSHOT
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.own_candles import told_candle
from alphaplus_tui.exchanges.shared.parsing import (
    ABSURD_PRICE,
    ABSURD_QUANTITY,
    DAY_NS,
    LARGEST_FRAME,
    LARGEST_ID,
    Events,
    NotAskedFor,
    NotMarketData,
    Unusable,
    another,
    check_day,
    check_levels,
    moment,
    to_ns,
)
from alphaplus_tui.exchanges.shared.pulses import Pulse, Pulses

PREFIX = b'{"stream":"'
"""How market data begins."""
_NAME_FROM = len(PREFIX)
_STREAM = re.compile(rb'\s*\{\s*"stream"\s*:\s*"([^"\\]{1,120})"')
SERVER_SHUTDOWN = "serverShutdown"
"""Tells that the connection will be closed soon."""
_BARE_SNAPSHOT = b'{"lastUpdateId"'

# strict=False: numbers come as strings
_TICKER = Decoder(Combined[BookTickerData], strict=False)
_DAY = Decoder(Combined[DayData], strict=False)
_KLINE = Decoder(Combined[KlineData], strict=False)
_SNAPSHOT = Decoder(Combined[SnapshotData], strict=False)
_BARE = Decoder(SnapshotData, strict=False)

Route = Callable[[bytes, int], Events]
"""Reads the frames of one stream: the frame, UTC ns of its receipt."""


class Parser:
    """Reads the frames of some instruments' streams.

    Reading by stream name needs one pass over each frame: the name says which type to decode, and whose it is.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        channels: frozenset[Channel],
        *,
        books: Books,
        pulses: Pulses | None = None,
        kind: Kind = SPOT,
    ) -> None:
        self._books = books
        trade_decoder = Decoder(Combined[kind.trade_data], strict=False)
        self._depth_decoder = Decoder(Combined[kind.depth_data], strict=False)
        self._routes: dict[bytes, Route] = {}
        for instrument in instruments:
            routes = {
                Channel.TRADE: lambda i=instrument: _trades(
                    i, pulses.of(i.id) if pulses else Pulse(i), trade_decoder.decode
                ),
                Channel.TICKER: lambda i=instrument: _tickers(i),
                Channel.BOOK: lambda i=instrument: self._depths(i),
                Channel.STATISTICS: lambda i=instrument: _days(i),
                Channel.CANDLE: lambda i=instrument: _candles(i),
            }
            for channel in kind.streams.keys() & channels:
                self._routes[kind.stream_name(instrument.venue_symbol, channel).encode()] = routes[channel]()
            if Channel.BOOK in channels:
                name = f"{instrument.venue_symbol.lower()}@{SNAPSHOT}"
                self._routes[name.encode()] = self._snapshots(instrument)
        self._first = instruments[0] if instruments else None

    def read(self, frame: bytes, ts_recv: int) -> Events:
        """What ``frame`` says. Raises Unusable, or NotMarketData for frames of other kinds."""
        try:
            if frame.startswith(PREFIX):
                route = self._routes.get(frame[_NAME_FROM : frame.find(b'"', _NAME_FROM, 140)])
                if route is not None and len(frame) <= LARGEST_FRAME:
                    return route(frame, ts_recv)
            return self._read_unusual(frame, ts_recv)
        except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
            raise Unusable(f"not as expected: {clean(str(error), limit=200)}") from error

    def _read_unusual(self, frame: bytes, ts_recv: int) -> Events:
        if len(frame) > LARGEST_FRAME:
            raise Unusable(f"{len(frame):,} bytes: larger than any frame may be")
        found = _STREAM.match(frame)
        if found is not None:
            name = found.group(1)
            route = self._routes.get(name)
            if route is None and SERVER_SHUTDOWN.encode() in frame:
                raise NotMarketData
            if route is None:
                raise NotAskedFor(f"stream {clean(name.decode(errors='replace'), limit=80)!r} was not asked for")
            return route(frame, ts_recv)
        if frame.startswith(_BARE_SNAPSHOT) and self._first is not None:
            return self._snapshot(self._first, _BARE.decode(frame), ts_recv)
        raise NotMarketData

    def _depths(self, instrument: Instrument) -> Route:
        change, symbol, decode = self._books.change_of(instrument), instrument.venue_symbol, self._depth_decoder.decode

        def read(frame: bytes, ts_recv: int) -> Events:
            data = decode(frame).data
            if data.symbol != symbol:
                raise Unusable(another(data.symbol, symbol))
            if not 0 <= data.first_update_id <= data.last_update_id <= LARGEST_ID:
                raise Unusable("update numbers that cannot be")
            ts_event = moment(data.time, ts_recv)
            check_levels(data.bids)
            check_levels(data.asks)
            return change(data, ts_event, ts_recv)

        return read

    def _snapshots(self, instrument: Instrument) -> Route:
        def read(frame: bytes, ts_recv: int) -> Events:
            return self._snapshot(instrument, _SNAPSHOT.decode(frame).data, ts_recv)

        return read

    def _snapshot(self, instrument: Instrument, data: SnapshotData, ts_recv: int) -> Events:
        return self._books.snapshot(
            instrument, data.last_update_id, data.bids, data.asks, ts_event=ts_recv, ts_recv=ts_recv
        )


def _trades(
    instrument: Instrument,
    pulse: Pulse,
    decode: Callable[[bytes], Combined[TradeData | AggTradeData]],
) -> Route:
    identity, symbol = instrument.id, instrument.venue_symbol
    buy, sell = Side.BUY, Side.SELL

    def read(frame: bytes, ts_recv: int) -> Events:
        data = decode(frame).data
        price, quantity, trade_id = data.price, data.quantity, data.trade_id
        if data.symbol != symbol:
            raise Unusable(another(data.symbol, symbol))
        if not (0.0 < price < ABSURD_PRICE and 0.0 < quantity < ABSURD_QUANTITY and 0 <= trade_id <= LARGEST_ID):
            raise Unusable(f"price {price!r}, quantity {quantity!r}, id {trade_id!r}: cannot be")
        # the one path that is worth its own arithmetic: milliseconds first, and a day either way
        ts_event = data.time * 1_000_000
        if not -DAY_NS < ts_event - ts_recv < DAY_NS:
            ts_event = moment(data.time, ts_recv)
        pulse.trades += 1
        pulse.last_seq = trade_id
        side = sell if data.buyer_is_maker else buy
        trade = Trade(identity, str(trade_id), trade_id, price, quantity, side, ts_event, ts_recv)
        return (trade,)

    return read


def _tickers(instrument: Instrument) -> Route:
    identity, symbol, decode = instrument.id, instrument.venue_symbol, _TICKER.decode

    def read(frame: bytes, ts_recv: int) -> Events:
        data = decode(frame).data
        bid, ask = data.bid, data.ask
        if data.symbol != symbol:
            raise Unusable(another(data.symbol, symbol))
        if bid == 0.0 or ask == 0.0:
            return ()  # a side of the book is empty: there is no best price
        if not (
            0.0 < bid < ask < ABSURD_PRICE
            and 0 <= data.update_id <= LARGEST_ID
            and 0.0 <= data.bid_quantity < ABSURD_QUANTITY
            and 0.0 <= data.ask_quantity < ABSURD_QUANTITY
        ):
            raise Unusable(f"bid {bid!r}, ask {ask!r}: cannot be")
        ts_event = moment(data.time, ts_recv) if data.time else ts_recv
        return (Ticker(identity, bid, data.bid_quantity, ask, data.ask_quantity, data.update_id, ts_event, ts_recv),)

    return read


def _days(instrument: Instrument) -> Route:
    identity, symbol, decode = instrument.id, instrument.venue_symbol, _DAY.decode

    def read(frame: bytes, ts_recv: int) -> Events:
        data = decode(frame).data
        if data.symbol != symbol:
            raise Unusable(another(data.symbol, symbol))
        if data.last == 0.0:
            return ()  # nothing traded for a day
        prices = (("open", data.open), ("high", data.high), ("low", data.low), ("last", data.last))
        check_day(prices, data.volume, data.quote_volume)
        ts_event = moment(data.time, ts_recv)
        return (
            DayStatistics(
                identity, data.open, data.high, data.low, data.last, data.volume, data.quote_volume, ts_event, ts_recv
            ),
        )

    return read


def _candles(instrument: Instrument) -> Route:
    symbol, decode = instrument.venue_symbol, _KLINE.decode

    def read(frame: bytes, ts_recv: int) -> Events:
        said = decode(frame).data
        data = said.candle
        if said.symbol != symbol:
            raise Unusable(another(said.symbol, symbol))
        if data.interval != TOLD:
            raise Unusable(f"a candle of {clean(data.interval, limit=20)!r} in a stream of {TOLD}")
        if data.close == 0.0:
            return ()  # it never traded
        return (
            told_candle(
                instrument,
                TOLD,
                to_ns(data.opened),
                (data.open, data.high, data.low, data.close),
                volume=data.volume,
                trades=data.trades,
                bought=data.bought,
                forming=not data.closed,
                ts_recv=ts_recv,
            ),
        )

    return read
