"""Finds out what became of each decision: target, stop or horizon, by the barrier rule that labels follow."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import numpy as np
import structlog

from alphaplus_tui.domain.analysis import Decision, Direction, Outcome, Probabilities, Result
from alphaplus_tui.domain.events import CandleClosed, DecisionMade, OutcomeKnown, SignalMade, SignalsRemembered
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import DAY_NS, HOUR_NS, Timeframe, duration_ns
from alphaplus_tui.errors import TransientError
from alphaplus_tui.features.barriers import Outcome as Touched
from alphaplus_tui.features.barriers import first_touch
from alphaplus_tui.gates.value import result_bps
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.store import Scored, StoreReader

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_GATHER_S = 0.25
"""How long candles and decisions of a moment are gathered: what is being decided goes before what became of it."""
_LOOK_EVERY_S = 5.0
_TRY_EVERY_S = 1.0
_GIVE_UP_AFTER_NS = 6 * HOUR_NS
"""A decision whose candles are still missing so long after its horizon has no outcome."""
_KEPT = 700
"""Candles of each instrument: more than twice the longest horizon."""
_SCORED_DAYS = 90
_MOST = 50_000
_TRADES_PAGE = 1000


class _Pending:
    """A decision that waits for its first touch."""

    __slots__ = ("checked", "decision", "lower", "upper")

    def __init__(self, decision: Decision, upper: float, lower: float) -> None:
        self.decision, self.upper, self.lower = decision, upper, lower
        self.checked = 0
        """Candles of the horizon that touched nothing."""


class OutcomeService:
    """Hears decisions and candles; tells OutcomeKnown, and whoever keeps score."""

    name = "outcomes"
    after: tuple[str, ...] = ("persistence", "projection")
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        reader: StoreReader,
        bus: Bus,
        timeframe: Timeframe,
        *,
        scorers: Sequence[Callable[[Scored], None]],
        fees_bps: float,
        recorded: bool,
        market: MarketClock,
    ) -> None:
        """recorded: what earlier runs left open is none of a recording's business."""
        self._reader, self._bus, self._timeframe, self._market = reader, bus, timeframe, market
        self._length = duration_ns(timeframe)
        self._scorers, self._fees_bps, self._recorded = tuple(scorers), fees_bps, recorded
        self._pending: dict[InstrumentId, dict[str, _Pending]] = {}
        self._candles: dict[InstrumentId, dict[int, Candle]] = {}
        self._signals: set[str] = set()
        self._dirty: set[InstrumentId] = set()
        self._wake = asyncio.Event()
        bus.on(DecisionMade, lambda event: self._take((event.decision,)))
        bus.on(SignalMade, lambda event: self._signals.add(event.signal.id))
        bus.on(CandleClosed, self._on_closed)

    async def run(self, life: Life) -> None:
        life.ready()
        if not self._recorded:
            await self._remember(life)
        while True:
            self._wake.clear()
            if self._dirty and not self._recorded:
                await life.clock.sleep(_GATHER_S)
            for instrument in sorted(self._dirty):
                self._dirty.discard(instrument)
                await self._resolve(instrument)
            self._give_up()
            if not self._dirty:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _LOOK_EVERY_S)

    async def _remember(self, life: Life) -> None:
        """What earlier runs found out, and what they left open."""
        while True:
            now = self._market.now()
            try:
                scored = await self._reader.scored(since=now - _SCORED_DAYS * DAY_NS, limit=_MOST)
                open_ = await self._reader.unresolved(since=now - _GIVE_UP_AFTER_NS - 2 * DAY_NS, limit=_MOST)
                signals = await self._reader.signals(None, before=now + 1, limit=_TRADES_PAGE)
                await self._read_candles(open_)
            except TransientError:
                await life.clock.sleep(_TRY_EVERY_S)
                continue
            self._signals.update(signal.id for signal, _ in signals)
            self._bus.publish(SignalsRemembered(tuple(signals)))
            for row in reversed(scored):
                self._tell_scorers(row)
            self._take(open_)
            return

    async def _read_candles(self, decisions: Sequence[Decision]) -> None:
        first: dict[InstrumentId, int] = {}
        for decision in decisions:
            prediction = decision.prediction
            first[prediction.instrument] = min(
                prediction.open_time, first.get(prediction.instrument, prediction.open_time)
            )
        for instrument, start in first.items():
            stored = await self._reader.candles(
                instrument, self._timeframe, start=start, end=self._market.now() + 1, limit=_KEPT
            )
            known = self._candles.setdefault(instrument, {})
            for candle in stored:
                known.setdefault(candle.open_time, candle)

    # what the bus says

    def _take(self, decisions: Iterable[Decision]) -> None:
        for decision in decisions:
            prediction = decision.prediction
            if prediction.probabilities is None or prediction.timeframe != self._timeframe:
                continue
            if decision.target is None or decision.stop is None:
                continue
            upper, lower = max(decision.target, decision.stop), min(decision.target, decision.stop)
            waiting = self._pending.setdefault(prediction.instrument, {})
            waiting.setdefault(decision.id, _Pending(decision, upper, lower))
            if prediction.close_time in self._candles.get(prediction.instrument, {}):
                self._look_at(prediction.instrument)

    def _on_closed(self, event: CandleClosed) -> None:
        candle = event.candle
        if candle.timeframe != self._timeframe:
            return
        known = self._candles.setdefault(candle.instrument, {})
        known[candle.open_time] = candle
        while len(known) > _KEPT:
            del known[min(known)]
        if candle.revision:
            for pending in self._pending.get(candle.instrument, {}).values():
                pending.checked = 0
        self._look_at(candle.instrument)

    def _look_at(self, instrument: InstrumentId) -> None:
        self._dirty.add(instrument)
        self._wake.set()

    # the work

    async def _resolve(self, instrument: InstrumentId) -> None:
        known = self._candles.get(instrument, {})
        for pending in list(self._pending.get(instrument, {}).values()):
            path = self._path(pending, known)
            if path is None:
                continue
            outcome = await self._outcome(pending, path)
            self._pending[instrument].pop(pending.decision.id, None)
            self._bus.publish(OutcomeKnown(outcome))
            self._score(pending.decision, outcome)

    def _path(self, pending: _Pending, known: dict[int, Candle]) -> list[Candle] | None:
        """The candles since the entry when they decide, None while they do not."""
        decision = pending.decision
        opens = decision.prediction.open_time + self._length
        horizon = (decision.expires_at - opens) // self._length
        while pending.checked < horizon:
            candle = known.get(opens + pending.checked * self._length)
            if candle is None or not (candle.complete or self._market.now() > decision.expires_at + HOUR_NS):
                return None
            if candle.high >= pending.upper or candle.low <= pending.lower:
                break
            pending.checked += 1
        last = min(pending.checked, horizon - 1)
        return [known[opens + number * self._length] for number in range(last + 1)]

    async def _outcome(self, pending: _Pending, path: Sequence[Candle]) -> Outcome:
        decision = pending.decision
        high, low = np.array([candle.high for candle in path]), np.array([candle.low for candle in path])
        found = first_touch(high, low, pending.upper, pending.lower)
        entry, last = decision.prediction.entry, path[-1]
        if found is None:
            touched, exit_price = Touched.NONE, last.close
        else:
            number, touched, both = found
            last = path[number]
            if both:
                touched = await self._first_in(last, pending)
            exit_price = pending.upper if touched is Touched.UP else pending.lower
        change = np.array([np.log(exit_price / entry)])
        long = decision.lean is not Direction.SHORT
        value = result_bps(change, np.array([long]), fees_bps=self._fees_bps, spread_bps=decision.spread_bps)
        assert decision.prediction.probabilities is not None
        return Outcome(
            id=decision.id,
            result=_result(touched, long=long),
            resolved_at=last.close_time,
            exit_price=exit_price,
            result_bps=float(value[0]),
            touched=touched.name.lower(),
            brier=brier(decision.prediction.probabilities, touched),
        )

    async def _first_in(self, candle: Candle, pending: _Pending) -> Touched:
        """Which barrier the trades of a candle touched first; the stop where they do not tell."""
        after: int | None = None
        with suppress(TransientError):
            while True:
                page = await self._reader.trades(
                    candle.instrument,
                    start=candle.open_time,
                    end=candle.close_time,
                    limit=_TRADES_PAGE,
                    after_seq=after,
                )
                for trade in page:
                    if trade.price >= pending.upper:
                        return Touched.UP
                    if trade.price <= pending.lower:
                        return Touched.DOWN
                if len(page) < _TRADES_PAGE:
                    break
                after = page[-1].seq
        return Touched.UP if pending.decision.lean is Direction.SHORT else Touched.DOWN

    def _score(self, decision: Decision, outcome: Outcome) -> None:
        prediction = decision.prediction
        assert prediction.probabilities is not None
        self._tell_scorers(
            Scored(
                id=decision.id,
                role=decision.role,
                model=prediction.model,
                instrument=prediction.instrument,
                lean=decision.lean,
                signal=decision.id in self._signals,
                close_time=prediction.open_time + self._length,
                probabilities=prediction.probabilities,
                outcome=outcome,
            )
        )
        self._signals.discard(decision.id)

    def _tell_scorers(self, row: Scored) -> None:
        for scorer in self._scorers:
            scorer(row)

    def _give_up(self) -> None:
        now = self._market.now()
        for waiting in self._pending.values():
            for pending in list(waiting.values()):
                if now > pending.decision.expires_at + _GIVE_UP_AFTER_NS:
                    del waiting[pending.decision.id]
                    log.warning("outcome_unknown", decision=pending.decision.id, reason="candles are missing")


def brier(probabilities: Probabilities, touched: Touched) -> float:
    """Sum over the three classes of the squared difference, 0 to 2."""
    given = (probabilities.down, probabilities.none, probabilities.up)
    return sum((p - (number == touched)) ** 2 for number, p in enumerate(given))


def _result(touched: Touched, *, long: bool) -> Result:
    if touched is Touched.NONE:
        return Result.HORIZON
    return Result.TARGET if (touched is Touched.UP) is long else Result.STOP
