"""Numbers, axes and candles as they are drawn, character by character."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.timeframe import MINUTE_NS, Timeframe
from alphaplus_tui.tui import format as fmt
from alphaplus_tui.tui.theme import DARK, LIGHT, make_inks
from alphaplus_tui.tui.widgets.candles import Plan, Slot, draw, make_frame, put_together
from alphaplus_tui.tui.widgets.marks import bar, columns, sparkline
from alphaplus_tui.tui.widgets.scale import PriceScale, ticks, time_label, time_step
from tests.fakes.demo_rows import NOW, name_of

INKS = make_inks(DARK, up_color="green")


def _slot(open_: float, high: float, low: float, close: float, **more: bool) -> Slot:
    return Slot(
        open_time=0,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=0.0 if more.get("flat") else 10.0,
        forming=more.get("forming", False),
        flat=more.get("flat", False),
        complete=more.get("complete", True),
    )


def _drawn(slots: dict[int, Slot], *, height: int = 8, width: int = 30, style: str = "candles", symbols: str = "block"):
    plan = Plan(
        frame=make_frame(width, height, 9),
        slots=slots,
        spacing=1,
        slot_ns=MINUTE_NS,
        first_time=NOW - NOW % MINUTE_NS,
        columns=width - 9,
        decimals=2,
        price_step=0.01,
        last=None,
        style=style,
        symbols=symbols,
    )
    return plan, draw(plan, INKS)


def _column(slots: dict[int, Slot], column: int, **more: object) -> str:
    plan, canvas = _drawn(slots, **more)  # pyright: ignore[reportArgumentType] - passed on as given
    x = plan.x(column)
    return "".join(canvas.chars[row][x] for row in range(plan.frame.price_rows))


def test_a_candle_has_wicks_and_a_body_in_half_cells() -> None:
    drawn = _column({0: _slot(10, 20, 0, 15)}, 0)
    assert set(drawn) <= set("│╷╵╽╿┃╻╹ ")
    assert "┃" in drawn or "╿" in drawn
    assert drawn.strip()[0] in "│╷"
    assert drawn.strip()[-1] in "│╵"


def test_a_doji_is_drawn_as_a_cross_with_its_wicks() -> None:
    assert "┼" in _column({0: _slot(10, 20, 0, 10)}, 0)
    assert "┬" in _column({0: _slot(20, 20, 0, 20)}, 0)
    assert "┴" in _column({0: _slot(0, 20, 0, 0)}, 0)
    other = _slot(0, 20, 0, 20)
    assert "─" in _column({0: _slot(10, 10, 10, 10), 1: other}, 0)


def test_a_span_without_trades_is_dashed() -> None:
    assert "┄" in _column({0: _slot(10, 10, 10, 10, flat=True), 1: _slot(5, 15, 5, 15)}, 0)


def test_missing_candles_leave_a_hole_with_a_hatched_foot() -> None:
    slots = {0: _slot(5, 15, 5, 15), 3: _slot(5, 15, 5, 15)}
    assert _column(slots, 1).strip() == "░"
    assert _column(slots, 2).strip() == "░"
    assert "░" not in _column(slots, 4)


def test_an_incomplete_candle_has_a_hatched_foot() -> None:
    slots = {0: _slot(5, 15, 5, 15, complete=False), 1: _slot(5, 15, 5, 15)}
    assert _column(slots, 0)[-1] == "░"
    assert _column(slots, 1)[-1] != "░"


def test_a_forming_candle_is_dimmer() -> None:
    plan, canvas = _drawn({0: _slot(5, 15, 5, 15), 1: _slot(5, 15, 5, 15, forming=True)})
    styles = [canvas.styles[plan.frame.price_rows // 2][plan.x(column)] for column in (0, 1)]
    assert styles == [INKS.up, INKS.up_dim]


def test_ascii_candles_use_ascii_only() -> None:
    _, canvas = _drawn({0: _slot(10, 20, 0, 15), 2: _slot(10, 20, 0, 10)}, height=14, symbols="ascii")
    assert "".join(char for row in canvas.chars for char in row).isascii()


def test_a_line_is_drawn_in_braille_and_breaks_at_a_hole() -> None:
    slots = {at: _slot(at, at + 1, at, at + 1) for at in (0, 1, 2, 6, 7)}
    plan, canvas = _drawn(slots, style="line", symbols="braille")
    drawn = {x for row in canvas.chars for x, char in enumerate(row) if "⠀" < char <= "⣿"}
    assert plan.x(1) in drawn
    assert plan.x(4) not in drawn


@given(
    st.lists(st.tuples(*[st.floats(1e-9, 1e9, allow_nan=False) for _ in range(2)], st.floats(0, 1e12)), max_size=60),
    st.integers(12, 120),
    st.integers(3, 60),
)
def test_whatever_the_prices_the_picture_has_its_size(
    prices: list[tuple[float, float, float]], width: int, height: int
) -> None:
    slots = {
        at: Slot(0, a, max(a, b), min(a, b), b, volume, forming=False, flat=False, complete=True)
        for at, (a, b, volume) in enumerate(prices)
    }
    for style in ("candles", "line"):
        _, canvas = _drawn(slots, height=height, width=width, style=style, symbols="braille")
        assert len(canvas.chars) == height
        assert all(len(row) == width for row in canvas.chars)


def test_candles_put_together_keep_open_high_low_close_and_volume() -> None:
    def candle(at: int, price: float) -> Candle:
        return Candle(
            name_of("BTC"),
            Timeframe("1m"),
            at * MINUTE_NS,
            price,
            price + 2,
            price - 2,
            price + 1,
            1.5,
            provenance=Provenance.LIVE,
        )

    slot = put_together([candle(0, 10), candle(1, 20), candle(2, 5)])
    assert (slot.open, slot.high, slot.low, slot.close, slot.volume) == (10, 22, 3, 6, 4.5)


@given(st.floats(0.0001, 1e9), st.floats(1e-6, 10), st.integers(1, 20))
def test_ticks_stand_at_1_2_5_steps_inside_the_range(low: float, share: float, most: int) -> None:
    span = low * share
    found = ticks(low, low + span, most)
    assert len(found) <= most + 1
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in found)
    if len(found) > 1:
        step = found[1] - found[0]
        lead = step / 10 ** math.floor(math.log10(step) + 1e-6)
        assert min(abs(lead - wanted) for wanted in (1, 2, 5, 10)) < 0.01


def test_prices_go_to_the_half_cells_they_lie_in() -> None:
    scale = PriceScale(0.0, 10.0, 5)
    assert [scale.half(price) for price in (10.0, 9.5, 5.0, 0.5, 0.0, -3.0, 99.0)] == [0, 0, 5, 9, 9, 9, 0]


def test_time_labels_say_as_much_as_they_need() -> None:
    assert time_label(NOW, MINUTE_NS) == "14:13"
    assert time_label(NOW, MINUTE_NS // 2) == "14:13:20"
    assert time_label(NOW - NOW % (86_400 * 10**9), 3600 * 10**9) == "21 Sep"
    assert time_step(MINUTE_NS, 1, 6) == 10 * MINUTE_NS


@pytest.mark.parametrize(
    ("value", "decimals", "room", "text"),
    [
        (64210.5, 2, None, "64,210.50"),
        (-0.5, 2, None, "−0.50"),
        (0.13912, 5, 5, "0.13912"),
        (148.37, 2, 5, "148.37   "),
        (26390.0, 0, 3, "26,390    "),
        (None, 2, None, "—"),
    ],
)
def test_numbers_stand_on_their_points(value: float | None, decimals: int, room: int | None, text: str) -> None:
    assert fmt.number(value, decimals, room=room) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.8, "+0.80%"), (-0.2, "−0.20%"), (0.001, " 0.00%"), (-0.001, " 0.00%"), (None, "—")]
)
def test_percent_has_a_sign_unless_it_is_nothing(value: float | None, text: str) -> None:
    assert fmt.percent(value) == text


def test_ages_durations_and_sizes() -> None:
    second = 10**9
    assert [fmt.age(n * second) for n in (0, 1, 59, 60, 3599, 7200, 200_000)] == [
        "<1s",
        "1s",
        "59s",
        "1m",
        "59m",
        "2h",
        "2d",
    ]
    assert fmt.age(-5 * second) == "<1s"
    assert [fmt.duration(n) for n in (4, 245, 7500, 100_000)] == ["4s", "4m 05s", "2h 05m", "1d 03h"]
    assert [fmt.milliseconds(n) for n in (0.085, 0.42, 3.14, 38.2, 1200.0, None)] == [
        "85 µs",
        "0.42 ms",
        "3.1 ms",
        "38 ms",
        "1.2 s",
        "—",
    ]
    assert [fmt.size(n) for n in (0, 312, 4_404_019, 48_300_000_000)] == ["0 B", "312 B", "4.2 MB", "45.0 GB"]
    assert [fmt.compact(n) for n in (0, 0.1234, 12.34, 999, 12_345, 4.5e6, -2e9)] == [
        "0",
        "0.12",
        "12.3",
        "999",
        "12.3K",
        "4.50M",
        "−2.00B",
    ]


@pytest.mark.parametrize("text", ["BTC", "猫猫/猫猫猫", "x" * 50, "", "\x1b[2Jevil", "é́́"])
@pytest.mark.parametrize("width", [0, 1, 2, 7, 20])
def test_text_is_fitted_to_exact_cells(text: str, width: int) -> None:
    from rich.cells import cell_len

    for right in (False, True):
        fitted = fmt.fit(text, width, right=right)
        assert cell_len(fitted) == width
        assert "\x1b" not in fitted


def test_marks() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([5, 5, 5], 5) == "  ▄▄▄"
    assert sparkline([1], 3) == "   "
    assert len(sparkline(list(range(60)), 7, symbols="braille")) == 7
    assert sparkline([1, 9], 2, symbols="ascii").isascii()
    assert bar(0.5, 4) == "██  "
    assert bar(1 / 16, 4) == "▎   "
    assert columns([0, 1, 8], 1) == [" ▁█"]
    assert columns([0, 16], 2) == [" █", " █"]


@pytest.mark.parametrize("theme", [DARK, LIGHT])
@pytest.mark.parametrize(("setting", "up_is_green"), [("green", True), ("red", False)])
def test_rising_takes_the_colour_that_was_set(theme: object, setting: str, up_is_green: bool) -> None:
    inks = make_inks(theme, up_color=setting)  # pyright: ignore[reportArgumentType] - parametrised by the two themes
    assert inks.up.color is not None
    triplet = inks.up.color.triplet
    assert triplet is not None
    assert (triplet.green > triplet.red) == up_is_green
    assert inks.up.color != inks.down.color
