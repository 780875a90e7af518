"""Notices the one instrument that fell silent while others talk, and asks REST before it believes so."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.errors import ProtocolError, TransientError
from alphaplus_tui.exchanges.shared.http import Refused
from alphaplus_tui.kernel.clock import Clock

RHYTHMS = 7.0
"""Suspect after so many times its usual time between two trades: by chance that happens to one gap in a thousand."""
_SUSPECT, _LOOK, _LATE = 0.6, 0.06, 0.15
"""Shares of the time within which a mute instrument is noticed: bearing silence, looking, waiting for what is late."""
_ASKED_AT_ONCE = 3
_MOST_PATIENCE = 64.0


class Pulse:
    """What was heard of one instrument's trades."""

    __slots__ = (
        "_suspect_after_s",
        "instrument",
        "last_seq",
        "looked_at",
        "patience",
        "rhythm_s",
        "silent_s",
        "trades",
        "untraded_s",
    )

    def __init__(self, instrument: Instrument, suspect_after_s: float = 6.0) -> None:
        self.instrument, self._suspect_after_s = instrument, suspect_after_s
        self.last_seq = -1
        """Of the newest trade; -1: none yet."""
        self.trades = 0
        self.looked_at = 0
        self.silent_s = 0.0
        """Since its last trade, or since it was asked about."""
        self.untraded_s = 0.0
        """Since its last trade."""
        self.rhythm_s = 0.0
        self.patience = 1.0

    def look(self, elapsed_s: float) -> bool:
        """Whether it is suspect, ``elapsed_s`` after the last look."""
        new, self.looked_at = self.trades - self.looked_at, self.trades
        if not new:
            self.silent_s += elapsed_s
            self.untraded_s += elapsed_s
            return self.silent_s > max(self._suspect_after_s, RHYTHMS * self.rhythm_s) * self.patience
        gap_s = (self.untraded_s + elapsed_s) / new
        self.rhythm_s += (gap_s - self.rhythm_s) * (0.1 if self.rhythm_s else 1.0)
        self.silent_s, self.untraded_s, self.patience = 0.0, 0.0, 1.0
        return False

    def spare(self) -> None:
        """It was asked about: do so again only after twice the time."""
        self.silent_s = 0.0
        self.patience = min(_MOST_PATIENCE, 2 * self.patience)


class Pulses:
    """Of all instruments of a stream whose trades are subscribed to."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        newest_seq: Callable[[Instrument], Awaitable[int]],
        clock: Clock,
        *,
        noticed_within_s: float = 10.0,
    ) -> None:
        """newest_seq: asks REST for ``seq`` of an instrument's newest trade.
        noticed_within_s: one that trades about once a second and falls mute; slower ones by their own rhythm.
        """
        suspect_after_s = _SUSPECT * noticed_within_s
        self._pulses = {instrument.id: Pulse(instrument, suspect_after_s) for instrument in instruments}
        self._newest_seq, self._clock = newest_seq, clock
        self._look_every_s = _LOOK * noticed_within_s
        self._late_s = _LATE * noticed_within_s
        """A trade that REST knows may still be on its way for so long."""

    def of(self, instrument: InstrumentId) -> Pulse:
        return self._pulses[instrument]

    async def watch(self, resubscribe: Callable[[Instrument], Awaitable[None]]) -> None:
        """Until cancelled: ``resubscribe`` what REST knows newer trades of than we heard."""
        then = self._clock.monotonic()
        while True:
            await self._clock.sleep(self._look_every_s)
            now = self._clock.monotonic()
            # a stall of our own loop is nobody's silence
            elapsed_s, then = min(now - then, 2 * self._look_every_s), now
            suspects = [pulse for pulse in self._pulses.values() if pulse.look(elapsed_s)]
            await asyncio.gather(*(self._confirm(pulse, resubscribe) for pulse in suspects[:_ASKED_AT_ONCE]))

    async def _confirm(self, pulse: Pulse, resubscribe: Callable[[Instrument], Awaitable[None]]) -> None:
        try:
            quiet = await self._is_quiet(pulse)
        except TransientError:
            return
        except ProtocolError:
            quiet = True  # asking again soon would help nobody
        pulse.spare()
        if not quiet:
            await resubscribe(pulse.instrument)

    def traded_within(self, instruments: Sequence[Instrument], span_s: float) -> bool:
        """Whether one of ``instruments`` surely traded in the last ``span_s``."""
        return any(
            (pulse := self._pulses[instrument.id]).trades and pulse.untraded_s + self._late_s < span_s
            for instrument in instruments
        )

    async def quiet(self, instruments: Sequence[Instrument]) -> bool:
        """Whether really nothing trades, judged by some of ``instruments``. Raises what REST raises."""
        lively = sorted(instruments, key=lambda instrument: -self._pulses[instrument.id].trades)
        for instrument in lively[:_ASKED_AT_ONCE]:
            try:
                if not await self._is_quiet(self._pulses[instrument.id]):
                    return False
            except Refused:
                continue  # it is on the market no more: nothing will be said of it
        return True

    async def _is_quiet(self, pulse: Pulse) -> bool:
        heard = pulse.trades
        newest = await self._newest_seq(pulse.instrument)
        if pulse.last_seq < 0:
            # nothing to compare with yet: is it moving?
            await self._clock.sleep(self._late_s)
            return pulse.trades != heard or await self._newest_seq(pulse.instrument) == newest
        if newest > pulse.last_seq:
            await self._clock.sleep(self._late_s)
        return pulse.trades != heard or newest <= pulse.last_seq
