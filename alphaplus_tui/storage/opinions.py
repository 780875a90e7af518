"""Writes what models said and what became of it, and what is known of models, trainings, headlines and alerts."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.analysis import Decision, Headline, Outcome, Signal, TrainingRun
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.ports.store import Batch, ModelRecord
from alphaplus_tui.storage.instants import to_postgres

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

NumberOf = Callable[[InstrumentId], int]
"""The database's number of an instrument."""

Row = tuple[Any, ...]

DECISION_COLUMNS = (
    *("id", "instrument_id", "timeframe", "open_time", "close_time", "candle_revision", "role", "model"),
    *("p_down", "p_none", "p_up", "engines", "features", "absent", "out_of_range", "distance", "entry"),
    *("decided_at", "direction", "gate", "reason", "passed", "lean", "expected_value_bps", "agreement"),
    *("spread_bps", "target", "stop", "expires_at", "as_of"),
)
SIGNAL_COLUMNS = (
    *("id", "instrument_id", "timeframe", "model", "direction", "p_down", "p_none", "p_up", "expected_value_bps"),
    *("entry", "target", "stop", "made_at", "expires_at", "moved_by"),
)
OUTCOME_COLUMNS = ("id", "result", "resolved_at", "exit_price", "result_bps", "touched", "brier")
HEADLINE_COLUMNS = ("id", "source", "title", "url", "published_at", "seen_at", "score", "symbols")
MODEL_COLUMNS = (
    *("id", "stage", "pinned", "added_at", "changed_at", "reason", "timeframe", "instruments", "engines", "edge"),
    *("verdict", "metrics", "trained_from", "trained_until", "rows", "origin", "trouble"),
)
TRAINING_COLUMNS = (
    *("id", "state", "asked_by", "timeframe", "instruments", "engines", "started_at", "ended_at", "model"),
    *("verdict", "reason"),
)
ALERT_COLUMNS = (
    *("id", "rule", "kind", "severity", "instrument_id", "subject", "title", "text", "raised_at", "resolved_at"),
    *("quiet", "deliveries"),
)

_EXPLAIN = "UPDATE signals_made SET moved_by = $2 WHERE id = $1 AND moved_by = '[]'"
_FORGET_OUTCOMES = """
DELETE FROM outcomes USING decisions
WHERE outcomes.id = decisions.id AND decisions.close_time < $1
  AND NOT EXISTS (SELECT FROM signals_made WHERE signals_made.id = outcomes.id)
"""


async def write_opinions(connection: "Connection", batch: Batch, number: NumberOf, rows: dict[str, int]) -> None:
    """Everything in ``batch`` that is not market data; ``rows`` takes how many are new or changed, by table."""
    if batch.decisions:
        decisions = [_decision(row, number) for row in batch.decisions]
        rows["decisions"] = await _insert(connection, "decisions", DECISION_COLUMNS, decisions)
    if batch.signals:
        signals = [_signal(row, number) for row in batch.signals]
        rows["signals"] = await _insert(connection, "signals_made", SIGNAL_COLUMNS, signals)
        explained = [(row.id, _moved_by(row)) for row in batch.signals if row.moved_by]
        await connection.executemany(_EXPLAIN, explained)
    if batch.outcomes:
        rows["outcomes"] = await _insert(connection, "outcomes", OUTCOME_COLUMNS, map(_outcome, batch.outcomes))
    if batch.headlines:
        rows["sentiment"] = await _insert(connection, "sentiment", HEADLINE_COLUMNS, map(_headline, batch.headlines))
    if batch.models:
        rows["models"] = await _replace(connection, "models", MODEL_COLUMNS, map(_model, batch.models))
    if batch.training_runs:
        runs = map(_training, batch.training_runs)
        rows["training_runs"] = await _replace(connection, "training_runs", TRAINING_COLUMNS, runs)
    if batch.alerts:
        alerts = [_alert(row, number) for row in batch.alerts]
        rows["alerts"] = await _replace(connection, "alerts", ALERT_COLUMNS, alerts)


async def forget_decisions(connection: "Connection", before: int) -> int:
    """Those on candles that closed before ``before`` (UTC ns); returns how many."""
    async with connection.transaction():
        await connection.execute(_FORGET_OUTCOMES, to_postgres(before))
        done = await connection.execute("DELETE FROM decisions WHERE close_time < $1", to_postgres(before))
    return int(done.rpartition(" ")[2])


