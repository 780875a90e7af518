"""Coinbase's frames as they come over the wire, and its REST answers; numbers in strings are read in the same pass."""

from msgspec import Struct, field


class TradeRow(Struct, gc=False):
    """The same on the stream and in REST."""

    product_id: str
    trade_id: int
    price: float
    size: float
    time: str
    side: str


class TradesEvent(Struct, gc=False):
    """``type`` is ``snapshot`` for the last trades before the subscription, else ``update``; newest first."""

    type: str
    trades: list[TradeRow]


class TradesFrame(Struct, gc=False, tag_field="channel", tag="market_trades"):
    sequence_num: int
    events: list[TradesEvent]


class TickerRow(Struct, gc=False):
    product_id: str
    price: float
    volume: float = field(name="volume_24_h")
    low: float = field(name="low_24_h")
    high: float = field(name="high_24_h")
    change_percent: float = field(name="price_percent_chg_24_h")
    best_bid: float
    best_ask: float
    best_bid_quantity: float
    best_ask_quantity: float


class TickerEvent(Struct, gc=False):
    tickers: list[TickerRow]


class TickerFrame(Struct, gc=False, tag_field="channel", tag="ticker"):
    timestamp: str
    sequence_num: int
    events: list[TickerEvent]


class LevelRow(Struct, gc=False):
    """The new quantity of a price; 0 removes the level."""

    side: str
    price: float = field(name="price_level")
    quantity: float = field(name="new_quantity")


class BookEvent(Struct, gc=False):
    """A ``snapshot`` is the whole book, up to some fifty thousand levels."""

    type: str
    product_id: str
    updates: list[LevelRow]


class BookFrame(Struct, gc=False, tag_field="channel", tag="l2_data"):
    timestamp: str
    sequence_num: int
    events: list[BookEvent]


class ChartRow(Struct, gc=False):
    product_id: str
    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class ChartEvent(Struct, gc=False):
    """A ``snapshot`` is the last hundred, oldest first, less those in which nothing traded."""

    candles: list[ChartRow]


class ChartFrame(Struct, gc=False, tag_field="channel", tag="candles"):
    sequence_num: int
    events: list[ChartEvent]


class HeartbeatFrame(Struct, tag_field="channel", tag="heartbeats"):
    """Each second; keeps quiet subscriptions from being ended."""

    sequence_num: int


class SubscriptionsEvent(Struct):
    subscriptions: dict[str, list[str]]


class SubscriptionsFrame(Struct, tag_field="channel", tag="subscriptions"):
    """After each request: all that is subscribed to now, products by channel."""

    sequence_num: int
    events: list[SubscriptionsEvent]


CHANNELS = frozenset({"market_trades", "ticker", "l2_data", "candles", "heartbeats", "subscriptions"})
"""Those that are read here."""


class Numbered(Struct):
    """What every frame has, whatever it is about."""

    channel: str
    sequence_num: int


Frame = TradesFrame | TickerFrame | BookFrame | ChartFrame | HeartbeatFrame | SubscriptionsFrame


class Refusal(Struct, tag_field="type", tag="error"):
    message: str = ""


class Product(Struct):
    product_id: str
    base: str = field(name="base_currency_id")
    quote: str = field(name="quote_currency_id")
    quantity_step: float = field(name="base_increment", default=0.0)
    price_step: float = field(name="price_increment", default=0.0)
    status: str = "online"
    trading_disabled: bool = False
    alias: str = ""
    """The product whose book this one shares: ``BTC-USDC`` is traded in that of ``BTC-USD``."""
    kind: str = field(name="product_type", default="SPOT")


class Pagination(Struct):
    next_cursor: str = ""
    has_next: bool = False


class Products(Struct):
    products: list[Product]
    pagination: Pagination = field(default_factory=Pagination)


class CandleRow(Struct, gc=False):
    start: int
    low: float
    high: float
    open: float
    close: float
    volume: float


class Candles(Struct):
    candles: list[CandleRow]


class Trades(Struct):
    trades: list[TradeRow]


class ServerTime(Struct):
    milliseconds: int = field(name="epochMillis")


class Complaint(Struct):
    error: str = ""
    message: str = ""
