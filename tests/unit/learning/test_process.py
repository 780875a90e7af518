"""The training process: it answers with a model, tells how far it is, and is gone when it must be."""

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from msgspec import structs

from alphaplus_tui.domain.analysis import Mood
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.features.panel import Panel
from alphaplus_tui.learning.process import TrainingEnded, TrainingFailed, train
from alphaplus_tui.learning.request import Progress, TrainRequest, pack, unpack
from alphaplus_tui.learning.train import TrainOptions
from alphaplus_tui.models.registry import Registry
from tests.fakes.artefacts import FIVE_MINUTES, LENGTH_NS, START_NS
from tests.fakes.simulated import planted_market
from tests.unit.features.markets import market

A, B = InstrumentId("x:A/USDT"), InstrumentId("x:B/USDT")
REQUEST = TrainRequest(
    histories=(pack(A, planted_market(5_000, 1)[0]),),
    options=TrainOptions(folds=2, threads=1, engines=("lightgbm",)),
    model="m1",
    created_at=1,
)


def a_market_that_reads(rows: int) -> tuple[Panel, Mood]:
    """Each headline moves the price of the two hours after it its way."""
    rng = np.random.default_rng(5)
    opened = START_NS + np.arange(rows, dtype=np.int64) * LENGTH_NS
    told = np.flatnonzero(rng.random(rows) < 0.03)
    scores = rng.choice([-1.0, 1.0], len(told))
    push = np.zeros(rows)
    for row, score in zip(told.tolist(), scores.tolist(), strict=True):
        push[row + 1 : row + 25] += 0.0008 * score
    close = 100 * np.exp(np.cumsum(push + 0.001 * rng.standard_normal(rows)))
    open_ = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(open_, close) * 1.0002, np.minimum(open_, close) * 0.9998
    volume = rng.uniform(1, 2, rows)
    panel = Panel(FIVE_MINUTES, opened, open_=open_, high=high, low=low, close=close, volume=volume)
    return panel, Mood(tuple((opened[told] + 1).tolist()), tuple(scores.tolist()), START_NS)


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


def test_panels_know_the_mood_of_the_news_as_it_became_known() -> None:
    panel = market(700, 1)
    at = int(panel.open_time[10])
    ((_, found),) = unpack((pack(A, panel),), "", Mood((at + 1, at + 2), (0.5, -0.25), int(panel.open_time[5])))
    assert found.mood[10:12].tolist() == [0.25, 0.0]
    assert found.headlines[5:12].tolist() == [0, 0, 0, 0, 0, 2, 0]
    assert np.isnan(found.headlines[:5]).all()


async def test_news_that_moves_the_market_is_learnt_and_missed_where_nobody_listens(tmp_path: Path) -> None:
    panel, mood = a_market_that_reads(6_000)
    wanted = ("return_1", "volatility", "mood_24", "headlines_24")
    # so few rows are too few for LightGBM's leaves
    options = structs.replace(REQUEST.options, engines=("catboost",))
    asked = structs.replace(REQUEST, histories=(pack(A, panel),), options=options, mood=mood, features=wanted)
    done = await train(asked, lambda progress: None, memory_limit_mb=2000)
    names = [profile.name for profile in done.manifest.features]
    assert set(names) == set(wanted)
    assert done.report.pooled["ensemble"].auc_direction > 0.6
    deaf = await train(structs.replace(asked, mood=None), lambda progress: None, memory_limit_mb=2000)
    assert {profile.name for profile in deaf.manifest.features} == {"return_1", "volatility"}
    assert deaf.report.pooled["ensemble"].auc_direction < done.report.pooled["ensemble"].auc_direction


def test_the_parent_of_a_training_loads_no_boosting_library() -> None:
    heavy = {"xgboost", "lightgbm", "catboost", "onnx", "onnxruntime", "optuna", "pandas", "sklearn", "talib"}
    code = f"import sys, alphaplus_tui.learning.process; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
