"""The first line of the console: mode, worst freshness, database, services, gaps, the time."""

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from alphaplus_tui.domain.events import ExchangeState
from alphaplus_tui.domain.text import clean
from alphaplus_tui.state.slices import FeedRow, FeedState, Mode
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.names import name_of
from alphaplus_tui.tui.widgets.panel import Piece

_WORST = (
    FeedState.RECONNECTING,
    FeedState.CONNECTING,
    FeedState.STALE,
    FeedState.GAP,
    FeedState.BACKFILLING,
    FeedState.ENDED,
    FeedState.LIVE,
)


def feed_words(feed: FeedRow, now: int) -> str:
    """The state of a stream as the user reads it: ``STALE 7s``, ``BACKFILLING 120/900``."""
    match feed.state:
        case FeedState.STALE:
            return f"STALE {fmt.age(now - feed.since)}"
        case FeedState.BACKFILLING if feed.progress:
            return f"BACKFILLING {feed.progress[0]:,}/{feed.progress[1]:,}"
        case _:
            return feed.state.value


_BESIDE_A_REASON = 46
"""Cells that name, mode and clock take, and the words before a reason."""


class StatusLine(Widget):
    """Drawn again only when one of its words changes."""

    def __init__(self, desk: Desk, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.desk = desk
        self._left: list[list[Piece]] = []
        self._right: list[Piece] = []

    def pull(self, look: Look) -> None:
        fresh = self._parts(look), self._clock(look)
        if fresh != (self._left, self._right):
            self._left, self._right = fresh
            self.refresh()

    @property
    def text(self) -> str:
        """What the line says."""
        return "   ".join("".join(text for text, _ in part) for part in (*self._left, self._right))

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one line
        bar, width = self.desk.inks.on_bar, self.size.width
        right = sum(len(text) for text, _ in self._right)
        segments: list[Segment] = []
        used = 0
        for part in self._left:
            length = sum(len(text) for text, _ in part) + (3 if used else 0)
            if used + length > width - right - 1:
                continue
            if used:
                segments.append(Segment("   ", bar))
            segments += [Segment(text, bar + style) for text, style in part]
            used += length
        if used + right <= width:
            segments.append(Segment(" " * (width - right - used), bar))
            segments += [Segment(text, bar + style) for text, style in self._right]
        return Strip(segments).adjust_cell_length(width, bar)

    def _parts(self, look: Look) -> list[list[Piece]]:
        """Left to right; a part that finds no room is left out."""
        inks = look.inks
        first: list[Piece] = [(" AlphaPlus ", inks.strong)]
        link = look.state.link.get(ONLY)
        if link is not None and not link.connected:
            lost = f"connection lost, trying again {fmt.age(self.desk.clock.time_ns() - link.since)}"
            return [first, [("○ ", inks.error), (lost, inks.error)], [(clean(link.reason), inks.dim)]]
        system = look.state.system.get(ONLY)
        parts = [first]
        if system is not None:
            badge = {Mode.DEMO: inks.badge_demo, Mode.LIVE: inks.badge_live, Mode.REPLAY: inks.badge_replay}
            first.append((f" {system.mode.value} ", badge[system.mode]))
            if system.stopping:
                parts.append([("■ stopping", inks.warning)])
        if self.desk.frozen:
            first += [(" ", inks.dim), (" FROZEN ", inks.label)]
        parts += [self._exchange(look), self._feed(look), self._gaps(look), self._database(look), self._services(look)]
        if link is not None:
            parts.append([("⇄ ", inks.ok), ("attached", inks.dim)])
        return [part for part in parts if part]

    def _exchange(self, look: Look) -> list[Piece]:
        """The first exchange that does not answer, and why."""
        for row in look.state.exchanges.values():
            if row.state in {ExchangeState.AWAY, ExchangeState.FAILED}:
                ink = look.inks.error if row.state is ExchangeState.FAILED else look.inks.warning
                room = max(12, self.size.width - _BESIDE_A_REASON - len(row.exchange))
                reason = clean(row.reason)
                return [("▲ ", ink), (f"{row.exchange} {row.state}: {fmt.fit(reason, min(room, len(reason)))}", ink)]
        return []

    def _feed(self, look: Look) -> list[Piece]:
        inks, feeds = look.inks, list(look.state.feeds.values())
        if not feeds and self._exchange(look):
            return []
        if not feeds:
            return [("◌ ", inks.dim), ("feed starting", inks.dim)]
        worst = min(feeds, key=lambda feed: _WORST.index(feed.state))
        live = sum(feed.state is FeedState.LIVE for feed in feeds)
        if worst.state is FeedState.LIVE:
            return [("● ", inks.ok), (f"feed {live}/{len(feeds)}", inks.base)]
        ink = inks.dim if worst.state is FeedState.ENDED else inks.warning
        name = name_of(worst.instrument, look.state)
        name = fmt.fit(name, min(20, len(name)))
        return [("◐ ", ink), (f"feed {live}/{len(feeds)} ", inks.base), (f"{name} {feed_words(worst, look.now)}", ink)]

    def _database(self, look: Look) -> list[Piece]:
        inks, database = look.inks, look.state.database.get(ONLY)
        if database is None:
            return [("◌ ", inks.dim), ("db starting", inks.dim)]
        if not database.connected:
            spooled = f" · {fmt.size(database.spool_bytes)} spooled" if database.spool_bytes else ""
            return [("○ ", inks.error), (f"db away{spooled}", inks.error)]
        return [("● ", inks.ok), (f"db {fmt.milliseconds(database.ping_ms)}", inks.base)]

    def _services(self, look: Look) -> list[Piece]:
        inks, services = look.inks, list(look.state.services.values())
        if not services:
            return []
        bad = [row for row in services if row.state != "RUNNING" or row.health != "OK"]
        if not bad:
            return [("● ", inks.ok), (f"services {len(services)}/{len(services)}", inks.base)]
        first = bad[0]
        word = first.state if first.state != "RUNNING" else first.health
        ink = inks.error if word == "FAILED" else inks.warning
        more = f" +{len(bad) - 1}" if len(bad) > 1 else ""
        return [("▲ ", ink), (f"{first.name} {word.replace('_', ' ')}{more}", ink)]

    def _gaps(self, look: Look) -> list[Piece]:
        open_gaps = sum(1 for gap in look.state.gaps.values() if gap.missing)
        if not open_gaps:
            return []
        return [("▲ ", look.inks.warning), (f"{open_gaps} gap{'s' if open_gaps > 1 else ''}", look.inks.warning)]

    def _clock(self, look: Look) -> list[Piece]:
        return [(f"{fmt.time_of_day(look.now)} UTC ", look.inks.dim)]
