"""What a person does on the Markets screen, key by key."""

from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.settings.sections import UiSettings
from alphaplus_tui.state.slices import FeedState
from alphaplus_tui.tui.layout import load_layout
from tests.fakes.demo_rows import NOW, TIMEFRAMES, name_of
from tests.fakes.session import FakeSession, FrozenClock
from tests.support import eventually
from tests.tui.support import console, markets, picture, shown, toasts, until_painted


@pytest.fixture(autouse=True)
def _terminal_with_clipboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")


async def test_moving_the_cursor_changes_chart_book_and_tape(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("j", "down", "k")
        screen = markets(app)
        await eventually(lambda: "ETH/USDT · 1m" in "\n".join(picture(app)))
        assert screen.book.instrument is screen.tape.instrument is screen.chart.instrument
        assert "3,101.2" in screen.book.copy_panel()
        await pilot.press("G")
        assert screen.watchlist.cursor == name_of("LTC")
        await pilot.press("pageup", "g")
        assert screen.watchlist.cursor == name_of("BTC")


async def test_finding_a_symbol_narrows_the_list_and_enter_goes_there(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("slash", *"link")
        screen = markets(app)
        await eventually(lambda: list(screen.watchlist.order) == [name_of("LINK")])
        await pilot.press("enter")
        await eventually(lambda: len(screen.watchlist.order) == 12)
        assert app.desk.layout.symbol == name_of("LINK")
        await pilot.press("slash", *"nothing like it")
        await eventually(lambda: "no symbol with" in "\n".join(picture(app)))
        await pilot.press("escape")
        await eventually(lambda: len(screen.watchlist.order) == 12)
        assert screen.watchlist.cursor == name_of("LINK")


async def test_a_pinned_symbol_comes_first_and_stays_so_after_a_restart(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("G", "space")
        assert markets(app).watchlist.order[0] == name_of("LTC")
        assert any("★ LTC/USDT" in line for line in picture(app))
    assert load_layout(tmp_path).pinned == [name_of("LTC")]
    again = console(tmp_path, layout=load_layout(tmp_path))
    async with shown(again) as pilot:
        await until_painted(pilot)
        assert markets(again).watchlist.order[0] == name_of("LTC")
        assert again.desk.layout.symbol == name_of("LTC")
        await pilot.press("space")
        assert markets(again).watchlist.order[0] == name_of("BTC")


async def test_sorting_by_change_puts_the_best_first_and_turns_around(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("s", "s")
        order = list(markets(app).watchlist.order)
        changes = [session.state.prices[name].change_pct or 0 for name in session.state.prices if name in order]
        assert order[0] == max(session.state.prices.values(), key=lambda row: row.change_pct or 0).instrument
        assert len(changes) == 12
        await pilot.press("S")
        assert markets(app).watchlist.order[0] == order[-1]


async def test_a_click_on_a_column_sorts_by_it_and_a_click_on_a_row_selects_it(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.click("#watchlist", offset=(5, 1))
        assert app.desk.layout.sort == "symbol"
        assert markets(app).watchlist.order[0] == name_of("ADA")
        await pilot.click("#watchlist", offset=(5, 4))
        assert app.desk.layout.symbol == name_of("BNB")


async def test_timeframes_change_with_brackets_and_by_click(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        screen = markets(app)
        await pilot.press("right_square_bracket")
        assert screen.chart.timeframe == "5m"
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert screen.chart.timeframe == "1h"
        await pilot.press("left_square_bracket")
        assert screen.chart.timeframe == "5m"
        await pilot.click("#chart", offset=(2, 1))
        assert screen.chart.timeframe == "1m"
    assert load_layout(tmp_path).timeframe == "1m"


async def test_panning_back_asks_for_older_candles_and_zero_returns(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        screen = markets(app)
        for _ in range(120):
            await pilot.press("left")
        await eventually(lambda: screen.chart.older.candles and not screen.chart.older.asking)
        oldest = session.state.charts[name_of("BTC"), TIMEFRAMES[0]].closed[0].open_time
        assert screen.chart.older.candles[-1].open_time < oldest
        assert screen.chart.view.pan > 450
        await pilot.press("right")
        await pilot.press("0")
        assert screen.chart.view.pan == 0


async def test_a_database_that_is_away_stops_panning_with_a_word_and_no_crash(tmp_path: Path) -> None:
    session = FakeSession()
    session.store_away = "connection refused"
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        for _ in range(120):
            await pilot.press("left")
        await eventually(lambda: any("connection refused" in text for text in toasts(app)))
        assert markets(app).chart.older.exhausted


async def test_zoom_crosshair_and_style(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        chart = markets(app).chart
        before = chart.view.zoom
        await pilot.press("plus")
        assert chart.view.zoom[1] > before[1]
        await pilot.press("minus", "minus")
        assert chart.view.zoom[0] > before[0]
        await pilot.press("0", "x", "left", "left")
        assert chart.view.cross == 2
        candles = app.desk.session.state.charts[name_of("BTC"), TIMEFRAMES[0]]
        assert f"{candles.closed[-2].close:,.2f}" in picture(app)[3]
        assert chart.copy_row().split(",")[0] == "BTC/USDT"
        await pilot.press("escape")
        assert chart.view.cross is None
        await pilot.press("c")
        assert any("⠀" < char <= "⣿" for char in "".join(line[56:] for line in picture(app)[5:20]))


async def test_a_changed_price_is_tinted_for_a_moment_and_carries_an_arrow(tmp_path: Path) -> None:
    session, clock = FakeSession(), FrozenClock()
    app = console(tmp_path, session, clock=clock)
    async with shown(app) as pilot:
        await until_painted(pilot)
        screen, name = markets(app), name_of("SOL")
        row = session.state.prices[name]
        changed = structs.replace(row, last=150.0, direction=-1, last_changed=clock.monotonic())
        session.store.prices.put(name, changed)
        screen.tick()
        line = screen.watchlist.render_line(3)
        assert "150.00" in line.text
        assert "▼" in line.text
        tint = app.desk.inks.on_down.bgcolor
        assert any(segment.style and segment.style.bgcolor == tint for segment in line)
        clock.forward(0.5)
        screen.tick()
        assert not any(segment.style and segment.style.bgcolor == tint for segment in screen.watchlist.render_line(3))


async def test_a_stale_stream_is_never_shown_as_live(tmp_path: Path) -> None:
    session, clock = FakeSession(), FrozenClock()
    app = console(tmp_path, session, clock=clock)
    async with shown(app) as pilot:
        await until_painted(pilot)
        name = name_of("BTC")
        feed = session.state.feeds[name]
        session.store.feeds.put(name, structs.replace(feed, state=FeedState.STALE, since=NOW - 7_000_000_000))
        markets(app).tick()
        await pilot.pause()
        text = "\n".join(picture(app))
        assert "feed 11/12 BTC/USDT STALE 7s" in text
        assert "◌7s" in text
        assert "stale since 14:13:13" in text
        assert "live ·" not in text


async def test_an_old_book_says_since_when(tmp_path: Path) -> None:
    session, clock = FakeSession(), FrozenClock()
    app = console(tmp_path, session, clock=clock)
    async with shown(app) as pilot:
        await until_painted(pilot)
        clock.forward(60)
        markets(app).tick()
        await pilot.pause()
        assert "stale 14:13:20" in "\n".join(picture(app))


async def test_before_anything_is_known_every_panel_says_that_it_waits(tmp_path: Path) -> None:
    app = console(tmp_path, FakeSession(seeded=False))
    async with shown(app) as pilot:
        await until_painted(pilot)
        text = "\n".join(picture(app))
        assert text.count("waiting for the") == 4
        assert "feed starting" in text
        assert "db starting" in text
        await pilot.press("j", "enter", "x", "plus", "left", "space", "y", "s")


async def test_copying_says_what_was_copied(tmp_path: Path) -> None:
    app = console(tmp_path, ui=UiSettings())
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("y")
        assert app.clipboard.startswith("BTC/USDT  last 64,210.50")
        await pilot.press("Y")
        assert len(app.clipboard.splitlines()) >= 13
        await pilot.press("tab", "tab", "Y")
        assert "spread" in app.clipboard


async def test_a_terminal_without_clipboard_gets_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("y")
        assert (tmp_path / "copied.txt").read_text().startswith("BTC/USDT")
        assert any("copied.txt" in text for text in toasts(app))
