"""Answers what models said, what the gates decided, what became of it, and which models there are."""

from typing import TYPE_CHECKING, Any, cast

import msgspec

from alphaplus_tui.domain.alerts import Alert, AlertKind, Delivery, Severity
from alphaplus_tui.domain.analysis import (
    Contribution,
    Decision,
    Direction,
    EngineOpinion,
    Headline,
    Mood,
    Outcome,
    Prediction,
    Probabilities,
    Result,
    Role,
    Signal,
    TrainingRun,
)
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import duration_ns
from alphaplus_tui.ports.store import ModelRecord, Scored
from alphaplus_tui.storage.instants import from_postgres, to_postgres
from alphaplus_tui.storage.opinions import (
    ALERT_COLUMNS,
    DECISION_COLUMNS,
    HEADLINE_COLUMNS,
    MODEL_COLUMNS,
    OUTCOME_COLUMNS,
    SIGNAL_COLUMNS,
    TRAINING_COLUMNS,
)
from alphaplus_tui.storage.querying import Questioner, first_us

if TYPE_CHECKING:
    import asyncpg

_DECISION = f"SELECT {', '.join(DECISION_COLUMNS)} FROM decisions"  # noqa: S608 - columns of ours
_OUTCOME = f"SELECT {', '.join(OUTCOME_COLUMNS)} FROM outcomes"  # noqa: S608 - columns of ours
_SIGNAL = f"SELECT {', '.join((*SIGNAL_COLUMNS, *OUTCOME_COLUMNS[1:]))} FROM signals"  # noqa: S608 - columns of ours
_MOOD = "SELECT seen_at, score FROM sentiment WHERE seen_at >= $1 AND seen_at < $2 ORDER BY seen_at, id"
_HEADLINE = f"SELECT {', '.join(HEADLINE_COLUMNS)} FROM sentiment"  # noqa: S608 - columns of ours
_MODEL = f"SELECT {', '.join(MODEL_COLUMNS)} FROM models"  # noqa: S608 - columns of ours
_TRAINING = f"SELECT {', '.join(TRAINING_COLUMNS)} FROM training_runs"  # noqa: S608 - columns of ours
_ALERT = f"SELECT {', '.join(ALERT_COLUMNS)} FROM alerts"  # noqa: S608 - columns of ours

_AT = f"""{_DECISION}
WHERE instrument_id = $1 AND role = 'champion' AND close_time <= $2
ORDER BY close_time DESC, decided_at DESC LIMIT 1"""

_PAGE = f"""{_DECISION}
WHERE decided_at < $1 AND ($2::integer IS NULL OR instrument_id = $2) AND ($3::text IS NULL OR gate = $3)
  AND NOT (coalesce($3 = '', false) AND (as_of OR role <> 'champion'))
ORDER BY decided_at DESC, id LIMIT $4"""

_UNRESOLVED = f"""{_DECISION}
WHERE close_time >= $1 AND target IS NOT NULL AND NOT EXISTS (SELECT FROM outcomes WHERE outcomes.id = decisions.id)
ORDER BY close_time, id LIMIT $2"""

_SIGNALS = f"""{_SIGNAL}
WHERE made_at < $1 AND ($2::integer IS NULL OR instrument_id = $2) ORDER BY made_at DESC, id LIMIT $3"""

_ALERTS = f"""{_ALERT}
WHERE raised_at >= $1 AND raised_at < $2 AND ($3::integer IS NULL OR instrument_id = $3)
ORDER BY raised_at DESC, id DESC LIMIT $4"""

_SCORED = """
SELECT o.id, result, resolved_at, exit_price, result_bps, touched, brier, role, model, instrument_id, lean, gate,
       as_of, close_time, p_down, p_none, p_up
FROM outcomes AS o JOIN decisions USING (id)
WHERE resolved_at >= $1 AND p_up IS NOT NULL ORDER BY resolved_at DESC, o.id LIMIT $2
"""

_PASSED = "passed"
"""Of the gates, in a question: none held back, and it became a signal."""


