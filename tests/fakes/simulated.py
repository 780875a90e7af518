"""Candles of the simulator's markets as panels, with what the simulator knows and no candle says."""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from alphaplus_tui.domain.instrument import InstrumentId, instrument_id
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.features.panel import Floats, Ints, Panel
from alphaplus_tui.settings.exchange import DEMO, DemoSettings
from alphaplus_tui.simulator.candles import Candles, SimCandle
from alphaplus_tui.simulator.history import DAY_MS, END_MS, START_MS, History
from alphaplus_tui.simulator.instruments import Instrument, listed
from alphaplus_tui.simulator.kinds import KINDS
from alphaplus_tui.simulator.tape import Tapes
from alphaplus_tui.simulator.walks import MINUTES

FIVE_MINUTES = Timeframe("5m")
CANDLE_MINUTES = 5
A_DAY = MINUTES // CANDLE_MINUTES
FIRST_DAY = 100
"""Walks are still far from where they turn back."""
REACH = 0.8
"""The simulator draws a minute's extremes from a bridge of so much of its standard deviation."""
PLANTED = KINDS["planted"]


def candles(history: History, instrument: Instrument, *, first_day: int, days: int) -> Panel:
    """What klines tell of whole days, 288 candles each."""
    source = Candles(history, Tapes(history), lambda: END_MS)
    return _panel(instrument, _rows(source, instrument, first_day, days))


def demo_histories(*, first_day: int, days: int) -> list[tuple[InstrumentId, Panel]]:
    """What a fresh demo would have stored of those days, were it backfilled so far; all related to the first."""
    settings = DemoSettings()
    history = History(KINDS["demo"], settings.seed, settings.rate, listed(settings.symbols))
    panels = [
        (
            instrument_id(DEMO, f"{instrument.base}/{instrument.quote}"),
            candles(history, instrument, first_day=first_day, days=days),
        )
        for instrument in history.instruments
    ]
    return [(name, panel.with_anchor(panels[0][1])) for name, panel in panels]


def null_market(count: int, seed: int) -> Panel:
    """At least ``count`` candles that have no direction in them."""
    history = History(KINDS["null"], seed, 40.0, listed(1))
    return candles(history, history.instruments[0], first_day=FIRST_DAY, days=-(-count // A_DAY))


def planted_market(count: int, seed: int) -> tuple[Panel, Floats]:
    """At least ``count`` candles of a known edge, and the pull at each one's close, in its standard deviations."""
    history = History(PLANTED, seed, 40.0, listed(1))
    instrument, days = history.instruments[0], -(-count // A_DAY)
    panel = candles(history, instrument, first_day=FIRST_DAY, days=days)
    impact = history.impact(instrument)
    pulls = [impact.day(FIRST_DAY + n).pull[CANDLE_MINUTES - 1 :: CANDLE_MINUTES] for n in range(days)]
    return panel, np.concatenate(pulls) / _pull_deviation()


@cache
def planted_sigma() -> float:
    """Standard deviation of a candle's log return, drift apart, of the market that ``planted_market`` gives."""
    history = History(PLANTED, 1, 40.0, listed(1))
    return float(np.sqrt(CANDLE_MINUTES * history.own_variance(history.instruments[0], FIRST_DAY)))


def planted_optimum(grid: Floats, widths: Floats, *, paths: int, seed: int, horizon: int) -> Floats:
    """The chance of DOWN, NONE, UP by Monte Carlo, minute by minute as the simulator does it, (moods, widths, 3).

    grid: pulls at the entry, in their standard deviations. widths: barriers over ``planted_sigma`` × √horizon. Both
    touched in one candle is DOWN. Prices are not rounded to ticks here.
    """
    random = np.random.default_rng(seed)
    sigma, impact = planted_sigma() / np.sqrt(CANDLE_MINUTES), History(PLANTED, 1, 40.0, listed(1)).impact(listed(1)[0])
    edges = widths * planted_sigma() * np.sqrt(horizon)
    chances = np.empty((len(grid), len(edges), 3))
    for row, mood in enumerate(grid):
        price, pull = np.zeros(paths), np.full(paths, mood * _pull_deviation())
        outcome = np.ones((len(edges), paths), np.int8)
        for _ in range(horizon):
            high, low = price.copy(), price.copy()
            for _ in range(CANDLE_MINUTES):
                move = (1 - impact.fading) * pull + sigma * random.standard_normal(paths)
                bend = move**2 - 2 * (REACH * sigma) ** 2 * np.log1p(-random.random((2, paths)))
                high = np.maximum(high, price + (move + np.sqrt(bend[0])) / 2)
                low = np.minimum(low, price + (move - np.sqrt(bend[1])) / 2)
                price += move
                pull = impact.fading * pull + impact.step * random.standard_normal(paths)
            for column, edge in enumerate(edges):
                pending = outcome[column] == 1
                outcome[column, pending & (high >= edge)] = 2
                outcome[column, pending & (low <= -edge)] = 0
        for column in range(len(edges)):
            chances[row, column] = np.bincount(outcome[column], minlength=3) / paths
    return chances


@cache
def _pull_deviation() -> float:
    impact = History(PLANTED, 1, 40.0, listed(1)).impact(listed(1)[0])
    return float(impact.step / np.sqrt(1 - impact.fading**2))


def _rows(source: Candles, instrument: Instrument, first_day: int, days: int) -> Iterator[SimCandle]:
    for number in range(first_day, first_day + days):
        opens = START_MS + number * DAY_MS + np.arange(A_DAY) * (DAY_MS // A_DAY)
        yield from source.several(instrument, "5m", tuple(opens.tolist()))


def _panel(instrument: Instrument, rows: Iterator[SimCandle]) -> Panel:
    table: NDArray[np.int64] = np.array(
        [(c.start_ms, c.open, c.high, c.low, c.close, c.volume, c.trades, c.buy_volume) for c in rows], np.int64
    )

    def column(number: int, unit: float) -> Floats:
        return np.ascontiguousarray(table[:, number] / unit, np.float64)

    ticks, lots = 10.0**instrument.price_decimals, 10.0**instrument.quantity_decimals
    opened: Ints = table[:, 0] * 1_000_000
    return Panel(
        FIVE_MINUTES,
        opened,
        open_=column(1, ticks),
        high=column(2, ticks),
        low=column(3, ticks),
        close=column(4, ticks),
        volume=column(5, lots),
        trades=column(6, 1.0),
        buy_volume=column(7, lots),
    )
