"""How models are trained and served, and what becomes a signal."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from alphaplus_tui.domain.timeframe import TIMEFRAMES, Timeframe
from alphaplus_tui.errors import suggestion
from alphaplus_tui.settings.section import Section, refuse_twins, split_commas

EngineName = Literal["xgboost", "lightgbm", "catboost"]


class InferenceSettings(Section):
    """How models are served."""

    enabled: bool = True
    """False: candles are stored and drawn, and nobody has an opinion on them."""
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """Threads of the inference process."""
    deadline_ms: Annotated[int, Field(ge=10, le=60_000)] = 2000
    """A prediction that takes longer is a decision without one."""


class SignalsSettings(Section):
    """What becomes a signal."""

    require_edge: bool = True
    """Only from a model whose report found an edge."""
    min_expected_value_bps: Annotated[float, Field(ge=-1000, le=10_000)] = 0.0
    """Expected value after fees, in hundredths of a percent of the entry."""
    min_agreement: Annotated[float, Field(ge=0, le=1)] = 0.67
    """Share of the engines that lean to the same side."""
    cooldown_s: Annotated[float, Field(ge=0, le=604_800)] = 3600.0
    """Time between two signals of one instrument."""
    fees_bps: Annotated[float, Field(ge=0, le=1000)] = 10.0
    """Fees per side, in hundredths of a percent."""


class TrainingSettings(Section):
    """How models are trained."""

    schedule: Literal["never", "daily", "weekly"] = "never"
    """When models are trained anew without being asked."""
    timeframe: Timeframe = Timeframe("5m")
    """Candles that are learned from."""
    horizon: Annotated[int, Field(ge=2, le=288)] = 24
    """Candles within which a barrier must be touched."""
    barrier: Annotated[float, Field(ge=0.1, le=10)] = 1.0
    """Distance of the barriers in volatilities over the horizon."""
    engines: Annotated[tuple[EngineName, ...], Field(min_length=1), split_commas, AfterValidator(refuse_twins)] = (
        "xgboost",
        "lightgbm",
        "catboost",
    )
    """What learns; one whose library is not installed is left out."""
    folds: Annotated[int, Field(ge=2, le=20)] = 6
    """Windows of the walk-forward test."""
    memory_limit_mb: Annotated[int, Field(ge=200, le=1_000_000)] = 1500
    """A training that takes more is ended."""

    @field_validator("timeframe")
    @classmethod
    def _known(cls, name: str) -> Timeframe:
        if name not in TIMEFRAMES:
            raise ValueError(f"a timeframe is one of {', '.join(TIMEFRAMES)}; {suggestion(name, TIMEFRAMES)}")
        return Timeframe(name)
