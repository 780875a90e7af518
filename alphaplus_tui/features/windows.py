"""Sums, means and ratios over trailing windows, and the columns that several features share."""

import numpy as np

from alphaplus_tui.features.panel import Floats, Panel

DAY = 288
"""The window of ordinary volatility, in candles: a day of 5-minute ones."""
_NOISE = 1e-9
"""A variance below this share of the mean square is rounding, not movement."""


def rolling_sum(values: Floats, window: int) -> Floats:
    """Sum of the last ``window`` values; nan before there are so many, and where one of them is nan."""
    out = np.full(len(values), np.nan)
    if len(values) < window:
        return out
    unknown = np.isnan(values)
    some = bool(unknown.any())
    total = np.cumsum(np.where(unknown, 0.0, values) if some else values)
    out[window - 1] = total[window - 1]
    out[window:] = total[window:] - total[:-window]
    if some:
        count = np.cumsum(unknown)
        missing = count[window - 1 :].copy()
        missing[1:] -= count[:-window]
        out[window - 1 :][missing > 0] = np.nan
    return out


def rolling_mean(values: Floats, window: int) -> Floats:
    return rolling_sum(values, window) / window


def rolling_deviation(values: Floats, window: int) -> Floats:
    """Standard deviation of the last ``window`` values; exactly 0 where they differ by rounding only."""
    square, mean = rolling_mean(np.square(values), window), rolling_mean(values, window)
    variance = square - np.square(mean)
    return np.sqrt(np.where(variance > _NOISE * square, variance, 0.0))


def delayed(values: Floats, by: int) -> Floats:
    """The values of ``by`` rows earlier; nan at the beginning."""
    out = np.full(len(values), np.nan)
    out[by:] = values[: max(len(values) - by, 0)]
    return out


def ratio(above: Floats, below: Floats) -> Floats:
    """``above / below``; nan (absent) where ``below`` is not positive."""
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def log_ratio(above: Floats, below: Floats) -> Floats:
    """The logarithm of ``above / below``; nan (absent) where one of them is not positive."""
    out = np.full(len(above), np.nan)
    known = (above > 0) & (below > 0)
    np.log(np.divide(above, below, out=out, where=known), out=out, where=known)
    return out


def log_close(panel: Panel) -> Floats:
    return panel.shared("log_close", lambda panel: np.log(panel.close))


def returns(panel: Panel) -> Floats:
    """Log returns from close to close; the first is given as 0, which no feature's lookback reaches."""
    return panel.shared("returns", lambda panel: np.diff(log_close(panel), prepend=log_close(panel)[:1]))


def squares(panel: Panel) -> Floats:
    return panel.shared("squares", lambda panel: np.square(returns(panel)))


def volatility(panel: Panel, window: int = DAY) -> Floats:
    """Root mean square of the last ``window`` log returns."""
    return panel.shared(
        f"volatility {window}", lambda panel: np.sqrt(np.maximum(rolling_mean(squares(panel), window), 0.0))
    )


def mean_volume(panel: Panel, window: int) -> Floats:
    return panel.shared(f"mean_volume {window}", lambda panel: np.maximum(rolling_mean(panel.volume, window), 0.0))
