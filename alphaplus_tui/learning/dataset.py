"""Rows to learn from: features, labels and weights of the candles of several instruments, in the order of time."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.timeframe import DAY_NS
from alphaplus_tui.errors import FatalError
from alphaplus_tui.features.barriers import BarrierRule, Outcome, barriers
from alphaplus_tui.features.panel import Floats, Ints, Panel
from alphaplus_tui.features.registry import rows
from alphaplus_tui.features.spec import Feature

MOST_ABSENT = 0.01
"""A feature that is absent in a larger share of the rows is left out."""


class NotEnoughData(FatalError):
    """There are too few candles to learn from."""

    title = "Not enough data"


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows sorted by ``known``; all columns are of shape (n, ...)."""

    features: tuple[Feature, ...]
    absent: tuple[str, ...]
    """Names of features left out, as the history does not have them."""
    instruments: tuple[InstrumentId, ...]
    x: NDArray[np.float32]
    label: Ints
    """An ``Outcome``."""
    weight: Floats
    """Average uniqueness of the label, scaled to a mean of 1."""
    instrument: Ints
    """Index into ``instruments``."""
    known: Ints
    """Close of the row's candle, UTC ns: the moment of the prediction."""
    ends: Ints
    """Close of the last candle that the label may look at, UTC ns."""
    distance: Floats
    change: Floats
    """Log return from the entry to the outcome."""
    previous: Ints
    """The newest outcome of the instrument that was settled by ``known``; -1: none yet."""

    def __len__(self) -> int:
        return len(self.label)

    @property
    def day(self) -> Ints:
        return self.known // DAY_NS

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    def take(self, which: NDArray[np.bool_] | Ints) -> "Dataset":
        """Some of the rows."""
        columns = {
            field.name: getattr(self, field.name)[which] for field in fields(self) if field.name not in _NOT_COLUMNS
        }
        return Dataset(self.features, self.absent, self.instruments, **columns)

    def only(self, names: Sequence[str]) -> "Dataset":
        """The same rows with some of the features."""
        columns = [self.names.index(name) for name in names]
        return replace(self, features=tuple(self.features[column] for column in columns), x=self.x[:, columns])


_NOT_COLUMNS = ("features", "absent", "instruments")


def build(histories: Sequence[tuple[InstrumentId, Panel]], chosen: Sequence[Feature], rule: BarrierRule) -> Dataset:
    """The rows of all histories that have a label and every feature that history has; ``NotEnoughData`` without any.

    Holes are masked: no feature, no volatility and no label reaches across one. Flat candles are candles.
    """
    parts = [part for n, (_, panel) in enumerate(histories) if (part := _part(n, panel, chosen, rule))]
    if not parts:
        need = max(feature.lookback for feature in chosen) + rule.horizon
        raise NotEnoughData(f"no instrument has {need} candles without a hole; import or backfill more history")
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    missing = np.isnan(columns[0]).mean(axis=0)
    kept = missing <= MOST_ABSENT
    columns[0] = columns[0][:, kept]
    order = np.lexsort((columns[3], columns[4]))
    whole = np.asarray(~np.isnan(columns[0]).any(axis=1), np.bool_)
    order = order[whole[order]]
    x, label, weight, *rest = (column[order] for column in columns)
    return Dataset(
        tuple(feature for feature, keep in zip(chosen, kept, strict=True) if keep),
        tuple(feature.name for feature, keep in zip(chosen, kept, strict=True) if not keep),
        tuple(instrument for instrument, _ in histories),
        x,
        label,
        weight / weight.mean(),
        *rest,
    )


def uniqueness(starts: Ints, ends: Ints, length: int) -> Floats:
    """Average uniqueness of labels that live on candles ``starts`` to ``ends`` (both included) of ``length``.

    Source: López de Prado, Advances in Financial Machine Learning (2018), section 4.4.
    """
    change = np.bincount(starts, minlength=length + 1) - np.bincount(ends + 1, minlength=length + 1)[: length + 1]
    alive = np.cumsum(change)[:length]
    share = np.concatenate([[0.0], np.cumsum(1.0 / np.maximum(alive, 1))])
    return (share[ends + 1] - share[starts]) / (ends - starts + 1)


def _part(number: int, panel: Panel, chosen: Sequence[Feature], rule: BarrierRule) -> tuple[NDArray[np.generic], ...]:
    """Columns of one instrument, from rows with a label and enough candles before them; empty without such rows."""
    if not len(panel):
        return ()
    touched = barriers(panel, rule)
    longest = max(feature.lookback for feature in chosen)
    usable = np.zeros(len(panel), np.bool_)
    for part in panel.segments():
        usable[part.start + longest - 1 : part.stop] = True
    usable &= touched.outcome >= 0
    where = np.flatnonzero(usable)
    if not len(where):
        return ()
    previous = np.full(len(panel), -1, np.int64)
    settled = np.flatnonzero(touched.outcome >= 0)
    # the label of ``horizon`` candles ago is surely settled; behind a hole the newest before it
    newest = np.searchsorted(panel.open_time[settled], panel.open_time - rule.horizon * panel.length_ns, "right") - 1
    known = newest >= 0
    previous[known] = touched.outcome[settled[newest[known]]]
    return (
        rows(panel, chosen)[where],
        touched.outcome[where].astype(np.int64),
        uniqueness(where + 1, where + touched.candles[where], len(panel)),
        np.full(len(where), number, np.int64),
        panel.close_time[where],
        panel.close_time[where] + rule.horizon * panel.length_ns,
        touched.distance[where],
        touched.change[where],
        previous[where],
    )


def class_shares(labels: Ints, weights: Floats | None = None) -> Floats:
    """Frequency of each outcome, every one counted once more than it was seen, so that none is impossible."""
    counts = np.bincount(labels, weights=weights, minlength=len(Outcome)) + 1.0
    return counts / counts.sum()
