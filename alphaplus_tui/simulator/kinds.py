"""The kinds of market there are, as rows of data: what ``--market`` chooses from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MarketKind:
    """How prices move. Volatilities are standard deviations of log returns per day."""

    name: str
    common_volatility: float = 0.020
    """Of the factor that all instruments share."""
    own_volatility: float = 0.016
    bound: float = 0.45
    """How far, as a logarithm, the common factor may wander; each instrument's own ways two thirds of that."""
    regimes: tuple[float, ...] = (0.6, 1.0, 1.0, 1.7)
    """Multipliers of the volatility; one is drawn anew every ``regime_days`` on average."""
    regime_days: float = 9.0
    day_roughness: float = 0.25
    """Standard deviation of the log volatility from day to day."""
    minute_roughness: float = 0.45
    """Standard deviation of the log volatility within a day; it clusters over an hour or two."""
    day_swing: float = 0.35
    """How much livelier the middle of the day is than its mean."""
    flow_tilt: float = 0.18
    """How far the share of buyers leans with the minute's return."""
    chance: float = 1.0
    """How much of counts, sizes and shares is mere chance; 1 is as in life."""
    impact_volatility: float = 0.0
    """What the flow of takers does to the price in the long run; 0: nothing, so that no direction can be told."""
    impact_minutes: float = 100.0
    """How slowly the price follows the flow (the time in which 63 % of it has come), at most 150."""
    impact_shown: float = 0.10
    """How far the share of buyers leans with the minute's part of that flow, per standard deviation of it."""


KINDS = {
    kind.name: kind
    for kind in (
        MarketKind("demo", flow_tilt=0.10, chance=0.5, impact_volatility=0.050, impact_shown=0.15),
        MarketKind("null", bound=1.2),
        MarketKind(
            "planted",
            common_volatility=0.0,
            own_volatility=0.020,
            regimes=(1.0,),
            day_roughness=0.0,
            minute_roughness=0.0,
            day_swing=0.0,
            flow_tilt=0.0,
            chance=0.15,
            impact_volatility=0.042,
            impact_minutes=55.0,
            impact_shown=0.12,
        ),
    )
}
"""``demo`` looks like a market and hides an edge; ``null`` looks the same and has none (volatility can be told, the
direction cannot); ``planted`` is an edge and nothing else, at constant volatility."""