async def _insert(connection: "Connection", table: str, columns: Sequence[str], given: Iterable[Row]) -> int:
    """Those that are not there yet; returns how many."""
    rows = {row[0]: row for row in reversed(list(given))}
    there = await connection.fetch(f"SELECT id FROM {table} WHERE id = ANY ($1)", list(rows))  # noqa: S608 - names of ours
    for row in there:
        del rows[row["id"]]
    await connection.executemany(f"{_values(table, columns)} ON CONFLICT (id) DO NOTHING", list(rows.values()))
    return len(rows)


async def _replace(connection: "Connection", table: str, columns: Sequence[str], given: Iterable[Row]) -> int:
    rows = {row[0]: row for row in given}
    assigned = ", ".join(f"{column} = excluded.{column}" for column in columns[1:])
    await connection.executemany(
        f"{_values(table, columns)} ON CONFLICT (id) DO UPDATE SET {assigned}", list(rows.values())
    )
    return len(rows)


def _values(table: str, columns: Sequence[str]) -> str:
    places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - names of ours


def _decision(decision: Decision, number: NumberOf) -> Row:
    made = decision.prediction
    odds = made.probabilities
    engines = [
        (engine.engine, engine.probabilities.down, engine.probabilities.none, engine.probabilities.up)
        for engine in made.engines
    ]
    return (
        decision.id,
        number(made.instrument),
        made.timeframe,
        to_postgres(made.open_time),
        to_postgres(made.close_time),
        made.candle_revision,
        decision.role.value,
        made.model,
        *((odds.down, odds.none, odds.up) if odds else (None, None, None)),
        msgspec.json.encode(engines).decode(),
        made.features,
        made.absent,
        made.out_of_range,
        made.distance,
        made.entry,
        to_postgres(decision.decided_at),
        decision.direction.value,
        decision.gate,
        storable(decision.reason),
        decision.passed,
        decision.lean.value,
        decision.expected_value_bps,
        decision.agreement,
        decision.spread_bps,
        decision.target,
        decision.stop,
        to_postgres(decision.expires_at),
        decision.as_of,
    )


def _signal(signal: Signal, number: NumberOf) -> Row:
    odds = signal.probabilities
    return (
        signal.id,
        number(signal.instrument),
        signal.timeframe,
        signal.model,
        signal.direction.value,
        *(odds.down, odds.none, odds.up),
        signal.expected_value_bps,
        *(signal.entry, signal.target, signal.stop),
        *(to_postgres(signal.made_at), to_postgres(signal.expires_at)),
        _moved_by(signal),
    )


def _moved_by(signal: Signal) -> str:
    return msgspec.json.encode([(moved.feature, moved.value, moved.share) for moved in signal.moved_by]).decode()


def _outcome(outcome: Outcome) -> Row:
    return (
        outcome.id,
        outcome.result.value,
        to_postgres(outcome.resolved_at),
        outcome.exit_price,
        outcome.result_bps,
        outcome.touched,
        outcome.brier,
    )


def _headline(headline: Headline) -> Row:
    return (
        storable(headline.id),
        storable(headline.source),
        storable(headline.title),
        storable(headline.url),
        to_postgres(headline.published_at),
        to_postgres(headline.seen_at),
        headline.score,
        headline.symbols,
    )


def _model(model: ModelRecord) -> Row:
    return (
        *(model.id, model.stage, model.pinned, to_postgres(model.added_at), to_postgres(model.changed_at)),
        *(storable(model.reason), model.timeframe, model.instruments, model.engines, model.edge),
        *(storable(model.verdict), msgspec.json.encode(model.metrics).decode()),
        *(to_postgres(model.trained_from), to_postgres(model.trained_until), model.rows),
        *(model.origin, storable(model.trouble)),
    )


def _training(run: TrainingRun) -> Row:
    return (
        *(run.id, run.state, run.asked_by, run.timeframe, run.instruments, run.engines),
        to_postgres(run.started_at),
        None if run.ended_at is None else to_postgres(run.ended_at),
        *(run.model, storable(run.verdict), storable(run.reason)),
    )


def _alert(alert: Alert, number: NumberOf) -> Row:
    deliveries = [structs.replace(sent, reason=storable(sent.reason)) for sent in alert.deliveries]
    return (
        *(alert.id, storable(alert.rule), alert.kind.value, alert.severity.value),
        None if alert.instrument is None else number(alert.instrument),
        *(storable(alert.subject), storable(alert.title), storable(alert.text)),
        to_postgres(alert.raised_at),
        None if alert.resolved_at is None else to_postgres(alert.resolved_at),
        alert.quiet,
        msgspec.json.encode(deliveries).decode(),
    )


def storable(text: str) -> str:
    """PostgreSQL has no NUL in text."""
    return text.replace("\0", "")
