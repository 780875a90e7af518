"""Kraken's frames, version 2, as they come over the wire, and its REST answers."""

from typing import Generic, TypeVar

from msgspec import Raw, Struct, field

T = TypeVar("T")


class TradeRow(Struct, gc=False):
    symbol: str
    side: str
    price: float
    quantity: float = field(name="qty")
    trade_id: int
    timestamp: str


class TradeFrame(Struct, gc=False, tag_field="channel", tag="trade"):
    """``type`` is ``snapshot`` for the last trades before the subscription, else ``update``."""

    type: str
    data: list[TradeRow]


class TickerRow(Struct, gc=False):
    symbol: str
    bid: float
    bid_quantity: float = field(name="bid_qty")
    ask: float
    ask_quantity: float = field(name="ask_qty")
    last: float
    volume: float
    vwap: float
    low: float
    high: float
    change: float
    timestamp: str = ""


class TickerFrame(Struct, gc=False, tag_field="channel", tag="ticker"):
    data: list[TickerRow]


class WrittenLevel(Struct, gc=False):
    """The numbers as they were written: the checksum is made of their digits."""

    price: Raw
    quantity: Raw = field(name="qty")


class BookRow(Struct, gc=False):
    symbol: str
    checksum: int
    bids: list[WrittenLevel] = []
    asks: list[WrittenLevel] = []
    timestamp: str = ""


class BookFrame(Struct, gc=False, tag_field="channel", tag="book"):
    type: str
    data: list[BookRow]


class OhlcRow(Struct, gc=False):
    symbol: str
    open: float
    high: float
    low: float
    close: float
    trades: int
    volume: float
    interval_begin: str
    interval: int


class OhlcFrame(Struct, gc=False, tag_field="channel", tag="ohlc"):
    """After each trade, the candle so far; never that it closed."""

    data: list[OhlcRow]


class HeartbeatFrame(Struct, tag_field="channel", tag="heartbeat"):
    """Each second in which nothing else is said: the connection lives, which says nothing of a subscription."""


class StatusRow(Struct):
    system: str
    version: str = ""


class StatusFrame(Struct, tag_field="channel", tag="status"):
    """The first on a connection, and whenever the trading engine changes its state."""

    data: list[StatusRow]


Frame = TradeFrame | BookFrame | TickerFrame | OhlcFrame | HeartbeatFrame | StatusFrame


class Subscribed(Struct):
    symbol: str = ""


class Answer(Struct):
    """To a request of ours, one for each symbol in it; ``error`` when it was refused."""

    method: str
    req_id: int | None = None
    success: bool = True
    error: str = ""
    symbol: str = ""
    result: Subscribed | None = None


class RestAnswer(Struct, Generic[T]):
    """Always with status 200; ``error`` tells whether ``result`` is there."""

    error: list[str]
    result: T | None = None


class Pair(Struct):
    wsname: str = ""
    """Missing for the dark pools."""
    status: str = "online"
    price_decimals: int = field(name="pair_decimals", default=8)
    quantity_decimals: int = field(name="lot_decimals", default=8)
    price_step: float = field(name="tick_size", default=0.0)


class ServerTime(Struct):
    unixtime: int


CandleRow = tuple[int, float, float, float, float, float, float, int]
"""Opening time (s), open, high, low, close, average price, volume, number of trades."""
PastTrade = tuple[float, float, Raw, str, str, str, int]
"""Price, quantity, time (s; read as text), b or s, m or l, a remark, number."""
