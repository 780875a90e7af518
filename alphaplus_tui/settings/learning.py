"""The sections of the settings about models: serving them, what becomes a signal, training."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from alphaplus_tui.domain.timeframe import Timeframe, parse_timeframe
from alphaplus_tui.errors import UnknownName
from alphaplus_tui.settings.section import Section, refuse_twins, split_commas

EngineName = Literal["xgboost", "lightgbm", "catboost"]


def _check_timeframe(name: str) -> Timeframe:
    try:
        return parse_timeframe(name)
    except UnknownName as error:
        raise ValueError(str(error)) from None


class InferenceSettings(Section):
    """How models are served."""

    enabled: bool = True
    """Whether models judge closed candles at all."""
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """Threads of the inference process."""
    deadline_ms: Annotated[int, Field(ge=100, le=60_000)] = 2000
    """An inference process that is later than this is replaced and asked again."""
    previews: bool = True
    """Whether the forming candle is looked at as well, every few seconds; never stored, never a signal."""
    preview_every_s: Annotated[float, Field(ge=1, le=3600)] = 10.0
    """How often."""


class SignalSettings(Section):
    """What a prediction must be to become a signal."""

    require_edge: bool = True
    """Only a model whose report found an edge may signal."""
    min_expected_value_bps: Annotated[float, Field(ge=-1000, le=10_000)] = 0.0
    """What it must be worth after fees."""
    min_agreement: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the engines that must lean to the same side: 1 is all of them, 0.66 two of three."""
    cooldown_s: Annotated[float, Field(ge=0, le=31_536_000)] = 3600.0
    """Between two signals of one instrument."""
    fees_bps: Annotated[float, Field(ge=0, le=1000)] = 10.0
    """Per side."""


class TrainingSettings(Section):
    """How models are trained."""

    schedule: Literal["never", "daily", "weekly"] = "weekly"
    """How often a candidate is trained without being asked for."""
    timeframe: Annotated[Timeframe, AfterValidator(_check_timeframe)] = Timeframe("5m")
    """Candles that models look at."""
    horizon: Annotated[int, Field(ge=2, le=288)] = 24
    """Candles within which a barrier must be touched."""
    barrier: Annotated[float, Field(ge=0.1, le=10)] = 1.0
    """Distance of the barriers, in standard deviations over the horizon."""
    engines: Annotated[tuple[EngineName, ...], Field(min_length=1), split_commas, AfterValidator(refuse_twins)] = (
        "xgboost",
        "lightgbm",
        "catboost",
    )
    """What the ensemble is made of."""
    folds: Annotated[int, Field(ge=2, le=20)] = 6
    """Of the walk-forward validation."""
    memory_limit_mb: Annotated[int, Field(ge=300, le=1_000_000)] = 1500
    """A training that takes more is ended."""
