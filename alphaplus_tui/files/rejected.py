"""Keeps count of the rows of a file that were left out, and shows the first few."""

from collections import Counter

_SHOWN = 3
_LONGEST = 120


class Rejected:
    """Counts by reason, and the first rows as they stand in the file."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: list[str] = []

    def __call__(self, reason: str, line: int, text: str) -> None:
        """Take note of one row; ``line`` counts from 1."""
        self.counts[reason] += 1
        if len(self.examples) < _SHOWN:
            self.examples.append(f"line {line}: {reason}: {text[:_LONGEST]}")

    def __str__(self) -> str:
        return ", ".join(f"{count:,}: {reason}" for reason, count in self.counts.items())
