"""The demo exchange as a service: a real process that comes, is replaced when it dies, and goes with us."""

import psutil

from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.service import ServiceState
from alphaplus_tui.runtime.demo import DemoExchange, free_port
from alphaplus_tui.settings.exchange import DemoSettings
from tests.support import eventually


def children() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if "alphaplus_tui.simulator" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE
    ]


async def test_it_is_started_anew_when_it_dies_and_ends_with_the_services() -> None:
    demo = DemoExchange(DemoSettings(symbols=2, rate=5.0), port=free_port())
    manager = ServiceManager([demo], clock=SystemClock(), start_within_s=30)
    await manager.start()
    (first,) = children()
    first.kill()
    await eventually(lambda: manager.status("demo").restarts == 1, within_s=30)
    await eventually(lambda: manager.status("demo").state is ServiceState.RUNNING, within_s=30)
    assert "ended with code" in (manager.status("demo").last_error or "")
    (second,) = children()
    assert second.pid != first.pid
    await manager.stop()
    assert not children()


async def test_one_that_was_begun_early_is_taken_over_or_ended() -> None:
    demo = DemoExchange(DemoSettings(symbols=2, rate=5.0), port=free_port())
    await demo.spawn()
    (early,) = children()
    manager = ServiceManager([demo], clock=SystemClock(), start_within_s=30)
    await manager.start()
    assert [child.pid for child in children()] == [early.pid]
    await manager.stop()
    await demo.spawn()
    await demo.end()
    assert not children()
