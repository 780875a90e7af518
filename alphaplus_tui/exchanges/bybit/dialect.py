"""Bybit as the shared machinery sees it: addresses, requests, answers."""

from collections.abc import Iterator, Sequence

import msgspec

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.text import clean
from alphaplus_tui.exchanges.bybit.frames import Said
from alphaplus_tui.exchanges.bybit.parser import BOOK_RULE, PREFIX, SPOT_PREFIX, TRADES, BybitParser
from alphaplus_tui.exchanges.bybit.rest import BybitRest
from alphaplus_tui.exchanges.bybit.symbols import CATEGORIES, category_of, topics_of
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.dialect import Answer, Request, Shard
from alphaplus_tui.exchanges.shared.parsing import to_ns
from alphaplus_tui.exchanges.shared.pulses import Pulses
from alphaplus_tui.exchanges.shared.talk import KeepAlive

_CHARACTERS_PER_CONNECTION = 20_000
"""Of all topics together; Bybit allows 21,000."""
REQUESTS_PER_S = 20.0
"""No limit is documented for public sockets."""
_ABOUT_A_TOPIC = "topic:"
_TRADE_PREFIX = PREFIX + TRADES.encode()
_SAID = msgspec.json.Decoder(Said)


class BybitDialect:
    """A socket for each category; requests carry a number that their answer repeats."""

    data = (PREFIX, SPOT_PREFIX)
    keep_alive = KeepAlive('{"op":"ping"}', every_s=20.0)
    book_rule = BOOK_RULE
    snapshots = None

    def __init__(self, exchange: str, ws_url: str, rest: BybitRest) -> None:
        self.exchange, self._url, self._rest = exchange, ws_url.rstrip("/") + "/v5/public/", rest

    def shards(self, instruments: Sequence[Instrument], channels: frozenset[Channel]) -> Sequence[Shard]:
        shards: list[Shard] = []
        for category in CATEGORIES:
            share: list[Instrument] = []
            characters = 0
            for instrument in instruments:
                if category_of(instrument.symbol) != category:
                    continue
                needed = sum(len(topic) + 3 for topic in topics_of(instrument, channels))
                if share and characters + needed > _CHARACTERS_PER_CONNECTION:
                    shards.append(Shard(self._url + category, tuple(share), channels))
                    share, characters = [], 0
                share.append(instrument)
                characters += needed
            if share:
                shards.append(Shard(self._url + category, tuple(share), channels))
        return shards

    def requests(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], ids: Iterator[int], *, on: bool
    ) -> Sequence[Request]:
        # one for each instrument, so that one that was taken from the market does not silence others; the spot market
        # allows ten topics
        op = "subscribe" if on else "unsubscribe"
        return [_request(op, topics_of(instrument, channels), next(ids)) for instrument in instruments]

    def parser(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel], books: Books, pulses: Pulses
    ) -> BybitParser:
        return BybitParser(instruments, channels, books=books, pulses=pulses)

    def is_trade(self, frame: bytes) -> bool:
        return frame.startswith(_TRADE_PREFIX)

    def answer(self, frame: bytes) -> Answer:
        said = _SAID.decode(frame)
        if said.op in {"ping", "pong"}:
            return Answer()
        keys = (said.req_id,)
        if said.success or said.op == "unsubscribe":
            return Answer(keys)
        words = clean(said.ret_msg, limit=200) or "no reason given"
        return Answer(keys, complaint=f"refused: {words}") if _ABOUT_A_TOPIC in words else Answer(refused=words)

    async def newest_seq(self, instrument: Instrument) -> int:
        trades = await self._rest.newest_trades(category_of(instrument.symbol), instrument.venue_symbol, limit=1)
        return to_ns(trades[-1].time) if trades else -1


def _request(op: str, topics: Sequence[str], number: int) -> Request:
    text = msgspec.json.encode({"req_id": str(number), "op": op, "args": list(topics)}).decode()
    return Request(text, (str(number),))
