"""An exchange is asked again until it answers, or until nobody wants to wait any longer."""

import asyncio
from random import Random

import pytest

from alphaplus_tui.errors import RateLimited, VenueUnavailable
from alphaplus_tui.services.asking import NoAnswer, PatientAsker
from tests.fakes.clock import FakeClock


class Venue:
    """Fails with ``error`` until it is None."""

    def __init__(self, error: Exception | None) -> None:
        self.error, self.asked = error, 0

    async def question(self) -> int:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.asked


async def waited(clock: FakeClock, asker: PatientAsker, venue: Venue, *, seconds: int) -> "asyncio.Task[int]":
    """An answer that is being waited for since so long."""
    asking = asyncio.create_task(asker.ask(venue.question))
    for _ in range(seconds * 10):
        await clock.advance(0.1)
    return asking


def patient(clock: FakeClock, patience_s: float | None) -> PatientAsker:
    return PatientAsker("there", clock=clock, rng=Random(1), on_trouble=lambda _: None, patience_s=patience_s)


async def test_without_a_bound_it_is_asked_for_ever() -> None:
    clock, venue = FakeClock(), Venue(VenueUnavailable("503"))
    asking = await waited(clock, patient(clock, None), venue, seconds=600)
    assert not asking.done()
    venue.error = None
    for _ in range(400):
        await clock.advance(0.1)
    assert await asking == venue.asked > 10


async def test_beyond_all_patience_it_is_said_who_did_not_answer_and_why() -> None:
    clock, venue = FakeClock(), Venue(VenueUnavailable("503 from the gate"))
    asker = patient(clock, 20)
    asking = await waited(clock, asker, venue, seconds=21)
    with pytest.raises(NoAnswer, match="there gave no answer within 20 s: 503 from the gate"):
        await asking
    assert venue.asked > 3
    before = venue.asked
    await clock.advance(30)
    with pytest.raises(NoAnswer):
        await asker.ask(venue.question)
    assert venue.asked <= before + 1, "what comes next does not wait as long again"


async def test_an_answer_gives_new_patience() -> None:
    clock, venue = FakeClock(), Venue(VenueUnavailable("503"))
    asker = patient(clock, 20)
    asking = await waited(clock, asker, venue, seconds=10)
    venue.error = None
    for _ in range(100):
        await clock.advance(0.1)
    assert await asking
    venue.error = VenueUnavailable("503")
    again = await waited(clock, asker, venue, seconds=15)
    assert not again.done()
    again.cancel()


async def test_who_bans_for_longer_than_one_wants_to_wait_is_not_waited_for() -> None:
    clock, venue = FakeClock(), Venue(RateLimited("banned", retry_after_s=3_600, banned=True))
    asking = await waited(clock, patient(clock, 20), venue, seconds=1)
    with pytest.raises(NoAnswer, match="banned"):
        await asking
