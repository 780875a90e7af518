"""The bus as whoever looks after one exchange hears it: of that exchange's instruments alone."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from msgspec import structs

from alphaplus_tui.domain.events import CandleClosed, CandleTold, HistoryLoaded, InstrumentsKnown, LastTradesKnown
from alphaplus_tui.domain.instrument import InstrumentId, exchange_of
from alphaplus_tui.kernel.bus import Bus

E = TypeVar("E")


class OneExchange(Bus):
    """Hands on what is about instruments of ``exchange``; what is published reaches everybody."""

    def __init__(self, bus: Bus, exchange: str) -> None:
        super().__init__()
        self._bus, self._exchange = bus, exchange

    def on(self, event_type: type[E], handler: Callable[[E], None]) -> Callable[[], None]:
        @wraps(handler)
        def narrow(event: E) -> None:
            own = self._own(event)
            if own is not None:
                handler(own)

        return self._bus.on(event_type, narrow)

    def publish(self, event: object) -> None:
        self._bus.publish(event)

    def _own(self, event: Any) -> Any:
        """The event, less what is of other exchanges; None where nothing is left."""
        match event:
            case InstrumentsKnown():
                own = tuple(one for one in event.instruments if one.exchange == self._exchange)
                return structs.replace(event, instruments=own) if own else None
            case LastTradesKnown():
                last = tuple(one for one in event.last if self._is_ours(one[0]))
                return structs.replace(event, last=last) if last else None
            case CandleClosed() | CandleTold():
                return event if self._is_ours(event.candle.instrument) else None
            case HistoryLoaded():
                return event if event.candles and self._is_ours(event.candles[0].instrument) else None
            case _:
                return event if self._is_ours(event.instrument) else None

    def _is_ours(self, instrument: InstrumentId) -> bool:
        return exchange_of(instrument) == self._exchange
