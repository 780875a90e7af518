"""The training process: it answers with a model, tells how far it is, and is gone when it must be."""

import asyncio
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from msgspec import structs

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.learning.process import TrainingEnded, TrainingFailed, train
from alphaplus_tui.learning.request import Progress, TrainRequest, pack, unpack
from alphaplus_tui.learning.train import TrainOptions
from alphaplus_tui.models.registry import Registry
from tests.fakes.simulated import planted_market
from tests.unit.features.markets import market

A, B = InstrumentId("x:A/USDT"), InstrumentId("x:B/USDT")
REQUEST = TrainRequest(
    histories=(pack(A, planted_market(5_000, 1)[0]),),
    options=TrainOptions(folds=2, threads=1, engines=("lightgbm",)),
    model="m1",
    created_at=1,
)


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "alphaplus_tui.learning.child" in child.cmdline()]


async def test_a_training_answers_with_a_model_that_the_registry_takes(tmp_path: Path) -> None:
    told: list[Progress] = []
    done = await train(REQUEST, told.append, memory_limit_mb=2000)
    assert [progress.share for progress in told] == sorted(progress.share for progress in told)
    assert told[-1].step == "export"
    registry = Registry(tmp_path, lambda: 1)
    registry.add(done.manifest, done.files)
    assert registry.open("m1").manifest.verdict == done.report.verdict
    assert not children()
    champion = registry.entry("m1")
    second = structs.replace(REQUEST, model="m2", champion=str(registry.path("m1")), champion_seal=champion.seal)
    again = await train(second, told.append, memory_limit_mb=2000)
    assert again.report.promotion.difference == pytest.approx(0.0, abs=1e-6), "it is compared with itself"
    assert not again.report.promotion.promoted


async def test_cancelling_ends_the_process() -> None:
    begun = asyncio.Event()
    task = asyncio.create_task(train(REQUEST, lambda progress: begun.set(), memory_limit_mb=2000))
    await begun.wait()
    assert len(children()) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not children()


async def test_a_training_that_takes_too_much_memory_is_ended_and_says_how_much() -> None:
    with pytest.raises(TrainingEnded, match=r"MB, training\.memory_limit_mb allows 30"):
        await train(REQUEST, lambda progress: None, memory_limit_mb=30)
    assert not children()


async def test_a_process_that_is_killed_is_said_and_can_be_tried_again() -> None:
    def kill(progress: Progress) -> None:
        for child in children():
            child.kill()

    with pytest.raises(TrainingEnded, match="code -9"):
        await train(REQUEST, kill, memory_limit_mb=2000)


async def test_too_little_history_is_said_as_what_it_is() -> None:
    short = structs.replace(REQUEST, histories=(pack(A, market(300)),))
    with pytest.raises(TrainingFailed, match="Not enough data: no instrument has"):
        await train(short, lambda progress: None, memory_limit_mb=2000)


def test_panels_go_through_the_pipe_unchanged_and_get_their_anchor() -> None:
    a, b = market(700, 1), market(650, 2, offset=50)
    (_, first), (name, second) = unpack((pack(A, a), pack(B, b)), A)
    assert name == B
    assert (first.close == a.close).all()
    assert (second.open_time == b.open_time).all()
    assert (second.anchor_close == a.close[50:]).all()


def test_the_parent_of_a_training_loads_no_boosting_library() -> None:
    heavy = {"xgboost", "lightgbm", "catboost", "onnx", "onnxruntime", "optuna", "pandas", "sklearn", "talib"}
    code = f"import sys, alphaplus_tui.learning.process; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
