"""Works off the gaps of one exchange's instruments, the lowest of each first."""

import asyncio
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import structlog

from alphaplus_tui.domain.events import GapChanged, GapGivenUp, GapOpened, InstrumentsKnown
from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import Clock

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

PAGE = 1000
SETTLE_S = 0.3
"""Trades that only came out of order fill their gap by themselves within so long."""
TRIES = 3
TRY_AGAIN_S = 1.0
"""The exchange's past may be a little behind its stream."""

_AT_ONCE = 4


class WantedGap:
    """A gap that is being filled."""

    __slots__ = ("cursor", "first_seq", "last_seq", "not_before", "tries")

    def __init__(self, gap: GapOpened, not_before: float) -> None:
        """not_before: monotonic seconds."""
        self.first_seq, self.last_seq, self.not_before = gap.first_seq, gap.last_seq, not_before
        self.cursor = gap.first_seq
        self.tries = 0


G = TypeVar("G", bound=WantedGap)


class Filling(ABC, Generic[G]):
    """Hears GapOpened of instruments that are ``numbered``, or are not; tells GapGivenUp for what cannot be had.

    Several instruments are served at once.
    """

    numbered: bool

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._instruments: dict[InstrumentId, Instrument] = {}
        self._wanted: dict[InstrumentId, dict[int, G]] = {}
        self._waiting: asyncio.Queue[InstrumentId] = asyncio.Queue()
        self._served: set[InstrumentId] = set()
        bus.on(InstrumentsKnown, self._on_instruments)
        bus.on(GapOpened, self._on_gap_opened)
        bus.on(GapChanged, self._on_gap_changed)

    @abstractmethod
    def _wanted_of(self, event: GapOpened) -> G:
        """What is remembered of a gap."""

    @abstractmethod
    def _too_much(self, gap: G) -> str:
        """How many trades it has; empty where they are not too many."""

    @abstractmethod
    async def _fetch(self, instrument: Instrument, gap: G) -> None:
        """Fetch a page and tell what is in it. Raises FatalError where the exchange refuses."""

    def is_filling(self, instrument: InstrumentId) -> bool:
        return bool(self._wanted.get(instrument))

    async def run(self) -> None:
        self._served.clear()
        self._waiting = asyncio.Queue()
        for instrument in self._wanted:
            self._want(instrument)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(self._serve())

    def _give_up(self, instrument: InstrumentId, gap: G, reason: str) -> None:
        if self._wanted[instrument].pop(gap.first_seq, None) is not None:
            log.warning("gap_stays", instrument=instrument, first_seq=gap.first_seq, reason=reason)
            self._bus.publish(GapGivenUp(instrument, gap.first_seq, reason))

    def _try_later(self, instrument: InstrumentId, gap: G, reason: str) -> None:
        """Not for ever: then it is given up for ``reason``."""
        gap.tries += 1
        gap.not_before = self._clock.monotonic() + TRY_AGAIN_S * gap.tries
        if gap.tries >= TRIES:
            self._give_up(instrument, gap, reason)

    async def _serve(self) -> None:
        while True:
            instrument = await self._waiting.get()
            wanted = self._wanted.setdefault(instrument, {})
            while wanted:
                await self._step(instrument, wanted[min(wanted)])
            self._served.discard(instrument)

    async def _step(self, instrument: InstrumentId, gap: G) -> None:
        """Wait, fetch a page, or give the gap up."""
        known = self._instruments.get(instrument)
        if known is None:
            self._give_up(instrument, gap, "the instrument is not followed any more")
        elif too_much := self._too_much(gap):
            self._give_up(instrument, gap, too_much)
        elif (delay_s := gap.not_before - self._clock.monotonic()) > 0:
            await self._clock.sleep(delay_s)
        else:
            try:
                await self._fetch(known, gap)
            except FatalError as error:
                self._give_up(instrument, gap, f"the exchange refuses: {error}")

    def _on_instruments(self, event: InstrumentsKnown) -> None:
        self._instruments.update((instrument.id, instrument) for instrument in event.instruments)

    def _on_gap_opened(self, event: GapOpened) -> None:
        if event.numbered is self.numbered:
            self._wanted.setdefault(event.instrument, {})[event.first_seq] = self._wanted_of(event)
            self._want(event.instrument)

    def _on_gap_changed(self, event: GapChanged) -> None:
        if not event.missing or event.reason:
            self._wanted.get(event.instrument, {}).pop(event.first_seq, None)

    def _want(self, instrument: InstrumentId) -> None:
        if instrument not in self._served:
            self._served.add(instrument)
            self._waiting.put_nowait(instrument)
