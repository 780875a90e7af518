"""What models and trainings look like."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from alphaplus_tui.api.schemas.common import Instant, Part, finite, moment
from alphaplus_tui.state.slices import ModelRow, TrainingRow

Name = Annotated[str, Field(min_length=1, max_length=64)]


class ModelAnswer(Part):
    """A model of the registry."""

    id: str
    stage: str
    """candidate, champion or retired."""
    serving: str
    """`champion`, `challenger`, or empty when it does not serve."""
    pinned: bool
    added_at: Instant | None
    reason: str
    """Why it is at this stage."""
    timeframe: str
    engines: list[str]
    edge: bool
    """Whether the report of its training found one."""
    verdict: str
    metrics: dict[str, float | None]
    trouble: str
    """Why it does not serve although it should; empty where all is well."""
    live_brier: float | None
    live_rows: int
    drift_psi: float | None
    """The largest over the features."""
    drift_feature: str

    @classmethod
    def of(cls, row: ModelRow) -> Self:
        return cls(
            id=row.id,
            stage=row.stage,
            serving=row.serving,
            pinned=row.pinned,
            added_at=moment(row.added_at),
            reason=row.reason,
            timeframe=row.timeframe,
            engines=list(row.engines),
            edge=row.edge,
            verdict=row.verdict,
            metrics={name: finite(value) for name, value in row.metrics.items()},
            trouble=row.trouble,
            live_brier=finite(row.live_brier),
            live_rows=row.live_rows,
            drift_psi=finite(row.drift_psi),
            drift_feature=row.drift_feature,
        )


class TrainingWish(BaseModel):
    """What to train on; what is left out is taken from the settings."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    symbols: Annotated[list[Name], Field(max_length=500)] = []
    """All that are followed when left out."""
    timeframe: Annotated[str, Field(max_length=8)] = ""
    engines: Annotated[list[Name], Field(max_length=8)] = []


class Training(Part):
    """The training that runs or ran last."""

    id: str
    state: str
    """idle, running, done, failed or cancelled."""
    step: str
    share: float
    """Of all there is to do, 0 to 1."""
    reason: str
    started_at: Instant | None
    verdict: str

    @classmethod
    def of(cls, row: TrainingRow) -> Self:
        return cls(
            id=row.id,
            state=row.state,
            step=row.step,
            share=row.share,
            reason=row.reason,
            started_at=moment(row.started_at),
            verdict=row.verdict,
        )
