"""Kraken as the shared machinery sees it: addresses, requests, answers."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.kraken.book import DEPTH, RULE
from alphaplus_tui.exchanges.kraken.frames import Answer as KrakenAnswer
from alphaplus_tui.exchanges.kraken.frames import HeartbeatFrame, StatusFrame
from alphaplus_tui.exchanges.kraken.parser import KrakenParser
from alphaplus_tui.exchanges.kraken.rest import KrakenRest
from alphaplus_tui.exchanges.kraken.symbols import MINUTES, TOLD
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.dialect import Answer, Request, Shard
from alphaplus_tui.exchanges.shared.pulses import Pulses
from alphaplus_tui.exchanges.shared.talk import KeepAlive

INSTRUMENTS_PER_CONNECTION = 200
"""Kraken names no limit; so many share a connection's fate."""
_SYMBOLS_PER_REQUEST = 100
_TRADES = b'{"channel":"trade"'
_TOLD = msgspec.json.Decoder(HeartbeatFrame | StatusFrame)
_ANSWER = msgspec.json.Decoder(KrakenAnswer)
_SAID_TWICE = "Already subscribed"


class KrakenDialect:
    """Version 2: channels by name, each symbol of a request answered on its own."""

    data = (_TRADES, b'{"channel":"book"', b'{"channel":"ticker"', b'{"channel":"ohlc"')
    keep_alive = KeepAlive('{"method":"ping"}', 30.0)
    book_rule = RULE
    snapshots = None

    def __init__(self, exchange: str, ws_url: str, rest: KrakenRest) -> None:
        self.exchange, self._url, self._rest = exchange, ws_url.rstrip("/") + "/v2", rest

    def shards(self, instruments: Sequence[Instrument], channels: frozenset[Channel]) -> Sequence[Shard]:
        step = INSTRUMENTS_PER_CONNECTION
        starts = range(0, len(instruments), step)
        return [Shard(self._url, tuple(instruments[start : start + step]), channels) for start in starts]

    def requests(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], ids: Iterator[int], *, on: bool
    ) -> Sequence[Request]:
        names = [instrument.venue_symbol for instrument in instruments]
        starts = range(0, len(names), _SYMBOLS_PER_REQUEST)
        return [
            _request(params, names[start : start + _SYMBOLS_PER_REQUEST], next(ids), on=on)
            for params in _subscriptions(channels)
            for start in starts
        ]

    def parser(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], books: Books, pulses: Pulses
    ) -> KrakenParser:
        return KrakenParser(instruments, channels, books=books, pulses=pulses)

    def is_trade(self, frame: bytes) -> bool:
        return frame.startswith(_TRADES)

    def answer(self, frame: bytes) -> Answer:
        if b'"method"' not in frame[:400]:
            _TOLD.decode(frame)
            return Answer()
        answer = _ANSWER.decode(frame)
        if answer.method == "pong":
            return Answer()
        symbol = answer.result.symbol if answer.result else answer.symbol
        keys = (_key(answer.req_id, symbol),)
        if answer.success or answer.method == "unsubscribe" or answer.error == _SAID_TWICE:
            return Answer(keys)
        error = clean(answer.error, limit=200)
        if symbol:
            # one that was taken from the market must not silence the others
            return Answer(keys, complaint=f"{clean(symbol, limit=40)} refused: {error}")
        return Answer(refused=error)

    async def newest_seq(self, instrument: Instrument) -> int:
        return await self._rest.newest_trade(instrument.venue_symbol)


def _subscriptions(channels: frozenset[Channel]) -> list[dict[str, Any]]:
    wanted: list[dict[str, Any]] = []
    if Channel.TRADE in channels:
        wanted.append({"channel": "trade", "snapshot": True})
    if channels & {Channel.TICKER, Channel.STATISTICS}:
        wanted.append({"channel": "ticker", "event_trigger": "bbo" if Channel.TICKER in channels else "trades"})
    if Channel.BOOK in channels:
        wanted.append({"channel": "book", "depth": DEPTH})
    if Channel.CANDLE in channels:
        wanted.append({"channel": "ohlc", "interval": MINUTES[TOLD], "snapshot": False})
    return wanted


def _request(params: dict[str, Any], symbols: Sequence[str], number: int, *, on: bool) -> Request:
    method = "subscribe" if on else "unsubscribe"
    said = {"method": method, "params": params | {"symbol": list(symbols)}, "req_id": number}
    return Request(msgspec.json.encode(said).decode(), tuple(_key(number, symbol) for symbol in symbols))


def _key(number: int | None, symbol: str) -> str:
    return f"{number} {symbol}"
