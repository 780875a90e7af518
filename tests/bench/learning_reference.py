"""Our ensemble beside a plain LightGBM on textbook features, same labels, rows and folds (``make bench-reference``)."""

import argparse
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from time import monotonic, process_time
from typing import Any

import numpy as np
import talib
from msgspec import structs

from alphaplus_tui.domain.instrument import instrument_id
from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.registry import FEATURES
from alphaplus_tui.features.spec import LONGEST_LOOKBACK, Feature
from alphaplus_tui.files.candles import CandleFile, read_candles
from alphaplus_tui.files.guess import Wish, guess
from alphaplus_tui.files.rejected import Rejected
from alphaplus_tui.files.sources import Source
from alphaplus_tui.learning.dataset import Dataset, build
from alphaplus_tui.learning.train import ENSEMBLE, TrainOptions, train
from alphaplus_tui.learning.walk_forward import plan, stopping
from alphaplus_tui.statistics.scores import auc, log_losses
from tests.support import recorded

PARAMETERS: Mapping[str, object] = {
    "objective": "multiclass",
    "num_class": 3,
    "num_leaves": 15,
    "learning_rate": 0.03,
    "min_data_in_leaf": 500,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "seed": 7,
    "deterministic": True,
    "force_col_wise": True,
    "verbose": -1,
}


def change(panel: Panel, candles: int) -> Floats:
    out = np.full(len(panel), np.nan)
    out[candles:] = np.log(panel.close[candles:] / panel.close[:-candles])
    return out


def deviation(panel: Panel, window: int) -> Floats:
    return talib.STDDEV(np.diff(np.log(panel.close), prepend=np.log(panel.close[:1])), timeperiod=window)


def macd(panel: Panel, part: int) -> Floats:
    return talib.MACD(panel.close)[part] / panel.close


def bollinger(panel: Panel, what: int) -> Floats:
    upper, middle, lower = talib.BBANDS(panel.close, timeperiod=20)
    return (panel.close - lower) / (upper - lower) if what == 0 else (upper - lower) / middle


def volume_ratio(panel: Panel, window: int) -> Floats:
    return panel.volume / talib.SMA(panel.volume, timeperiod=window)


def place(panel: Panel, window: int) -> Floats:
    low = talib.MIN(panel.low, timeperiod=window)
    return (panel.close - low) / (talib.MAX(panel.high, timeperiod=window) - low)


def strength(panel: Panel, period: int) -> Floats:
    return talib.RSI(panel.close, timeperiod=period)


def average(panel: Panel, period: int) -> Floats:
    return panel.close / talib.EMA(panel.close, timeperiod=period) - 1


def true_range(panel: Panel) -> Floats:
    return talib.ATR(panel.high, panel.low, panel.close) / panel.close


def trend(panel: Panel) -> Floats:
    return talib.ADX(panel.high, panel.low, panel.close)


def money_flow(panel: Panel) -> Floats:
    return talib.MFI(panel.high, panel.low, panel.close, panel.volume)


def channel(panel: Panel) -> Floats:
    return talib.CCI(panel.high, panel.low, panel.close)


def height(panel: Panel) -> Floats:
    return np.asarray(np.log(panel.high / panel.low), np.float64)


_TABLE: tuple[tuple[Callable[..., Floats], tuple[int, ...]], ...] = (
    (change, (1, 2, 3, 6, 12, 24, 48, 96, 144, 288)),
    (deviation, (12, 24, 48, 96, 288)),
    (strength, (7, 14, 28)),
    (macd, (0, 1, 2)),
    (average, (9, 21, 50, 100)),
    (bollinger, (0, 1)),
    (volume_ratio, (20, 288)),
    (true_range, ()),
    (trend, ()),
    (money_flow, ()),
    (channel, ()),
    (height, ()),
)
TEXTBOOK = tuple(
    Feature(f"textbook {compute.__name__} {parameter}", "of the reference", LONGEST_LOOKBACK, compute, parameter)
    for compute, parameters in _TABLE
    for parameter in ([(number,) for number in parameters] or [()])
)


