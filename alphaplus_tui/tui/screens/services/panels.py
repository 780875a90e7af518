"""The figures of the Services screen: traffic, database, connections and gaps."""

from typing import ClassVar

from rich.style import Style

from alphaplus_tui.domain.events import ExchangeState
from alphaplus_tui.domain.text import clean
from alphaplus_tui.state.slices import DatabaseRow, FeedState
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.names import name_of, several_exchanges
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece, wrap
from alphaplus_tui.tui.widgets.status import feed_words

_FIRST = {
    name: at
    for at, name in enumerate(
        (
            "messages",
            "trades_received",
            "trades_committed",
            "trades_backfilled",
            "candles_closed",
            "duplicates",
            "reconnects",
            "frames_rejected",
            "bus_dropped",
            "db_write_rows",
        )
    )
}
"""The counters that come first, in this order."""
_TROUBLE = {"frames_rejected", "bus_dropped", "reconnects", "duplicates"}


def fact(name: str, value: str, look: Look, width: int, ink: Style | None = None) -> list[Piece]:
    """A name at the left, a value at the right."""
    room = max(0, width - len(name) - 3)
    return [(f" {name} ", look.inks.dim), (fmt.fit(value, room, right=True), ink or look.inks.base)]


class TrafficPanel(Panel):
    """Counters and how fast they grow."""

    TITLE: ClassVar[str] = "Traffic"
    EXPLANATION: ClassVar[str] = "What went through since the start, and per second over the last seconds."

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="traffic")

    def condition(self, look: Look) -> Condition:
        if not look.state.counters:
            return Condition(Kind.LOADING, "nothing counted yet")
        return Condition(Kind.LIVE, "per second at the right")

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        inks = look.inks
        lines: list[list[Piece]] = []
        counters = sorted(look.state.counters.values(), key=lambda row: (_FIRST.get(row.name, 99), row.name))
        for row in counters[:height]:
            bad = row.name in _TROUBLE and row.value > 0
            ink = inks.warning if bad else inks.base
            rate = f"{row.per_s:,.1f}/s" if row.per_s else fmt.NOTHING
            name = fmt.fit(row.name.replace("_", " ").replace(":", " · "), max(8, width - 26))
            lines.append(
                [
                    (f" {name}", inks.dim),
                    (fmt.fit(fmt.count(row.value), 12, right=True), ink),
                    (fmt.fit(rate, 11, right=True), inks.accent if row.per_s else inks.faint),
                ]
            )
        return lines


class DatabasePanel(Panel):
    """Where rows go, and what this process uses."""

    TITLE: ClassVar[str] = "Database and process"
    EXPLANATION: ClassVar[str] = (
        "The database: its kind, size and rows, the time of its simplest query, rows that wait to be written and the "
        "spool on disk that holds them while the database is away. Below, what this process uses."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="database")

    def condition(self, look: Look) -> Condition:
        database = look.state.database.get(ONLY)
        if database is None:
            return Condition(Kind.LOADING, "the database is starting")
        if not database.connected:
            return Condition(Kind.LIVE, "database away")
        return Condition(Kind.LIVE, "connected")

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        database = look.state.database.get(ONLY)
        left = self._database(database, look, width) if database else []
        right = self._process(look, width)
        if len(left) + len(right) > height and width >= 60:
            half = width // 2
            left = self._database(database, look, half - 1) if database else []
            right = self._process(look, width - half)
            return [
                (left[at] if at < len(left) else [(" " * (half - 1), look.inks.dim)])
                + [("  ", look.inks.dim)]
                + (right[at] if at < len(right) else [])
                for at in range(max(len(left), len(right)))
            ]
        return left + right

    def _database(self, database: DatabaseRow, look: Look, width: int) -> list[list[Piece]]:
        inks = look.inks
        kind = f"{database.kind} {database.version}".strip()
        lines = [fact("database", kind if database.connected else "away", look, width)]
        if not database.connected:
            lines.append(fact("reason", database.reason, look, width, inks.error))
        lines.append(fact("size", fmt.size(database.size_bytes), look, width))
        lines.append(fact("ping", fmt.milliseconds(database.ping_ms), look, width))
        lines += [fact(f"rows · {table}", fmt.count(rows), look, width) for table, rows in database.rows.items()]
        lines.append(fact("waiting to be written", fmt.count(database.buffered_rows), look, width))
        spool_ink = inks.warning if database.spool_bytes else None
        lines.append(fact("spool", fmt.size(database.spool_bytes), look, width, spool_ink))
        lines.append(fact("disk free", fmt.size(database.disk_free_bytes), look, width))
        return lines

    def _process(self, look: Look, width: int) -> list[list[Piece]]:
        lines: list[list[Piece]] = []
        resources, system = look.state.resources.get(ONLY), look.state.system.get(ONLY)
        if resources is not None:
            lines.append(fact("memory", f"{resources.memory_mb:,.0f} MB", look, width))
            lines.append(fact("cpu", f"{resources.cpu_percent:.1f} % of a core", look, width))
            threads = f"{resources.tasks} tasks · {resources.threads} threads · {resources.open_files} files"
            lines.append(fact("open", threads, look, width))
        if system is not None:
            if system.startup_s is not None:
                lines.append(fact("ready after", f"{system.startup_s:.2f} s", look, width))
            lines += [fact(name, told, look, width) for name, told in _clocks(look, system.clock_offset_ms)]
            lines.append(fact("version", system.version, look, width))
        return lines


