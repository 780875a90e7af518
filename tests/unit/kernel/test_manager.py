"""Services are started in order and kept running."""

import asyncio
from random import Random

import pytest
from structlog.testing import capture_logs

from alphaplus_tui.errors import Disconnected, FatalError, ProtocolError, TransientError, UnknownName
from alphaplus_tui.kernel.manager import LOOK_EVERY_S, ServiceManager
from alphaplus_tui.kernel.restart import RestartPolicy
from alphaplus_tui.kernel.service import Health, Life, ServiceState, ServiceStatus
from tests.fakes.clock import FakeClock
from tests.unit.kernel.puppet import Journal, Puppet


class House:
    """A manager with puppets on a clock that the test moves."""

    def __init__(self, *puppets: Puppet, policy: RestartPolicy | None = None) -> None:
        self.clock = FakeClock()
        self.seen = list[ServiceStatus]()
        self.manager = ServiceManager(
            puppets, clock=self.clock, policy=policy, on_change=self.seen.append, rng=Random(5)
        )

    async def start(self) -> None:
        starting = asyncio.create_task(self.manager.start())
        await self.clock.settle()
        assert starting.done()
        await starting

    async def stop(self) -> tuple[str, ...]:
        stopping = asyncio.create_task(self.manager.stop())
        await self.clock.advance(5)
        return await stopping

    def state(self, name: str) -> ServiceState:
        return self.manager.status(name).state

    def states_seen(self, name: str) -> list[str]:
        """Without repetitions, as when only the health changed."""
        states = [status.state.value for status in self.seen if status.name == name]
        return [state for n, state in enumerate(states) if n == 0 or states[n - 1] != state]


async def test_each_starts_when_those_it_comes_after_are_ready() -> None:
    journal = Journal()
    reader = Puppet("reader", journal=journal, ready_at_once=False)
    writer = Puppet("writer", after=("reader",), journal=journal)
    house = House(writer, reader)
    starting = asyncio.create_task(house.manager.start())
    await house.clock.settle()
    assert [s.state.value for s in house.manager.statuses()] == ["starting", "waiting"]
    assert (journal, starting.done()) == ([("start", "reader")], False)
    reader.becomes_ready()
    await starting
    assert journal == [("start", "reader"), ("start", "writer")]
    assert house.states_seen("writer") == ["waiting", "starting", "running"]
    assert await house.stop() == ()


async def test_one_that_never_is_ready_does_not_keep_the_others_from_starting() -> None:
    slow, next_one = Puppet("slow", ready_at_once=False), Puppet("next", after=("slow",))
    house = House(slow, next_one)
    with capture_logs() as logs:
        starting = asyncio.create_task(house.manager.start())
        await house.clock.advance(9.9)
        assert next_one.starts == 0
        await house.clock.advance(0.1 + LOOK_EVERY_S)
        assert (starting.done(), next_one.starts, house.state("slow").value) == (True, 1, "starting")
    slow_starts = [log for log in logs if log["event"] == "service_slow_to_start"]
    assert [(log["service"], log["within_s"]) for log in slow_starts] == [("slow", 10.0)]
    slow.becomes_ready()
    await house.clock.settle()
    assert house.state("slow") is ServiceState.RUNNING
    await house.stop()


async def test_one_that_dies_at_once_does_not_keep_the_others_from_starting() -> None:
    broken, next_one = Puppet("broken", ready_at_once=False), Puppet("next", after=("broken",))
    house = House(broken, next_one)
    starting = asyncio.create_task(house.manager.start())
    await house.clock.settle()
    broken.raises(ValueError("at start"))
    await starting
    assert house.state("broken") is ServiceState.BACKING_OFF
    await house.clock.settle()
    assert house.state("next") is ServiceState.RUNNING
    await house.stop()


async def test_a_service_that_raises_is_restarted_and_nobody_else() -> None:
    a, b, c = Puppet("a"), Puppet("b", after=("a",)), Puppet("c", after=("b",))
    house = House(a, b, c)
    await house.start()
    b.raises(ValueError("defect"))
    await house.clock.settle()
    status = house.manager.status("b")
    assert (status.state, status.reason) == (ServiceState.BACKING_OFF, "ValueError: defect")
    assert status.next_try_in_s is not None
    assert 0 < status.next_try_in_s <= 0.1
    assert (status.started_at, status.uptime_s) == (None, 0.0)
    await house.clock.advance(0.1)
    status = house.manager.status("b")
    assert (status.state, status.reason, status.restarts) == (ServiceState.RUNNING, None, 1)
    assert (status.last_error, status.next_try_in_s) == ("ValueError: defect", None)
    assert (a.starts, b.starts, c.starts) == (1, 2, 1)
    await house.stop()


async def test_a_service_that_returns_or_cancels_itself_is_restarted() -> None:
    a = Puppet("a")
    house = House(a)
    await house.start()
    a.returns()
    await house.clock.advance(0.2)
    assert (a.starts, house.manager.status("a").last_error) == (2, "returned without being stopped")
    a.raises(asyncio.CancelledError())
    await house.clock.advance(0.4)
    assert (a.starts, house.manager.status("a").last_error) == (3, "cancelled itself")
    await house.stop()


