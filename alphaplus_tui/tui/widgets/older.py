"""The candles of a chart from before those that the state holds."""

from collections.abc import Sequence

from alphaplus_tui.domain.market import Candle

MOST_OLDER = 20_000
_AHEAD = 50
"""Candles that are still there when more are asked for."""


class OlderCandles:
    """Asked for one page at a time, until the database has no more."""

    def __init__(self) -> None:
        self.candles: tuple[Candle, ...] = ()
        self.asking = False
        self.exhausted = False
        """The database has nothing older."""

    def take(self, candles: tuple[Candle, ...]) -> None:
        """The answer; empty when there are none, or nobody knows."""
        first = self.candles[0].open_time if self.candles else None
        fresh = tuple(candle for candle in candles if first is None or candle.open_time < first)
        self.asking, self.exhausted = False, not fresh
        self.candles = (fresh + self.candles)[:MOST_OLDER]

    def with_known(self, known: tuple[Candle, ...]) -> Sequence[Candle]:
        """The older ones, and then those of the state."""
        if not self.candles:
            return known
        first = known[0].open_time if known else None
        return tuple(candle for candle in self.candles if first is None or candle.open_time < first) + known

    def wants(self, oldest: int, first: int, length_ns: int) -> bool:
        """Whether to ask for more, and from now on it is asked.

        oldest: UTC ns, where the oldest candle opens; first: where the picture begins.
        """
        if self.asking or self.exhausted or first - _AHEAD * length_ns > oldest:
            return False
        self.asking = True
        return True
