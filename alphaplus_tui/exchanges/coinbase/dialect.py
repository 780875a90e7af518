"""Coinbase as the shared machinery sees it: addresses, requests, answers."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.coinbase.book import RULE
from alphaplus_tui.exchanges.coinbase.frames import HeartbeatFrame, Refusal, SubscriptionsFrame
from alphaplus_tui.exchanges.coinbase.parser import CoinbaseParser
from alphaplus_tui.exchanges.coinbase.rest import CoinbaseRest
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.dialect import Answer, Request, Shard
from alphaplus_tui.exchanges.shared.pulses import Pulses

INSTRUMENTS_PER_CONNECTION = 100
BOOKS_PER_CONNECTION = 5
"""A whole one has up to five million bytes, the answer comes behind them, and one lost frame makes all books of a
connection begin anew."""
_TRADES = b'{"channel":"market_trades"'
_TOLD = msgspec.json.Decoder(HeartbeatFrame | SubscriptionsFrame)
_REFUSAL = msgspec.json.Decoder(Refusal)
_HEARTBEATS = "heartbeats"


class CoinbaseDialect:
    """Advanced Trade: a request for each channel; each is answered with all that is subscribed to since."""

    data = (_TRADES, b'{"channel":"l2_data"', b'{"channel":"ticker"', b'{"channel":"candles"')
    keep_alive = None
    book_rule = RULE
    snapshots = None

    def __init__(self, exchange: str, ws_url: str, rest: CoinbaseRest) -> None:
        self.exchange, self._url, self._rest = exchange, ws_url, rest

    def shards(self, instruments: Sequence[Instrument], channels: frozenset[Channel]) -> Sequence[Shard]:
        """Books apart: a whole one would hold up the trades behind it."""
        books, others = channels & {Channel.BOOK}, channels - {Channel.BOOK}
        return [
            Shard(self._url, tuple(instruments[start : start + size]), some)
            for some, size in ((others, INSTRUMENTS_PER_CONNECTION), (books, BOOKS_PER_CONNECTION))
            if some
            for start in range(0, len(instruments), size)
        ]

    def requests(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], ids: Iterator[int], *, on: bool
    ) -> Sequence[Request]:
        del ids
        products = list(dict.fromkeys(instrument.venue_symbol for instrument in instruments))
        said = [_request(name, products, on=on) for name in _names(channels)]
        return [_request(_HEARTBEATS, (), on=True), *said] if on else said

    def parser(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], books: Books, pulses: Pulses
    ) -> CoinbaseParser:
        return CoinbaseParser(instruments, channels, books=books, pulses=pulses)

    def is_trade(self, frame: bytes) -> bool:
        return frame.startswith(_TRADES)

    def answer(self, frame: bytes) -> Answer:
        if b'"channel"' not in frame[:200]:
            return Answer(refused=clean(_REFUSAL.decode(frame).message, limit=200) or "no reason given")
        told = _TOLD.decode(frame)
        if isinstance(told, HeartbeatFrame):
            return Answer()
        return Answer(tuple(name for event in told.events for name in event.subscriptions))

    async def newest_seq(self, instrument: Instrument) -> int:
        return await self._rest.newest_trade(instrument.venue_symbol)


def _names(channels: frozenset[Channel]) -> list[str]:
    wanted = {
        "market_trades": Channel.TRADE in channels,
        "ticker": bool(channels & {Channel.TICKER, Channel.STATISTICS}),
        "level2": Channel.BOOK in channels,
        "candles": Channel.CANDLE in channels,
    }
    return [name for name, is_wanted in wanted.items() if is_wanted]


def _request(name: str, products: Sequence[str], *, on: bool) -> Request:
    said: dict[str, Any] = {"type": "subscribe" if on else "unsubscribe", "channel": name}
    if products:
        said["product_ids"] = list(products)
    return Request(msgspec.json.encode(said).decode(), (name,) if on else ())
