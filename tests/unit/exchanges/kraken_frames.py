"""Kraken's frames, version 2, written by hand after its documentation, and a parser to read them."""

import json
from collections.abc import Sequence
from typing import Any
from zlib import crc32

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.exchanges.kraken.book import RULE
from alphaplus_tui.exchanges.kraken.parser import KrakenParser
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.pulses import Pulses
from alphaplus_tui.exchanges.shared.times import rfc3339_ns
from tests.fakes.clock import FakeClock

BTC = Instrument("kraken", "BTC/USD", "BTC/USD", "BTC", "USD", 0.1, 1e-8)
ALGO = Instrument("kraken", "ALGO/USD", "ALGO/USD", "ALGO", "USD", 0.00001, 1e-8)
NOW = rfc3339_ns("2024-10-03T02:46:58Z")

TRADE = (
    '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":60812.3,"qty":0.01250000,'
    '"ord_type":"market","trade_id":74411012,"timestamp":"2024-10-03T02:46:57.708706Z"}]}'
)
TICKER = (
    '{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":60812.2,"bid_qty":0.53000000,'
    '"ask":60812.3,"ask_qty":1.02000000,"last":60812.3,"volume":2158.32346723,"vwap":60901.5,"low":60001.0,'
    '"high":61500.0,"change":-187.7,"change_pct":-0.31,"timestamp":"2024-10-03T02:46:57.050170Z"}]}'
)
OHLC = (
    '{"channel":"ohlc","type":"update","timestamp":"2024-10-03T02:46:57.731066231Z","data":[{"symbol":"BTC/USD",'
    '"open":60810.1,"high":60815.0,"low":60809.9,"close":60812.3,"trades":12,"volume":0.93571460,"vwap":60812.0,'
    '"interval_begin":"2024-10-03T02:46:00.000000000Z","interval":1,"timestamp":"2024-10-03T02:47:00.000000Z"}]}'
)
BIDS = (
    "0.12291 27039.62776299", "0.12290 8136.33288180", "0.12287 10984.20817349", "0.12283 28027.05025639",
    "0.12280 9705.60000000", "0.12279 15215.53522714", "0.12275 4067.00000000", "0.12274 30639.39949109",
    "0.12268 2531.96119986", "0.12267 16299.00000000",
)  # fmt: skip
ASKS = (
    "0.12307 600.00000000", "0.12308 4042.11919517", "0.12312 10284.53891000", "0.12314 16155.08885299",
    "0.12315 5186.05778473", "0.12316 32828.24000000", "0.12317 7751.65718582", "0.12318 32298.82000000",
    "0.12319 1864.66899600", "0.12322 4718.99755630",
)  # fmt: skip
SNAPSHOT_CHECKSUM, UPDATE_CHECKSUM = 2375857985, 1100635717
"""What Kraken itself sent for this book on 2024-10-03, and after its next change."""
HEARTBEAT = '{"channel":"heartbeat"}'
STATUS = (
    '{"channel":"status","data":[{"api_version":"v2","connection_id":14949390454975033707,"system":"online",'
    '"version":"2.0.8"}],"type":"update"}'
)


def _levels(levels: Sequence[str]) -> str:
    return ",".join('{{"price":{},"qty":{}}}'.format(*level.split()) for level in levels)


def book_frame(
    bids: Sequence[str] = (),
    asks: Sequence[str] = (),
    *,
    checksum: int,
    symbol: str = "ALGO/USD",
    snapshot: bool = False,
) -> str:
    """bids, asks: price and quantity as they are to be written."""
    kind = "snapshot" if snapshot else "update"
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{_levels(bids)}],'
        f'"asks":[{_levels(asks)}],"checksum":{checksum},"timestamp":"2024-10-03T02:46:57.050170Z"}}]}}'
    )


SNAPSHOT = book_frame(BIDS, ASKS, checksum=SNAPSHOT_CHECKSUM, snapshot=True)
UPDATE = book_frame(("0.12275 6597.51731160",), checksum=UPDATE_CHECKSUM)


def checksum_of(bids: Sequence[str], asks: Sequence[str]) -> int:
    """Of best-first levels as they are written, by the words of the documentation."""
    text = "".join(
        number.replace(".", "").lstrip("0") for level in (*asks[:10], *bids[:10]) for number in level.split()
    )
    return crc32(text.encode())


class NeedsNoted:
    """Notes who needs a snapshot."""

    def __init__(self) -> None:
        self.needed: list[Instrument] = []

    def need(self, instrument: Instrument) -> None:
        self.needed.append(instrument)

    def have(self, instrument: Instrument) -> None: ...


async def _nothing_newer(_: Instrument) -> int:
    return -1


class Desk:
    """A parser with its books and pulses."""

    def __init__(
        self, channels: frozenset[Channel] = frozenset(Channel), instruments: Sequence[Instrument] = (BTC, ALGO)
    ) -> None:
        self.needs = NeedsNoted()
        self.books = Books(instruments, RULE, self.needs)
        self.pulses = Pulses(instruments, _nothing_newer, FakeClock())
        self.parser = KrakenParser(instruments, channels, books=self.books, pulses=self.pulses)

    def read(self, frame: str | bytes, ts_recv: int = NOW) -> Any:
        return self.parser.read(frame if isinstance(frame, bytes) else frame.encode(), ts_recv)


def changed(frame: str, **values: Any) -> str:
    """``frame`` with other ``values`` in its first row."""
    said = json.loads(frame)
    said["data"][0].update(values)
    return json.dumps(said)
