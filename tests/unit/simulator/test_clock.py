"""The market's clock is even, follows a machine that slept, and never goes back."""

from alphaplus_tui.simulator.clock import MarketClock


class Hands:
    """A wall clock and a monotonic clock, moved by hand."""

    def __init__(self) -> None:
        self.wall_ms, self.monotonic_s = 1_000_000, 50.0


def clock_of(hands: Hands) -> MarketClock:
    return MarketClock(lambda: hands.wall_ms, lambda: hands.monotonic_s)


def test_it_moves_as_the_monotonic_clock_does() -> None:
    hands = Hands()
    clock = clock_of(hands)
    assert clock.now_ms() == 1_000_000
    hands.monotonic_s += 1.5
    hands.wall_ms += 1_400
    assert clock.now_ms() == 1_001_500


def test_after_a_sleep_it_is_at_the_wall_clock_again() -> None:
    hands = Hands()
    clock = clock_of(hands)
    hands.wall_ms += 8 * 3_600_000
    assert clock.now_ms() == 1_000_000 + 8 * 3_600_000
    hands.monotonic_s += 1
    hands.wall_ms += 1_000
    assert clock.now_ms() == 1_000_000 + 8 * 3_600_000 + 1_000


def test_a_wall_clock_that_steps_back_is_not_followed() -> None:
    hands = Hands()
    clock = clock_of(hands)
    hands.wall_ms -= 3_600_000
    hands.monotonic_s += 1
    assert clock.now_ms() == 1_001_000
