"""What market data looks like."""

from typing import Self

from alphaplus_tui.api.schemas.common import Instant, Page, Part, moment
from alphaplus_tui.domain.coverage import CoverageRow
from alphaplus_tui.domain.instants import iso_time
from alphaplus_tui.domain.instrument import InstrumentId, exchange_of, symbol_of
from alphaplus_tui.domain.market import Candle, Side, Trade
from alphaplus_tui.state.slices import BookRow, FeedRow, GapRow, PriceRow


class Ticker(Part):
    """The latest of one instrument; null where nothing is known yet."""

    exchange: str
    symbol: str
    state: str
    """Of its streams: LIVE, STALE, RECONNECTING, BACKFILLING, GAP …"""
    age_s: float | None
    """Since anything of it was received."""
    last: float | None
    bid: float | None
    bid_quantity: float | None
    ask: float | None
    ask_quantity: float | None
    change_pct: float | None
    """Of the last price against 24 hours ago."""
    high: float | None
    low: float | None
    volume: float | None
    quote_volume: float | None
    trades: int
    """Since the start."""
    ts: Instant | None
    """The exchange's time of the newest of these."""

    @classmethod
    def of(cls, row: PriceRow, feed: FeedRow | None, age_s: float | None) -> Self:
        return cls(
            exchange=exchange_of(row.instrument),
            symbol=symbol_of(row.instrument),
            state=_state(feed),
            age_s=age_s,
            last=row.last,
            bid=row.bid,
            bid_quantity=row.bid_quantity,
            ask=row.ask,
            ask_quantity=row.ask_quantity,
            change_pct=row.change_pct,
            high=row.high,
            low=row.low,
            volume=row.volume,
            quote_volume=row.quote_volume,
            trades=row.trades,
            ts=moment(row.ts_event),
        )


class Level(Part):
    price: float
    quantity: float


class OrderBook(Part):
    """The best levels of both sides, best first."""

    exchange: str
    symbol: str
    state: str
    age_s: float | None
    sequence: int
    ts: Instant | None
    bids: list[Level]
    asks: list[Level]

    @classmethod
    def of(cls, row: BookRow, feed: FeedRow | None, age_s: float | None, depth: int) -> Self:
        return cls(
            exchange=exchange_of(row.instrument),
            symbol=symbol_of(row.instrument),
            state=_state(feed),
            age_s=age_s,
            sequence=row.sequence,
            ts=moment(row.ts_event),
            bids=[Level(price=price, quantity=quantity) for price, quantity in row.bids[:depth]],
            asks=[Level(price=price, quantity=quantity) for price, quantity in row.asks[:depth]],
        )


class TradeAnswer(Part):
    exchange: str
    symbol: str
    trade_id: str
    seq: int
    """Orders the trades of an instrument."""
    ts: Instant
    price: float
    quantity: float
    side: Side
    """Of the taker."""
    provenance: str

    @classmethod
    def of(cls, trade: Trade) -> Self:
        return cls(
            exchange=exchange_of(trade.instrument),
            symbol=symbol_of(trade.instrument),
            trade_id=trade.trade_id,
            seq=trade.seq,
            ts=iso_time(trade.ts_event),
            price=trade.price,
            quantity=trade.quantity,
            side=trade.side,
            provenance=trade.provenance,
        )


class CandleAnswer(Part):
    exchange: str
    symbol: str
    timeframe: str
    open_time: Instant
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int | None
    provenance: str
    """live, backfilled, imported, replayed, resampled or flat."""
    revision: int
    complete: bool
    """False while some of its trades are known to be missing."""

    @classmethod
    def of(cls, candle: Candle) -> Self:
        return cls(
            exchange=exchange_of(candle.instrument),
            symbol=symbol_of(candle.instrument),
            timeframe=candle.timeframe,
            open_time=iso_time(candle.open_time),
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            volume=candle.volume,
            trades=candle.trades,
            provenance=candle.provenance,
            revision=candle.revision,
            complete=candle.complete,
        )


class TradePage(Page[TradeAnswer]):
    """Trades, oldest first, and how fresh the instrument's streams are."""

    state: str
    age_s: float | None


class CandlePage(Page[CandleAnswer]):
    """Closed candles, oldest first, and how fresh the instrument's streams are."""

    state: str
    age_s: float | None


class Gap(Part):
    """Trades known to be missing."""

    first_seq: int
    last_seq: int
    missing: int
    reason: str
    """Why they cannot be had; empty while they are being fetched."""
    noticed_at: Instant | None

    @classmethod
    def of(cls, row: GapRow) -> Self:
        return cls(
            first_seq=row.first_seq,
            last_seq=row.last_seq,
            missing=row.missing,
            reason=row.reason,
            noticed_at=moment(row.noticed_at),
        )


class Coverage(Part):
    """How complete an instrument's trades are."""

    exchange: str
    symbol: str
    state: str
    reason: str
    since: Instant | None
    """When it came into this state."""
    backfilled: int
    """Trades of the present repair that were fetched."""
    wanted: int
    """Trades of the present repair."""
    missing: int
    gaps: list[Gap]

    @classmethod
    def of(cls, row: FeedRow, gaps: list[Gap]) -> Self:
        backfilled, wanted = row.progress or (0, 0)
        return cls(
            exchange=exchange_of(row.instrument),
            symbol=symbol_of(row.instrument),
            state=row.state,
            reason=row.reason,
            since=moment(row.since),
            backfilled=backfilled,
            wanted=wanted,
            missing=sum(gap.missing for gap in gaps),
            gaps=gaps,
        )


class Stretch(Part):
    """One stretch of the map of what is stored: covered, or a gap with its reason."""

    exchange: str
    symbol: str
    timeframe: str
    """Empty for trades."""
    cover: str
    """live, backfilled, imported, replayed or gap."""
    start: Instant | None
    end: Instant | None
    missing: int
    """Of a gap: how many; at least so many where trades are not numbered."""
    reason: str

    @classmethod
    def of(cls, row: CoverageRow) -> Self:
        return cls(
            exchange=exchange_of(row.instrument),
            symbol=symbol_of(row.instrument),
            timeframe=row.timeframe,
            cover=row.cover,
            start=moment(row.start),
            end=moment(row.end),
            missing=row.missing,
            reason=row.reason,
        )


def _state(feed: FeedRow | None) -> str:
    return feed.state if feed is not None else "CONNECTING"


def key_of(instrument: InstrumentId) -> str:
    """What lists of instruments are ordered and paged by."""
    return str(instrument)
