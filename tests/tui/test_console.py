"""What belongs to no screen: keys, overlays, themes, sizes, leaving, hidden screens."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs
from textual.command import CommandPalette

from alphaplus_tui.settings.sections import UiSettings
from alphaplus_tui.state.slices import Mode, NoticeRow
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui.actions import ACTIONS, EVERYWHERE, LIST, MOST_HINTS, hints
from alphaplus_tui.tui.catalogue import CATALOGUE
from alphaplus_tui.tui.copying import tmux_sequence
from alphaplus_tui.tui.layout import Layout, load_layout
from alphaplus_tui.tui.overlays import Overlay
from tests.fakes.demo_rows import NOW, name_of
from tests.fakes.session import FakeSession, FrozenClock
from tests.support import eventually
from tests.tui.support import console, markets, open_logs, open_services, picture, shown, toasts, until_painted


def test_every_action_has_its_own_id_and_no_two_share_a_key_where_both_are_heard() -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    for screen in CATALOGUE:
        heard = [action for action in ACTIONS if action.context in {screen.name, EVERYWHERE, LIST}]
        keys = [key.strip() for action in heard for key in action.keys.split(",")]
        assert sorted(keys) == sorted(set(keys))


def test_the_keys_that_terminals_and_shells_need_are_not_taken() -> None:
    taken = {key for action in ACTIONS for key in action.keys.split(",")}
    assert not taken & {"ctrl+s", "ctrl+q", "ctrl+a", "ctrl+b", "ctrl+d", "ctrl+z"}


@pytest.mark.parametrize("screen", [row.name for row in CATALOGUE])
def test_at_most_eight_hints_are_shown(screen: str) -> None:
    shown_hints = hints(screen, {})
    assert len(shown_hints) <= MOST_HINTS
    assert {action.id for action, _ in shown_hints} >= {"help", "palette", "quit"}


async def test_numbers_change_screens_and_the_next_start_opens_the_last(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await open_services(pilot)
        await open_logs(pilot)
        assert app.context == "logs"
    again = console(tmp_path, layout=load_layout(tmp_path))
    async with shown(again) as pilot:
        await until_painted(pilot)
        assert again.context == "logs"


async def test_hints_and_tabs_can_be_clicked(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        line = picture(app)[1]
        await pilot.click("#tabs", offset=(line.index("Services"), 0))
        await eventually(lambda: app.context == "services")
        await pilot.pause()
        line = picture(app)[-1]
        await pilot.click("#hints", offset=(line.index("help"), 0))
        await eventually(lambda: isinstance(app.screen, Overlay))


async def test_help_lists_every_key_that_is_heard_on_the_screen_with_the_users_own(tmp_path: Path) -> None:
    app = console(tmp_path, keys={"freeze": "f8"})
    async with shown(app, (120, 100)) as pilot:
        await until_painted(pilot)
        await pilot.press("question_mark")
        await eventually(lambda: isinstance(app.screen, Overlay))
        await pilot.pause()
        text = "\n".join(picture(app))
        for action in ACTIONS:
            if action.context in {"markets", EVERYWHERE, LIST}:
                assert action.description in text
                assert action.id in text
        assert "f8" in text
        await pilot.press("escape")
        await pilot.press("f1")
        await eventually(lambda: "Every instrument that is followed" in "\n".join(picture(app)))


async def test_the_users_keymap_replaces_a_key_however_it_is_written(tmp_path: Path) -> None:
    app = console(tmp_path, keys={"freeze": "f7 , F8"})
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("p")
        assert not app.desk.frozen
        await pilot.press("f8")
        assert app.desk.frozen


async def test_a_frozen_display_says_so_and_stands_still(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("p")
        session.store.prices.put(name_of("BTC"), structs.replace(session.state.prices[name_of("BTC")], last=65_000.0))
        await pilot.pause(0.3)
        text = "\n".join(picture(app))
        assert "FROZEN" in text
        assert "65,000.00" not in text
        await pilot.press("p")
        await eventually(lambda: "65,000.00" in "\n".join(picture(app)))


async def test_a_panel_over_the_whole_screen_and_back(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        screen = markets(app)
        await pilot.press("tab", "m")
        await pilot.pause()
        assert screen.chart.size.width >= 110
        assert not screen.watchlist.display
        await pilot.press("escape")
        await pilot.pause()
        assert screen.watchlist.display
        assert screen.chart.size.width < 80


async def test_tab_goes_round_the_panels_where_only_one_is_shown(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app, (80, 24)) as pilot:
        await until_painted(pilot)
        screen = markets(app)
        names: list[str] = []
        for _ in range(5):
            await pilot.press("tab")
            names.append(screen.panels.shown)
        assert names == ["chart", "book", "tape", "why", "watchlist"]
        await pilot.press("shift+tab")
        assert screen.panels.shown == "why"


async def test_the_palette_does_what_the_keys_do(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("ctrl+p")
        await eventually(lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"Crosshair")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await eventually(lambda: app.context == "markets" and markets(app).chart.view.cross == 0)


async def test_jumping_to_a_symbol_from_another_screen(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await open_services(pilot)
        await pilot.press("ctrl+o")
        await eventually(lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"avax")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await eventually(lambda: app.context == "markets" and app.desk.layout.symbol == name_of("AVAX"))


async def test_themes_go_round_and_are_remembered_until_the_setting_changes(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        dark = app.desk.inks
        await pilot.press("T")
        assert app.theme == "alphaplus-light"
        assert app.desk.inks is not dark
        await open_services(pilot)
    again = console(tmp_path, layout=load_layout(tmp_path))
    async with shown(again) as pilot:
        await until_painted(pilot)
        assert again.theme == "alphaplus-light"
    changed = console(tmp_path, ui=UiSettings(theme="nord"), layout=load_layout(tmp_path))
    async with shown(changed) as pilot:
        await until_painted(pilot)
        assert changed.theme == "nord"


async def test_an_unknown_theme_is_named_and_ours_is_used(tmp_path: Path) -> None:
    app = console(tmp_path, ui=UiSettings(theme="no-such"))
    async with shown(app) as pilot:
        await until_painted(pilot)
        assert app.theme == "alphaplus"
        assert any("no-such" in text for text in toasts(app))


async def test_without_colour_nothing_coloured_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        strips = app.screen._compositor.render_strips()  # pyright: ignore[reportPrivateUsage] - what the terminal gets
        filtered = [strip.apply_filter(app._filters[-1], app.screen.styles.background) for strip in strips]  # pyright: ignore[reportPrivateUsage] - Textual's own filter for NO_COLOR
        assert any("BTC/USDT" in strip.text for strip in filtered)
        for strip in filtered:
            for segment in strip:
                color = segment.style.color.triplet if segment.style and segment.style.color else None
                assert color is None or max(color) - min(color) < 3


async def test_notices_become_toasts_and_are_kept(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        session.store.notices.put(1, NoticeRow(1, "warning", "Database", "gone for a [moment]", NOW))
        await eventually(lambda: "gone for a [moment]" in toasts(app))
        await pilot.press("ctrl+n")
        await eventually(lambda: "Notices" in "\n".join(picture(app)))
        assert "14:13:20  Database" in "\n".join(picture(app))


async def test_what_an_action_answered_stands_among_the_notices(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("ctrl+c", "ctrl+n")
        await eventually(lambda: "Notices" in "\n".join(picture(app)))
        assert "Press q to quit" in "\n".join(picture(app))


async def test_the_demo_says_that_it_is_one_until_it_was_read(tmp_path: Path) -> None:
    app = console(tmp_path, layout=Layout())
    async with shown(app) as pilot:
        await until_painted(pilot)
        assert "alphaplus config init" in "\n".join(picture(app))
        await pilot.press("escape")
        await pilot.pause()
        assert "alphaplus config init" not in "\n".join(picture(app))
    assert load_layout(tmp_path).welcomed


async def test_a_live_market_is_not_called_a_demo(tmp_path: Path) -> None:
    session = FakeSession()
    session.store.system.put(ONLY, structs.replace(session.state.system[ONLY], mode=Mode.LIVE))
    app = console(tmp_path, session, layout=Layout())
    async with shown(app) as pilot:
        await until_painted(pilot)
        text = "\n".join(picture(app))
        assert " LIVE " in text
        assert "DEMO" not in text


async def test_in_a_replay_ages_count_on_the_recordings_clock(tmp_path: Path) -> None:
    session, clock = FakeSession(), FrozenClock(now_ns=NOW + 86_400 * 10**9)
    session.store.system.put(ONLY, structs.replace(session.state.system[ONLY], mode=Mode.REPLAY, market_now=NOW))
    app = console(tmp_path, session, clock=clock)
    async with shown(app) as pilot:
        await until_painted(pilot)
        text = "\n".join(picture(app))
        assert "14:13:20 UTC" in text
        assert "live · <1s ago" in text


async def test_q_goes_back_and_then_leaves(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("x", "q")
        assert markets(app).chart.view.cross is None
        assert app.is_running
        await pilot.press("q")
        await eventually(lambda: not app.is_running)
    assert app.return_code == 0


async def test_ctrl_c_says_how_to_leave(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("ctrl+c")
        assert "Press q to quit" in toasts(app)


async def test_hidden_screens_draw_nothing(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        hidden = markets(app)
        visible = await open_services(pilot)
        ticks, draws = hidden.ticks, [panel.draws for panel in hidden.panels.all]
        seen = visible.ticks
        for at in range(5):
            row = session.state.prices[name_of("BTC")]
            session.store.prices.put(row.instrument, structs.replace(row, last=65_000.0 + at))
        await eventually(lambda: visible.ticks > seen + 3)
        assert hidden.ticks == ticks
        assert [panel.draws for panel in hidden.panels.all] == draws
        await pilot.press("1")
        await eventually(lambda: "65,004.00" in "\n".join(picture(app)))


async def test_only_lines_that_changed_are_drawn(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        screen = markets(app)
        screen.tick()
        before = {panel.id: panel.draws for panel in screen.panels.all}
        screen.tick()
        assert {panel.id: panel.draws for panel in screen.panels.all} == before
        row = session.state.prices[name_of("ETH")]
        session.store.prices.put(row.instrument, structs.replace(row, last=3_200.0))
        screen.tick()
        assert screen.watchlist.draws == before["watchlist"] + 1
        assert screen.chart.draws == before["chart"]


async def test_the_age_of_what_is_drawn_is_told(tmp_path: Path) -> None:
    session, clock = FakeSession(), FrozenClock()
    heard: list[float] = []
    app = console(tmp_path, session, clock=clock)
    app.desk.on_drawn = heard.append
    async with shown(app) as pilot:
        await until_painted(pilot)
        markets(app).tick()
        row = session.state.prices[name_of("ETH")]
        session.store.prices.put(row.instrument, structs.replace(row, last=3_200.0, ts_recv=NOW - 30_000_000))
        await eventually(lambda: heard)
        assert heard == [pytest.approx(0.03)]


@pytest.mark.parametrize("size", [(1, 1), (10, 4), (59, 30), (90, 17), (60, 18), (109, 24), (110, 19), (500, 200)])
async def test_no_size_of_terminal_crashes_and_a_small_one_says_so(tmp_path: Path, size: tuple[int, int]) -> None:
    app = console(tmp_path, layout=Layout())
    async with shown(app, size) as pilot:
        await until_painted(pilot)
        for key in ("tab", "down", "enter", "x", "4", "tab", "tab", "5", "1"):
            await pilot.press(key)
        await pilot.pause()
        text = "\n".join(picture(app))
        if size[0] < 60 or size[1] < 18:
            assert size[0] < 10 or "too small" in text
            assert "DEMO" not in text
        else:
            assert "AlphaPlus" in text
        await pilot.resize_terminal(120, 36)
        await pilot.pause()
        assert "Watchlist" in "\n".join(picture(app))


@pytest.mark.parametrize(
    "damage", [b"", b"{", b'{"pinned": 7}', b"\xff\xfe", b'{"unknown": 1, "zoom": 99, "screen": "x"}']
)
async def test_a_damaged_layout_costs_only_the_layout(tmp_path: Path, damage: bytes) -> None:
    app = console(tmp_path)
    (tmp_path / "console.json").write_bytes(damage)
    app.desk.layout = load_layout(tmp_path)
    async with shown(app) as pilot:
        await until_painted(pilot)
        assert app.context == "markets"
        assert "BTC/USDT" in "\n".join(picture(app))
    assert json.loads((tmp_path / "console.json").read_bytes())["screen"]
    assert stat.S_IMODE((tmp_path / "console.json").stat().st_mode) == 0o600


async def test_a_folder_that_cannot_be_written_to_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    app = console(tmp_path)
    app.desk.folder = tmp_path / "file" / "folder"
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("space", "4")
        await eventually(lambda: app.context == "services")
        assert len(app.desk.layout.pinned) == 1
        assert not toasts(app)
    assert not app.desk.folder.exists()


def test_the_clipboard_is_reached_through_tmux() -> None:
    assert tmux_sequence(b"BTC") == "\x1bPtmux;\x1b\x1b]52;c;QlRD\x07\x1b\\"


def test_importing_the_console_brings_nothing_heavy() -> None:
    code = (
        "import sys, alphaplus_tui.tui.app, alphaplus_tui.tui.screens.markets.screen\n"
        "heavy = {'numpy', 'pydantic', 'ccxt', 'asyncpg', 'aiohttp', 'websockets', 'structlog', 'pyarrow', 'typer',\n"
        "         'alphaplus_tui.kernel', 'alphaplus_tui.ports', 'alphaplus_tui.runtime', 'alphaplus_tui.services'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"
