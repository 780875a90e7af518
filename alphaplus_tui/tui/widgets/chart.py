"""The candle chart: what is loaded, how far it is panned and zoomed, and when it must be drawn again."""

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual import events
from textual.message import Message

from alphaplus_tui.domain.instrument import InstrumentId, decimals
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import Timeframe, duration_ns
from alphaplus_tui.state.slices import ChartRow, FeedState, InstrumentRow
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.desk import Desk, Look
from alphaplus_tui.tui.widgets.candles import Frame, Plan, Slot, draw, make_frame, put_together
from alphaplus_tui.tui.widgets.names import name_of
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece
from alphaplus_tui.tui.widgets.signal_marks import chart_marks
from alphaplus_tui.tui.widgets.status import feed_words

ZOOMS: tuple[tuple[int, int], ...] = ((16, 1), (8, 1), (4, 1), (2, 1), (1, 1), (1, 2), (1, 3))
"""Candles a slot, screen columns a slot."""
USUAL_ZOOM, USUAL_ZOOM_WIDE = 4, 5
WIDE_PLOT = 84
STYLES = ("candles", "line")
MOST_OLDER = 20_000


class Chart(Panel):
    """Draws only when its candles, its view or its size changed."""

    TITLE: ClassVar[str] = "Chart"
    EXPLANATION: ClassVar[str] = (
        "Candles by the exchange's time, each with its volume below; the dim one is still forming. "
        "A hatched foot marks missing data, a dashed candle a span without trades. "
        "▲ and ▼ are signals; ✓ ✗ ◷ stand where one ended at its target, its stop, or for lack of time. "
        "[ and ] change the timeframe, + and − the zoom, ← and → go back and forth in time (older candles come from "
        "the database), 0 returns to now, x turns the crosshair on, c changes to a line."
    )

    class NeedOlder(Message):
        """Candles before ``before`` (UTC ns) are wanted."""

        def __init__(self, instrument: InstrumentId, timeframe: Timeframe, before: int) -> None:
            super().__init__()
            self.instrument, self.timeframe, self.before = instrument, timeframe, before

    class TimeframePressed(Message):
        """A click on a timeframe."""

        def __init__(self, timeframe: str) -> None:
            super().__init__()
            self.timeframe = timeframe

    def __init__(self, desk: Desk, *, id: str = "chart") -> None:  # noqa: A002 - Textual's own name
        super().__init__(desk, id=id)
        self.instrument: InstrumentRow | None = None
        self.timeframe = Timeframe("")
        self.timeframes: Sequence[Timeframe] = ()
        self.pan = 0
        """Slots between the newest candle and the right edge."""
        self.cross: int | None = None
        """Slots from the right edge to the crosshair."""
        self.hover: int | None = None
        self.older: tuple[Candle, ...] = ()
        self.asking = False
        self.exhausted = False
        """The database has nothing older."""
        self._stamp: Hashable = None
        self._picture: list[list[Piece]] = []
        self._plan: Plan | None = None
        self._tabs: list[tuple[int, int, Timeframe]] = []

    def choose(self, instrument: InstrumentRow | None, timeframe: Timeframe, timeframes: Sequence[Timeframe]) -> None:
        """Show another instrument or timeframe."""
        name = instrument.instrument.id if instrument else None
        before = self.instrument.instrument.id if self.instrument else None
        if (name, timeframe) != (before, self.timeframe):
            self.pan, self.older, self.asking, self.exhausted, self.hover = 0, (), False, False, None
            self._stamp = None
        self.instrument, self.timeframe, self.timeframes = instrument, timeframe, timeframes

    def zoom(self) -> tuple[int, int]:
        level = self.desk.layout.zoom
        if level is None or not 0 <= level < len(ZOOMS):
            level = USUAL_ZOOM if self.content_size.width < WIDE_PLOT else USUAL_ZOOM_WIDE
        return ZOOMS[level]

    def take_older(self, candles: tuple[Candle, ...]) -> None:
        """The answer to ``NeedOlder``."""
        self.asking = False
        self.exhausted = not candles
        if candles:
            first = self.older[0].open_time if self.older else None
            fresh = tuple(candle for candle in candles if first is None or candle.open_time < first)
            self.exhausted = not fresh
            self.older = (fresh + self.older)[:MOST_OLDER]
        self._stamp = None
        self.pull(self.desk.look())

    # Panel

    def title(self, look: Look) -> str:
        if self.instrument is None:
            return "Chart"
        return f"{name_of(self.instrument.instrument.id, look.state)} · {self.timeframe}"

    def condition(self, look: Look) -> Condition:
        if self.instrument is None:
            return Condition(Kind.LOADING, "waiting for the market")
        row = self._row(look)
        name = self.instrument.instrument.id
        feed = look.state.feeds.get(name)
        if row is None or not (row.closed or row.forming):
            if feed is not None and feed.state is FeedState.RECONNECTING:
                return Condition(Kind.ERROR, "the exchange does not answer", feed.reason)
            return Condition(Kind.LOADING, "loading candles")
        if feed is None:
            return Condition(Kind.LIVE)
        price = look.state.prices.get(name)
        aged = f"{fmt.age(look.now - price.ts_recv)} ago" if price and price.ts_recv else ""
        if feed.state is FeedState.LIVE:
            return Condition(Kind.LIVE, f"live · {aged}" if aged else "live")
        if feed.state is FeedState.ENDED:
            return Condition(Kind.LIVE, "recording ended")
        words = f"{fmt.time_of_day(feed.since)} · {feed_words(feed, look.now)}"
        return Condition(Kind.STALE, words)

    def lines(self, look: Look, width: int, height: int) -> list[list[Piece]]:
        row = self._row(look)
        assert self.instrument is not None
        assert row is not None
        stamp = (
            look.state.charts.row_version((row.instrument, row.timeframe)),
            look.inks,
            (width, height),
            (self.pan, self.cross, self.hover, self.zoom(), self.desk.layout.chart_style, self.asking),
            len(self.older),
            self.timeframe,
            look.state.signals.version,
        )
        if stamp != self._stamp:
            self._stamp = stamp
            self._picture = self._draw(row, look, width, height)
        return self._picture

    def copy_row(self) -> str:
        slot = self._focused_slot()
        if slot is None or self.instrument is None:
            return ""
        numbers = (slot.open, slot.high, slot.low, slot.close, slot.volume)
        at = fmt.moment(slot.open_time).strftime("%Y-%m-%dT%H:%M:%SZ")
        return ",".join([self.instrument.instrument.symbol, self.timeframe, at, *(f"{n:.12g}" for n in numbers)])

    def forget(self) -> None:
        self._stamp = None
        super().forget()

    # Drawing

    def _row(self, look: Look) -> ChartRow | None:
        if self.instrument is None:
            return None
        return look.state.charts.get((self.instrument.instrument.id, self.timeframe))

    def _draw(self, row: ChartRow, look: Look, width: int, height: int) -> list[list[Piece]]:
        assert self.instrument is not None
        places = decimals(self.instrument.instrument.price_step)
        newest = row.forming or row.closed[-1]
        top = max((candle.high for candle in row.closed[-200:]), default=newest.high)
        frame = make_frame(width, height - 1, len(fmt.number(max(top, newest.high), places)) + 2)
        if frame.height < 3 or frame.width < frame.axis_width + 4:
            return [[("no room for a chart", look.inks.dim)]]
        plan = self._make_plan(row, newest, frame, places, look)
        self._plan = plan
        header = self._header(look, width, places)
        return [header, *draw(plan, look.inks).lines()]

    def _make_plan(self, row: ChartRow, newest: Candle, frame: Frame, places: int, look: Look) -> Plan:
        assert self.instrument is not None
        per_slot, spacing = self.zoom()
        slot_ns = duration_ns(self.timeframe) * per_slot
        shown = max(1, frame.plot_width // spacing)
        newest_slot = newest.open_time - (newest.open_time % slot_ns if per_slot > 1 else 0)
        candles = self._candles(row)
        oldest = candles[0].open_time if candles else newest.open_time
        self.pan = max(0, min(self.pan, max(0, (newest_slot - oldest) // slot_ns - shown // 2)))
        first = newest_slot - (self.pan + shown - 1) * slot_ns
        start = bisect_left(candles, first, key=lambda candle: candle.open_time)
        end = bisect_left(candles, first + shown * slot_ns, key=lambda candle: candle.open_time)
        slots = _slots(candles[start:end], first, slot_ns)
        self._want_older(oldest, first)
        cross = self.cross if self.cross is not None else None
        return Plan(
            frame=frame,
            slots=slots,
            spacing=spacing,
            slot_ns=slot_ns,
            first_time=first,
            columns=shown,
            decimals=places,
            price_step=self.instrument.instrument.price_step,
            last=newest.close,
            style=self.desk.layout.chart_style,
            symbols=look.symbols,
            cross=None if cross is None else max(0, shown - 1 - cross),
            marks=chart_marks(look.state.signals.values(), self.instrument.instrument.id, (first, slot_ns), look),
        )

    def _candles(self, row: ChartRow) -> Sequence[Candle]:
        known = row.closed + ((row.forming,) if row.forming else ())
        if not self.older:
            return known
        first = known[0].open_time if known else None
        return tuple(candle for candle in self.older if first is None or candle.open_time < first) + known

    def _want_older(self, oldest: int, first: int) -> None:
        if self.instrument is None or self.asking or self.exhausted or self.pan == 0:
            return
        if first - 50 * duration_ns(self.timeframe) <= oldest:
            self.asking = True
            self.post_message(self.NeedOlder(self.instrument.instrument.id, self.timeframe, oldest))

    def _focused_slot(self) -> Slot | None:
        plan = self._plan
        if plan is None or not plan.slots:
            return None
        if plan.cross is not None:
            return plan.slots.get(plan.cross)
        if self.hover is not None and self.hover in plan.slots:
            return plan.slots[self.hover]
        return plan.slots[max(plan.slots)]

    def _header(self, look: Look, width: int, places: int) -> list[Piece]:
        inks = look.inks
        line: list[Piece] = []
        self._tabs = []
        x = 0
        for timeframe in self.timeframes:
            active = timeframe == self.timeframe
            word = f" {timeframe} "
            line.append((word, inks.strong + inks.on_cursor if active else inks.dim))
            self._tabs.append((x, x + len(word), timeframe))
            x += len(word)
        slot = self._focused_slot()
        if slot is None:
            return [*line, ("  no candle here", inks.dim)]
        change = (slot.close / slot.open - 1) * 100 if slot.open else None
        ink = inks.direction(change)
        parts: list[list[Piece]] = [
            [("  ", inks.dim), (fmt.percent(change), ink)],
            [(" C ", inks.dim), (fmt.number(slot.close, places), ink)],
            [(" O ", inks.dim), (fmt.number(slot.open, places), inks.base)],
            [(" H ", inks.dim), (fmt.number(slot.high, places), inks.base)],
            [(" L ", inks.dim), (fmt.number(slot.low, places), inks.base)],
            [(" V ", inks.dim), (fmt.compact(slot.volume), inks.base)],
        ]
        if self.asking:
            parts.append([("  loading older", inks.accent)])
        elif self.pan:
            parts.append([("  0 returns to now", inks.dim)])
        for part in parts:
            length = sum(len(text) for text, _ in part)
            if x + length > width:
                break
            line += part
            x += length
        return line

    # Moving

    def move(self, by: int) -> None:
        """Slots back in time (or the crosshair, when it is on)."""
        columns = self._plan.columns if self._plan else 1
        if self.cross is not None:
            self.cross += by
            if self.cross < 0:
                self.pan, self.cross = max(0, self.pan + self.cross), 0
            elif self.cross >= columns:
                self.pan, self.cross = self.pan + self.cross - columns + 1, columns - 1
        else:
            self.pan = max(0, self.pan + by * max(1, columns // 12))
        self.pull(self.desk.look())

    def toggle_cross(self) -> None:
        self.cross = 0 if self.cross is None else None
        self.pull(self.desk.look())

    def change_zoom(self, by: int) -> None:
        level = ZOOMS.index(self.zoom()) + by
        self.desk.layout.zoom = max(0, min(len(ZOOMS) - 1, level))
        self.pull(self.desk.look())

    def reset(self) -> None:
        self.pan, self.cross = 0, None
        self.desk.layout.zoom = None
        self.pull(self.desk.look())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.change_zoom(-1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.change_zoom(1)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        offset, plan = event.get_content_offset(self), self._plan
        column = None if offset is None or plan is None else (offset.x - plan.x(0)) // plan.spacing
        if event.button == 1 and plan is not None and event.delta_x:
            self.pan = max(0, self.pan + round(event.delta_x / plan.spacing))
        if column != self.hover or event.button == 1:
            self.hover = column
            self.pull(self.desk.look())

    def on_leave(self) -> None:
        self.hover = None
        self.pull(self.desk.look())

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y == 0:
            for start, end, timeframe in self._tabs:
                if start <= offset.x < end:
                    self.post_message(self.TimeframePressed(timeframe))
                    return


def _slots(candles: Sequence[Candle], first: int, slot_ns: int) -> dict[int, Slot]:
    by_column: dict[int, list[Candle]] = {}
    for candle in candles:
        by_column.setdefault((candle.open_time - first) // slot_ns, []).append(candle)
    return {column: put_together(group) for column, group in by_column.items()}
