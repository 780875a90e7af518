"""What was said when, kept for the models: as the database has it, and nothing before it was seen."""

from alphaplus_tui.domain.analysis import Headline, Mood
from alphaplus_tui.domain.events import HeadlineSeen
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.services.moods import MOST, Moods

AT = 1_720_000_000 * 10**9


def listening() -> tuple[Moods, Bus]:
    bus = Bus(clock=SystemClock())
    return Moods(bus), bus


def seen(bus: Bus, at: int, score: float = 0.5) -> None:
    bus.publish(HeadlineSeen(Headline(f"{at} {score}", "Example", "It happened", "", AT - 10**12, at, score, ())))


def test_where_nobody_listens_nothing_is_known() -> None:
    moods, bus = listening()
    assert moods.between(0, AT) is None
    seen(bus, AT)
    assert moods.between(0, AT + 1) is None


def test_where_no_headline_was_ever_seen_nothing_is_known() -> None:
    moods, _ = listening()
    moods.remember(None)
    assert moods.between(0, AT) is None


def test_stored_and_new_headlines_follow_each_other_and_begin_with_the_first() -> None:
    moods, bus = listening()
    moods.remember(Mood((AT - 5_000, AT - 1_000), (0.1, -0.2), AT - 9_000))
    seen(bus, AT, 0.3)
    assert moods.between(AT - 5_000, AT + 1) == Mood((AT - 5_000, AT - 1_000, AT), (0.1, -0.2, 0.3), AT - 9_000)
    assert moods.between(AT - 4_999, AT) == Mood((AT - 1_000,), (-0.2,), AT - 9_000)


def test_without_a_past_the_first_headline_is_the_beginning() -> None:
    moods, bus = listening()
    moods.remember(None)
    seen(bus, AT)
    seen(bus, AT + 2_000)
    assert moods.between(0, AT + 2_001) == Mood((AT, AT + 2_000), (0.5, 0.5), AT)


def test_a_moment_counts_in_whole_microseconds_as_the_database_keeps_it() -> None:
    moods, bus = listening()
    moods.remember(None)
    seen(bus, AT + 1_999)
    assert moods.between(0, AT + 10_000) == Mood((AT + 1_000,), (0.5,), AT + 1_000)


def test_what_the_database_says_counts_and_nothing_counts_twice() -> None:
    moods, bus = listening()
    moods.remember(None)
    seen(bus, AT)
    moods.remember(Mood((AT,), (0.5,), AT))
    assert moods.between(0, AT + 1) == Mood((AT,), (0.5,), AT)


def test_a_clock_that_steps_back_leaves_the_order_as_it_was_heard() -> None:
    moods, bus = listening()
    moods.remember(None)
    seen(bus, AT, 0.1)
    seen(bus, AT - 10**9, 0.2)
    assert moods.between(0, AT + 1) == Mood((AT, AT), (0.1, 0.2), AT)


def test_only_the_newest_are_remembered() -> None:
    moods, bus = listening()
    moods.remember(None)
    for number in range(MOST + 2):
        seen(bus, AT + 1_000 * number)
    found = moods.between(0, AT + 10**12)
    assert found is not None
    assert (len(found.seen_at), found.seen_at[0], found.since) == (MOST, AT + 2_000, AT)