def _clocks(look: Look, offset_ms: float) -> list[tuple[str, str]]:
    """How far the clock of each exchange is from ours; of the one that is followed, what the market clock goes by."""
    rows = sorted(look.state.exchanges.values(), key=lambda row: row.exchange)
    if len(rows) < 2:
        return [("clock offset", _milliseconds(offset_ms))]
    return [(f"clock of {row.exchange}", _milliseconds(row.clock_offset_ms)) for row in rows]


def _milliseconds(offset_ms: float | None) -> str:
    return "not measured" if offset_ms is None else f"{offset_ms:+.1f} ms".replace("-", "−")


class FeedsPanel(Panel):
    """Connections, streams that are not live, and missing trades."""

    TITLE: ClassVar[str] = "Connections and gaps"
    EXPLANATION: ClassVar[str] = (
        "Each connection to the exchange; then every stream that is not LIVE, with its state; then every span of "
        "trades known to be missing, and why it cannot be had. Closed gaps stay listed as repaired."
    )

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, id="feeds")

    def condition(self, look: Look) -> Condition:
        state = look.state
        if not state.connections and not state.feeds and not _exchanges(look, 80):
            return Condition(Kind.LOADING, "no connection yet")
        missing = sum(gap.missing for gap in state.gaps.values() if gap.numbered)
        if not missing and any(gap.missing for gap in state.gaps.values()):
            return Condition(Kind.LIVE, "trades missing")
        return Condition(Kind.LIVE, f"{missing:,} trades missing" if missing else "nothing missing")

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        inks, state = look.inks, look.state
        lines = _exchanges(look, width)
        for row in state.connections.values():
            up = row.connected
            words = f"{row.instruments} streams" if up else row.reason
            if row.reconnects:
                words += f" · {row.reconnects} reconnects"
            since = f"{'up' if up else 'down'} {fmt.duration((look.now - row.since) / 1e9)}"
            mark = ("● ", inks.ok) if up else ("○ ", inks.error)
            lines.append([(" ", inks.dim), mark, *_three(row.connection, words, since, look, width - 3)])
        for feed in state.feeds.values():
            if feed.state not in {FeedState.LIVE, FeedState.ENDED}:
                age = fmt.age(look.now - feed.since)
                words = f"{feed_words(feed, look.now)}  {feed.reason}"
                line = _three(name_of(feed.instrument, state), words, age, look, width - 3)
                lines.append([(" ", inks.dim), ("◐ ", inks.warning), *line])
        for gap in sorted(state.gaps.values(), key=lambda gap: (gap.missing == 0, -gap.noticed_at)):
            why = ""
            if gap.missing:
                words, why = f"{gap.extent} missing", gap.reason or "being fetched"
                mark = ("▲ ", inks.warning)
                if len(words) + len(why) + 3 < width - 28:
                    words, why = f"{words} · {why}", ""
            else:
                extent = f"{gap.last_seq - gap.first_seq + 1:,} trades" if gap.numbered else gap.extent
                words, mark = f"{extent} repaired", ("✓ ", inks.ok)
            line = _three(name_of(gap.instrument, state), words, fmt.time_of_day(gap.noticed_at), look, width - 3)
            lines.append([(" ", inks.dim), mark, *line])
            lines += [[(" " * 16 + part, inks.dim)] for part in wrap(why, width - 17)]
        return lines[:height]


def _exchanges(look: Look, width: int) -> list[list[Piece]]:
    """Where several are followed, each; else only one that does not answer."""
    inks, lines = look.inks, list[list[Piece]]()
    several = several_exchanges(look.state)
    for row in look.state.exchanges.values():
        troubled = row.state in {ExchangeState.AWAY, ExchangeState.FAILED}
        if not several and not troubled:
            continue
        words = f"{row.state} {row.reason}" if troubled else f"{row.instruments} symbols"
        since = f"{fmt.duration((look.now - row.since) / 1e9)}" if row.since else ""
        mark = ("▲ ", inks.error) if troubled else ("● ", inks.ok)
        lines.append([(" ", inks.dim), mark, *_three(row.exchange, clean(words), since, look, width - 3)])
    return lines


def _three(name: str, words: str, end: str, look: Look, width: int) -> list[Piece]:
    room = max(0, width - 12 - len(end) - 3)
    return [
        (fmt.fit(name, 12), look.inks.base),
        (" " + fmt.fit(words, room), look.inks.dim),
        (f" {end} ", look.inks.dim),
    ]
