"""Gathers the candles that can be judged now: those that closed while others were being judged go together."""

from collections.abc import Mapping

from msgspec import Struct

from alphaplus_tui.domain.instrument import Instrument, InstrumentId, exchange_of
from alphaplus_tui.services.windows import CandleWindows

ANCHOR_WITHIN_S = 3.0
"""How long they wait for the anchor's candle, which a quiet market closes 1.5 s after its end."""
REPAIR_WITHIN_S = 15.0
"""How long a candle that misses trades waits for the exchange's own in its place."""
HISTORY_WITHIN_S = 20.0
"""How long an instrument's first candle waits for the history before it."""
_REMEMBERED = 1000
"""Candles of each instrument that are known to have been judged."""
ANCHOR = "BTC"
"""The base that all others of an exchange are related to."""


class Gathered(Struct, frozen=True):
    """Instruments whose candle that opens at ``opens`` is judged now."""

    opens: int
    as_of: bool
    instruments: tuple[InstrumentId, ...]
    ready_at: float | None
    """When the first of them had all it needs (monotonic s); None when one is judged without."""


class Moments:
    """``add`` what closed, ``take`` what is due. Each instrument's candle is given once.

    patient: nobody is left behind for being slow; for recordings, whose clock is not ours.
    """

    def __init__(self, windows: CandleWindows, *, patient: bool) -> None:
        self._windows, self._patient = windows, patient
        self._waiting: dict[tuple[int, bool], dict[InstrumentId, float]] = {}
        self._judged: dict[InstrumentId, set[int]] = {}
        self._heard_at: dict[InstrumentId, tuple[int, float]] = {}
        self._loaded: dict[InstrumentId, float] = {}
        self._anchors: dict[str, InstrumentId] = {}
        self._followed: set[InstrumentId] = set()
        self._ended = False

    def __len__(self) -> int:
        """Candles that wait."""
        return sum(len(waiting) for waiting in self._waiting.values())

    def follow(self, instruments: Mapping[InstrumentId, Instrument]) -> None:
        self._followed.update(instruments)
        for instrument in instruments.values():
            if instrument.base == ANCHOR:
                self._anchors.setdefault(instrument.exchange, instrument.id)

    def anchor(self, instrument: InstrumentId) -> InstrumentId | None:
        return self._anchors.get(exchange_of(instrument))

    def loaded(self, instrument: InstrumentId, now: float) -> None:
        """The history of an instrument is there, as far as it will come."""
        self._loaded.setdefault(instrument, now)

    def end(self) -> None:
        """No more will close."""
        self._ended = True

    def add(self, instrument: InstrumentId, opens: int, now: float, *, as_of: bool = False) -> bool:
        """False when that candle was judged before or waits already; it may be a better version of it."""
        self._heard_at[instrument] = (opens, now)
        judged = self._judged.setdefault(instrument, set())
        if opens in judged:
            return False
        judged.add(opens)
        if len(judged) > _REMEMBERED:
            judged.remove(min(judged))
        self._waiting.setdefault((opens, as_of), {})[instrument] = now
        return True

    def again(self, opens: int, now: float) -> None:
        """Whatever closed a candle that opens then is judged as of it."""
        for instrument, judged in self._judged.items():
            if opens in judged and not any(instrument in waiting for waiting in self._waiting.values()):
                self._waiting.setdefault((opens, True), {})[instrument] = now

    def take(self, now: float) -> Gathered | None:
        """The oldest candles that need not wait any longer."""
        for key in sorted(self._waiting):
            waiting = self._waiting[key]
            if ready := self._ready(key[0], waiting, now):
                ready_at = self._ready_at(key[0], {instrument: waiting.pop(instrument) for instrument in ready})
                if not waiting:
                    del self._waiting[key]
                return Gathered(key[0], key[1], tuple(sorted(ready)), ready_at)
        return None

    def _ready(self, opens: int, waiting: Mapping[InstrumentId, float], now: float) -> list[InstrumentId]:
        if self._patient:
            over = self._ended or any(later > opens for later, _ in self._waiting)
            return list(waiting) if over or self._all_closed(opens) else []
        return [instrument for instrument, since in waiting.items() if self._fit(instrument, opens, now - since)]

    def _ready_at(self, opens: int, ready: Mapping[InstrumentId, float]) -> float | None:
        times: list[float] = []
        for instrument, since in ready.items():
            time = since
            for needed in {instrument, self.anchor(instrument) or instrument}:
                if needed not in self._loaded or not self._windows.complete(needed, opens):
                    return None
                heard_of, heard_at = self._heard_at.get(needed, (opens, since))
                time = max(time, self._loaded[needed], heard_at if heard_of == opens else since)
            times.append(time)
        return min(times)

    def _fit(self, instrument: InstrumentId, opens: int, waited_s: float) -> bool:
        if instrument not in self._loaded and waited_s < HISTORY_WITHIN_S:
            return False
        if not self._windows.complete(instrument, opens) and waited_s < REPAIR_WITHIN_S:
            return False
        anchor = self.anchor(instrument)
        if anchor is None or anchor == instrument or waited_s >= HISTORY_WITHIN_S:
            return True
        if anchor not in self._loaded:
            return False
        if waited_s >= (REPAIR_WITHIN_S if self._windows.has(anchor, opens) else ANCHOR_WITHIN_S):
            return True
        return self._windows.complete(anchor, opens)

    def _all_closed(self, opens: int) -> bool:
        return all(self._windows.has(instrument, opens) for instrument in self._followed)
