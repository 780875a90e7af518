"""The opinions that the store in memory keeps, with the same promises as the database."""

from collections.abc import Hashable
from typing import TypeVar

from msgspec import structs

from alphaplus_tui.domain.alerts import Alert
from alphaplus_tui.domain.analysis import Decision, Headline, Mood, Outcome, Role, Signal, TrainingRun
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import DAY_NS, duration_ns
from alphaplus_tui.ports.store import Batch, ModelRecord, Scored

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class FakeOpinions:
    """What was decided, by id."""

    def __init__(self) -> None:
        self.decisions: dict[str, Decision] = {}
        self.signals: dict[str, Signal] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.headlines: dict[str, Headline] = {}
        self.models: dict[str, ModelRecord] = {}
        self.training_runs: dict[str, TrainingRun] = {}
        self.alerts: dict[str, Alert] = {}

    def write(self, batch: Batch) -> dict[str, tuple[int, int]]:
        """New and given rows by table."""
        decisions = [structs.replace(row, decided_at=_whole_us(row.decided_at)) for row in batch.decisions]
        signals = [structs.replace(row, made_at=_whole_us(row.made_at)) for row in batch.signals]
        outcomes = [structs.replace(row, resolved_at=_whole_us(row.resolved_at)) for row in batch.outcomes]
        new = {
            "decisions": sum(_new(self.decisions, row.id, row) for row in decisions),
            "signals": sum(_new(self.signals, row.id, row) for row in signals),
            "outcomes": sum(_new(self.outcomes, row.id, row) for row in outcomes),
            "sentiment": sum(_new(self.headlines, row.id, row) for row in batch.headlines),
        }
        for row in signals:
            known = self.signals[row.id]
            if row.moved_by and not known.moved_by:
                self.signals[row.id] = structs.replace(known, moved_by=row.moved_by)
        self.models.update({row.id: row for row in batch.models})
        self.training_runs.update({row.id: row for row in batch.training_runs})
        self.alerts.update({row.id: row for row in batch.alerts})
        given = {
            "decisions": len(decisions),
            "signals": len(signals),
            "outcomes": len(outcomes),
            "sentiment": len(batch.headlines),
        }
        models = len({row.id for row in batch.models})
        runs = len({row.id for row in batch.training_runs})
        return {
            **{table: (new[table], given[table]) for table in new},
            "models": (models, len(batch.models)),
            "training_runs": (runs, len(batch.training_runs)),
            "alerts": (len({row.id for row in batch.alerts}), len(batch.alerts)),
        }

    def prune(self, now: int, days: int) -> int:
        before = (now // DAY_NS - days) * DAY_NS
        gone = [row.id for row in self.decisions.values() if closes(row) < before]
        for decision in gone:
            del self.decisions[decision]
            if decision not in self.signals:
                self.outcomes.pop(decision, None)
        return len(gone)

    def mood(self, since: int, until: int) -> Mood | None:
        seen = sorted((_whole_us(row.seen_at), row.id, row.score) for row in self.headlines.values())
        if not seen:
            return None
        asked = [(at, score) for at, _, score in seen if since <= at < until]
        return Mood(tuple(at for at, _ in asked), tuple(score for _, score in asked), seen[0][0])

    def decision_at(self, instrument: InstrumentId, ts: int) -> Decision | None:
        found = [
            row
            for row in self.decisions.values()
            if row.prediction.instrument == instrument and row.role is Role.CHAMPION and closes(row) <= ts
        ]
        newest = max(found, key=lambda row: (closes(row), row.decided_at), default=None)
        if newest is None or closes(newest) + duration_ns(newest.prediction.timeframe) <= ts:
            return None
        return newest

    def page(self, instrument: InstrumentId | None, before: int, limit: int, gate: str) -> tuple[Decision, ...]:
        found = [
            row
            for row in self.decisions.values()
            if row.decided_at < before
            and instrument in (None, row.prediction.instrument)
            and (not gate or (row.signalled if gate == "passed" else row.gate == gate))
        ]
        return tuple(sorted(found, key=lambda row: (-row.decided_at, row.id))[:limit])

    def signals_page(
        self, instrument: InstrumentId | None, before: int, limit: int
    ) -> tuple[tuple[Signal, Outcome | None], ...]:
        found = [row for row in self.signals.values() if row.made_at < before and instrument in (None, row.instrument)]
        found.sort(key=lambda row: (-row.made_at, row.id))
        return tuple((row, self.outcomes.get(row.id)) for row in found[:limit])

    def unresolved(self, since: int, limit: int) -> tuple[Decision, ...]:
        found = [
            row
            for row in self.decisions.values()
            if closes(row) >= since and row.target is not None and row.id not in self.outcomes
        ]
        return tuple(sorted(found, key=lambda row: (closes(row), row.id))[:limit])

    def scored(self, since: int, limit: int) -> tuple[Scored, ...]:
        found = [
            Scored(
                row.id,
                row.role,
                row.prediction.model,
                row.prediction.instrument,
                row.lean,
                row.role is Role.CHAMPION and not row.gate and not row.as_of,
                closes(row),
                row.prediction.probabilities,
                self.outcomes[row.id],
            )
            for row in self.decisions.values()
            if row.id in self.outcomes
            and self.outcomes[row.id].resolved_at >= since
            and row.prediction.probabilities is not None
        ]
        return tuple(sorted(found, key=lambda row: (-row.outcome.resolved_at, row.id))[:limit])


def closes(decision: Decision) -> int:
    return decision.prediction.open_time + duration_ns(decision.prediction.timeframe)


def _new(rows: dict[K, V], key: K, value: V) -> bool:
    known = key in rows
    rows.setdefault(key, value)
    return not known


def _whole_us(ts_ns: int) -> int:
    return ts_ns // 1000 * 1000
