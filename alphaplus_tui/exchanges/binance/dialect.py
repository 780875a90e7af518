"""Binance as the shared machinery sees it: addresses, requests, answers, snapshots."""

from collections.abc import Iterator, Sequence

import msgspec

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.binance.frames import Answer as BinanceAnswer
from alphaplus_tui.exchanges.binance.frames import SnapshotData
from alphaplus_tui.exchanges.binance.parser import PREFIX, SERVER_SHUTDOWN, Parser
from alphaplus_tui.exchanges.binance.rest import BinanceRest
from alphaplus_tui.exchanges.binance.symbols import SNAPSHOT
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.dialect import Answer, Request, Shard
from alphaplus_tui.exchanges.shared.parsing import Events
from alphaplus_tui.exchanges.shared.pulses import Pulses

_STREAMS_PER_REQUEST = 200
_ANSWER = msgspec.json.Decoder(BinanceAnswer)
_SNAPSHOT = msgspec.json.Decoder(SnapshotData, strict=False)


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

    def __init__(self, exchange: str, ws_url: str | None, rest: BinanceRest) -> None:
        """ws_url: instead of Binance's own scheme, host and port."""
        self.exchange, self._rest, self._kind = exchange, rest, rest.kind
        self._url = (ws_url or self._kind.ws_url).rstrip("/")
        self._trade_ending = self._kind.trade_ending
        self.book_rule = self._kind.book_rule
        self.snapshots = BinanceSnapshots(rest)

    def shards(self, instruments: Sequence[Instrument], channels: frozenset[Channel]) -> Sequence[Shard]:
        shards: list[Shard] = []
        for path, served in self._kind.sockets.items():
            if not (wanted := channels & served):
                continue
            step = max(1, self._kind.streams_per_connection // len(wanted))
            starts = range(0, len(instruments), step)
            shards += [Shard(self._url + path, tuple(instruments[start : start + step]), wanted) for start in starts]
        return shards

    def requests(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], ids: Iterator[int], *, on: bool
    ) -> Sequence[Request]:
        streams = [
            self._kind.stream_name(instrument.venue_symbol, channel)
            for channel in self._kind.streams
            if channel in channels
            for instrument in instruments
        ]
        starts = range(0, len(streams), _STREAMS_PER_REQUEST)
        method = "SUBSCRIBE" if on else "UNSUBSCRIBE"
        return [_request(method, streams[start : start + _STREAMS_PER_REQUEST], next(ids)) for start in starts]

    def parser(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], books: Books, pulses: Pulses
    ) -> Parser:
        return Parser(instruments, channels, books=books, pulses=pulses, kind=self._kind)

    def is_trade(self, frame: bytes) -> bool:
        return frame.endswith(self._trade_ending, 0, frame.find(b'"', len(PREFIX), 140))

    def answer(self, frame: bytes) -> Answer:
        answer = _ANSWER.decode(frame)
        if answer.error is not None:
            return Answer(refused=f"{clean(answer.error.msg, limit=200)} (code {answer.error.code})")
        if answer.code is not None:
            return Answer(refused=f"{clean(answer.msg, limit=200)} (code {answer.code})")
        if SERVER_SHUTDOWN in {answer.event, answer.data.event if answer.data else ""}:
            return Answer(leaving=True)
        return Answer(keys=(str(answer.id),))

    async def newest_seq(self, instrument: Instrument) -> int:
        return await self._rest.newest_trade_id(instrument.venue_symbol)


def _request(method: str, streams: Sequence[str], number: int) -> Request:
    text = msgspec.json.encode({"method": method, "params": list(streams), "id": number}).decode()
    return Request(text, (str(number),))
