"""How far an exchange's clock is from ours, though it only says whole seconds; and questions that wait their turn."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaplus_tui.errors import RateLimited
from alphaplus_tui.exchanges.shared.offset import offset_of_whole_seconds
from alphaplus_tui.exchanges.shared.past import in_turn
from tests.fakes.clock import FakeClock

SECOND_NS = 10**9
ROUND_TRIP_S = 0.04
T = TypeVar("T")


class Venue:
    """Says the second of a clock that differs from ours; each answer takes its time both ways."""

    def __init__(self, offset_ns: int) -> None:
        self.offset_ns, self.asked, self.steps = offset_ns, 0, dict[int, int]()
        self.clock = FakeClock(1_000_000.0)

    def wall_ns(self) -> int:
        return round(self.clock.monotonic() * SECOND_NS)

    async def second(self) -> int:
        self.asked += 1
        self.offset_ns += self.steps.get(self.asked, 0)
        await self.clock.sleep(ROUND_TRIP_S / 2)
        said = (self.wall_ns() + self.offset_ns) // SECOND_NS
        await self.clock.sleep(ROUND_TRIP_S / 2)
        return said


async def within(clock: FakeClock, work: Awaitable[T]) -> T:
    """What ``work`` gives, as fake time passes."""
    task = asyncio.ensure_future(work)
    while not task.done():
        await clock.advance(0.01)
    return task.result()


def measured(venue: Venue, times: int) -> int:
    question = offset_of_whole_seconds(venue.second, clock=venue.clock, wall_ns=venue.wall_ns, times=times)
    return asyncio.run(within(venue.clock, question))


@settings(max_examples=25, deadline=None)
@given(st.integers(-3600 * SECOND_NS, 3600 * SECOND_NS))
def test_halving_finds_the_offset_to_a_fraction_of_a_second(offset_ns: int) -> None:
    venue = Venue(offset_ns)
    assert abs(measured(venue, times=5) - offset_ns) <= SECOND_NS / 2**4 + ROUND_TRIP_S * SECOND_NS
    assert venue.asked == 5


def test_each_question_halves_what_is_left() -> None:
    errors = [abs(measured(Venue(412_345_678), times) - 412_345_678) for times in (1, 3, 6)]
    assert errors[2] < SECOND_NS / 10
    assert max(errors) <= SECOND_NS / 2 + ROUND_TRIP_S * SECOND_NS


def test_a_clock_that_is_set_in_between_is_measured_anew() -> None:
    venue = Venue(0)
    venue.steps = {2: 3600 * SECOND_NS}
    assert abs(measured(venue, times=6) - 3600 * SECOND_NS) < SECOND_NS / 4


async def test_a_question_waits_for_the_budget_and_is_answered() -> None:
    clock, refusals = FakeClock(), [RateLimited("later", retry_after_s=0.7), RateLimited("later", retry_after_s=0.3)]

    async def question() -> str:
        if refusals:
            raise refusals.pop()
        return "answer"

    began = clock.monotonic()
    assert await within(clock, in_turn(question, clock)) == "answer"
    assert clock.monotonic() - began == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "refusal",
    [RateLimited("much later", retry_after_s=60.0), RateLimited("banned", retry_after_s=1.0, banned=True)],
)
async def test_whoever_wants_to_be_left_alone_is_left_alone(refusal: RateLimited) -> None:
    asked = 0

    async def question() -> Callable[[], None]:
        nonlocal asked
        asked += 1
        raise refusal

    with pytest.raises(RateLimited):
        await in_turn(question, FakeClock())
    assert asked == 1