async def test_five_failures_in_a_minute_lead_to_slow_retries_though_it_was_ready_each_time() -> None:
    a = Puppet("a")
    house = House(a)
    await house.start()
    for _ in range(5):
        a.raises(ValueError("again"))
        await house.clock.advance(2)
    waiting = house.manager.status("a")
    assert (a.starts, waiting.state) == (5, ServiceState.BACKING_OFF)
    assert waiting.next_try_in_s is not None
    assert 13 <= waiting.next_try_in_s <= 30
    await house.clock.advance(30)
    assert (a.starts, house.state("a")) == (6, ServiceState.RUNNING)
    await house.clock.advance(60)
    a.raises(ValueError("much later"))
    await house.clock.advance(0.1)
    assert a.starts == 7
    await house.stop()


async def test_a_fatal_error_is_not_tried_again_also_from_a_task_group() -> None:
    a, b = Puppet("a"), Puppet("b")
    house = House(a, b)
    await house.start()
    failed = asyncio.create_task(house.manager.wait_failed())
    b.raises(ExceptionGroup("two tasks", [Disconnected("gone"), ProtocolError("wrong version")]))
    status = await failed
    assert (status.name, status.state) == ("b", ServiceState.FAILED)
    assert status.reason == "ProtocolError: wrong version; Disconnected: gone"
    await house.clock.advance(120)
    assert (b.starts, house.state("a")) == (1, ServiceState.RUNNING)
    assert (await house.manager.wait_failed()).name == "b"
    await house.stop()
    assert house.state("b") is ServiceState.FAILED


async def test_overrunning_its_work_is_a_hang_noticed_within_a_second_and_restarted() -> None:
    a = Puppet("a")
    house = House(a)
    await house.start()
    a.hangs(within_s=5)
    await house.clock.advance(4.9)
    assert (a.starts, a.inside) == (1, 1)
    await house.clock.advance(1.0)
    assert (a.starts, a.inside) == (2, 1)
    status = house.manager.status("a")
    assert (status.state, status.last_error) == (ServiceState.RUNNING, "no answer within 5 s")
    await house.stop()


async def test_a_service_that_hangs_is_overdue_until_it_is_restarted() -> None:
    a, b = Puppet("a"), Puppet("b")
    house = House(a, b)
    await house.start()
    a.hangs(within_s=5)
    await house.clock.advance(4.9)
    assert house.manager.overdue() == ()
    await house.clock.advance(0.2)
    assert house.manager.overdue() == ("a",)
    await house.clock.advance(1.0)
    assert (a.starts, house.manager.overdue()) == (2, ())
    await house.stop()


async def test_waiting_for_input_is_no_hang() -> None:
    a = Puppet("a")
    house = House(a)
    await house.start()
    await house.clock.advance(120)
    assert (a.starts, house.manager.status("a").uptime_s) == (1, 120)
    await house.stop()


async def test_a_loop_that_stood_still_makes_no_hang_of_the_work_that_was_open() -> None:
    a, b, c = Puppet("a"), Puppet("b", ready_at_once=False), Puppet("c", after=("b",))
    house = House(a, b, c)
    starting = asyncio.create_task(house.manager.start())
    await house.clock.settle()
    a.hangs(within_s=5)
    await house.clock.advance(1)
    await house.clock.jump(60)
    assert a.starts == 1
    await house.clock.advance(5)
    assert a.starts == 2
    await house.stop()
    await starting


async def test_a_hang_that_ignores_its_cancellation_fails_and_is_never_run_twice() -> None:
    a, b = Puppet("a"), Puppet("b")
    house = House(a, b)
    await house.start()
    a.stubborn = True
    a.hangs(within_s=5)
    await house.clock.advance(5.5 + 5.0)
    status = house.manager.status("a")
    assert status.state is ServiceState.FAILED
    assert status.reason == "no answer within 5 s, and ignores its cancellation"
    with pytest.raises(TransientError, match="a: the old run ignores its cancellation"):
        await house.manager.start_one("a")
    await house.clock.advance(60)
    assert (a.starts, a.inside, house.state("b")) == (1, 1, ServiceState.RUNNING)
    a.gives_in()
    await house.clock.settle()
    await house.manager.start_one("a")
    await house.clock.settle()
    assert (a.starts, a.inside, house.state("a")) == (2, 1, ServiceState.RUNNING)
    await house.stop()


async def test_health_is_told_with_its_reason_and_starts_anew_with_each_run() -> None:
    a = Puppet("a")
    house = House(a)
    await house.start()
    a.says(lambda life: life.degraded("database down"))
    await house.clock.settle()
    status = house.manager.status("a")
    assert (status.state, status.health, status.reason) == (
        ServiceState.RUNNING,
        Health.DEGRADED,
        "database down",
    )
    a.says(lambda life: life.degraded("disk full"))
    a.says(Life.healthy)
    await house.clock.settle()
    assert [(s.health.value, s.reason) for s in house.seen[-2:]] == [("degraded", "disk full"), ("ok", None)]
    a.says(lambda life: life.degraded("database down"))
    a.raises(ValueError("defect"))
    await house.clock.advance(0.1)
    status = house.manager.status("a")
    assert (status.state, status.health, status.reason) == (ServiceState.RUNNING, Health.OK, None)
    await house.stop()


