"""Two ways to hear an event."""

import asyncio
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from alphaplus_tui.kernel.bus import Bus, GiveWay, View
from tests.fakes.clock import FakeClock


@dataclass(frozen=True)
class Rang:
    number: int


@dataclass(frozen=True)
class Fell:
    number: int


class Louder(Rang):
    pass


def raises(event: Rang) -> None:
    raise ValueError(event.number)


def test_handlers_hear_at_once_and_in_the_order_of_subscription() -> None:
    bus, heard = Bus(), list[str]()
    bus.on(Rang, lambda event: heard.append(f"first {event.number}"))
    bus.on(Rang, lambda event: heard.append(f"second {event.number}"))
    bus.publish(Rang(1))
    bus.publish(Rang(2))
    assert heard == ["first 1", "second 1", "first 2", "second 2"]


def test_only_the_exact_type_is_heard() -> None:
    bus, heard = Bus(), list[Rang]()
    bus.on(Rang, heard.append)
    bus.publish(Fell(1))
    bus.publish(Louder(2))
    assert heard == []


def test_whoever_unsubscribes_hears_no_more_and_the_others_still_do() -> None:
    bus, one, other = Bus(), list[Rang](), list[Rang]()
    way_out = bus.on(Rang, one.append)
    bus.on(Rang, other.append)
    bus.on(Rang, one.append)
    way_out()
    way_out()
    bus.publish(Rang(1))
    assert (one, other) == ([Rang(1)], [Rang(1)])


def test_unsubscribing_while_an_event_is_told_skips_nobody() -> None:
    bus, heard = Bus(), list[str]()

    def once(_: Rang) -> None:
        heard.append("once")
        way_out()

    way_out = bus.on(Rang, once)
    bus.on(Rang, lambda _: heard.append("always"))
    bus.publish(Rang(1))
    bus.publish(Rang(2))
    assert heard == ["once", "always", "always"]


def test_a_handler_that_raises_hinders_nobody_and_is_counted_told_and_logged_once_a_minute() -> None:
    clock, told, heard = FakeClock(), list[tuple[str, Exception]](), list[Rang]()
    bus = Bus(clock=clock, on_error=lambda name, error: told.append((name, error)))

    bus.on(Rang, raises)
    bus.on(Rang, heard.append)
    with capture_logs() as logs:
        for number in range(100):
            bus.publish(Rang(number))
        asyncio.run(clock.advance(60))
        bus.publish(Rang(100))
    assert len(heard) == 101
    (name,) = bus.handler_errors
    assert name.endswith("raises")
    assert bus.handler_errors[name] == 101
    assert [(log["event"], log["count"], log["event_type"]) for log in logs] == [
        ("bus_handler_raised", 1, "Rang"),
        ("bus_handler_raised", 101, "Rang"),
    ]
    assert [(n, error.args) for n, error in told[:2]] == [(name, (0,)), (name, (1,))]


def test_a_handler_that_raises_needs_no_listener_for_it() -> None:
    bus = Bus()
    bus.on(Rang, raises)
    with capture_logs():
        bus.publish(Rang(1))
    assert list(bus.handler_errors.values()) == [1]


def test_a_listener_for_errors_that_raises_hinders_nobody_either() -> None:
    def told(_name: str, _error: Exception) -> None:
        raise RuntimeError("me too")

    bus, heard = Bus(on_error=told), list[Rang]()
    bus.on(Rang, raises)
    bus.on(Rang, heard.append)
    with capture_logs() as logs:
        bus.publish(Rang(1))
    assert heard == [Rang(1)]
    assert [log["event"] for log in logs] == ["bus_handler_raised", "bus_on_error_raised"]


def test_a_coroutine_function_is_refused_because_nobody_would_await_it() -> None:
    async def handler(_: Rang) -> None: ...

    with pytest.raises(TypeError, match=r"handler.* is called, not awaited"):
        Bus().on(Rang, handler)  # pyright: ignore[reportArgumentType]  what is being tested


async def test_a_view_hears_several_types_in_order() -> None:
    bus = Bus()
    with bus.view((Rang, Fell), size=10, name="log") as view:
        bus.publish(Rang(1))
        bus.publish(Fell(2))
        bus.publish(Rang(3))
        assert [await anext(view) for _ in range(3)] == [Rang(1), Fell(2), Rang(3)]


async def test_a_slow_view_loses_its_oldest_events_and_counts_them() -> None:
    bus = Bus()
    with bus.view(Rang, size=3, name="slow") as view:
        for number in range(10):
            bus.publish(Rang(number))
        assert (len(view), view.dropped) == (3, 7)
        assert [(await anext(view)).number for _ in range(3)] == [7, 8, 9]


def test_a_view_of_no_size_is_refused() -> None:
    with pytest.raises(ValueError, match="'api' must hold at least 1 event, not 0"):
        Bus().view(Rang, size=0, name="api")


async def test_a_view_waits_for_news_and_ends_after_what_is_queued_when_closed() -> None:
    bus, heard = Bus(), list[int]()
    view = bus.view(Rang, size=10, name="api")

    async def listen() -> None:
        async for event in view:
            heard.append(event.number)

    listening = asyncio.create_task(listen())
    await FakeClock().settle()
    bus.publish(Rang(1))
    await FakeClock().settle()
    assert heard == [1]
    bus.publish(Rang(2))
    view.close()
    view.close()
    bus.publish(Rang(3))
    await listening
    assert heard == [1, 2]


async def test_closing_a_view_leaves_the_others() -> None:
    bus = Bus()
    with bus.view(Rang, size=2, name="one") as one:
        with bus.view(Rang, size=2, name="other"):
            assert [view.name for view in bus.views] == ["one", "other"]
        bus.publish(Rang(1))
        assert [(view.name, len(view)) for view in bus.views] == [("one", 1)]
    assert bus.views == ()
    assert [event async for event in one] == [Rang(1)]


async def test_a_burst_of_20_000_loses_nothing_when_the_publisher_gives_way() -> None:
    bus, heard = Bus(), list[int]()

    async def listen(view: View[Rang]) -> None:
        async for event in view:
            heard.append(event.number)

    with bus.view(Rang, size=512, name="busy") as view:
        listening = asyncio.create_task(listen(view))
        give_way = GiveWay()
        for number in range(20_000):
            bus.publish(Rang(number))
            await give_way()
    await listening
    assert (view.dropped, heard) == (0, list(range(20_000)))


async def test_whoever_reads_a_full_view_lets_others_run_in_between() -> None:
    bus, read, progress = Bus(), 0, list[int]()

    async def other() -> None:
        while True:
            progress.append(read)
            await asyncio.sleep(0)

    with bus.view(Rang, size=1_000, name="full") as view:
        for number in range(1_000):
            bus.publish(Rang(number))
    running = asyncio.create_task(other())
    async for _ in view:
        read += 1
    running.cancel()
    assert any(0 < seen < 1_000 for seen in progress)
