"""Questions about decisions and wishes about models, asked of a session in this process and over the socket."""

import asyncio
import math
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.domain.analysis import Contribution, Explanation
from alphaplus_tui.domain.events import ModelsChanged
from alphaplus_tui.domain.timeframe import MINUTE_NS, Timeframe
from alphaplus_tui.errors import AlphaPlusError, DeadlineExceeded, StoreUnavailable, UnknownName
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.remote.client import NoAnswer, ask_query, send_command
from alphaplus_tui.remote.server import ControlServer
from alphaplus_tui.runtime.local_session import LocalSession
from alphaplus_tui.runtime.model_desk import ModelDesk
from alphaplus_tui.services.training import TrainingService, Workshop
from alphaplus_tui.session.commands import (
    Accepted,
    CancelTraining,
    PinModel,
    PromoteModel,
    Refused,
    RollBackModel,
    Train,
    UnpinModel,
)
from alphaplus_tui.session.queries import (
    CandlesBetween,
    DecisionAt,
    DecisionsPage,
    Explain,
    ModelReport,
    SignalsPage,
)
from alphaplus_tui.settings.learning import TrainingSettings
from alphaplus_tui.state.slices import SignalRow
from alphaplus_tui.state.store import StateStore
from tests.contracts.test_opinions_contract import decision, outcome, prediction, signal
from tests.contracts.test_store_contract import BTC, FOREVER, NOON, candle
from tests.fakes.model import FakeExplainer
from tests.fakes.store import FakeStore
from tests.fakes.trainer import FakeKeeper, FakeTrainer
from tests.support import eventually

EXPLAINED = Explanation("treeshap", 0.1, 0.35, (Contribution("rsi", 71.0, 0.25),))


class House:
    """A session with what stands behind it: a store, a keeper of models, a training."""

    def __init__(self, folder: Path) -> None:
        self.store, self.bus, self.market = FakeStore(), Bus(), ManualMarketClock(NOON + 60 * MINUTE_NS)
        self.keeper, self.explainer = FakeKeeper(), FakeExplainer(EXPLAINED)
        self.trainer = FakeTrainer(self.keeper)
        state, settings = StateStore(), TrainingSettings(schedule="never")
        workshop = Workshop(self.trainer, self.keeper, self.store, settings, market=self.market)
        self.training = TrainingService(workshop, self.store, state, self.bus, settings, market=self.market)
        desk = ModelDesk(self.training, self.keeper, self.explainer, self.store, self.bus, market=self.market)
        self.session = LocalSession(state, folder / "log")
        self.session.open(ServiceManager([], clock=SystemClock()), self.store, self.market, desk)
        self.changed: list[str] = []
        self.bus.on(ModelsChanged, lambda event: self.changed.append(event.reason))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    made = House(tmp_path)
    await made.store.register([BTC])
    training = asyncio.create_task(made.training.run(Life("training", SystemClock())))
    yield made
    training.cancel()
    await asyncio.wait({training})


@pytest.fixture
async def socket(house: House, tmp_path: Path) -> AsyncGenerator[Path]:
    place = tmp_path / "control.sock"
    async with ControlServer(house.session, place):
        yield place