def reference(data: Dataset, options: TrainOptions) -> tuple[Floats, Floats]:
    """Pooled log loss and AUC of direction by fold of the plain model."""
    lightgbm: Any = import_module("lightgbm")
    losses: list[float] = []
    directions: list[float] = []
    for number, fold in enumerate(plan(data, options.folds, options.embargo_ns).folds, 1):
        rows, test = data.take(fold.train), data.take(fold.test)
        first, last = stopping(rows, options.embargo_ns)
        fit, held = rows.take(first), rows.take(last)
        parameters = {**PARAMETERS, "num_threads": options.threads}
        table = lightgbm.Dataset(fit.x, fit.label, weight=fit.weight, params=parameters)
        stop = lightgbm.Dataset(held.x, held.label, weight=held.weight, reference=table)
        quiet = lightgbm.early_stopping(50, verbose=False)
        booster = lightgbm.train(parameters, table, 1000, valid_sets=[stop], callbacks=[quiet])
        p = np.asarray(booster.predict(test.x), np.float64)
        loss = log_losses(p, test.label)
        shares = np.bincount(rows.label, minlength=3) / len(rows)
        base = log_losses(np.tile(shares, (len(test), 1)), test.label).mean()
        resolved = test.label != 1
        directions.append(auc((p[:, 2] / (p[:, 0] + p[:, 2]))[resolved], (test.label == 2)[resolved]))
        losses.append(float(loss.sum()))
        print(
            f"reference, fold {number}: {booster.best_iteration} rounds, log loss {loss.mean():.4f}, "
            f"{1 - loss.mean() / base:.2%} gained, AUC of direction {directions[-1]:.3f}",
            flush=True,
        )
    return np.array(losses), np.array(directions)


def panel_of(file: CandleFile) -> Panel:
    prices = {name: file.columns[name] for name in ("high", "low", "close", "volume")}
    return Panel(file.timeframe, file.open_time, open_=file.columns["open"], **prices)


def _candles(file: Path) -> CandleFile:
    source = Source(file)
    (only,) = read_candles(source, guess(source, Wish()), Rejected())
    return only


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    options = TrainOptions(threads=parser.parse_args().threads)
    folder = recorded("ohlcv_binance_spot_2024")
    panels = {base: panel_of(_candles(folder / f"{base}_USDT-5m.feather")) for base in ("BTC", "ETH", "SOL")}
    histories = [
        (instrument_id("imported", f"{base}/USDT"), panel.with_anchor(panels["BTC"])) for base, panel in panels.items()
    ]
    both = build(histories, (*FEATURES.values(), *TEXTBOOK), options.rule)
    ours = both.only([name for name in both.names if name in FEATURES])
    textbook = both.only([name for name in both.names if name not in FEATURES])
    print(f"{len(both)} rows; ours {len(ours.names)} features, reference {len(textbook.names)}")
    started, used = monotonic(), process_time()
    report = train(ours, options, lambda step, share: None).report
    print(f"ours: {monotonic() - started:.0f} s, {process_time() - used:.0f} s of CPU, {report.peak_memory_mb:.0f} MB")
    for number, fold in enumerate(report.folds, 1):
        scores = fold.scores[ENSEMBLE]
        print(
            f"ours, fold {number}: rounds {fold.rounds}, log loss {scores.log_loss:.4f}, {scores.gain_pct:.2f}% gained"
            f", AUC of direction {scores.auc_direction:.3f}, ECE {scores.ece:.3f}"
        )
    losses, _ = reference(textbook, structs.replace(options))
    for name, scores in {**report.pooled, "holdout": report.holdout[ENSEMBLE]}.items():
        print(name, {key: round(value, 4) for key, value in structs.asdict(scores).items()})
    pooled = report.pooled[ENSEMBLE]
    print(f"pooled log loss: ours {pooled.log_loss:.4f}, reference {losses.sum() / pooled.rows:.4f}")
    print(report.verdict)
    print("hold-out signals:", report.holdout_signals)


if __name__ == "__main__":
    main()