class OpinionReader(Questioner):
    """The part of StoreReader that is about opinions."""

    async def decision(self, decision: str) -> Decision | None:
        async with self._query("decision") as connection:
            await self._known.learn(connection)
            row = await connection.fetchrow(f"{_DECISION} WHERE id = $1", decision)
        return self._decision(row) if row is not None else None

    async def outcome(self, decision: str) -> Outcome | None:
        async with self._query("outcome") as connection:
            row = await connection.fetchrow(f"{_OUTCOME} WHERE id = $1", decision)
        return _outcome(row) if row is not None else None

    async def decision_at(self, instrument: InstrumentId, ts: int) -> Decision | None:
        async with self._query("decision_at", instrument) as connection:
            if not self._known.has(instrument):
                return None
            row = await connection.fetchrow(_AT, self._known.number(instrument), to_postgres(max(0, ts)))
        if row is None or from_postgres(row["close_time"]) + duration_ns(row["timeframe"]) <= ts:
            return None  # the candle that closed last was not judged
        return self._decision(row)

    async def decisions(
        self, instrument: InstrumentId | None, *, before: int, limit: int, gate: str = ""
    ) -> tuple[Decision, ...]:
        async with self._query("decisions") as connection:
            await self._known.learn(connection)
            if instrument is not None and not self._known.has(instrument):
                return ()
            number = None if instrument is None else self._known.number(instrument)
            wanted = None if not gate else "" if gate == _PASSED else gate
            rows = await connection.fetch(_PAGE, first_us(before), number, wanted, limit)
        return tuple(map(self._decision, rows))

    async def signals(
        self, instrument: InstrumentId | None, *, before: int, limit: int
    ) -> tuple[tuple[Signal, Outcome | None], ...]:
        async with self._query("signals") as connection:
            await self._known.learn(connection)
            if instrument is not None and not self._known.has(instrument):
                return ()
            number = None if instrument is None else self._known.number(instrument)
            rows = await connection.fetch(_SIGNALS, first_us(before), number, limit)
        return tuple((self._signal(row), None if row["result"] is None else _outcome(row)) for row in rows)

    async def unresolved(self, *, since: int, limit: int) -> tuple[Decision, ...]:
        async with self._query("unresolved") as connection:
            await self._known.learn(connection)
            rows = await connection.fetch(_UNRESOLVED, first_us(since), limit)
        return tuple(map(self._decision, rows))

    async def scored(self, *, since: int, limit: int) -> tuple[Scored, ...]:
        async with self._query("scored") as connection:
            await self._known.learn(connection)
            rows = await connection.fetch(_SCORED, first_us(since), limit)
        return tuple(
            Scored(
                id=row["id"],
                role=Role(row["role"]),
                model=row["model"],
                instrument=self._known.instrument(row["instrument_id"]),
                lean=Direction(row["lean"]),
                signal=row["role"] == Role.CHAMPION and not row["gate"] and not row["as_of"],
                close_time=from_postgres(row["close_time"]),
                probabilities=Probabilities(row["p_down"], row["p_none"], row["p_up"]),
                outcome=_outcome(row),
            )
            for row in rows
        )

    async def headlines(self, *, since: int, limit: int) -> tuple[Headline, ...]:
        async with self._query("headlines") as connection:
            rows = await connection.fetch(
                f"{_HEADLINE} WHERE published_at >= $1 ORDER BY published_at DESC, id LIMIT $2", first_us(since), limit
            )
        return tuple(map(_headline, rows))

    async def mood(self, *, since: int, until: int) -> Mood | None:
        async with self._query("mood") as connection:
            began = await connection.fetchval("SELECT min(seen_at) FROM sentiment")
            if began is None:
                return None
            rows = await connection.fetch(_MOOD, first_us(since), first_us(until))
        return Mood(
            tuple(from_postgres(row["seen_at"]) for row in rows),
            tuple(row["score"] for row in rows),
            from_postgres(began),
        )

    async def models(self) -> tuple[ModelRecord, ...]:
        async with self._query("models") as connection:
            rows = await connection.fetch(f"{_MODEL} ORDER BY added_at DESC, id")
        return tuple(map(_model, rows))

    async def training_runs(self, *, limit: int) -> tuple[TrainingRun, ...]:
        async with self._query("training_runs") as connection:
            rows = await connection.fetch(f"{_TRAINING} ORDER BY started_at DESC, id LIMIT $1", limit)
        return tuple(map(_training, rows))

    async def alerts(
        self, instrument: InstrumentId | None, *, since: int, before: int, limit: int
    ) -> tuple[Alert, ...]:
        async with self._query("alerts") as connection:
            await self._known.learn(connection)
            if instrument is not None and not self._known.has(instrument):
                return ()
            number = None if instrument is None else self._known.number(instrument)
            rows = await connection.fetch(_ALERTS, first_us(since), first_us(before), number, limit)
        return tuple(map(self._alert, rows))

    def _alert(self, row: "asyncpg.Record") -> Alert:
        fields = _with_times(row, "raised_at", "resolved_at")
        number = fields.pop("instrument_id")
        fields["kind"], fields["severity"] = AlertKind(row["kind"]), Severity(row["severity"])
        fields["instrument"] = None if number is None else self._known.instrument(number)
        fields["deliveries"] = msgspec.json.decode(row["deliveries"], type=tuple[Delivery, ...])
        return Alert(**fields)

    def _decision(self, row: "asyncpg.Record") -> Decision:
        return Decision(
            id=row["id"],
            role=Role(row["role"]),
            prediction=Prediction(
                instrument=self._known.instrument(row["instrument_id"]),
                timeframe=row["timeframe"],
                open_time=from_postgres(row["open_time"]),
                candle_revision=row["candle_revision"],
                model=row["model"],
                probabilities=_probabilities(row),
                engines=tuple(
                    EngineOpinion(name, Probabilities(down, none, up))
                    for name, down, none, up in msgspec.json.decode(
                        row["engines"], type=list[tuple[str, float, float, float]]
                    )
                ),
                features=tuple(row["features"]),
                absent=tuple(row["absent"]),
                out_of_range=tuple(row["out_of_range"]),
                distance=row["distance"],
                entry=row["entry"],
            ),
            decided_at=from_postgres(row["decided_at"]),
            direction=Direction(row["direction"]),
            gate=row["gate"],
            reason=row["reason"],
            passed=tuple(row["passed"]),
            lean=Direction(row["lean"]),
            expected_value_bps=row["expected_value_bps"],
            agreement=row["agreement"],
            spread_bps=row["spread_bps"],
            target=row["target"],
            stop=row["stop"],
            expires_at=from_postgres(row["expires_at"]),
            as_of=row["as_of"],
        )

    def _signal(self, row: "asyncpg.Record") -> Signal:
        return Signal(
            id=row["id"],
            instrument=self._known.instrument(row["instrument_id"]),
            timeframe=row["timeframe"],
            model=row["model"],
            direction=Direction(row["direction"]),
            probabilities=Probabilities(row["p_down"], row["p_none"], row["p_up"]),
            expected_value_bps=row["expected_value_bps"],
            entry=row["entry"],
            target=row["target"],
            stop=row["stop"],
            made_at=from_postgres(row["made_at"]),
            expires_at=from_postgres(row["expires_at"]),
            moved_by=tuple(
                Contribution(*moved)
                for moved in msgspec.json.decode(row["moved_by"], type=list[tuple[str, float, float]])
            ),
        )


