"""The newest rows of many instruments at once, from the same functions, as fast as one long panel."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.features.panel import SLOWER, Floats, Panel
from alphaplus_tui.features.registry import rows
from alphaplus_tui.features.spec import Feature

_PARTS = (25 * SLOWER, 97 * SLOWER)
"""Most features look back 6 or 24 hours of 5-minute candles and a few more: they need not see the whole window."""


def last_rows(panels: Sequence[Panel], chosen: Sequence[Feature]) -> NDArray[np.float32]:
    """The last row of each panel, shape (panels, features); nan: absent.

    Windows of which no candle is missing and that end at the same moment are joined end to end and computed as one:
    no feature of a window's last row looks back further than the window. Prices and volumes are scaled first, so that
    the seams are no abyss; features know of no scale. All other windows are computed alone.
    """
    table = np.full((len(panels), len(chosen)), np.nan, np.float32)
    if not chosen:
        return table
    length = _whole_groups(max(feature.lookback for feature in chosen))
    together: dict[int, list[int]] = {}
    for number, panel in enumerate(panels):
        if len(panel) >= length and _unbroken(panel[-length:]):
            together.setdefault(int(panel.open_time[-1]), []).append(number)
        elif len(panel):
            table[number] = rows(panel[-length:], chosen)[-1]
    parts = [part for part in _PARTS if part < length] + [length]
    columns_of: dict[int, list[int]] = {}
    for column, feature in enumerate(chosen):
        columns_of.setdefault(next(part for part in parts if feature.lookback <= part), []).append(column)
    for numbers in together.values():
        for part, columns in columns_of.items():
            windows = [panels[number][-part:] for number in numbers]
            table[np.ix_(numbers, columns)] = _newest(windows, [chosen[column] for column in columns])
    return table


def _whole_groups(candles: int) -> int:
    """At least so many, and whole candles of the longer timeframe, so that each window has them at the same places."""
    return -(-candles // SLOWER) * SLOWER


def _unbroken(window: Panel) -> bool:
    return int(window.open_time[-1] - window.open_time[0]) == (len(window) - 1) * window.length_ns


def _newest(windows: Sequence[Panel], chosen: Sequence[Feature]) -> NDArray[np.float32]:
    length, joined = len(windows[0]), _joined(windows)
    with np.errstate(all="ignore"):  # what is not finite is absent
        columns = [feature.compute(joined, *feature.parameters)[length - 1 :: length] for feature in chosen]
        newest = np.stack(columns, axis=1).astype(np.float32)
    newest[~np.isfinite(newest)] = np.nan
    return newest


def _joined(windows: Sequence[Panel]) -> Panel:
    price = np.array([1 / window.close[-1] for window in windows])
    volume = np.array([1 / max(float(window.volume.max()), 1e-300) for window in windows])

    def column(name: str, scale: Floats | None = None) -> Floats:
        stacked = np.stack([getattr(window, name) for window in windows])
        return np.ascontiguousarray((stacked if scale is None else stacked * scale[:, None]).ravel())

    return Panel(
        windows[0].timeframe,
        np.concatenate([window.open_time for window in windows]),
        open_=column("open", price),
        high=column("high", price),
        low=column("low", price),
        close=column("close", price),
        volume=column("volume", volume),
        trades=column("trades"),
        buy_volume=column("buy_volume", volume),
        anchor_close=column("anchor_close"),
        headlines=column("headlines"),
        mood=column("mood"),
    )
