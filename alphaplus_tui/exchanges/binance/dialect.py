"""Binance as the shared machinery sees it: addresses, requests, answers, snapshots."""

from collections.abc import Iterator, Sequence

import msgspec

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.binance.frames import Answer as BinanceAnswer
from alphaplus_tui.exchanges.binance.frames import DepthData, SnapshotData
from alphaplus_tui.exchanges.binance.parser import PREFIX, Parser, is_trade
from alphaplus_tui.exchanges.binance.rest import BinanceRest
from alphaplus_tui.exchanges.binance.symbols import SNAPSHOT, STREAMS, stream_name
from alphaplus_tui.exchanges.shared.book import Rule
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.dialect import Answer, Request, Shard
from alphaplus_tui.exchanges.shared.parsing import Events
from alphaplus_tui.exchanges.shared.pulses import Pulses

STREAMS_PER_CONNECTION = 1000
"""Binance allows 1,024."""
_STREAMS_PER_REQUEST = 200
_ANSWER = msgspec.json.Decoder(BinanceAnswer)
_SNAPSHOT = msgspec.json.Decoder(SnapshotData, strict=False)


def follow(sequence: int, change: DepthData) -> int | None:
    """Changes overlap or touch.

    Source: Binance spot API, "How to manage a local order book correctly": changes up to the snapshot's number are
    old; the first one applied holds the number after it; each further one begins where the last ended.
    """
    return change.last_update_id if change.first_update_id <= sequence + 1 else None


BOOK_RULE = Rule(follow)


class BinanceSnapshots:
    """Order book snapshots over REST."""

    def __init__(self, rest: BinanceRest) -> None:
        self._rest = rest

    async def fetch(self, instrument: Instrument) -> bytes:
        return await self._rest.depth(instrument.venue_symbol)

    def apply(self, books: Books, instrument: Instrument, body: bytes, ts_recv: int) -> Events:
        data = _SNAPSHOT.decode(body)
        return books.snapshot(instrument, data.last_update_id, data.bids, data.asks, ts_event=ts_recv, ts_recv=ts_recv)

    def recorded(self, instrument: Instrument, body: bytes) -> bytes:
        name = f"{instrument.venue_symbol.lower()}@{SNAPSHOT}".encode()
        return b'{"stream":"' + name + b'","data":' + body + b"}"


class BinanceDialect:
    """Combined streams; subscriptions are numbered and answered by number."""

    data = (PREFIX,)
    keep_alive = None
    book_rule = BOOK_RULE

    def __init__(self, exchange: str, ws_url: str, rest: BinanceRest) -> None:
        self.exchange, self._url, self._rest = exchange, ws_url.rstrip("/") + "/stream", rest
        self.snapshots = BinanceSnapshots(rest)

    def shards(self, instruments: Sequence[Instrument], channels: frozenset[Channel]) -> Sequence[Shard]:
        per_connection = max(1, STREAMS_PER_CONNECTION // max(1, len(channels)))
        starts = range(0, len(instruments), per_connection)
        return [Shard(self._url, tuple(instruments[start : start + per_connection]), channels) for start in starts]

    def requests(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], ids: Iterator[int], *, on: bool
    ) -> Sequence[Request]:
        streams = [
            stream_name(instrument.venue_symbol, channel)
            for channel in STREAMS
            if channel in channels
            for instrument in instruments
        ]
        starts = range(0, len(streams), _STREAMS_PER_REQUEST)
        method = "SUBSCRIBE" if on else "UNSUBSCRIBE"
        return [_request(method, streams[start : start + _STREAMS_PER_REQUEST], next(ids)) for start in starts]

    def parser(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], books: Books, pulses: Pulses
    ) -> Parser:
        return Parser(instruments, channels, books=books, pulses=pulses)

    def is_trade(self, frame: bytes) -> bool:
        return is_trade(frame)

    def answer(self, frame: bytes) -> Answer:
        answer = _ANSWER.decode(frame)
        if answer.error is not None:
            return Answer(refused=f"{clean(answer.error.msg, limit=200)} (code {answer.error.code})")
        if answer.code is not None:
            return Answer(refused=f"{clean(answer.msg, limit=200)} (code {answer.code})")
        return Answer(keys=(str(answer.id),))

    async def newest_seq(self, instrument: Instrument) -> int:
        return await self._rest.last_trade_id(instrument.venue_symbol)


def _request(method: str, streams: Sequence[str], number: int) -> Request:
    text = msgspec.json.encode({"method": method, "params": list(streams), "id": number}).decode()
    return Request(text, (str(number),))
