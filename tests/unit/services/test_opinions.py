"""What models said is written at once, and nothing of it is ever given up."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from alphaplus_tui.domain.analysis import TrainingRun
from alphaplus_tui.domain.events import (
    DatabaseConnected,
    DecisionMade,
    InstrumentsKnown,
    ModelsChanged,
    OutcomeKnown,
    RowsCommitted,
    SignalMade,
    TrainingChanged,
)
from alphaplus_tui.errors import FatalError
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import ManualMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Health, Life
from alphaplus_tui.ports.store import Batch, ModelRecord
from alphaplus_tui.services.opinions import OpinionsService
from tests.contracts.test_opinions_contract import decision, model, outcome, signal
from tests.contracts.test_store_contract import BTC, NOON
from tests.fakes.clock import FakeClock
from tests.fakes.spool import FakeSpool
from tests.fakes.store import FakeStore
from tests.support import eventually


class Desk:
    """The service alone, with a clock that stands still."""

    def __init__(self, store: FakeStore | None = None, spool: FakeSpool | None = None) -> None:
        self.store, self.spool = store or FakeStore(), spool or FakeSpool()
        self.clock, self.bus = FakeClock(), Bus()
        self.models: tuple[ModelRecord, ...] = ()
        self.trouble = ""
        self.service = OpinionsService(
            self.store,
            self.store,
            self.spool,
            self.bus,
            registry=self.read_registry,
            clock=self.clock,
            market=ManualMarketClock(NOON),
            meters=Meters(),
        )
        self.life = Life("opinions", self.clock)

    def read_registry(self) -> tuple[ModelRecord, ...]:
        if self.trouble:
            raise FatalError(self.trouble)
        return self.models

    def decide(self, *numbers: int) -> None:
        for number in numbers:
            self.bus.publish(DecisionMade(decision(number)))

    @property
    def stored(self) -> list[str]:
        return sorted(self.store.opinions.decisions)


@asynccontextmanager
async def working(desk: Desk) -> AsyncGenerator[Desk]:
    task = asyncio.create_task(desk.service.run(desk.life))
    try:
        await eventually(lambda: desk.life.ready_at)
        yield desk
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_decision_is_stored_without_waiting_for_any_rhythm() -> None:
    committed: list[str] = []
    desk = Desk()
    desk.bus.on(RowsCommitted, lambda event: committed.append(event.table))
    async with working(desk):
        desk.bus.publish(InstrumentsKnown((BTC,)))
        desk.decide(1)
        desk.bus.publish(SignalMade(signal(1)))
        desk.bus.publish(OutcomeKnown(outcome(1)))
        await desk.service.settled()
        assert desk.stored == ["BTC-m1-1"]
        assert await desk.store.signals(None, before=NOON * 2, limit=5)
        assert committed == ["decisions", "signals", "outcomes"]
        assert desk.clock.monotonic() == FakeClock().monotonic()  # no time passed


async def test_while_the_database_is_away_decisions_go_to_a_spool_of_their_own_and_come_back() -> None:
    desk = Desk()
    async with working(desk):
        desk.store.available = False
        desk.decide(1, 2)
        await desk.clock.settle()
        assert desk.life.health is Health.DEGRADED
        await desk.clock.advance(6)
        assert len(desk.spool.waiting) == 1
        desk.decide(3)
        await desk.clock.settle()
        desk.store.available = True
        desk.bus.publish(DatabaseConnected(NOON))
        await desk.service.settled()
        assert desk.stored == ["BTC-m1-1", "BTC-m1-2", "BTC-m1-3"]
        assert (desk.spool.waiting, desk.life.health) == ({}, Health.OK)


async def test_with_the_spool_full_as_well_they_stay_in_memory() -> None:
    desk = Desk(spool=FakeSpool(max_bytes=1))
    async with working(desk):
        desk.store.available = False
        desk.decide(*range(2_000))
        await desk.clock.advance(20)
        assert not desk.spool.waiting
        desk.store.available = True
        await desk.clock.advance(1)
        await desk.service.settled()
        assert len(desk.stored) == 2_000


async def test_an_answer_that_was_lost_doubles_nothing() -> None:
    desk = Desk()
    async with working(desk):
        await desk.service.settled()
        desk.store.answers_lost = 1
        desk.decide(1)
        await desk.clock.advance(1)
        await desk.service.settled()
        assert desk.stored == ["BTC-m1-1"]
        assert len([batch for batch in desk.store.batches if batch.decisions]) == 2


async def test_what_is_left_at_the_end_is_on_disk_and_the_next_run_writes_it() -> None:
    desk = Desk()
    async with working(desk):
        desk.store.available = False
        desk.decide(1)
    assert (len(desk.spool.waiting), desk.spool.synced) == (1, True)
    desk.store.available = True
    later = Desk(desk.store, desk.spool)
    async with working(later):
        await later.service.settled()
        assert later.stored == ["BTC-m1-1"]


async def test_what_was_decided_while_the_service_was_down_is_written_when_it_is_up() -> None:
    desk = Desk()
    desk.decide(1)
    async with working(desk):
        await desk.service.settled()
        assert desk.stored == ["BTC-m1-1"]


async def test_the_registry_is_mirrored_at_the_start_and_whenever_it_changes() -> None:
    desk = Desk()
    desk.models = (model("m1", added=1),)
    async with working(desk):
        await desk.service.settled()
        assert await desk.store.models() == desk.models
        desk.models = (model("m2", added=2), model("m1", added=1))
        desk.bus.publish(ModelsChanged("a model came", NOON))
        await desk.service.settled()
        assert await desk.store.models() == desk.models
        desk.trouble = "the index cannot be read"
        desk.bus.publish(ModelsChanged("broken", NOON))
        desk.decide(1)
        await desk.service.settled()
        assert desk.stored == ["BTC-m1-1"]


async def test_of_a_training_its_beginning_and_its_end_are_written_and_not_each_step() -> None:
    desk = Desk()
    run = TrainingRun("t1", "running", "user", "5m", (), (), NOON)
    async with working(desk):
        for step in range(50):
            desk.bus.publish(TrainingChanged(run, f"fold {step}", step / 50))
            await desk.service.settled()
        assert await desk.store.training_runs(limit=9) == (run,)
        assert sum(bool(batch.training_runs) for batch in desk.store.batches) == 1


def test_opinions_count_as_rows_of_a_batch() -> None:
    assert len(Batch(decisions=(decision(1),), outcomes=(outcome(1), outcome(2)))) == 3
