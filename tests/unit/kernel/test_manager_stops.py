"""Services are stopped in reverse, within a bound, and by hand one by one."""

import asyncio

import pytest
from structlog.testing import capture_logs

from alphaplus_tui.errors import TransientError, UnknownName
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.service import ServiceState
from tests.fakes.clock import FakeClock
from tests.unit.kernel.puppet import Journal, Puppet
from tests.unit.kernel.test_manager import House


async def test_sources_fall_silent_first_and_readers_drain_last() -> None:
    journal = Journal()
    store = Puppet("store", journal=journal, cleanup_s=1)
    books = Puppet("books", after=("store",), journal=journal, cleanup_s=1)
    trades = Puppet("trades", after=("store",), journal=journal, cleanup_s=1)
    house = House(store, books, trades)
    await house.start()
    journal.clear()
    stopping = asyncio.create_task(house.manager.stop())
    await house.clock.advance(1)
    assert sorted(journal) == [("end", "books"), ("end", "trades")]
    assert house.state("store") is ServiceState.RUNNING
    await house.clock.advance(1)
    assert await stopping == ()
    assert journal[-1] == ("end", "store")
    assert {s.state for s in house.manager.statuses()} == {ServiceState.STOPPED}


async def test_one_that_ignores_its_cancellation_is_abandoned_and_named_and_leaves_time_to_the_others() -> None:
    store, source = Puppet("store", cleanup_s=2), Puppet("source", after=("store",))
    house = House(store, source)
    await house.start()
    source.stubborn = True
    with capture_logs() as logs:
        stopping = asyncio.create_task(house.manager.stop())
        await house.clock.advance(2.4)
        assert store.inside == 1
        await house.clock.advance(2.6)
        assert (stopping.done(), store.inside, source.inside) == (True, 0, 1)
    assert await stopping == ("source",)
    abandoned = [log for log in logs if log["event"] == "services_abandoned"]
    assert [log["services"] for log in abandoned] == [("source",)]
    assert [s.state.value for s in house.manager.statuses()] == ["stopped", "failed"]
    source.gives_in()
    await house.clock.settle()
    assert source.inside == 0


async def test_one_that_ends_after_its_share_of_the_time_is_not_abandoned() -> None:
    store, source = Puppet("store", cleanup_s=2), Puppet("source", after=("store",), cleanup_s=4)
    house = House(store, source)
    await house.start()
    stopping = asyncio.create_task(house.manager.stop())
    await house.clock.advance(5)
    assert await stopping == ()
    assert {s.state for s in house.manager.statuses()} == {ServiceState.STOPPED}


async def test_stopping_ends_a_start_that_still_waits() -> None:
    slow, next_one = Puppet("slow", ready_at_once=False), Puppet("next", after=("slow",))
    house = House(slow, next_one)
    starting = asyncio.create_task(house.manager.start())
    await house.clock.settle()
    assert await house.manager.stop() == ()
    await starting
    assert (next_one.starts, slow.inside) == (0, 0)


async def test_stopping_right_after_starting_runs_nobody() -> None:
    a = Puppet("a")
    house = House(a)
    starting = asyncio.create_task(house.manager.start())
    await asyncio.sleep(0)
    assert await house.manager.stop() == ()
    await starting
    assert (a.starts, house.state("a")) == (0, ServiceState.STOPPED)


async def test_stopping_ends_backing_off_and_may_be_asked_twice_or_before_the_start() -> None:
    a = Puppet("a")
    house = House(a)
    await house.start()
    a.raises(ValueError("defect"))
    await house.clock.settle()
    assert house.state("a") is ServiceState.BACKING_OFF
    assert await house.manager.stop() == ()
    assert await house.manager.stop() == ()
    await house.clock.advance(60)
    assert (a.starts, house.state("a")) == (1, ServiceState.STOPPED)
    assert await ServiceManager([Puppet("b")], clock=FakeClock()).stop() == ()


async def test_a_clean_up_is_cancelled_only_once_however_often_it_is_asked_to_end() -> None:
    a = Puppet("a", cleanup_s=3)
    house = House(a)
    await house.start()
    by_hand = asyncio.create_task(house.manager.stop_one("a"))
    await house.clock.advance(1)
    stopping = asyncio.create_task(house.manager.stop())
    await house.clock.advance(1.9)
    assert a.inside == 1
    await house.clock.advance(0.1)
    await asyncio.gather(by_hand, stopping)
    assert a.journal == [("start", "a"), ("end", "a")]