async def test_what_is_left_of_an_earlier_run_is_not_heard() -> None:
    a = Puppet("a")
    house = House(a)
    await house.start()
    left_over = a.life
    assert left_over is not None
    await house.manager.restart("a")
    await house.clock.settle()
    left_over.degraded("I am the past")
    assert house.seen[-1].health is Health.OK
    assert house.manager.status("a").health is Health.OK
    await house.stop()


async def test_those_that_use_one_another_are_restarted_together_in_order() -> None:
    journal = Journal()
    server = Puppet("server", journal=journal, cleanup_s=0.5)
    client = Puppet("client", after=("server",), uses=("server",), journal=journal, cleanup_s=0.5)
    other = Puppet("other", after=("server",))
    house = House(server, client, other)
    await house.start()
    journal.clear()
    server.raises(ValueError("defect"))
    await house.clock.advance(0.4)
    assert house.manager.status("client").state is ServiceState.RUNNING
    await house.clock.advance(0.2)
    told = [(status.state.value, status.reason) for status in house.seen if status.name == "client"]
    assert ("backing off", "server ended: ValueError: defect") in told
    assert journal == [("end", "server"), ("end", "client"), ("start", "server"), ("start", "client")]
    assert (other.starts, house.manager.status("client").last_error) == (1, None)
    await house.stop()


async def test_a_fatal_error_stops_those_that_use_it() -> None:
    server, client = Puppet("server"), Puppet("client", uses=("server",))
    house = House(server, client)
    await house.start()
    server.raises(FatalError("no way"))
    await house.clock.settle()
    assert house.state("server") is ServiceState.FAILED
    status = house.manager.status("client")
    assert (status.state, status.reason) == (
        ServiceState.STOPPED,
        "server ended: FatalError: no way",
    )
    await house.stop()


async def test_a_fellow_that_ignores_its_cancellation_keeps_both_down() -> None:
    server, client = Puppet("server"), Puppet("client", uses=("server",))
    house = House(server, client)
    await house.start()
    client.stubborn = True
    server.raises(FatalError("no way"))
    await house.clock.advance(1)
    assert [house.state(name).value for name in ("server", "client")] == ["failed", "running"]
    await house.clock.advance(4)
    assert [house.state(name).value for name in ("server", "client")] == ["failed", "failed"]
    assert house.manager.status("client").reason == "ignores its cancellation"
    client.gives_in()
    await house.stop()


async def test_a_defect_beside_a_fellow_that_ignores_its_cancellation_is_seen_at_once() -> None:
    server, client = Puppet("server"), Puppet("client", uses=("server",))
    house = House(server, client)
    await house.start()
    client.stubborn = True
    server.raises(ValueError("defect"))
    await house.clock.settle()
    assert house.state("server") is ServiceState.BACKING_OFF
    await house.clock.advance(5)
    assert [house.state(name).value for name in ("server", "client")] == ["stopped", "failed"]
    client.gives_in()
    await house.stop()


async def test_two_fellows_that_end_together_are_both_seen() -> None:
    server, client = Puppet("server"), Puppet("client", uses=("server",))
    house = House(server, client)
    await house.start()
    server.raises(ValueError("one"))
    client.raises(ValueError("other"))
    await house.clock.advance(0.1)
    assert [s.last_error for s in house.manager.statuses()] == ["ValueError: one", "ValueError: other"]
    assert (server.starts, client.starts) == (2, 2)
    await house.stop()


async def test_whoever_watches_changes_may_break_without_breaking_the_services() -> None:
    def broken(status: ServiceStatus) -> None:
        raise RuntimeError(status.name)

    a, clock = Puppet("a"), FakeClock()
    manager = ServiceManager([a], clock=clock, on_change=broken)
    with capture_logs() as logs:
        await manager.start()
        assert manager.status("a").state is ServiceState.RUNNING
        await manager.stop()
    assert "on_change_raised" in [log["event"] for log in logs]


async def test_what_a_service_logs_of_its_end_names_it() -> None:
    a = Puppet("a")
    house = House(a)
    await house.start()
    with capture_logs() as logs:
        a.raises(ValueError("defect"))
        await house.clock.settle()
    ends = [log for log in logs if log["event"] == "service_ended"]
    assert [(log["service"], log["reason"], type(log["exc_info"])) for log in ends] == [
        ("a", "ValueError: defect", ValueError)
    ]
    await house.stop()


async def test_a_manager_starts_once() -> None:
    house = House(Puppet("a"))
    await house.start()
    with pytest.raises(RuntimeError, match="starts once"):
        await house.manager.start()
    await house.stop()


async def test_services_that_cannot_be_ordered_are_refused_when_it_is_made() -> None:
    with pytest.raises(UnknownName, match="unknown service 'b'"):
        House(Puppet("a", after=("b",)))
