"""What a feature is: a pure function of a panel, with a name and how far it looks back."""

from collections.abc import Callable

import numpy as np
from msgspec import Struct

from alphaplus_tui.features.panel import SLOWER, Floats, Panel

LONGEST_LOOKBACK = 600
"""Candles that a window must hold for every feature; recursive indicators have forgotten what was before."""
LONGEST_SLOW_LOOKBACK = (LONGEST_LOOKBACK - SLOWER + 1) // SLOWER
"""Candles of the longer timeframe that fit into such a window wherever it begins."""


class Feature(Struct, frozen=True):
    """A column of numbers, one for each candle, from that candle and the ``lookback - 1`` before it.

    ``compute(panel, *parameters)`` gets a panel without holes and returns shape (n,); what it returns for the first
    ``lookback - 1`` rows does not count. A value that is not finite means absent.
    """

    name: str
    text: str
    """What it says, for a reader."""
    lookback: int
    compute: Callable[..., Floats]
    parameters: tuple[int, ...] = ()
    version: int = 1
    clock: bool = False
    """Tells the time only, so that its distribution over a short while means nothing."""


def slow_lookback(candles: int) -> int:
    """How far back a feature looks that needs so many candles of the longer timeframe, at the worst moment."""
    return candles * SLOWER + SLOWER - 1


def on_slower(panel: Panel, compute: Callable[..., Floats], *parameters: int) -> Floats:
    """``compute`` on the longer timeframe, each value held until its next candle closes; nan before the first."""
    slower = panel.slower()
    if not len(slower.panel):
        return np.full(len(panel), np.nan)
    values = compute(slower.panel, *parameters)
    held = values[slower.last]
    held[slower.last < 0] = np.nan
    return held
