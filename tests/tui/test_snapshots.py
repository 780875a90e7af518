"""What each screen looks like, at the three sizes it is laid out for."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from alphaplus_tui.domain.coverage import Cover
from alphaplus_tui.settings.sections import UiSettings
from tests.fakes.demo_rows import coverage_rows, name_of, stretches
from tests.fakes.session import FakeSession
from tests.support import REPOSITORY, eventually
from tests.tui.support import SIZES, console, open_logs, open_models, open_services, open_signals, until_painted

Compare = Callable[..., bool]
PICTURE = REPOSITORY / "assets" / "markets.svg"


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_markets(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    assert snap_compare(console(tmp_path), terminal_size=size, run_before=until_painted)


async def _signals_explained(pilot: Pilot[None]) -> None:
    screen = await open_signals(pilot)
    screen.action_why()
    await eventually(lambda: any("+ contributions" in strip.text for strip in map(screen.why.render_line, range(2))))
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_signals(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    assert snap_compare(console(tmp_path), terminal_size=size, run_before=_signals_explained)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_models(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    assert snap_compare(console(tmp_path), terminal_size=size, run_before=open_models)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_services(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    assert snap_compare(console(tmp_path), terminal_size=size, run_before=open_services)


def with_gaps() -> FakeSession:
    """Of ADA trades are missing for good, of DOT they are being fetched, of XRP candles are not there."""
    session = FakeSession()
    kept = [row for row in coverage_rows() if row.instrument not in {name_of("ADA"), name_of("DOT")} or row.timeframe]
    parts = [
        *stretches("ADA", (Cover.LIVE, 400, 300)),
        *stretches("ADA", (Cover.GAP, 300, 210), missing=412, reason="the exchange does not serve them"),
        *stretches("ADA", (Cover.LIVE, 210, 0)),
        *stretches("DOT", (Cover.LIVE, 400, 30)),
        *stretches("DOT", (Cover.GAP, 30, 20), missing=7),
        *stretches("DOT", (Cover.LIVE, 20, 0)),
        *stretches("XRP", (Cover.GAP, 500, 440), timeframe="1m", missing=1, reason="nothing of this time is stored"),
    ]
    session.coverage_rows = tuple(sorted([*kept, *parts], key=lambda r: (r.instrument, r.timeframe, r.start)))
    return session


async def _coverage_alone(pilot: Pilot[None]) -> None:
    screen = await open_services(pilot)
    screen.show_panel("coverage")
    screen.action_maximise()
    await eventually(lambda: screen.coverage.rows is not None)
    await pilot.pause()


@pytest.mark.parametrize("symbols", ["braille", "ascii"])
def test_the_map_of_what_is_stored_with_gaps(snap_compare: Compare, tmp_path: Path, symbols: str) -> None:
    ui = UiSettings.model_validate({"symbols": symbols})
    app = console(tmp_path, with_gaps(), ui=ui)
    assert snap_compare(app, terminal_size=(120, 36), run_before=_coverage_alone)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_logs(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    assert snap_compare(console(tmp_path), terminal_size=size, run_before=open_logs)


def _press(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def press(pilot: Pilot[None]) -> None:
        await until_painted(pilot)
        for key in keys:
            await pilot.press(key)
            await pilot.pause()

    return press


def test_the_chart_alone_on_a_small_terminal(snap_compare: Compare, tmp_path: Path) -> None:
    assert snap_compare(console(tmp_path), terminal_size=(80, 24), run_before=_press("enter", "x", "left", "left"))


def test_the_light_theme(snap_compare: Compare, tmp_path: Path) -> None:
    app = console(tmp_path, ui=UiSettings(theme="alphaplus-light"))
    assert snap_compare(app, terminal_size=(120, 36), run_before=_press("space", "c"))


def test_ascii_symbols_and_red_for_rising(snap_compare: Compare, tmp_path: Path) -> None:
    app = console(tmp_path, ui=UiSettings(symbols="ascii", up_color="red"))
    assert snap_compare(app, terminal_size=(120, 36), run_before=until_painted)


def test_help(snap_compare: Compare, tmp_path: Path) -> None:
    assert snap_compare(console(tmp_path), terminal_size=(120, 36), run_before=_press("question_mark"))


async def test_the_picture_in_the_readme_is_what_the_markets_screen_looks_like(tmp_path: Path) -> None:
    """With ALPHAPLUS_UPDATE_PICTURES=1 the picture is written instead of compared."""
    app = console(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await until_painted(pilot)
        drawn = app.export_screenshot(title="AlphaPlus")
    if os.environ.get("ALPHAPLUS_UPDATE_PICTURES") == "1":
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(drawn, encoding="utf-8")
    assert PICTURE.read_text(encoding="utf-8") == drawn, "make it anew: ALPHAPLUS_UPDATE_PICTURES=1 pytest tests/tui"
