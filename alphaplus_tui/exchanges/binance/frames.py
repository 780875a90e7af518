"""Binance's frames as they come over the wire; numbers in strings are read as numbers in the same pass."""

from typing import Generic, TypeVar

from msgspec import Struct, field

T = TypeVar("T")

Levels = list[tuple[float, float]]
"""Price and quantity; quantity 0 removes the level."""


class Combined(Struct, Generic[T], gc=False):
    """``{"stream": "btcusdt@trade", "data": {…}}``; the stream's name is read before, to know what T is."""

    data: T


class TradeData(Struct, gc=False, tag_field="e", tag="trade"):
    symbol: str = field(name="s")
    trade_id: int = field(name="t")
    price: float = field(name="p")
    quantity: float = field(name="q")
    time: int = field(name="T")
    buyer_is_maker: bool = field(name="m")


class AggTradeData(Struct, gc=False, tag_field="e", tag="aggTrade"):
    """Trades of one taker at one price; numbered on their own."""

    symbol: str = field(name="s")
    trade_id: int = field(name="a")
    price: float = field(name="p")
    quantity: float = field(name="q")
    time: int = field(name="T")
    buyer_is_maker: bool = field(name="m")


class BookTickerData(Struct, gc=False):
    """Has neither a type nor a time on the spot market."""

    update_id: int = field(name="u")
    symbol: str = field(name="s")
    bid: float = field(name="b")
    bid_quantity: float = field(name="B")
    ask: float = field(name="a")
    ask_quantity: float = field(name="A")
    time: int = field(name="T", default=0)
    """0: not said."""


class DepthData(Struct, gc=False, tag_field="e", tag="depthUpdate"):
    symbol: str = field(name="s")
    time: int = field(name="E")
    first_update_id: int = field(name="U")
    last_update_id: int = field(name="u")
    bids: Levels = field(name="b")
    asks: Levels = field(name="a")


class FuturesDepthData(Struct, gc=False, tag_field="e", tag="depthUpdate"):
    symbol: str = field(name="s")
    time: int = field(name="T")
    first_update_id: int = field(name="U")
    last_update_id: int = field(name="u")
    previous_update_id: int = field(name="pu")
    bids: Levels = field(name="b")
    asks: Levels = field(name="a")


class SnapshotData(Struct, gc=False):
    """What REST answers for an order book."""

    last_update_id: int = field(name="lastUpdateId")
    bids: Levels
    asks: Levels


class DayData(Struct, gc=False, tag_field="e", tag="24hrTicker"):
    symbol: str = field(name="s")
    time: int = field(name="E")
    open: float = field(name="o")
    high: float = field(name="h")
    low: float = field(name="l")
    last: float = field(name="c")
    volume: float = field(name="v")
    quote_volume: float = field(name="q")


class CandleData(Struct, gc=False):
    opened: int = field(name="t")
    interval: str = field(name="i")
    open: float = field(name="o")
    high: float = field(name="h")
    low: float = field(name="l")
    close: float = field(name="c")
    volume: float = field(name="v")
    trades: int = field(name="n")
    bought: float = field(name="V")
    closed: bool = field(name="x")


class KlineData(Struct, gc=False, tag_field="e", tag="kline"):
    symbol: str = field(name="s")
    candle: CandleData = field(name="k")


class Refusal(Struct):
    code: int = 0
    msg: str = ""


class Answer(Struct):
    """To a request of ours; ``error`` or ``code`` when it was refused. Or an ``event`` about the connection."""

    id: int | None = None
    error: Refusal | None = None
    code: int | None = None
    msg: str = ""
    event: str = field(name="e", default="")
    data: "Notice | None" = None


class Notice(Struct):
    """An event about the connection in the wrapping of a stream."""

    event: str = field(name="e", default="")


class HistoricalTrade(Struct, gc=False):
    """One row of ``historicalTrades``."""

    trade_id: int = field(name="id")
    price: float
    quantity: float = field(name="qty")
    time: int
    buyer_is_maker: bool = field(name="isBuyerMaker")


class AggregateTrade(Struct, gc=False):
    """One row of ``aggTrades``."""

    trade_id: int = field(name="a")
    price: float = field(name="p")
    quantity: float = field(name="q")
    time: int = field(name="T")
    buyer_is_maker: bool = field(name="m")


class SymbolFilter(Struct):
    """Of the many kinds of filters, what two of them say."""

    filterType: str  # noqa: N815 - the wire's name
    tickSize: float = 0.0  # noqa: N815 - the wire's name
    stepSize: float = 0.0  # noqa: N815 - the wire's name


class SymbolInfo(Struct):
    symbol: str
    status: str
    base: str = field(name="baseAsset")
    quote: str = field(name="quoteAsset")
    margin: str = field(name="marginAsset", default="")
    """What a contract settles in; empty on the spot market."""
    contract: str = field(name="contractType", default="")
    delivers_at: int = field(name="deliveryDate", default=0)
    """Milliseconds; of a contract that ends."""
    filters: list[SymbolFilter] = []


class RateLimit(Struct):
    kind: str = field(name="rateLimitType")
    interval: str
    number: int = field(name="intervalNum")
    limit: int


class ExchangeInfo(Struct):
    symbols: list[SymbolInfo]
    rate_limits: list[RateLimit] = field(name="rateLimits", default_factory=list[RateLimit])


class ServerTime(Struct):
    time: int = field(name="serverTime")


class LastTrade(Struct):
    """Of the 24 h ticker, what tells whether something traded."""

    last_id: int = field(name="lastId")


# open time, open, high, low, close, volume, close time, quote volume, trades, taker buy volume, taker quote, unused
Kline = tuple[int, float, float, float, float, float, int, float, int, float, float, object]
