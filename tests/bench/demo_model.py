"""Makes ``assets/demo-model``: a small ensemble trained on the demo market's history (``make demo-model``)."""

import shutil
import sys
from pathlib import Path
from time import monotonic

import alphaplus_tui
from alphaplus_tui.errors import FatalError
from alphaplus_tui.features.registry import FEATURES
from alphaplus_tui.learning.dataset import build
from alphaplus_tui.learning.export import export
from alphaplus_tui.learning.train import ENSEMBLE, TrainOptions, train
from alphaplus_tui.models.artefact import open_artefact, write_artefact
from tests.fakes.simulated import demo_histories

MODEL = "demo"
FOLDER = Path(alphaplus_tui.__file__).resolve().parent.parent / "assets" / "demo-model"
FIRST_DAY, DAYS = 2400, 60
"""Of the demo market's past; fixed, so that the same code makes the same model."""
LARGEST_BYTES = 1_000_000
OPTIONS = TrainOptions(
    folds=3,
    parameters={
        "xgboost": {"max_depth": 3, "eta": 0.25},
        "lightgbm": {"num_leaves": 8, "learning_rate": 0.25},
        "catboost": {"depth": 3, "learning_rate": 0.4},
    },
)
"""Few and small trees: the artefact travels with the package."""


class NotWorthShipping(FatalError):
    """The model is too large, or found nothing."""

    title = "Not worth shipping"


def main() -> int:
    started = monotonic()
    data = build(demo_histories(first_day=FIRST_DAY, days=DAYS), tuple(FEATURES.values()), OPTIONS.rule)
    print(f"{len(data)} rows of {len(data.features)} features; {monotonic() - started:.0f} s", flush=True)
    trained = train(data, OPTIONS, lambda step, share: print(f"{share:4.0%} {step}", flush=True))
    exported = export(trained, OPTIONS, created_at=int(data.known.max()), model=MODEL)
    size = sum(len(content) for content in exported.files.values())
    pooled = trained.report.pooled[ENSEMBLE]
    print(f"{exported.manifest.verdict}\nlog loss {pooled.log_loss:.4f}, frequencies {pooled.baseline:.4f}")
    print(f"files {size / 1e3:.0f} kB, {trained.report.signals}; {monotonic() - started:.0f} s")
    if size > LARGEST_BYTES or not exported.manifest.edge:
        raise NotWorthShipping(f"{size} bytes of at most {LARGEST_BYTES}; {exported.manifest.verdict}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    seal = write_artefact(FOLDER, exported.manifest, exported.files)
    for file in (FOLDER, *FOLDER.iterdir()):
        file.chmod(0o755 if file.is_dir() else 0o644)  # everybody may read what is shipped
    open_artefact(FOLDER, seal=seal)
    print(f"{FOLDER} is {sum(file.stat().st_size for file in FOLDER.iterdir()) / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
