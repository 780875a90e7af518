"""Holds every prediction against the gates: a decision each time, a signal when none holds back."""

import hashlib
from collections.abc import Sequence
from math import exp, isfinite

import numpy as np
import structlog
from msgspec import Struct

from alphaplus_tui.domain.analysis import Decision, Direction, Prediction, Probabilities, Role, Signal
from alphaplus_tui.domain.events import CandleClosed, DecisionMade, PredictionsMade, SignalMade
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns
from alphaplus_tui.errors import TransientError
from alphaplus_tui.gates.gates import GATES, Evidence, Limits, judge
from alphaplus_tui.gates.value import BPS, agreement, expected_values_bps
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import MarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.settings.learning import SignalSettings
from alphaplus_tui.state.store import StateStore

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

PASSED = "passed"
"""Stands for a gate where none held back."""
_SECOND_NS = 1_000_000_000
_REMEMBERED = 500
_TRY_EVERY_S = 1.0
_NEVER_HEARD_S = 1e9


class _Close(Struct, frozen=True):
    """The market at the moment a candle closed."""

    opens: int
    spread_bps: float
    heard_at: int


class _Worth(Struct, frozen=True):
    """What a prediction promises before the spread is paid."""

    lean: Direction
    """The side of the larger expected value."""
    value_bps: float | None
    """Of that side, after fees."""
    agreement: float | None
    """Share of the engines that lean there."""


