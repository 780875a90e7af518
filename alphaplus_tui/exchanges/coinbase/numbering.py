"""Coinbase numbers the frames of a connection one by one, whatever they are about: a skip is a loss."""


class Numbering:
    """Of one connection."""

    def __init__(self) -> None:
        self._next = 0
        self._early: set[int] = set()
        """Of answers, which are read before the market's frames that came before them."""

    def read_early(self, number: int) -> None:
        """An answer was read, perhaps before its turn."""
        if number >= self._next:
            self._early.add(number)
            self._pass_early()

    def lost(self, number: int) -> bool:
        """Whether something between the last frame and this one, ``number``, did not come."""
        skipped = number > self._next
        if number >= self._next:
            self._next = number + 1
            if self._early:
                self._early = {early for early in self._early if early > number}
                self._pass_early()
        return skipped

    def _pass_early(self) -> None:
        while self._next in self._early:
            self._early.discard(self._next)
            self._next += 1
