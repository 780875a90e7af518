"""Invented candle markets with a known truth: one without any edge, one with a planted one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.domain.timeframe import MINUTE_NS, Timeframe
from alphaplus_tui.features.panel import Panel

Floats = NDArray[np.float64]

FIVE_MINUTES = Timeframe("5m")
START_NS = 1_704_067_200_000_000_000  # 2024-01-01
STEPS = 12
"""Steps of the walk within one candle, so that highs and lows are touched on the way."""
SIGMA = 0.001
"""Volatility of a candle of the planted market."""
MEMORY = 0.96
"""How much of the mood lasts to the next candle."""
PULL = 0.25
"""Drift of the next candle per unit of mood, in volatilities."""


def null_market(candles: int, seed: int) -> Panel:
    """A martingale with clustered volatility: how far it goes can be told, which way cannot."""
    rng = np.random.default_rng(seed)
    log_sigma = np.empty(candles)
    level = 0.0
    shocks = rng.normal(0, 0.12, candles)
    for n in range(candles):
        level = 0.98 * level + shocks[n]
        log_sigma[n] = level
    sigma = SIGMA * np.exp(log_sigma - 0.5 * log_sigma.var())
    steps = rng.normal(size=(candles, STEPS)) * (sigma / np.sqrt(STEPS))[:, None]
    steps -= (np.square(sigma) / (2 * STEPS))[:, None]  # so that the price itself, not its logarithm, is fair
    volume = np.exp(rng.normal(3, 0.3, candles)) * np.exp(log_sigma)
    return _candles(steps, volume, rng.beta(8, 8, candles))


def planted_market(candles: int, seed: int) -> tuple[Panel, Floats]:
    """What takers bought and sold in the last candles moves the price of the coming ones; also that mood itself.

    Each candle records its own imbalance, which is pure chance; the mood is their fading sum, known at the close.
    """
    rng = np.random.default_rng(seed)
    imbalance = rng.normal(size=candles)
    mood = moods(imbalance)
    steps = rng.normal(size=(candles, STEPS)) * (SIGMA / np.sqrt(STEPS))
    drift = np.concatenate([[0.0], mood[:-1]]) * PULL * SIGMA / STEPS
    share = np.clip(0.5 + 0.12 * imbalance, 0.0, 1.0)
    return _candles(steps + drift[:, None], np.exp(rng.normal(3, 0.3, candles)), share), mood


def moods(shocks: Floats, start: float = 0.0) -> Floats:
    """An autoregressive walk of unit variance."""
    out = np.empty(len(shocks))
    mood = start
    scale = np.sqrt(1 - MEMORY**2)
    for n, shock in enumerate(shocks):
        mood = MEMORY * mood + scale * shock
        out[n] = mood
    return out


def planted_optimum(grid: Sequence[float], widths: Sequence[float], paths: int, seed: int, horizon: int = 24) -> Floats:
    """The chance of DOWN, NONE, UP by Monte Carlo, shape (moods, widths, 3).

    grid: moods at the entry. widths: barriers in units of SIGMA × √horizon. Both in one candle is DOWN.
    """
    rng = np.random.default_rng(seed)
    edges = np.asarray(widths) * SIGMA * np.sqrt(horizon)
    out = np.empty((len(grid), len(edges), 3))
    scale = np.sqrt(1 - MEMORY**2)
    for row, start in enumerate(grid):
        price, mood = np.zeros(paths), np.full(paths, start)
        outcome = np.ones((len(edges), paths), np.int8)
        pending = np.ones((len(edges), paths), np.bool_)
        for _ in range(horizon):
            steps = rng.normal(size=(paths, STEPS)) * (SIGMA / np.sqrt(STEPS)) + (mood * PULL * SIGMA / STEPS)[:, None]
            way = price[:, None] + np.cumsum(steps, axis=1)
            high, low = np.maximum(way.max(axis=1), price), np.minimum(way.min(axis=1), price)
            for column, edge in enumerate(edges):
                down, up = pending[column] & (low <= -edge), pending[column] & (high >= edge)
                outcome[column, up], outcome[column, down] = 2, 0
                pending[column] &= ~(up | down)
            price = way[:, -1]
            mood = MEMORY * mood + scale * rng.normal(size=paths)
        for column in range(len(edges)):
            out[row, column] = np.bincount(outcome[column], minlength=3) / paths
    return out


def _candles(steps: Floats, volume: Floats, bought_share: Floats) -> Panel:
    walk = np.cumsum(steps.ravel()).reshape(steps.shape)
    close = walk[:, -1]
    open_ = np.concatenate([[0.0], close[:-1]])
    high, low = np.maximum(walk.max(axis=1), open_), np.minimum(walk.min(axis=1), open_)
    return Panel(
        FIVE_MINUTES,
        START_NS + np.arange(len(close), dtype=np.int64) * 5 * MINUTE_NS,
        open_=100 * np.exp(open_),
        high=100 * np.exp(high),
        low=100 * np.exp(low),
        close=100 * np.exp(close),
        volume=volume,
        buy_volume=volume * bought_share,
    )
