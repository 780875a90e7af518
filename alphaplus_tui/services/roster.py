"""Which instruments are followed, over all exchanges, as one exchange after the other says what it has."""

from collections.abc import Sequence

from alphaplus_tui.domain.instrument import Instrument, InstrumentId


class Roster:
    """Shared by the services that ask the exchanges."""

    def __init__(self, order: Sequence[InstrumentId] = ()) -> None:
        """order: of the watchlist; what is not in it comes last, as the exchanges say it."""
        self._order = {instrument: position for position, instrument in enumerate(order)}
        self._known: dict[str, tuple[Instrument, ...]] = {}

    def put(self, exchange: str, instruments: Sequence[Instrument]) -> tuple[Instrument, ...]:
        """``exchange`` has these; all that are known by now, of all exchanges, in order."""
        self._known[exchange] = tuple(instruments)
        everything = [instrument for known in self._known.values() for instrument in known]
        return tuple(sorted(everything, key=lambda instrument: self._order.get(instrument.id, len(self._order))))
