"""What a market says: trades, best prices, order books, the last 24 hours, candles."""

from enum import StrEnum

from msgspec import Struct

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns


class Side(StrEnum):
    """Of a trade: who was in a hurry (the taker)."""

    BUY = "buy"
    SELL = "sell"


class Provenance(StrEnum):
    """Where a stored row comes from."""

    LIVE = "live"
    BACKFILLED = "backfilled"
    IMPORTED = "imported"
    REPLAYED = "replayed"
    RESAMPLED = "resampled"
    FLAT = "flat"
    """A candle of a span in which, provably, nothing traded."""


class Channel(StrEnum):
    """A kind of market data that can be subscribed to."""

    TRADE = "trade"
    TICKER = "ticker"
    BOOK = "book"
    STATISTICS = "statistics"
    CANDLE = "candle"
    """The exchange's own candles, of the one timeframe that its adapter names."""


class Trade(Struct, frozen=True, gc=False):
    """One public print. Prices in quote units, quantities in base units, times in UTC ns."""

    instrument: InstrumentId
    trade_id: str
    seq: int
    """Orders the trades of an instrument: the venue's number where it numbers them, else ``ts_event``."""
    price: float
    quantity: float
    side: Side
    ts_event: int
    ts_recv: int
    provenance: Provenance = Provenance.LIVE


class Ticker(Struct, frozen=True, gc=False):
    """Best bid and best ask, now."""

    instrument: InstrumentId
    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float
    sequence: int
    """The venue's update number, comparable with an order book's; 0 where it has none."""
    ts_event: int
    """The exchange's time; our receipt where the exchange does not say."""
    ts_recv: int


class DayStatistics(Struct, frozen=True, gc=False):
    """The last 24 hours as the exchange sums them."""

    instrument: InstrumentId
    open: float
    high: float
    low: float
    last: float
    volume: float
    quote_volume: float
    ts_event: int
    ts_recv: int


class Level(Struct, frozen=True, gc=False):
    """One price of an order book and the quantity resting there."""

    price: float
    quantity: float


class OrderBook(Struct, frozen=True):
    """The best levels of both sides, best first; never crossed."""

    instrument: InstrumentId
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    sequence: int
    ts_event: int
    ts_recv: int


class Candle(Struct, frozen=True, gc=False):
    """Open, high, low, close and volume of one closed span, unless ``forming``."""

    instrument: InstrumentId
    timeframe: Timeframe
    open_time: int
    """UTC ns; the span is [open_time, open_time + its timeframe's length)."""
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int | None = None
    """How many trades; None where history does not say."""
    buy_volume: float | None = None
    """The volume that takers bought; None where history does not say."""
    provenance: Provenance = Provenance.LIVE
    revision: int = 0
    """Raised each time a closed candle is corrected."""
    forming: bool = False
    complete: bool = True
    """False while some of its trades are known to be missing."""

    @property
    def close_time(self) -> int:
        """The first moment (UTC ns) after the span."""
        return self.open_time + duration_ns(self.timeframe)