class SignalService:
    """Hears PredictionsMade; tells DecisionMade and SignalMade in the same breath."""

    name = "signals"
    after: tuple[str, ...] = ("persistence", "projection")
    uses: tuple[str, ...] = ()

    def __init__(
        self,
        reader: StoreReader,
        bus: Bus,
        settings: SignalSettings,
        timeframe: Timeframe,
        *,
        state: StateStore,
        recorded: bool,
        market: MarketClock,
        meters: Meters,
    ) -> None:
        """recorded: decisions are dated to their candle's close, so that a recording gives the same ones each time."""
        self._reader, self._state, self._bus, self._market, self._meters = reader, state, bus, market, meters
        self._timeframe, self._recorded = timeframe, recorded
        self._fees_bps = settings.fees_bps
        self._limits = Limits(
            require_edge=settings.require_edge,
            min_agreement=settings.min_agreement,
            min_expected_value_bps=settings.min_expected_value_bps,
            cooldown_s=settings.cooldown_s,
        )
        self._closes: dict[InstrumentId, _Close] = {}
        self._last_signal: dict[InstrumentId, int] = {}
        for reason in (PASSED, *(gate.name for gate in GATES)):
            meters.counter("decisions", (("reason", reason),))
        for direction in (Direction.LONG, Direction.SHORT):
            meters.counter("signals", (("direction", direction.value),))
        bus.on(CandleClosed, self._on_closed)
        bus.on(PredictionsMade, self._on_predictions)

    async def run(self, life: Life) -> None:
        life.ready()
        if not self._recorded:
            await self._remember(life)
        while True:
            await life.clock.sleep(3600.0)

    async def _remember(self, life: Life) -> None:
        """When each instrument signalled last, before this run."""
        while True:
            try:
                found = await self._reader.signals(None, before=self._market.now() + 1, limit=_REMEMBERED)
            except TransientError:
                await life.clock.sleep(_TRY_EVERY_S)
                continue
            for signal, _ in found:
                self._last_signal[signal.instrument] = max(
                    signal.made_at, self._last_signal.get(signal.instrument, signal.made_at)
                )
            return

    def _on_closed(self, event: CandleClosed) -> None:
        candle = event.candle
        if candle.timeframe == self._timeframe and not candle.revision:
            spread, heard_at = self._market_of(candle.instrument)
            self._closes[candle.instrument] = _Close(candle.open_time, spread, heard_at)

    def _market_of(self, instrument: InstrumentId) -> tuple[float, int]:
        """The spread in bps, 0 where it is not known, and when the market was last heard of."""
        row = self._state.prices.get(instrument)
        if row is None:
            return 0.0, 0
        if row.bid is None or row.ask is None or not 0 < row.bid <= row.ask:
            return 0.0, row.ts_recv
        return BPS * 2 * (row.ask - row.bid) / (row.ask + row.bid), row.ts_recv

    def _on_predictions(self, event: PredictionsMade) -> None:
        closed = [prediction for prediction in event.predictions if not prediction.forming]
        for prediction, worth in zip(closed, self._worths(closed, event.none_change), strict=True):
            self._decide(prediction, event, worth)

    def _decide(self, prediction: Prediction, event: PredictionsMade, worth: _Worth) -> None:
        instrument, length = prediction.instrument, duration_ns(prediction.timeframe)
        closes_at = prediction.open_time + length
        decided_at = closes_at if self._recorded else self._market.now()
        close = self._closes.get(instrument)
        if close is not None and close.opens == prediction.open_time:
            spread, heard_at = close.spread_bps, close.heard_at
        else:
            spread, heard_at = self._market_of(instrument)
        lean, agreed = worth.lean, worth.agreement
        value = None if worth.value_bps is None else worth.value_bps - spread
        last_signal = self._last_signal.get(instrument)
        verdict = judge(
            Evidence(
                edge=event.edge,
                direction=lean,
                expected_value_bps=value if value is not None else float("-inf"),
                agreement=agreed if agreed is not None else 0.0,
                data_age_s=self._age_s(closes_at, decided_at, heard_at, as_of=event.as_of),
                window_complete=instrument not in event.incomplete,
                absent=prediction.absent,
                out_of_range=prediction.out_of_range,
                since_last_signal_s=None if last_signal is None else max(0, closes_at - last_signal) / _SECOND_NS,
            ),
            self._limits,
        )
        up, down = _barrier(prediction, 1), _barrier(prediction, -1)
        decision = Decision(
            id=decision_id(prediction),
            role=event.role,
            prediction=prediction,
            decided_at=decided_at,
            direction=verdict.direction,
            gate=verdict.gate,
            reason=verdict.reason,
            passed=verdict.passed,
            lean=lean,
            expected_value_bps=value,
            agreement=agreed,
            spread_bps=spread,
            target=down if lean is Direction.SHORT else up,
            stop=up if lean is Direction.SHORT else down,
            expires_at=closes_at + event.horizon * length,
            as_of=event.as_of,
        )
        self._meters.counter("decisions", (("reason", verdict.gate or PASSED),)).add()
        self._bus.publish(DecisionMade(decision))
        self._signal(decision)

    def _signal(self, decision: Decision) -> None:
        """What was judged as of an earlier moment is not actionable any more."""
        prediction = decision.prediction
        probabilities, value = prediction.probabilities, decision.expected_value_bps
        if decision.direction is Direction.FLAT or decision.role is not Role.CHAMPION or decision.as_of:
            return
        if probabilities is None or value is None or decision.target is None or decision.stop is None:
            return
        self._last_signal[prediction.instrument] = decision.decided_at
        self._meters.counter("signals", (("direction", decision.direction.value),)).add()
        self._bus.publish(
            SignalMade(
                Signal(
                    id=decision.id,
                    instrument=prediction.instrument,
                    timeframe=prediction.timeframe,
                    model=prediction.model,
                    direction=decision.direction,
                    probabilities=probabilities,
                    expected_value_bps=value,
                    entry=prediction.entry,
                    target=decision.target,
                    stop=decision.stop,
                    made_at=decision.decided_at,
                    expires_at=decision.expires_at,
                )
            )
        )

    def _age_s(self, closes_at: int, decided_at: int, heard_at: int, *, as_of: bool) -> float:
        """How old the news is; what closed long ago is old, even when the market is heard of now."""
        if as_of:
            return 0.0
        if not heard_at:
            return _NEVER_HEARD_S
        return max(0, decided_at - heard_at, decided_at - closes_at) / _SECOND_NS

    def _worths(self, predictions: Sequence[Prediction], none_change: float) -> list[_Worth]:
        """Of all at once, as they come in the same moment."""
        worths = [_Worth(Direction.FLAT, None, None)] * len(predictions)
        told = [n for n, p in enumerate(predictions) if p.probabilities is not None and isfinite(p.distance)]
        if not told:
            return worths
        table = np.array([_row(predictions[n].probabilities) for n in told])
        distances = np.array([predictions[n].distance for n in told])
        values = expected_values_bps(table, distances, none_change, fees_bps=self._fees_bps)
        long = np.asarray(values[:, 0] >= values[:, 1], np.bool_)
        opinions = np.array([[_row(engine.probabilities) for engine in predictions[n].engines] for n in told])
        agreed = agreement(opinions.transpose(1, 0, 2), long)
        for place, n in enumerate(told):
            lean = Direction.LONG if long[place] else Direction.SHORT
            worths[n] = _Worth(lean, float(values[place].max()), float(agreed[place]))
        return worths


def decision_id(prediction: Prediction) -> str:
    """The same for the same candle and model, whoever judges and whenever."""
    words = f"{prediction.instrument}\n{prediction.timeframe}\n{prediction.open_time}\n{prediction.model}"
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _row(probabilities: Probabilities | None) -> tuple[float, float, float]:
    assert probabilities is not None
    return probabilities.down, probabilities.none, probabilities.up


def _barrier(prediction: Prediction, side: int) -> float | None:
    return prediction.entry * exp(side * prediction.distance) if isfinite(prediction.distance) else None
