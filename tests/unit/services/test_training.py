"""Models are trained when asked, by schedule and on drift; what is not better is never promoted."""

import asyncio
import math
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from msgspec import structs

from alphaplus_tui.domain.analysis import Headline, Mood, TrainingRun
from alphaplus_tui.domain.events import InstrumentsKnown, ModelsChanged, TrainingChanged
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.timeframe import DAY_NS, MINUTE_NS, Timeframe
from alphaplus_tui.errors import FatalError, UnknownName, UsageError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.services.rows.training import TrainingRows
from alphaplus_tui.services.training import TrainingService, TrainingWish, Workshop
from alphaplus_tui.settings.learning import TrainingSettings
from alphaplus_tui.state.slices import ModelRow
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY
from tests.contracts.test_store_contract import BTC, ETH, NOON
from tests.fakes.clock import FakeClock
from tests.fakes.store import FakeStore
from tests.fakes.trainer import FakeKeeper, FakeTrainer
from tests.support import eventually

M5 = Timeframe("5m")
SETTINGS = TrainingSettings(schedule="never")


def candle(n: int, *, of: Instrument = BTC, timeframe: Timeframe = M5, complete: bool = True) -> Candle:
    opened = NOON - DAY_NS + 5 * n * MINUTE_NS
    return Candle(
        of.id, timeframe, opened, 1.0, 3.0, 0.5, 2.0 + n, 10.0, None, 4.0, Provenance.IMPORTED, complete=complete
    )


class Desk:
    """The service alone, with a trainer that learns nothing."""

    def __init__(self, settings: TrainingSettings = SETTINGS, *, store: FakeStore | None = None) -> None:
        self.store, self.bus, self.clock = store or FakeStore(), Bus(), FakeClock()
        self.state, self.market = StateStore(), ManualMarketClock(NOON)
        self.keeper = FakeKeeper()
        self.trainer = FakeTrainer(self.keeper)
        workshop = Workshop(self.trainer, self.keeper, self.store, settings, market=self.market)
        self.service = TrainingService(workshop, self.store, self.state, self.bus, settings, market=self.market)
        self.told: list[TrainingChanged] = []
        self.changed: list[str] = []
        self.bus.on(TrainingChanged, self.told.append)
        self.bus.on(TrainingChanged, TrainingRows(self.state).on_changed)
        self.bus.on(ModelsChanged, lambda event: self.changed.append(event.reason))

    async def fill(self, *instruments: Instrument, candles: int = 20) -> None:
        await self.store.register(instruments)
        rows = tuple(candle(n, of=of) for of in instruments for n in range(candles))
        await self.store.write(Batch(candles=rows))

    @property
    def last(self) -> TrainingRun:
        return self.told[-1].run

    async def ended(self) -> TrainingRun:
        await eventually(lambda: self.told and self.last.state != "running" and not self.service.busy)
        return self.last


@asynccontextmanager
async def working(desk: Desk) -> AsyncGenerator[Desk]:
    life = Life("training", desk.clock)
    task = asyncio.create_task(desk.service.run(life))
    try:
        await desk.clock.settle()
        yield desk
    finally:
        task.cancel()
        await asyncio.wait({task})


def a_champion(*, psi: float | None = None, live_low: float | None = None, added_at: int = NOON) -> ModelRow:
    return ModelRow(
        id="m0",
        stage="champion",
        serving="champion",
        pinned=False,
        added_at=added_at,
        reason="",
        timeframe="5m",
        engines=(),
        edge=True,
        verdict="",
        metrics={"holdout_brier": 0.6},
        drift_psi=psi,
        live_low=live_low,
        live_rows=500,
    )


async def test_a_training_is_asked_for_told_of_and_its_better_model_promoted() -> None:
    desk = Desk()
    await desk.fill(BTC, ETH)
    async with working(desk):
        desk.service.ask(TrainingWish(("BTC/USDT", "ETH/USDT"), engines=("lightgbm",)))
        run = await desk.ended()
    assert (run.state, run.verdict, run.reason) == ("done", "no edge found", "promoted: log loss -0.01")
    assert run.instruments == (BTC.id, ETH.id)
    (task,) = desk.trainer.tasks
    assert (task.anchor, task.timeframe, task.engines) == (BTC.id, "5m", ("lightgbm",))
    assert desk.keeper.champion == run.model == task.model
    assert [round(event.share, 2) for event in desk.told] == [0.0, 0.25, 1.0]
    row = desk.state.training.get(ONLY)
    assert row is not None
    assert (row.state, row.share) == ("done", 1.0)
    assert desk.changed == [f"{run.model} was trained; promoted: log loss -0.01"]


