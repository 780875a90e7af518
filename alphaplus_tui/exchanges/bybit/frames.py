"""Bybit's frames as they come over the wire; numbers in strings are read as numbers in the same pass."""

from msgspec import Raw, Struct, field

Levels = list[tuple[float, float]]
"""Price and quantity; quantity 0 removes the level."""


class TradeData(Struct, gc=False):
    """One of several in a frame; identities of linear contracts are UUIDs."""

    symbol: str = field(name="s")
    side: str = field(name="S")
    price: float = field(name="p")
    quantity: float = field(name="v")
    time: int = field(name="T")
    trade_id: str = field(name="i")


class TradeFrame(Struct, gc=False):
    data: list[TradeData]


class BookData(Struct, gc=False):
    symbol: str = field(name="s")
    update_id: int = field(name="u")
    bids: Levels = field(name="b", default_factory=list[tuple[float, float]])
    asks: Levels = field(name="a", default_factory=list[tuple[float, float]])


class BookFrame(Struct, gc=False):
    type: str
    data: BookData
    time: int = field(name="ts")
    matched_at: int = field(name="cts", default=0)
    """When the matching engine made it; 0: not said."""


class TickerData(Struct, gc=False):
    """A snapshot has everything, a delta what changed; empty strings are what there is none of."""

    symbol: str
    bid: str | None = field(name="bid1Price", default=None)
    bid_quantity: str | None = field(name="bid1Size", default=None)
    ask: str | None = field(name="ask1Price", default=None)
    ask_quantity: str | None = field(name="ask1Size", default=None)
    last: str | None = field(name="lastPrice", default=None)
    open: str | None = field(name="prevPrice24h", default=None)
    high: str | None = field(name="highPrice24h", default=None)
    low: str | None = field(name="lowPrice24h", default=None)
    volume: str | None = field(name="volume24h", default=None)
    quote_volume: str | None = field(name="turnover24h", default=None)


class TickerFrame(Struct, gc=False):
    type: str
    data: TickerData
    time: int = field(name="ts")


class CandleData(Struct, gc=False):
    """Whose it is only the topic says."""

    start: int
    interval: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    confirm: bool


class CandleFrame(Struct, gc=False):
    """On linear contracts the candle that closed and the one that begins come together."""

    data: list[CandleData]


class Said(Struct):
    """What is no market data: an answer to a request or to a ping."""

    op: str
    success: bool = True
    ret_msg: str = ""
    req_id: str = ""


class RestAnswer(Struct):
    """``result`` is to be read only where ``code`` is 0; otherwise it is there, and empty."""

    code: int = field(name="retCode")
    message: str = field(name="retMsg", default="")
    result: Raw = field(default_factory=Raw)


class PastTrade(Struct, gc=False):
    trade_id: str = field(name="execId")
    price: float
    quantity: float = field(name="size")
    side: str
    time: int


class PastTrades(Struct):
    rows: list[PastTrade] = field(name="list")


CandleRow = tuple[int, float, float, float, float, float, float]
"""When it opened in ms; open, high, low and close; volume; turnover."""


class Candles(Struct):
    rows: list[CandleRow] = field(name="list")


class PriceFilter(Struct):
    step: float = field(name="tickSize", default=0.0)


class LotFilter(Struct):
    spot_step: float = field(name="basePrecision", default=0.0)
    linear_step: float = field(name="qtyStep", default=0.0)


class Listed(Struct):
    symbol: str
    base: str = field(name="baseCoin")
    quote: str = field(name="quoteCoin")
    status: str = ""
    settle: str = field(name="settleCoin", default="")
    contract: str = field(name="contractType", default="")
    delivers_at: int = field(name="deliveryTime", default=0)
    """Milliseconds; of a contract that ends, or of one that is taken off the list."""
    price: PriceFilter = field(name="priceFilter", default_factory=PriceFilter)
    lot: LotFilter = field(name="lotSizeFilter", default_factory=LotFilter)


class Listing(Struct):
    rows: list[Listed] = field(name="list")
    cursor: str = field(name="nextPageCursor", default="")


class ServerTime(Struct):
    nanoseconds: int = field(name="timeNano")
