"""Figures of the two markets that tell the truth about training: ``python -m tests.bench.learning_markets null``."""

import argparse
from collections.abc import Sequence
from time import monotonic

import numpy as np

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.features.barriers import BarrierRule
from alphaplus_tui.features.panel import Floats, Panel
from alphaplus_tui.features.registry import FEATURES
from alphaplus_tui.features.spec import Feature
from alphaplus_tui.learning.dataset import Dataset, build
from alphaplus_tui.learning.report import Report
from alphaplus_tui.learning.train import ENSEMBLE, TrainOptions, train
from alphaplus_tui.learning.walk_forward import plan
from alphaplus_tui.statistics.scores import log_losses
from tests.fakes.simulated import null_market, planted_market, planted_optimum, planted_sigma

INSTRUMENT = InstrumentId("simulated:COIN/USDT")
MOODS = np.linspace(-4.5, 4.5, 37)
WIDTHS = np.linspace(0.9, 1.6, 8)


def learn(panel: Panel, options: TrainOptions, extra: Sequence[Feature] = ()) -> tuple[Dataset, Report]:
    """The market without an anchor, as one instrument is."""
    data = build([(INSTRUMENT, panel)], (*FEATURES.values(), *extra), options.rule)
    return data, train(data, options, lambda step, share: None).report


class Optimum:
    """The best possible probabilities of the planted market, from a table by Monte Carlo."""

    def __init__(self, paths: int, seed: int = 99, rule: BarrierRule | None = None) -> None:
        self._rule = rule or BarrierRule()
        half = max(1, paths // 2)
        first, second = (
            planted_optimum(MOODS, WIDTHS, paths=half, seed=start, horizon=self._rule.horizon)
            for start in (seed, seed + 1)
        )
        self._halves, self._table = (first, second), (first + second) / 2

    def log_loss(self, mood: Floats, distance: Floats, labels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
        return float(log_losses(self._at(self._table, mood, distance), labels).mean())

    def error(self, mood: Floats, distance: Floats, labels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
        """How far the two halves of the simulation are apart, in nats: an upper bound of the table's own error."""
        first, second = (log_losses(self._at(half, mood, distance), labels).mean() for half in self._halves)
        return float(abs(first - second))

    def _at(self, table: Floats, mood: Floats, distance: Floats) -> Floats:
        """Interpolated between the nodes."""
        width = distance / (planted_sigma() * np.sqrt(self._rule.horizon))
        rows, u = _place(mood, MOODS)
        columns, v = _place(width, WIDTHS)
        near = (1 - v) * table[rows, columns] + v * table[rows, columns + 1]
        far = (1 - v) * table[rows + 1, columns] + v * table[rows + 1, columns + 1]
        mixed = (1 - u) * near + u * far
        return np.asarray(np.maximum(mixed, 1e-5) / np.maximum(mixed, 1e-5).sum(axis=1, keepdims=True), np.float64)


def recovered(panel: Panel, mood: Floats, options: TrainOptions, optimum: Optimum) -> tuple[dict[str, float], float]:
    """(baseline - model) / (baseline - optimum) by engine, pooled over the folds; and the edge in nats per row."""
    data, report = learn(panel, options)
    tested = np.zeros(len(data), np.bool_)
    for fold in plan(data, options.folds, options.embargo_ns).folds:
        tested |= fold.test
    rows = data.take(tested)
    known = mood[np.searchsorted(panel.close_time, rows.known)]
    best = optimum.log_loss(known, rows.distance, rows.label)
    print(f"  optimum {best:.4f}, Monte Carlo error {optimum.error(known, rows.distance, rows.label):.5f}")
    baseline = report.pooled[ENSEMBLE].baseline
    shares = {name: (baseline - scores.log_loss) / (baseline - best) for name, scores in report.pooled.items()}
    return shares, baseline - best


def _place(values: Floats, nodes: Floats) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Floats]:
    where = np.clip((values - nodes[0]) / (nodes[1] - nodes[0]), 0, len(nodes) - 1.0001)
    node = where.astype(np.int64)
    return node, (where - node)[:, None]


def null(seeds: int, candles: int, options: TrainOptions) -> None:
    aucs: list[float] = []
    silent = 0
    for seed in range(seeds):
        started = monotonic()
        _, report = learn(null_market(candles, seed), options)
        aucs.append(float(np.mean([fold.scores[ENSEMBLE].auc_direction for fold in report.folds])))
        silent += not report.edge
        print(
            f"null {seed}: AUC of direction {aucs[-1]:.4f}; {report.verdict}; {monotonic() - started:.0f} s", flush=True
        )
    error = float(np.std(aucs, ddof=1) / np.sqrt(seeds)) if seeds > 1 else float("nan")
    print(f"null market: 'no edge' in {silent} of {seeds}; AUC of direction {np.mean(aucs):.4f} ± {error:.4f}")


def planted(seeds: int, candles: int, options: TrainOptions) -> None:
    optimum = Optimum(20_000)
    found: list[dict[str, float]] = []
    for seed in range(seeds):
        started = monotonic()
        panel, mood = planted_market(candles, seed)
        shares, edge = recovered(panel, mood, options, optimum)
        found.append(shares)
        told = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
        print(f"planted {seed}: edge {edge:.4f} nats; recovered {told}; {monotonic() - started:.0f} s", flush=True)
    for name in found[0]:
        print(f"planted market: {name} recovers {np.mean([shares[name] for shares in found]):.1%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("market", choices=("null", "planted"))
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--candles", type=int)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    run, seeds, candles = (null, 20, 70_000) if chosen.market == "null" else (planted, 5, 100_800)
    run(chosen.seeds or seeds, chosen.candles or candles, TrainOptions(threads=chosen.threads))