def _probabilities(row: "asyncpg.Record") -> Probabilities | None:
    if row["p_up"] is None:
        return None
    return Probabilities(row["p_down"], row["p_none"], row["p_up"])


def _outcome(row: "asyncpg.Record") -> Outcome:
    return Outcome(
        id=row["id"],
        result=Result(row["result"]),
        resolved_at=from_postgres(row["resolved_at"]),
        exit_price=row["exit_price"],
        result_bps=row["result_bps"],
        touched=row["touched"],
        brier=row["brier"],
    )


def _headline(row: "asyncpg.Record") -> Headline:
    return Headline(**_with_times(row, "published_at", "seen_at"))


def _model(row: "asyncpg.Record") -> ModelRecord:
    fields = _with_times(row, "added_at", "changed_at", "trained_from", "trained_until")
    fields["metrics"] = msgspec.json.decode(row["metrics"], type=dict[str, float])
    return ModelRecord(**fields)


def _training(row: "asyncpg.Record") -> TrainingRun:
    return TrainingRun(**_with_times(row, "started_at", "ended_at"))


def _with_times(row: "asyncpg.Record", *times: str) -> dict[str, Any]:
    """The row by name; times as nanoseconds, lists as tuples."""
    fields: dict[str, Any] = dict(row.items())
    for name, value in row.items():
        if isinstance(value, list):
            fields[name] = tuple(cast("list[str]", value))
    for name in times:
        if row[name] is not None:
            fields[name] = from_postgres(row[name])
    return fields
