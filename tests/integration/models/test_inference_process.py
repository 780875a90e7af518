"""The inference process under fire: killed while it is asked, stopped, fed with nonsense."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from math import log
from pathlib import Path

import psutil
import pytest
from msgspec import structs

from alphaplus_tui.domain.analysis import Mood, Role
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.errors import FatalError, TransientError
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.models.client import ModelProcess
from alphaplus_tui.ports.model import WindowBatch
from alphaplus_tui.services.windows import CandleWindows
from tests.fakes.artefacts import FIVE_MINUTES, LENGTH_NS, START_NS, WITH_ANCHOR, a_registry, shelve, some_candles
from tests.support import eventually
from tests.unit.services.judges import BTC as BITCOIN
from tests.unit.services.judges import HISTORY, Judges, judging

BTC = InstrumentId("fake:BTC/USDT")


@asynccontextmanager
async def process(folder: Path) -> AsyncGenerator[ModelProcess]:
    made = ModelProcess(clock=SystemClock())
    running = asyncio.create_task(made.run(lambda _: None))
    try:
        await eventually(lambda: made.status.running, within_s=30)
        registry = a_registry(folder)
        entry = shelve(registry, "best", features=WITH_ANCHOR)
        await made.load(Role.CHAMPION, str(registry.path("best")), entry.seal)
        yield made
    finally:
        running.cancel()
        await asyncio.wait({running})


def a_batch(*, last: int = 699, only: int = 1, alone: bool = False) -> WindowBatch:
    windows = CandleWindows(FIVE_MINUTES)
    windows.put(some_candles(BTC, 700))
    window = windows.window(BTC, START_NS + last * LENGTH_NS, anchor=0)
    assert window is not None
    return WindowBatch((window,) * only, (window,), alone)


async def test_killed_while_it_is_asked_every_answer_still_comes_once_and_is_the_same(tmp_path: Path) -> None:
    async with process(tmp_path) as server:
        (expected,) = await server.predict(a_batch(), deadline_s=30)
        asked = [asyncio.create_task(server.predict(a_batch(), deadline_s=30)) for _ in range(20)]
        await asyncio.sleep(0)
        os.kill(server.status.pid, signal.SIGKILL)
        answers = await asyncio.gather(*asked)
        assert [answer for (answer,) in answers] == [expected] * 20
        assert server.status.restarts == 1
        assert "SIGKILL" in server.status.reason or server.status.running


async def test_one_that_does_not_answer_is_replaced_and_asked_again(tmp_path: Path) -> None:
    async with process(tmp_path) as server:
        stuck = server.status.pid
        os.kill(stuck, signal.SIGSTOP)
        (answer,) = await server.predict(a_batch(), deadline_s=0.3)
        assert len(answer.predictions) == 1
        assert server.status.pid != stuck


async def test_a_request_that_kills_every_process_is_given_up_and_the_next_one_is_served(tmp_path: Path) -> None:
    async with process(tmp_path) as server:
        deadly = asyncio.create_task(server.predict(a_batch(only=1000), deadline_s=None))
        killed: set[int] = set()

        def killed_thrice() -> bool:
            pid = server.status.pid
            if server.status.running and pid not in killed and not deadly.done():
                killed.add(pid)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return deadly.done()

        await eventually(killed_thrice, within_s=60)
        with pytest.raises(TransientError, match="3 times"):
            deadly.result()
        assert len(await server.predict(a_batch(), deadline_s=30)) == 1


async def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    async with process(tmp_path) as server:
        pid = server.status.pid
    assert not psutil.pid_exists(pid)


async def test_a_batch_of_nonsense_is_declined_and_the_process_lives_on(tmp_path: Path) -> None:
    async with process(tmp_path) as server:
        pid = server.status.pid
        sane = a_batch()
        broken = structs.replace(sane.windows[0], values=b"12345")
        with pytest.raises(FatalError):
            await server.predict(WindowBatch((broken,), sane.anchors), deadline_s=10)
        assert len(await server.predict(sane, deadline_s=10)) == 1
        assert server.status.pid == pid


async def test_the_same_window_gets_the_same_answer_whoever_else_is_in_the_batch(tmp_path: Path) -> None:
    async with process(tmp_path) as server:
        (alone,) = await server.predict(a_batch(alone=True), deadline_s=10)
        (among,) = await server.predict(a_batch(only=7, alone=True), deadline_s=10)
        assert set(among.predictions) == set(alone.predictions)


async def test_a_model_that_wants_news_gets_what_was_seen_until_the_candle_closed(tmp_path: Path) -> None:
    judges = Judges(tmp_path, ModelProcess(clock=SystemClock()), instruments=(BITCOIN,))
    shelve(judges.registry, "reader", champion=True, features=("return_1", "mood_24", "headlines_24"))
    async with judging(judges):
        await judges.serving("reader")
        judges.history()
        judges.close(HISTORY)
        await eventually(lambda: len(judges.judged(HISTORY)) == 1)
        (deaf,) = judges.judged(HISTORY)
        assert deaf.prediction.absent == ("mood_24", "headlines_24")
        assert deaf.gate == "whole window"
        closes = START_NS + (HISTORY + 2) * LENGTH_NS
        judges.moods.remember(Mood((START_NS, closes - 1_000), (0.0, -0.6), START_NS))
        judges.seen(closes, 0.2)
        judges.seen(closes + 1_000, 1.0)
        judges.close(HISTORY + 1)
        await eventually(lambda: len(judges.judged(HISTORY + 1)) == 1)
        (heard,) = judges.judged(HISTORY + 1)
        assert heard.prediction.absent == ()
        assert heard.prediction.features[1:] == pytest.approx(((-0.6 + 0.2) / 3, log(3)), rel=1e-6)


async def test_with_the_process_killed_as_candles_close_no_decision_is_lost_and_none_is_doubled(tmp_path: Path) -> None:
    judges = Judges(tmp_path, ModelProcess(clock=SystemClock()))
    shelve(judges.registry, "best", champion=True, features=WITH_ANCHOR)
    async with judging(judges):
        await judges.serving("best")
        judges.history()
        for number in range(HISTORY, HISTORY + 6):
            judges.close(number)
            await asyncio.sleep(0.02)
            if number % 2 and judges.server.status.running:
                os.kill(judges.server.status.pid, signal.SIGKILL)
        await eventually(lambda: len(judges.judged(HISTORY + 5)) == 2, within_s=60)
        await judges.inference.settled()
        ids = [decision.id for decision in judges.decisions if not decision.as_of]
        assert len(ids) == len(set(ids)) == 12
        assert all(decision.prediction.probabilities is not None for decision in judges.decisions)
        assert judges.server.status.restarts >= 1