async def test_a_worse_model_stays_a_candidate_and_a_pinned_champion_stays() -> None:
    desk = Desk()
    await desk.fill(BTC)
    desk.keeper.add("m0")
    desk.keeper.pin("m0")
    async with working(desk):
        desk.service.ask(TrainingWish())
        assert (await desk.ended()).reason == "not promoted: the champion is pinned"
        desk.keeper.unpin()
        desk.trainer.better = False
        desk.market.advance_to(NOON + DAY_NS)
        desk.service.ask(TrainingWish())
        await eventually(lambda: len(desk.trainer.tasks) == 2)
        assert (await desk.ended()).reason == "not promoted: log loss -0.01"
    assert (desk.keeper.champion, len(desk.keeper.models)) == ("m0", 3)


async def test_a_model_of_another_timeframe_than_the_one_that_is_served_is_not_promoted() -> None:
    desk = Desk()
    await desk.fill(BTC)
    async with working(desk):
        desk.service.ask(TrainingWish(timeframe="15m"))
        run = await desk.ended()
    assert run.reason == "not promoted: it judges 15m candles, training.timeframe is 5m"
    assert len(desk.trainer.tasks[0].histories[0].open_times) == 8 * 6


async def test_histories_are_columns_of_whole_candles_oldest_first() -> None:
    desk = Desk()
    await desk.fill(BTC)
    await desk.store.write(Batch(candles=(candle(20, complete=False), candle(21))))
    async with working(desk):
        desk.service.ask(TrainingWish())
        await desk.ended()
    (history,) = desk.trainer.tasks[0].histories
    closes = struct.unpack("<21d", history.columns["close"])
    assert closes == (*(2.0 + n for n in range(20)), 23.0)
    assert struct.unpack("<21q", history.open_times)[-1] == candle(21).open_time
    trades = struct.unpack("<21d", history.columns["trades"])
    assert all(map(math.isnan, trades))
    assert struct.unpack("<21d", history.columns["buy_volume"]) == (4.0,) * 21


async def test_what_headlines_said_goes_along_as_it_was_seen() -> None:
    desk = Desk()
    await desk.fill(BTC)
    said = Headline("a", "feed", "It rises", "", NOON - 9_000, NOON - 5_000, 0.5, ())
    await desk.store.write(Batch(headlines=(said, structs.replace(said, id="b", seen_at=NOON + 5_000))))
    async with working(desk):
        desk.service.ask(TrainingWish())
        await desk.ended()
    assert desk.trainer.tasks[0].mood == Mood((NOON - 5_000,), (0.5,), NOON - 5_000)


async def test_without_a_wish_for_symbols_the_followed_instruments_are_trained_on() -> None:
    desk = Desk()
    await desk.fill(BTC, ETH)
    desk.bus.publish(InstrumentsKnown((ETH,)))
    async with working(desk):
        desk.service.ask(TrainingWish())
        assert (await desk.ended()).instruments == (ETH.id,)
    assert desk.trainer.tasks[0].anchor == ""


async def test_of_a_symbol_that_is_stored_of_two_exchanges_the_longer_history_counts() -> None:
    desk = Desk()
    imported = structs.replace(BTC, exchange="imported")
    await desk.fill(BTC, candles=20)
    await desk.fill(imported, candles=30)
    async with working(desk):
        desk.service.ask(TrainingWish(("BTC/USDT",)))
        assert (await desk.ended()).instruments == (imported.id,)
        desk.service.ask(TrainingWish((BTC.id,)))
        await eventually(lambda: len(desk.trainer.tasks) == 2)
        assert (await desk.ended()).instruments == (BTC.id,)


@pytest.mark.parametrize(
    ("symbols", "said"), [((), "alphaplus import"), (("ETH/USDT",), "alphaplus import"), (("DOGE/USDT",), "DOGE/USDT")]
)
async def test_without_history_a_training_fails_and_says_so(symbols: tuple[str, ...], said: str) -> None:
    desk = Desk()
    await desk.store.register([ETH])
    async with working(desk):
        desk.service.ask(TrainingWish(symbols))
        run = await desk.ended()
    assert run.state == "failed"
    assert said in run.reason


