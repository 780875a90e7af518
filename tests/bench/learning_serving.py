"""How long rows and predictions take: one model, 50 instruments (``python -m tests.bench.learning_serving``)."""

from time import perf_counter

import numpy as np

from alphaplus_tui.features.batch import last_rows
from alphaplus_tui.features.registry import FEATURES
from alphaplus_tui.learning.dataset import build
from alphaplus_tui.learning.export import export
from alphaplus_tui.learning.train import TrainOptions, train
from alphaplus_tui.models.artefact import Artefact
from alphaplus_tui.models.onnx import OnnxEngine
from alphaplus_tui.models.predictor import Predictor
from tests.bench.learning_markets import INSTRUMENT
from tests.fakes.simulated import planted_market

INSTRUMENTS = 50


def main() -> None:
    panel, _ = planted_market(30_000, 1)
    options = TrainOptions(folds=2)
    data = build([(INSTRUMENT, panel)], tuple(FEATURES.values()), options.rule)
    trained = train(data, options, lambda step, share: None)
    exported = export(trained, options, created_at=0, model="bench")
    for name, engine in trained.engines.items():
        onnx, sample = OnnxEngine(exported.files[f"{name}.onnx"]), data.x[:1000]
        native_ms, onnx_ms = (
            _milliseconds(lambda e=engine, s=sample: e.predict(s)),
            _milliseconds(lambda o=onnx, s=sample: o.predict(s)),
        )
        print(
            f"{name}: {engine.rounds} rounds, native and ONNX differ by {exported.manifest.parity[name]:.2g} on 1,000 "
            f"rows; 1,000 rows take {native_ms:.1f} ms natively, {onnx_ms:.1f} ms in ONNX"
        )
    predictor = Predictor(Artefact(exported.manifest, exported.files, ""))
    windows = [panel[start : start + 600] for start in range(0, INSTRUMENTS * 500, 500)]
    for window in windows:
        window.open_time = windows[0].open_time
    taken: list[float] = []
    rows_taken: list[float] = []
    for _ in range(100):
        fresh = [window[:] for window in windows]
        started = perf_counter()
        x = last_rows(fresh, predictor.features)
        rows_taken.append(1e3 * (perf_counter() - started))
        predictor.predict(x)
        taken.append(1e3 * (perf_counter() - started))
    p50, p99 = np.quantile(taken, (0.5, 0.99))
    print(
        f"{INSTRUMENTS} instruments, {len(predictor.features)} features: p50 {p50:.1f} ms, p99 {p99:.1f} ms "
        f"(rows alone {np.median(rows_taken):.1f} ms)"
    )


def _milliseconds(work: object) -> float:
    assert callable(work)
    work()
    started = perf_counter()
    for _ in range(10):
        work()
    return 1e2 * (perf_counter() - started)


if __name__ == "__main__":
    main()
