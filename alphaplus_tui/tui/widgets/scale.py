"""Axes: ticks at 1-2-5 steps for prices, round moments for time."""

import math
from dataclasses import dataclass

from alphaplus_tui.domain.timeframe import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from alphaplus_tui.tui.format import moment

_TIME_STEPS = tuple(
    n * unit
    for unit, counts in (
        (SECOND_NS, (5, 15, 30)),
        (MINUTE_NS, (1, 5, 10, 15, 30)),
        (HOUR_NS, (1, 2, 3, 6, 12)),
        (DAY_NS, (1, 2, 7, 14, 30, 90, 180, 365)),
    )
    for n in counts
)


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most ``most`` round values in [low, high], ascending, a 1-2-5 step apart."""
    if not (high > low and most >= 1) or math.isinf(high - low):
        return []
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def time_step(slot_ns: int, columns_per_slot: int, label_width: int) -> int:
    """The distance of time labels (ns) so that they stand clear of each other."""
    needed = slot_ns * (label_width + 3) / columns_per_slot
    return next((step for step in _TIME_STEPS if step >= needed), _TIME_STEPS[-1])


def time_label(ts: int, step: int) -> str:
    """``12:05``, ``08 Aug``, ``2024-08``: as much as the step needs."""
    at = moment(ts)
    if step >= 30 * DAY_NS:
        return at.strftime("%Y-%m")
    if step >= DAY_NS or ts % DAY_NS == 0:
        return at.strftime("%d %b")
    return at.strftime("%H:%M:%S" if step < MINUTE_NS else "%H:%M")


@dataclass(frozen=True, slots=True)
class PriceScale:
    """Prices to half cells: 0 is the upper half of the top row."""

    low: float
    high: float
    rows: int

    def half(self, price: float) -> int:
        """The half cell that holds ``price``, within the rows."""
        span = self.high - self.low
        if span <= 0:
            return self.rows
        at = int((self.high - price) / span * 2 * self.rows)
        return max(0, min(2 * self.rows - 1, at))

    def row(self, price: float) -> int:
        return self.half(price) // 2


def price_scale(low: float, high: float, rows: int, step: float) -> PriceScale:
    """Room for [low, high] with a small margin; never flatter than a few price steps."""
    least = max(step * 4, abs(high) * 1e-9)
    if high - low < least:
        middle = (high + low) / 2
        low, high = middle - least / 2, middle + least / 2
    margin = (high - low) * 0.04
    return PriceScale(low - margin, high + margin, max(1, rows))
