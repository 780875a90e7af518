"""The kinds of market there are, as rows of data: what ``--market`` chooses from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MarketKind:
    """How prices move. Volatilities are standard deviations of log returns per day."""

    name: str
    common_volatility: float = 0.020
    """Of the factor that all instruments share."""
    own_volatility: float = 0.016
    regimes: tuple[float, ...] = (0.6, 1.0, 1.0, 1.7)
    """Multipliers of the volatility; one is drawn anew every ``regime_days`` on average."""
    regime_days: float = 9.0
    day_roughness: float = 0.25
    """Standard deviation of the log volatility from day to day."""
    minute_roughness: float = 0.45
    """Standard deviation of the log volatility within a day; it clusters over an hour or two."""
    flow_tilt: float = 0.18
    """How far the share of buyers leans with the minute's return."""


KINDS = {kind.name: kind for kind in (MarketKind("demo"),)}