async def test_what_the_trainer_cannot_do_is_a_failed_run_and_the_service_goes_on() -> None:
    desk = Desk()
    await desk.fill(BTC)
    desk.trainer.fails = FatalError("not enough rows")
    async with working(desk):
        desk.service.ask(TrainingWish())
        run = await desk.ended()
        assert (run.state, run.reason, run.ended_at) == ("failed", "AlphaPlus failed: not enough rows", NOON)
        desk.trainer.fails = None
        desk.service.ask(TrainingWish())
        await eventually(lambda: desk.last.state == "done")
        await eventually(lambda: desk.changed)


async def test_one_training_at_a_time_and_it_can_be_cancelled() -> None:
    desk = Desk()
    await desk.fill(BTC)
    desk.trainer.gate.clear()
    async with working(desk):
        with pytest.raises(UsageError, match="no training runs"):
            desk.service.cancel()
        desk.service.ask(TrainingWish())
        with pytest.raises(UsageError, match="runs already"):
            desk.service.ask(TrainingWish())
        await eventually(lambda: desk.trainer.tasks)
        desk.service.cancel()
        run = await desk.ended()
    assert (run.state, desk.trainer.cancelled, desk.keeper.models) == ("cancelled", 1, {})


async def test_stopping_the_service_ends_its_training() -> None:
    desk = Desk()
    await desk.fill(BTC)
    desk.trainer.gate.clear()
    async with working(desk):
        desk.service.ask(TrainingWish())
        await eventually(lambda: desk.trainer.tasks)
    assert (desk.trainer.cancelled, desk.last.state, desk.service.busy) == (1, "cancelled", False)


@pytest.mark.parametrize("wish", [TrainingWish(engines=("forest",)), TrainingWish(timeframe="7m")])
async def test_what_cannot_be_trained_is_refused_at_once(wish: TrainingWish) -> None:
    desk = Desk()
    with pytest.raises(UnknownName):
        desk.service.ask(wish)
    assert not desk.service.busy


class TestTriggers:
    async def test_by_schedule_when_the_champion_and_the_last_training_are_old(self) -> None:
        desk = Desk(TrainingSettings(schedule="weekly"))
        await desk.fill(BTC)
        desk.state.models.put("m0", a_champion(added_at=NOON - 6 * DAY_NS))
        async with working(desk):
            await desk.clock.advance(61)
            assert not desk.trainer.tasks
            desk.market.advance_to(NOON + DAY_NS)
            await desk.clock.advance(61)
            assert (await desk.ended()).asked_by == "schedule"
            await desk.store.write(Batch(training_runs=(desk.last,)))
            await desk.clock.advance(600)
            assert len(desk.trainer.tasks) == 1

    async def test_the_first_model_is_the_users_wish(self) -> None:
        desk = Desk(TrainingSettings(schedule="daily"))
        await desk.fill(BTC)
        async with working(desk):
            await desk.clock.advance(600)
        assert not desk.trainer.tasks

    @pytest.mark.parametrize(
        ("champion", "asked_by"),
        [
            (a_champion(psi=0.21), "drift"),
            (a_champion(psi=0.2), ""),
            (a_champion(live_low=0.61), "brier"),
            (a_champion(live_low=0.59), ""),
            (structs.replace(a_champion(live_low=0.61), live_rows=50), ""),
        ],
    )
    async def test_by_drift_and_by_a_live_score_beyond_its_interval(self, champion: ModelRow, asked_by: str) -> None:
        desk = Desk()
        await desk.fill(BTC)
        desk.state.models.put("m0", champion)
        async with working(desk):
            await desk.clock.advance(61)
            if asked_by:
                assert (await desk.ended()).asked_by == asked_by
            assert len(desk.trainer.tasks) == bool(asked_by)

    async def test_at_most_once_a_day(self) -> None:
        desk = Desk()
        await desk.fill(BTC)
        desk.state.models.put("m0", a_champion(psi=0.5))
        earlier = TrainingRun("t0", "failed", "drift", "5m", (), (), NOON - DAY_NS // 2)
        await desk.store.write(Batch(training_runs=(earlier,)))
        async with working(desk):
            await desk.clock.advance(61)
            assert not desk.trainer.tasks
            desk.market.advance_to(NOON + DAY_NS)
            await desk.clock.advance(61)
            await eventually(lambda: desk.trainer.tasks)

    async def test_nothing_is_triggered_while_the_database_is_away(self) -> None:
        desk = Desk()
        desk.state.models.put("m0", a_champion(psi=0.5))
        desk.store.available = False
        async with working(desk):
            await desk.clock.advance(200)
            assert not desk.told
