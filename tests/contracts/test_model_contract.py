"""What serving models promises, asked of the inference process and of the fake alike."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from alphaplus_tui.domain.analysis import Role
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.models.client import ModelProcess
from alphaplus_tui.ports.model import ModelServer, ServedModel, WindowBatch
from alphaplus_tui.services.windows import CandleWindows
from tests.fakes.artefacts import FEW, FIVE_MINUTES, LENGTH_NS, START_NS, WITH_ANCHOR, a_registry, shelve, some_candles
from tests.fakes.model import FakeModelServer
from tests.support import eventually

BTC, ETH = InstrumentId("fake:BTC/USDT"), InstrumentId("fake:ETH/USDT")
LAST = START_NS + 699 * LENGTH_NS


@pytest.fixture(params=["fake", "process"])
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[ModelServer, None]:
    made: ModelServer = FakeModelServer() if request.param == "fake" else ModelProcess(clock=SystemClock(), threads=2)
    running = asyncio.create_task(made.run(lambda _: None))
    await eventually(lambda: made.status.running, within_s=30)
    yield made
    running.cancel()
    await asyncio.wait({running})


@pytest.fixture
def batch() -> WindowBatch:
    """ETH and BTC, BTC as the anchor of both."""
    windows = CandleWindows(FIVE_MINUTES)
    windows.put(some_candles(BTC, 700, seed=1))
    windows.put(some_candles(ETH, 700, seed=2))
    asked = [windows.window(name, LAST, anchor=0) for name in (ETH, BTC)]
    anchor = windows.window(BTC, LAST)
    assert anchor is not None
    return WindowBatch(tuple(window for window in asked if window is not None), (anchor,))


async def load(server: ModelServer, folder: Path, name: str, role: Role, features: Sequence[str] = FEW) -> ServedModel:
    registry = a_registry(folder)
    entry = shelve(registry, name, features=features)
    return await server.load(role, str(registry.path(name)), entry.seal)


async def test_each_window_is_answered_in_its_place(server: ModelServer, batch: WindowBatch, tmp_path: Path) -> None:
    served = await load(server, tmp_path, "first", Role.CHAMPION, features=WITH_ANCHOR)
    assert (served.model, served.role, served.horizon, served.edge) == ("first", Role.CHAMPION, 24, True)
    (answer,) = await server.predict(batch, deadline_s=10)
    assert answer.served == served
    assert [prediction.instrument for prediction in answer.predictions] == [ETH, BTC]
    for prediction in answer.predictions:
        assert prediction.open_time == LAST
        assert len(prediction.features) == len(WITH_ANCHOR)
        assert not prediction.absent
        assert prediction.probabilities is not None
        total = prediction.probabilities.down + prediction.probabilities.none + prediction.probabilities.up
        assert total == pytest.approx(1)
        assert prediction.distance > 0


async def test_the_champion_answers_before_the_challenger(
    server: ModelServer, batch: WindowBatch, tmp_path: Path
) -> None:
    await load(server, tmp_path, "rival", Role.CHALLENGER)
    await load(server, tmp_path, "best", Role.CHAMPION)
    answers = await server.predict(batch, deadline_s=10)
    assert [answer.served.model for answer in answers] == ["best", "rival"]


async def test_with_nothing_served_there_is_no_opinion(server: ModelServer, batch: WindowBatch, tmp_path: Path) -> None:
    assert await server.predict(batch, deadline_s=10) == ()
    await load(server, tmp_path, "gone", Role.CHAMPION)
    await server.unload(Role.CHAMPION)
    assert await server.predict(batch, deadline_s=10) == ()


async def test_an_altered_model_is_refused_and_the_old_one_serves_on(
    server: ModelServer, batch: WindowBatch, tmp_path: Path
) -> None:
    await load(server, tmp_path, "good", Role.CHAMPION)
    registry = a_registry(tmp_path)
    entry = shelve(registry, "bad")
    file = registry.path("bad") / "linear.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(FatalError, match="altered"):
        await server.load(Role.CHAMPION, str(registry.path("bad")), entry.seal)
    (answer,) = await server.predict(batch, deadline_s=10)
    assert answer.served.model == "good"


async def test_a_window_that_is_too_short_has_no_opinion_and_names_what_is_absent(
    server: ModelServer, tmp_path: Path
) -> None:
    await load(server, tmp_path, "first", Role.CHAMPION)
    windows = CandleWindows(FIVE_MINUTES)
    windows.put(some_candles(BTC, 100))
    window = windows.window(BTC, START_NS + 99 * LENGTH_NS)
    assert window is not None
    (answer,) = await server.predict(WindowBatch((window,)), deadline_s=10)
    (prediction,) = answer.predictions
    assert prediction.probabilities is None
    assert "rsi_14" in prediction.absent
