"""Mute and quiet are told apart by each symbol's own rhythm and by REST; a whole day passes in a second."""

import asyncio
from collections.abc import Callable, Iterator
from random import Random

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.errors import AlphaPlusError, VenueUnavailable
from alphaplus_tui.exchanges.shared.pulses import Pulse, Pulses
from alphaplus_tui.exchanges.shared.talk import Rhythm
from tests.fakes.market_data import an_instrument

QUIET, LIVELY, SLOW = an_instrument("QUIET/USDT"), an_instrument("LIVELY/USDT"), an_instrument("SLOW/USDT")
DAY_S = 86_400.0


class Over(Exception):
    """The simulated time is up."""


class Racing:
    """A clock for one task that only ever waits for it: time passes in its ``sleep``, and the market with it."""

    def __init__(self, until_s: float) -> None:
        self.now, self._until_s = 0.0, until_s
        self.happens: list[Callable[[float], None]] = []
        """Told how late it is each time that time has passed."""

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, delay_s: float) -> None:
        self.now += delay_s
        if self.now > self._until_s:
            raise Over
        for tell in self.happens:
            tell(self.now)
        await asyncio.sleep(0)


class Venue:
    """Trades at moments of its own; a mute symbol trades on, and only REST says so."""

    def __init__(self, until_s: float, *instruments: Instrument) -> None:
        self.clock = Racing(until_s)
        self.mute: set[Instrument] = set()
        self.resubscribed: list[tuple[float, Instrument]] = []
        self.asked: list[tuple[float, Instrument]] = []
        self.trouble: AlphaPlusError | None = None
        self._newest = dict.fromkeys(instruments, -1)
        self._moments: dict[Instrument, Iterator[float]] = {}
        self._next: dict[Instrument, float] = {}
        self.pulses = Pulses(instruments, self._newest_seq, self.clock)
        self.clock.happens.append(self._pass)

    def trades(self, instrument: Instrument, *, every_s: float, seed: int = 1) -> None:
        """On average, as independent buyers do."""
        rng = Random(seed)

        def moments() -> Iterator[float]:
            at = 0.0
            while True:
                at += rng.expovariate(1 / every_s)
                yield at

        self._moments[instrument] = moments()
        self._next[instrument] = next(self._moments[instrument])

    async def passes(self) -> None:
        """Watches until the time is up."""
        try:
            await self.pulses.watch(self._resubscribe)
        except Over:
            return

    def _pass(self, now: float) -> None:
        for instrument in self._moments:
            while self._next[instrument] <= now:
                self._next[instrument] = next(self._moments[instrument])
                self._newest[instrument] += 1
                if instrument not in self.mute:
                    pulse = self.pulses.of(instrument.id)
                    pulse.trades, pulse.last_seq = pulse.trades + 1, self._newest[instrument]

    async def _newest_seq(self, instrument: Instrument) -> int:
        self.asked.append((self.clock.now, instrument))
        if self.trouble is not None:
            raise self.trouble
        return self._newest[instrument]

    async def _resubscribe(self, instrument: Instrument) -> None:
        self.resubscribed.append((self.clock.now, instrument))


async def test_a_symbol_that_is_truly_quiet_is_never_subscribed_anew_in_a_whole_day_and_rarely_asked_about() -> None:
    venue = Venue(DAY_S, QUIET)
    venue.trades(QUIET, every_s=3_600)
    await venue.passes()
    assert venue.clock.now > DAY_S - 10
    assert venue.resubscribed == []
    assert 0 < len(venue.asked) < 24 * 20


async def test_one_that_never_trades_is_left_alone_for_a_day_too() -> None:
    venue = Venue(DAY_S, QUIET)
    await venue.passes()
    assert venue.resubscribed == []
    assert len(venue.asked) < 1_000


async def test_a_lively_symbol_that_falls_mute_is_noticed_within_ten_seconds_and_only_it() -> None:
    for seed in range(20):
        venue = Venue(400, LIVELY, SLOW, QUIET)
        venue.trades(LIVELY, every_s=0.7, seed=seed)
        venue.trades(SLOW, every_s=20, seed=seed)

        def fall_mute(now: float, venue: Venue = venue) -> None:
            if now >= 300:
                venue.mute.add(LIVELY)

        venue.clock.happens.insert(0, fall_mute)
        await venue.passes()
        assert {instrument for _, instrument in venue.resubscribed} == {LIVELY}
        assert 300 <= venue.resubscribed[0][0] <= 310


async def test_a_subscription_that_delivers_nothing_is_noticed_within_ten_seconds() -> None:
    venue = Venue(60, LIVELY)
    venue.mute.add(LIVELY)
    venue.trades(LIVELY, every_s=0.5)
    await venue.passes()
    assert venue.resubscribed[0][0] <= 10


async def test_a_slow_symbol_that_falls_mute_is_noticed_by_its_own_rhythm() -> None:
    venue = Venue(4_000, SLOW)
    venue.trades(SLOW, every_s=30, seed=3)
    venue.clock.happens.insert(0, lambda now: venue.mute.add(SLOW) if now >= 3_000 else None)
    await venue.passes()
    assert venue.resubscribed
    assert 3_000 < venue.resubscribed[0][0] < 3_000 + 10 * 30


async def test_while_rest_does_not_answer_nobody_is_accused() -> None:
    venue = Venue(120, LIVELY)
    venue.trades(LIVELY, every_s=0.5)
    venue.mute.add(LIVELY)
    venue.trouble = VenueUnavailable("503")
    await venue.passes()
    assert venue.asked
    assert venue.resubscribed == []


def test_the_rhythm_of_a_quiet_symbol_is_not_shortened_by_asking_about_it() -> None:
    pulse = Pulse(QUIET)
    for _ in range(20):
        for _ in range(99):
            if pulse.look(1.0):
                pulse.spare()
        pulse.trades += 1
        pulse.look(1.0)
    assert 90 < pulse.rhythm_s <= 100


def test_the_rhythm_of_a_connection_is_that_of_the_last_minutes_not_of_its_whole_life() -> None:
    rhythm = Rhythm()
    for _ in range(8 * 3600 * 2):
        rhythm.heard(10, 0.5)
    assert 0.049 < rhythm.usual_s < 0.051
    for _ in range(20):
        rhythm.heard(1, 30.0)
    assert 25.0 < rhythm.usual_s < 30.0


def test_a_burst_of_first_snapshots_does_not_pass_for_a_rhythm_for_long() -> None:
    rhythm = Rhythm()
    rhythm.heard(200, 5.0)
    for _ in range(10):
        rhythm.heard(1, 20.0)
    assert rhythm.usual_s > 4.0
