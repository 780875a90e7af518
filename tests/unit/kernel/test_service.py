"""What a service says of itself."""

from alphaplus_tui.kernel.service import Health, Life
from tests.fakes.clock import FakeClock


async def test_being_ready_is_said_once() -> None:
    clock, heard = FakeClock(), list[Life]()
    life = Life("x", clock, on_change=heard.append)
    assert life.ready_at is None
    life.ready()
    await clock.advance(5)
    life.ready()
    await life.wait_ready()
    assert (life.ready_at, heard) == (1_000.0, [life])


def test_health_is_told_at_its_edges_only() -> None:
    heard: list[tuple[Health, str | None]] = []
    life = Life("x", FakeClock(), on_change=lambda life: heard.append((life.health, life.reason)))
    life.healthy()
    life.degraded("database down")
    life.degraded("database down")
    life.degraded("disk full")
    life.healthy()
    life.healthy()
    assert heard == [
        (Health.DEGRADED, "database down"),
        (Health.DEGRADED, "disk full"),
        (Health.OK, None),
    ]


def test_a_life_without_a_manager_only_remembers() -> None:
    life = Life("x", FakeClock())
    life.ready()
    life.degraded("alone")
    assert (life.ready_at, life.reason) == (1_000.0, "alone")


async def test_work_overruns_when_it_is_open_past_its_bound() -> None:
    clock = FakeClock()
    life = Life("x", clock)
    async with life.work(within_s=5):
        await clock.advance(5)
        assert life.overrun() is None
        with life.work(within_s=1):
            await clock.advance(1.5)
            overdue = life.overrun()
            assert overdue is not None
            assert overdue.within_s == 5
            life.forgive(1.0)
            assert life.overrun() is overdue
            life.forgive(1.0)
            assert life.overrun() is None
    await clock.advance(100)
    assert life.overrun() is None
