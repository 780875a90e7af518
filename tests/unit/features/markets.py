"""Panels to try features on: made up, ordinary and extraordinary."""

import numpy as np

from alphaplus_tui.domain.timeframe import MINUTE_NS, Timeframe
from alphaplus_tui.features.panel import Panel

START_NS = 1_704_067_200_000_000_000  # 2024-01-01
FIVE_MINUTES = Timeframe("5m")


def market(rows: int, seed: int = 1, *, offset: int = 0, wildness: float = 0.0, quiet: float = 0.0) -> Panel:
    """A random walk with clustered volatility, volume and takers; opens ``offset`` candles after the new year.

    wildness: the chance of a jump of up to a third. quiet: the share of time in which nothing trades.
    """
    rng = np.random.default_rng(seed)
    sigma = 0.002 * np.exp(0.5 * np.sin(np.arange(rows) / 70) + rng.normal(0, 0.2, rows))
    steps = rng.standard_t(5, rows) * sigma
    steps += np.where(rng.random(rows) < wildness, rng.uniform(-0.3, 0.3, rows), 0.0)
    volume = np.exp(rng.normal(3, 1, rows))
    still = np.repeat(rng.random(rows // 20 + 1) < quiet, 20)[:rows]
    steps[still], volume[still] = 0.0, 0.0
    close = 100 * np.exp(np.cumsum(steps) - 0.3 * np.cumsum(steps).mean())
    open_ = np.concatenate([[100.0], close[:-1]])
    reach = np.where(still, 0.0, np.abs(rng.normal(0, 1, rows)) * sigma)
    return Panel(
        FIVE_MINUTES,
        START_NS + (np.arange(rows, dtype=np.int64) + offset) * 5 * MINUTE_NS,
        open_=open_,
        high=np.maximum(open_, close) * np.exp(reach),
        low=np.minimum(open_, close) * np.exp(-reach * 0.8),
        close=close,
        volume=volume,
        trades=np.asarray(np.round(volume), np.float64),
        buy_volume=volume * rng.beta(3, 3, rows),
        anchor_close=30_000 * np.exp(np.cumsum(0.5 * steps + rng.normal(0, 0.001, rows))),
        headlines=(headlines := np.asarray(rng.poisson(0.3, rows), np.float64)),
        mood=headlines * rng.uniform(-1, 1, rows),
    )


def without(panel: Panel, hole: slice) -> Panel:
    """The panel with some of its candles missing."""
    kept = np.ones(len(panel), bool)
    kept[hole] = False
    return Panel(
        panel.timeframe,
        panel.open_time[kept],
        open_=panel.open[kept],
        high=panel.high[kept],
        low=panel.low[kept],
        close=panel.close[kept],
        volume=panel.volume[kept],
        trades=panel.trades[kept],
        buy_volume=panel.buy_volume[kept],
        anchor_close=panel.anchor_close[kept],
        headlines=panel.headlines[kept],
        mood=panel.mood[kept],
    )
