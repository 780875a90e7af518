"""Finds trades by their number where REST only knows spans of time, and of each span only its newest trades."""

from collections.abc import Awaitable, Callable

from alphaplus_tui.exchanges.coinbase.frames import TradeRow

Ask = Callable[[int, int], Awaitable[list[TradeRow]]]
"""From when to when (whole seconds, both included): the newest trades of that span, oldest first."""

_FIRST_SPAN_S = 60
_LONGEST_SPAN_S = 32 * 86_400
_REQUESTS, _MOST_REQUESTS = 12, 40
"""In one call before what was found must do, and before nothing was found."""


class TradeWindows:
    """Goes forward through time in windows that hold no more than is answered."""

    def __init__(self, ask: Ask, *, most: int, now_s: int) -> None:
        """most: trades that one answer holds at most."""
        self._ask, self._most, self._now_s = ask, most, now_s

    async def fetch(self, from_seq: int, *, since_s: int, limit: int) -> list[TradeRow]:
        """At most ``limit`` trades with a number of at least ``from_seq``, oldest first.

        since_s: not later than the first of them. Nothing is left out in between, unless more trades than an answer
        holds happened within one second.
        """
        found: dict[int, TradeRow] = {}
        start_s, span_s = since_s, _FIRST_SPAN_S
        for asked in range(_MOST_REQUESTS):
            if start_s > self._now_s or len(found) >= limit or (found and asked >= _REQUESTS):
                break
            rows = await self._ask(start_s, start_s + span_s)
            if len(rows) >= self._most and rows[0].trade_id > from_seq and span_s > 1 and not self._joins(rows, found):
                span_s = max(1, span_s // 8)
                continue
            found.update((row.trade_id, row) for row in rows if row.trade_id >= from_seq)
            start_s += span_s
            if len(rows) < self._most // 4:
                span_s = min(_LONGEST_SPAN_S, span_s * (2 if rows else 8))
        return sorted(found.values(), key=lambda row: row.trade_id)[:limit]

    def _joins(self, rows: list[TradeRow], found: dict[int, TradeRow]) -> bool:
        """Whether ``rows`` begin before or right after what was found before."""
        return bool(found) and rows[0].trade_id <= max(found) + 1