async def test_cancelling_whoever_stops_is_not_swallowed() -> None:
    a = Puppet("a", cleanup_s=3)
    house = House(a)
    await house.start()
    stopping = asyncio.create_task(house.manager.stop())
    await house.clock.advance(1)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    await house.clock.advance(2)
    assert a.inside == 0


async def test_an_error_while_stopping_is_logged_and_stops_nobody() -> None:
    class Clumsy(Puppet):
        async def run(self, life: object) -> None:
            try:
                await super().run(life)  # pyright: ignore[reportArgumentType]  a Life, seen from the outside
            finally:
                raise ValueError("tripped")

    store, source = Puppet("store"), Clumsy("source", after=("store",))
    house = House(store, source)
    await house.start()
    with capture_logs() as logs:
        assert await house.manager.stop() == ()
    falls = [log for log in logs if log["event"] == "service_failed_while_stopping"]
    assert [(log["service"], log["reason"]) for log in falls] == [("source", "ValueError: tripped")]
    assert house.state("source") is ServiceState.STOPPED


async def test_one_is_stopped_and_started_by_hand_and_the_others_do_not_notice() -> None:
    a, b = Puppet("a"), Puppet("b", after=("a",))
    house = House(a, b)
    await house.start()
    await house.manager.stop_one("a")
    assert (house.state("a"), house.state("b")) == (ServiceState.STOPPED, ServiceState.RUNNING)
    assert house.manager.status("a").reason == "stopped by hand"
    await house.clock.advance(120)
    assert a.starts == 1
    await house.manager.start_one("a")
    await house.clock.settle()
    assert (house.state("a"), a.starts, b.starts) == (ServiceState.RUNNING, 2, 1)
    await house.manager.start_one("a")
    await house.clock.settle()
    assert a.starts == 2
    await house.manager.stop()


async def test_restarting_by_hand_ends_a_long_wait_and_takes_fellows_along() -> None:
    a, b = Puppet("a"), Puppet("b", uses=("a",))
    house = House(a, b)
    await house.start()
    for _ in range(5):
        a.raises(ValueError("again"))
        await house.clock.advance(2)
    assert house.state("b") is ServiceState.BACKING_OFF
    await house.manager.restart("b")
    await house.clock.settle()
    assert [house.state(name).value for name in "ab"] == ["running", "running"]
    await house.manager.restart("a")
    await house.clock.settle()
    assert (a.starts, b.starts, a.inside, b.inside) == (7, 7, 1, 1)
    await house.manager.stop()


async def test_a_failed_one_can_be_started_by_hand() -> None:
    from alphaplus_tui.errors import FatalError

    a = Puppet("a")
    house = House(a)
    await house.start()
    a.raises(FatalError("no way"))
    await house.clock.settle()
    await house.manager.start_one("a")
    await house.clock.settle()
    assert house.state("a") is ServiceState.RUNNING
    waiting = asyncio.create_task(house.manager.wait_failed())
    await house.clock.settle()
    assert not waiting.done()
    waiting.cancel()
    await house.manager.stop()


async def test_a_name_that_is_not_known_is_refused() -> None:
    house = House(Puppet("candles"))
    for wish in (house.manager.restart, house.manager.stop_one, house.manager.start_one):
        with pytest.raises(UnknownName, match="did you mean 'candles'"):
            await wish("candels")


async def test_nobody_is_started_alone_before_the_start_or_after_the_stop() -> None:
    a = Puppet("a")
    house = House(a)
    with pytest.raises(TransientError, match="not running"):
        await house.manager.start_one("a")
    await house.manager.stop_one("a")
    assert house.state("a") is ServiceState.STOPPED
    await house.start()
    await house.manager.stop()
    with pytest.raises(TransientError, match="not running"):
        await house.manager.restart("a")
    assert a.starts == 1


async def test_a_restart_that_the_end_overtakes_starts_nobody() -> None:
    a = Puppet("a", cleanup_s=1)
    house = House(a)
    await house.start()
    restarting = asyncio.create_task(house.manager.restart("a"))
    await house.clock.settle()
    stopping = asyncio.create_task(house.manager.stop())
    await house.clock.advance(1)
    assert await stopping == ()
    with pytest.raises(TransientError, match="not running"):
        await restarting
    assert (a.starts, a.inside) == (1, 0)
