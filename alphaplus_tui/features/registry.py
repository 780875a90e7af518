"""All features by name, and the rows that models are trained and served with."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.errors import UnknownName
from alphaplus_tui.features import (
    anchor,
    clock,
    flow,
    momentum,
    range,  # noqa: A004  # the field's word for it
    sentiment,
    trend,
    volatility,
    volume,
)
from alphaplus_tui.features.panel import Panel
from alphaplus_tui.features.spec import Feature

FEATURES: Mapping[str, Feature] = {
    feature.name: feature
    for topic in (momentum, volatility, volume, flow, trend, range, clock, anchor, sentiment)
    for feature in topic.SPECS
}


def features(names: Sequence[str]) -> tuple[Feature, ...]:
    """The features of ``names``; ``UnknownName`` for one that is not registered."""
    for name in names:
        if name not in FEATURES:
            raise UnknownName("feature", name, FEATURES)
    return tuple(FEATURES[name] for name in names)


def rows(panel: Panel, chosen: Sequence[Feature]) -> NDArray[np.float32]:
    """A row for each candle, a column for each feature, float32; nan: absent.

    Holes cut the panel: behind one a feature is absent until its lookback is full again.
    """
    table = np.full((len(panel), len(chosen)), np.nan, np.float32)
    whole = list(panel.segments())
    for rows_of in whole:
        segment = panel if len(whole) == 1 else panel[rows_of]
        with np.errstate(all="ignore"):  # what is not finite is absent
            for column, feature in enumerate(chosen):
                first = feature.lookback - 1
                if first < len(segment):
                    values = feature.compute(segment, *feature.parameters)[first:].astype(np.float32)
                    values[~np.isfinite(values)] = np.nan
                    table[rows_of.start + first : rows_of.stop, column] = values
    return table
