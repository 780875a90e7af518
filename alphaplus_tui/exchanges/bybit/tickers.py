"""Merges Bybit's tickers: a snapshot, then only what changed."""

from msgspec import Struct, structs

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, DayStatistics, Ticker
from alphaplus_tui.exchanges.bybit.frames import TickerData
from alphaplus_tui.exchanges.bybit.symbols import SPOT, category_of
from alphaplus_tui.exchanges.shared.parsing import ABSURD_PRICE, ABSURD_QUANTITY, Events, Unusable, check_day
from alphaplus_tui.ports.market_data import FeedEvent

_BEST = ("bid", "bid_quantity", "ask", "ask_quantity")
_DAY = ("last", "open", "high", "low", "volume", "quote_volume")


class _Known(Struct, frozen=True):
    """What is known; 0: there is none."""

    bid: float = 0.0
    bid_quantity: float = 0.0
    ask: float = 0.0
    ask_quantity: float = 0.0
    last: float = 0.0
    open: float = 0.0
    high: float = 0.0
    low: float = 0.0
    volume: float = 0.0
    quote_volume: float = 0.0


class Tickers:
    """Of one instrument on one connection."""

    def __init__(self, instrument: Instrument, channels: frozenset[Channel]) -> None:
        self._instrument = instrument.id
        has_best = category_of(instrument.symbol) != SPOT
        self._tells_best = has_best and Channel.TICKER in channels
        self._tells_day = Channel.STATISTICS in channels
        self._known: _Known | None = None

    def snapshot(self, data: TickerData, ts_event: int, ts_recv: int) -> Events:
        """Times in UTC ns. Raises Unusable, and ValueError for what is no number; then nothing changed."""
        return self._merge(_Known(), data, ts_event, ts_recv)

    def delta(self, data: TickerData, ts_event: int, ts_recv: int) -> Events:
        """Nothing without a snapshot before it. Otherwise as ``snapshot``."""
        return self._merge(self._known, data, ts_event, ts_recv) if self._known is not None else ()

    def _merge(self, before: _Known, data: TickerData, ts_event: int, ts_recv: int) -> Events:
        best, day = _told(data, _BEST), _told(data, _DAY)
        known = structs.replace(before, **best, **day)
        events: list[FeedEvent] = []
        if best and self._tells_best and 0.0 < known.bid < known.ask:
            events.append(
                Ticker(
                    self._instrument,
                    known.bid,
                    known.bid_quantity,
                    known.ask,
                    known.ask_quantity,
                    0,
                    ts_event,
                    ts_recv,
                )
            )
        if day and self._tells_day and known.last > 0.0:
            prices = (("open", known.open), ("high", known.high), ("low", known.low), ("last", known.last))
            check_day(prices, known.volume, known.quote_volume)
            events.append(
                DayStatistics(
                    self._instrument,
                    known.open,
                    known.high,
                    known.low,
                    known.last,
                    known.volume,
                    known.quote_volume,
                    ts_event,
                    ts_recv,
                )
            )
        self._known = known
        return tuple(events)


def _told(data: TickerData, names: tuple[str, ...]) -> dict[str, float]:
    """The numbers that ``data`` has under ``names``."""
    told: dict[str, float] = {}
    for name in names:
        text: str | None = getattr(data, name)
        if text is None:
            continue
        value = float(text or 0)
        limit = ABSURD_PRICE * 1e6 if name == "quote_volume" else ABSURD_QUANTITY if "volume" in name else ABSURD_PRICE
        if not 0.0 <= value < limit:
            raise Unusable(f"{name} {value!r}: cannot be")
        told[name] = value
    return told
