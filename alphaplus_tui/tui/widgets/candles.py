"""Draws candles, volume and axes onto a canvas; pure, so that a picture depends only on what goes in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.style import Style

from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.theme import Inks
from alphaplus_tui.tui.widgets.canvas import Canvas
from alphaplus_tui.tui.widgets.marks import Dots, columns
from alphaplus_tui.tui.widgets.scale import PriceScale, price_scale, ticks, time_label, time_step
from alphaplus_tui.tui.widgets.signal_marks import ChartMark

WICK, BODY = 1, 2
_GLYPHS = {
    (WICK, WICK): "│",
    (WICK, 0): "╵",
    (0, WICK): "╷",
    (BODY, BODY): "┃",
    (BODY, 0): "╹",
    (0, BODY): "╻",
    (WICK, BODY): "╽",
    (BODY, WICK): "╿",
}
_DOJI = {(True, True): "┼", (True, False): "┴", (False, True): "┬", (False, False): "─"}


@dataclass(frozen=True, slots=True)
class Slot:
    """The candles of one column put together."""

    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    forming: bool
    flat: bool
    complete: bool

    @property
    def rising(self) -> bool:
        return self.close >= self.open


def put_together(candles: Sequence[Candle]) -> Slot:
    """One slot from consecutive candles."""
    first, last = candles[0], candles[-1]
    return Slot(
        open_time=first.open_time,
        open=first.open,
        high=max(candle.high for candle in candles),
        low=min(candle.low for candle in candles),
        close=last.close,
        volume=sum(candle.volume for candle in candles),
        forming=last.forming,
        flat=all(candle.provenance is Provenance.FLAT or candle.volume == 0 for candle in candles),
        complete=all(candle.complete for candle in candles),
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """Where things stand: price rows, volume rows, one row of time, the axis at the right."""

    width: int
    height: int
    """Without a header."""
    axis_width: int
    volume_rows: int

    @property
    def plot_width(self) -> int:
        return max(1, self.width - self.axis_width)

    @property
    def price_rows(self) -> int:
        return max(1, self.height - self.volume_rows - 1)


def make_frame(width: int, height: int, axis_width: int) -> Frame:
    volume = 0 if height < 9 else min(8, max(2, height // 6))
    return Frame(width, height, axis_width, volume)


@dataclass(frozen=True, slots=True)
class Plan:
    """One picture of a chart."""

    frame: Frame
    slots: Mapping[int, Slot]
    """Column number from the left to what stands there."""
    spacing: int
    """Screen columns a slot takes."""
    slot_ns: int
    first_time: int
    """Opening time of column 0."""
    columns: int
    decimals: int
    price_step: float
    last: float | None
    style: str
    symbols: str
    cross: int | None = None
    """The column of the crosshair."""
    marks: Sequence[ChartMark] = ()

    def x(self, column: int) -> int:
        return column * self.spacing + (self.frame.plot_width - self.columns * self.spacing)

    def scale(self) -> PriceScale:
        values = [edge for slot in self.slots.values() for edge in (slot.low, slot.high)]
        if not values:
            values = [self.last or 0.0]
        return price_scale(min(values), max(values), self.frame.price_rows, self.price_step)


def draw(plan: Plan, inks: Inks) -> Canvas:
    """The whole chart below its header."""
    frame, scale = plan.frame, plan.scale()
    canvas = Canvas(frame.width, frame.height)
    _price_axis(canvas, plan, scale, inks)
    _time_axis(canvas, plan, inks)
    if plan.style == "line":
        _line(canvas, plan, scale, inks)
    else:
        for column, slot in plan.slots.items():
            _candle(canvas, plan.x(column), slot, scale, inks, ascii_only=plan.symbols == "ascii")
    _holes(canvas, plan, inks)
    _volume(canvas, plan, inks)
    _last_price(canvas, plan, scale, inks)
    _marks(canvas, plan, scale)
    if plan.cross is not None:
        _crosshair(canvas, plan, scale, inks)
    return canvas


def _ink(slot: Slot, inks: Inks) -> Style:
    if slot.flat:
        return inks.dim
    if slot.forming:
        return inks.up_dim if slot.rising else inks.down_dim
    return inks.up if slot.rising else inks.down


def _candle(canvas: Canvas, x: int, slot: Slot, scale: PriceScale, inks: Inks, *, ascii_only: bool) -> None:
    style = _ink(slot, inks)
    top, bottom = scale.half(slot.high), scale.half(slot.low)
    upper, lower = scale.half(max(slot.open, slot.close)), scale.half(min(slot.open, slot.close))
    if slot.flat:
        canvas.put(x, upper // 2, "-" if ascii_only else "┄", style)
        return
    doji = slot.open == slot.close
    for row in range(top // 2, bottom // 2 + 1):
        if doji and row == upper // 2:
            char = "-" if ascii_only else _DOJI[top // 2 < row, bottom // 2 > row]
        else:
            halves = tuple(
                BODY if upper <= half <= lower and not doji else WICK if top <= half <= bottom else 0
                for half in (2 * row, 2 * row + 1)
            )
            char = ("#" if BODY in halves else "|") if ascii_only else _GLYPHS[halves[0], halves[1]]
        canvas.put(x, row, char, style)


def _line(canvas: Canvas, plan: Plan, scale: PriceScale, inks: Inks) -> None:
    frame = plan.frame
    if plan.symbols != "braille":
        mark = "*" if plan.symbols == "ascii" else "▪"
        for column, slot in plan.slots.items():
            canvas.put(plan.x(column), scale.row(slot.close), mark, inks.primary)
        return
    dots = Dots(frame.plot_width, frame.price_rows)
    span = scale.high - scale.low
    before: tuple[int, int, int] | None = None
    for column in sorted(plan.slots):
        close = plan.slots[column].close
        x = 2 * plan.x(column) + 1
        y = min(dots.height - 1, int((scale.high - close) / span * dots.height))
        if before is not None and before[0] == column - 1:
            dots.line(before[1], before[2], x, y)
        else:
            dots.dot(x, y)
        before = column, x, y
    for x, y, char in dots.cells():
        canvas.put(x, y, char, inks.primary)


def _volume(canvas: Canvas, plan: Plan, inks: Inks) -> None:
    frame = plan.frame
    if not frame.volume_rows or not plan.slots:
        return
    order = sorted(plan.slots)
    lines = columns([plan.slots[column].volume for column in order], frame.volume_rows, symbols=plan.symbols)
    for row, line in enumerate(lines, start=frame.price_rows):
        for column, char in zip(order, line, strict=True):
            if char != " ":
                slot = plan.slots[column]
                canvas.put(plan.x(column), row, char, inks.up_dim if slot.rising else inks.down_dim)
    most = max(slot.volume for slot in plan.slots.values())
    canvas.text(frame.plot_width + 1, frame.price_rows, fmt.compact(most), inks.faint)


def _price_axis(canvas: Canvas, plan: Plan, scale: PriceScale, inks: Inks) -> None:
    frame = plan.frame
    for price in ticks(scale.low, scale.high, max(2, frame.price_rows // 4)):
        row = scale.row(price)
        canvas.text(frame.plot_width + 1, row, fmt.number(price, plan.decimals), inks.dim)
        for x in range(0, frame.plot_width, 2):
            canvas.put(x, row, "." if plan.symbols == "ascii" else "·", inks.faint)


def _time_axis(canvas: Canvas, plan: Plan, inks: Inks) -> None:
    frame = plan.frame
    row = frame.height - 1
    step = time_step(plan.slot_ns, plan.spacing, 6)
    clear_from = 0
    for column in range(plan.columns):
        ts = plan.first_time + column * plan.slot_ns
        x = plan.x(column)
        if ts % step < plan.slot_ns and x >= clear_from:
            label = time_label(ts - ts % step if step > plan.slot_ns else ts, step)
            at = max(0, x - len(label) // 2)
            if at >= clear_from and at + len(label) <= frame.plot_width:
                canvas.text(at, row, label, inks.dim)
                clear_from = at + len(label) + 2


def _holes(canvas: Canvas, plan: Plan, inks: Inks) -> None:
    """Between the first and the last candle: a hatched foot where there is none, or not all of one."""
    if not plan.slots:
        return
    mark = "?" if plan.symbols == "ascii" else "░"
    row = plan.frame.price_rows - 1
    for column in range(min(plan.slots), max(plan.slots)):
        slot = plan.slots.get(column)
        if slot is None:
            for y in range(plan.frame.price_rows):
                canvas.put(plan.x(column), y, " ", inks.faint)
            canvas.put(plan.x(column), row, mark, inks.warning)
        elif not slot.complete:
            canvas.put(plan.x(column), row, mark, inks.warning)


def _marks(canvas: Canvas, plan: Plan, scale: PriceScale) -> None:
    """Signals beside their candles, and where they ended."""
    for mark in plan.marks:
        if not 0 <= mark.column < plan.columns:
            continue
        slot = plan.slots.get(mark.column)
        row = scale.row(mark.price)
        if mark.side and slot is not None:
            row = scale.row(slot.low if mark.side > 0 else slot.high) + mark.side
        canvas.put(plan.x(mark.column), max(0, min(plan.frame.price_rows - 1, row)), mark.char, mark.style)


def _last_price(canvas: Canvas, plan: Plan, scale: PriceScale, inks: Inks) -> None:
    if plan.last is None or not scale.low <= plan.last <= scale.high:
        return
    frame, row = plan.frame, scale.row(plan.last)
    mark = "-" if plan.symbols == "ascii" else "╌"
    for x in range(frame.plot_width):
        if canvas.chars[row][x] in " ·.":
            canvas.put(x, row, mark, inks.primary)
    label = " " + fmt.number(plan.last, plan.decimals) + " "
    canvas.text(frame.plot_width, row, fmt.fit(label, frame.axis_width), inks.label)


def _crosshair(canvas: Canvas, plan: Plan, scale: PriceScale, inks: Inks) -> None:
    assert plan.cross is not None
    frame, slot = plan.frame, plan.slots.get(plan.cross)
    x = plan.x(plan.cross)
    for y in range(frame.height - 1):
        if canvas.chars[y][x] in " ·.╌":
            canvas.put(x, y, "|" if plan.symbols == "ascii" else "┊", inks.accent)
    label = fmt.moment(plan.first_time + plan.cross * plan.slot_ns).strftime("%d %b %H:%M")
    at = max(0, min(frame.plot_width - len(label) - 2, x - len(label) // 2 - 1))
    style = inks.strong + inks.on_cursor
    canvas.text(at, frame.height - 1, f" {label} ", style)
    if slot is not None:
        row = scale.row(slot.close)
        canvas.text(
            frame.plot_width, row, fmt.fit(" " + fmt.number(slot.close, plan.decimals), frame.axis_width), style
        )
