"""The candle chart: which candles it draws, and when it must be drawn again."""

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
from alphaplus_tui.tui.widgets.chart_header import Tab, candle_numbers, timeframe_tabs
from alphaplus_tui.tui.widgets.chart_view import ChartView
from alphaplus_tui.tui.widgets.names import name_of
from alphaplus_tui.tui.widgets.older import OlderCandles
from alphaplus_tui.tui.widgets.panel import Condition, Kind, Panel, Piece
from alphaplus_tui.tui.widgets.signal_marks import chart_marks
from alphaplus_tui.tui.widgets.status import feed_words

STYLES = ("candles", "line")


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
        self.view = ChartView(desk, lambda: self.pull(desk.look()))
        self.older = OlderCandles()
        self._stamp: Hashable = None
        self._picture: list[list[Piece]] = []
        self._plan: Plan | None = None
        self._tabs: list[Tab] = []

    def choose(self, instrument: InstrumentRow | None, timeframe: Timeframe, timeframes: Sequence[Timeframe]) -> None:
        """Show another instrument or timeframe."""
        name = instrument.instrument.id if instrument else None
        before = self.instrument.instrument.id if self.instrument else None
        if (name, timeframe) != (before, self.timeframe):
            self.view.to_newest()
            self.older = OlderCandles()
            self._stamp = None
        self.instrument, self.timeframe, self.timeframes = instrument, timeframe, timeframes

    def take_older(self, candles: tuple[Candle, ...]) -> None:
        """The answer to ``NeedOlder``."""
        self.older.take(candles)
        self._stamp = None
        self.pull(self.desk.look())

    def next_style(self) -> None:
        """Candles or a line."""
        layout = self.desk.layout
        at = STYLES.index(layout.chart_style) if layout.chart_style in STYLES else 0
        layout.chart_style = STYLES[(at + 1) % len(STYLES)]
        self.desk.remember()
        self.pull(self.desk.look())

    def neighbour(self, by: int) -> Timeframe | None:
        """The timeframe so many steps longer; the last one where there are no more."""
        if self.timeframe not in self.timeframes:
            return None
        at = list(self.timeframes).index(self.timeframe) + by
        return self.timeframes[max(0, min(len(self.timeframes) - 1, at))]

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
        view, self.view.width = self.view, width
        stamp = (
            look.state.charts.row_version((row.instrument, row.timeframe)),
            look.inks,
            (width, height),
            (view.pan, view.cross, view.hover, view.zoom, self.desk.layout.chart_style, self.older.asking),
            len(self.older.candles),
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
        plan = self._plan = self._make_plan(row, newest, frame, places, look)
        self.view.columns = plan.columns
        return [self._header(look, width, places), *draw(plan, look.inks).lines()]

    def _make_plan(self, row: ChartRow, newest: Candle, frame: Frame, places: int, look: Look) -> Plan:
        assert self.instrument is not None
        per_slot, spacing = self.view.zoom
        slot_ns = duration_ns(self.timeframe) * per_slot
        shown = max(1, frame.plot_width // spacing)
        newest_slot = newest.open_time - (newest.open_time % slot_ns if per_slot > 1 else 0)
        candles = self.older.with_known(row.closed + ((row.forming,) if row.forming else ()))
        oldest = candles[0].open_time if candles else newest.open_time
        self.view.pan = max(0, min(self.view.pan, (newest_slot - oldest) // slot_ns - shown // 2))
        first = newest_slot - (self.view.pan + shown - 1) * slot_ns
        start = bisect_left(candles, first, key=lambda candle: candle.open_time)
        end = bisect_left(candles, first + shown * slot_ns, key=lambda candle: candle.open_time)
        slots = _slots(candles[start:end], first, slot_ns)
        self._want_older(oldest, first)
        cross = self.view.cross
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

    def _want_older(self, oldest: int, first: int) -> None:
        if self.instrument is None or self.view.pan == 0:
            return
        if self.older.wants(oldest, first, duration_ns(self.timeframe)):
            self.post_message(self.NeedOlder(self.instrument.instrument.id, self.timeframe, oldest))

    def _focused_slot(self) -> Slot | None:
        plan = self._plan
        if plan is None or not plan.slots:
            return None
        if plan.cross is not None:
            return plan.slots.get(plan.cross)
        if self.view.hover is not None and self.view.hover in plan.slots:
            return plan.slots[self.view.hover]
        return plan.slots[max(plan.slots)]

    def _header(self, look: Look, width: int, places: int) -> list[Piece]:
        line, self._tabs = timeframe_tabs(self.timeframes, self.timeframe, look.inks)
        note: Piece | None = None
        if self.older.asking:
            note = ("  loading older", look.inks.accent)
        elif self.view.pan:
            note = ("  0 returns to now", look.inks.dim)
        room = width - sum(len(text) for text, _ in line)
        return [*line, *candle_numbers(self._focused_slot(), note, room, places, look.inks)]

    # The mouse

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.view.change_zoom(-1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.view.change_zoom(1)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        offset, plan = event.get_content_offset(self), self._plan
        column = None if offset is None or plan is None else (offset.x - plan.x(0)) // plan.spacing
        dragging = event.button == 1 and plan is not None
        self.view.point(column, dragged=round(event.delta_x / plan.spacing) if dragging and plan else 0)

    def on_leave(self) -> None:
        self.view.point(None)

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