class TestQuestions:
    async def test_a_decision_is_found_by_its_moment(self, house: House) -> None:
        await house.store.write(Batch(decisions=(decision(1), decision(2, gate="ev"))))
        found = await house.session.ask(DecisionAt(BTC.id, NOON + 12 * MINUTE_NS))
        assert found is not None
        assert (found.id, found.gate) == ("BTC-m1-2", "ev")
        assert await house.session.ask(DecisionAt(BTC.id, NOON + 40 * MINUTE_NS)) is None

    async def test_nobody_sees_what_is_later_than_the_markets_own_now(self, house: House) -> None:
        await house.store.write(Batch(decisions=(decision(1), decision(13)), signals=(signal(1), signal(13))))
        page = await house.session.ask(DecisionsPage(before=FOREVER))
        assert [row.id for row in page] == ["BTC-m1-1"]
        assert [row.signal.id for row in await house.session.ask(SignalsPage())] == ["BTC-m1-1"]
        assert await house.session.ask(DecisionAt(BTC.id, FOREVER)) is None

    async def test_signals_come_with_what_became_of_them(self, house: House) -> None:
        await house.store.write(Batch(signals=(signal(1), signal(2)), outcomes=(outcome(1),)))
        newest, older = await house.session.ask(SignalsPage(instrument=BTC.id, limit=2))
        assert isinstance(newest, SignalRow)
        assert (newest.outcome, older.outcome) == (None, outcome(1))

    async def test_candles_of_a_timeframe_that_is_not_stored_are_made(self, house: House) -> None:
        await house.store.write(Batch(candles=tuple(candle(n) for n in range(20))))
        found = await house.session.ask(CandlesBetween(BTC.id, Timeframe("5m"), 0, FOREVER, limit=3))
        assert [(row.open_time - NOON) // MINUTE_NS for row in found] == [5, 10, 15]

    async def test_a_stored_decision_is_explained_by_the_model_that_made_it(self, house: House) -> None:
        await house.store.write(Batch(decisions=(decision(1),)))
        assert await house.session.ask(Explain("BTC-m1-1")) == EXPLAINED
        assert house.explainer.asked == [("models/m1", "seal", prediction(1).features)]
        with pytest.raises(UnknownName, match="never made"):
            await house.session.ask(Explain("never made"))

    async def test_an_explanation_that_takes_too_long_is_not_waited_for(self, house: House) -> None:
        await house.store.write(Batch(decisions=(decision(1),)))
        house.explainer.slow = True
        with pytest.raises(DeadlineExceeded):
            await house.session.ask(Explain("BTC-m1-1"), deadline_s=0.05)

    async def test_without_a_database_the_question_is_answered_with_the_reason(self, house: House) -> None:
        house.store.available = False
        with pytest.raises(StoreUnavailable):
            await house.session.ask(DecisionAt(BTC.id, NOON))


class TestWishes:
    async def test_a_wish_for_what_is_not_known_is_refused_as_such_at_once(self, house: House) -> None:
        for wish in (Train(("NOPE/USDT",)), Train(engines=("nope",)), Train(timeframe="7m"), PromoteModel("nope")):
            reply = await house.session.send(wish)
            assert isinstance(reply, Refused)
            assert reply.unknown
            assert "known: " in reply.reason
        assert not house.training.busy

    async def test_promote_pin_unpin_and_roll_back_are_carried_out_and_told(self, house: House) -> None:
        house.keeper.add("m1")
        house.keeper.add("m2")
        for wish, champion, pinned in (
            (PromoteModel("m1"), "m1", False),
            (PinModel("m2"), "m2", True),
            (UnpinModel(), "m2", False),
            (RollBackModel(), "m1", False),
        ):
            assert await house.session.send(wish) == Accepted()
            assert (house.keeper.champion, house.keeper.pinned) == (champion, pinned)
        assert [reason.split(" by ")[0] for reason in house.changed] == [
            "m1 was promoted",
            "m2 was pinned",
            "the champion was unpinned",
            "rolled back to m1",
        ]

    async def test_what_cannot_be_done_is_refused_with_the_reason_and_changes_nothing(self, house: House) -> None:
        house.keeper.add("m1")
        for wish, word in (
            (PromoteModel("m9"), "m1"),
            (RollBackModel(), "no earlier champion"),
            (CancelTraining(), "no training runs"),
            (Train(engines=("forest",)), "lightgbm"),
            (Train(timeframe="7m"), "5m"),
        ):
            reply = await house.session.send(wish)
            assert isinstance(reply, Refused)
            assert word in reply.reason
        assert (house.changed, house.keeper.champion) == ([], "")

    async def test_a_training_is_started_and_cancelled(self, house: House) -> None:
        await house.store.write(Batch(candles=(structs.replace(candle(0), timeframe=Timeframe("5m")),)))
        house.trainer.gate.clear()
        assert await house.session.send(Train(("BTC/USDT",), "5m", ("lightgbm",))) == Accepted()
        await eventually(lambda: house.trainer.tasks)
        assert isinstance(await house.session.send(Train()), Refused)
        assert await house.session.send(CancelTraining()) == Accepted()
        await eventually(lambda: house.trainer.cancelled and not house.training.busy)


class TestOverTheSocket:
    async def test_an_answer_comes_over_as_it_was_also_where_a_number_is_none(self, house: House, socket: Path) -> None:
        absent = structs.replace(decision(1), prediction=prediction(1, asked=False))
        await house.store.write(Batch(decisions=(absent, decision(2)), signals=(signal(2),), outcomes=(outcome(2),)))
        found = await ask_query(socket, DecisionAt(BTC.id, NOON + 6 * MINUTE_NS))
        assert found is not None
        assert math.isnan(found.prediction.features[2])
        assert await ask_query(socket, DecisionAt(BTC.id, NOON + 11 * MINUTE_NS)) == await house.session.ask(
            DecisionAt(BTC.id, NOON + 11 * MINUTE_NS)
        )
        assert await ask_query(socket, SignalsPage()) == await house.session.ask(SignalsPage())
        assert await ask_query(socket, Explain("BTC-m1-2")) == EXPLAINED
        house.keeper.add("m1")
        assert await ask_query(socket, ModelReport("m1")) == '{"verdict":"no edge found"}'

    async def test_why_there_is_no_answer_comes_over(self, house: House, socket: Path) -> None:
        with pytest.raises(NoAnswer, match="never made"):
            await ask_query(socket, Explain("never made"))
        house.store.available = False
        with pytest.raises(NoAnswer, match="taken away"):
            await ask_query(socket, DecisionsPage())

    async def test_wishes_are_carried_out_and_refusals_come_back(self, house: House, socket: Path) -> None:
        house.keeper.add("m1")
        assert await send_command(socket, PromoteModel("m1")) == Accepted()
        assert house.keeper.champion == "m1"
        reply = await send_command(socket, RollBackModel())
        assert reply == Refused("there is no earlier champion to go back to")

    async def test_a_request_that_says_nothing_is_refused(self, socket: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(socket)
        for line in (b'{"version":1,"ask":"send"}\n', b'{"version":1,"ask":"query"}\n'):
            writer.write(line)
            assert b"must say what" in await reader.readline()
        writer.write(b'{"version":1,"ask":"send","command":{"type":"Explode"}}\n')
        assert b"no request of version 1" in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_before_the_engine_started_wishes_are_refused_and_questions_unanswered(tmp_path: Path) -> None:
    session = LocalSession(StateStore(), tmp_path / "log")
    assert isinstance(await session.send(PinModel("m1")), Refused)
    with pytest.raises(AlphaPlusError, match="still starting"):
        await session.ask(ModelReport("m1"))
