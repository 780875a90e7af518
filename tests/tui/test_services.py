"""What a person sees and does on the Services screen."""

from pathlib import Path

import pytest
from msgspec import structs

from alphaplus_tui.domain.events import ExchangeState
from alphaplus_tui.session.commands import RestartService, StartService, StopService
from alphaplus_tui.state.slices import ExchangeRow, GapRow, ServiceRow
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.tui.screens.services.tree import tree_order
from tests.fakes.demo_rows import NOW, name_of
from tests.fakes.session import FakeSession
from tests.support import eventually
from tests.tui.support import console, open_logs, open_services, picture, shown, toasts


def _row(name: str, *after: str) -> ServiceRow:
    return ServiceRow(name, "RUNNING", "OK", "", after, 0, "", 0.0, None)


def test_a_service_hangs_on_the_deepest_one_it_comes_after() -> None:
    rows = {row.name: row for row in (_row("a"), _row("b", "a"), _row("c", "a", "b"), _row("d", "a"), _row("e"))}
    assert tree_order(rows) == [("", "a"), ("├ ", "b"), ("│ └ ", "c"), ("└ ", "d"), ("", "e")]


def test_services_that_wait_for_each_other_are_all_listed_once() -> None:
    rows = {row.name: row for row in (_row("a", "b"), _row("b", "a"), _row("c", "missing"))}
    assert sorted(name for _, name in tree_order(rows)) == ["a", "b", "c"]


async def test_restarting_is_asked_for_and_then_sent(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_services(pilot)
        await pilot.press("G", "r")
        await eventually(lambda: "Restart monitor?" in "\n".join(picture(app)))
        await pilot.press("n")
        await eventually(lambda: app.screen is screen)
        assert session.sent == []
        await pilot.press("r", "y")
        await eventually(lambda: session.sent == [RestartService("monitor")])
        await eventually(lambda: "monitor restarts" in toasts(app))


async def test_a_running_service_stops_and_a_stopped_one_starts(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await open_services(pilot)
        await pilot.press("s", "y")
        await eventually(lambda: session.sent == [StopService("persistence")])
        stopped = structs.replace(session.state.services["persistence"], state="STOPPED", running_since=None)
        session.store.services.put("persistence", stopped)
        await eventually(lambda: any("STOPPED" in line for line in picture(app)))
        line = next(line for line in picture(app) if "STOPPED" in line and "persistence" in line)
        assert " OK " not in line, line
        await pilot.press("s", "enter")
        await eventually(lambda: session.sent[1:] == [StartService("persistence")])


async def test_a_refused_wish_says_why(tmp_path: Path) -> None:
    session = FakeSession()
    session.refuse = "the engine is stopping"
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await open_services(pilot)
        await pilot.press("r", "y")
        await eventually(lambda: "the engine is stopping" in toasts(app))


async def test_a_failing_service_shows_its_state_its_next_try_and_its_error(tmp_path: Path) -> None:
    session = FakeSession()
    session.store.services.put(
        "monitor",
        structs.replace(
            session.state.services["monitor"],
            state="BACKING_OFF",
            next_try_at=1007.0,
            restarts=4,
            last_error="StoreUnavailable: no answer",
            running_since=None,
        ),
    )
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_services(pilot)
        screen.services.go("monitor")
        await pilot.pause()
        text = "\n".join(picture(app))
        assert "BACKING OFF 7s" in text
        assert "StoreUnavailable: no answer" in text
        assert "6 of 7 running" in text


async def test_a_database_that_is_away_shows_the_reason_and_the_spool(tmp_path: Path) -> None:
    session = FakeSession()
    away = structs.replace(
        session.state.database[ONLY], connected=False, reason="connection refused", spool_bytes=3 * 2**20, ping_ms=None
    )
    session.store.database.put(ONLY, away)
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await open_services(pilot)
        text = "\n".join(picture(app))
        assert "db away · 3.0 MB spooled" in text
        assert "connection refused" in text


async def test_gaps_are_never_hidden(tmp_path: Path) -> None:
    session = FakeSession()
    gap = GapRow(name_of("ADA"), 10, 59, 50, "the exchange keeps no trades this old", NOW)
    session.store.gaps.put((gap.instrument, gap.first_seq), gap)
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await open_services(pilot)
        text = "\n".join(picture(app))
        assert "▲ 1 gap" in text
        assert "50 trades missing" in text
        assert "the exchange keeps no trades this old" in text


@pytest.mark.parametrize("key", ["o", "enter"])
async def test_from_a_service_to_its_log_and_back(tmp_path: Path, key: str) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        screen = await open_services(pilot)
        screen.services.go("backfill")
        await pilot.press(key)
        opened = await open_logs(pilot)
        await eventually(lambda: opened.window.lines and {line.service for line in opened.window.lines} == {"backfill"})
        await pilot.press("o")
        back = await open_services(pilot)
        assert back.services.cursor == "backfill"


async def test_latencies_are_drawn_over_one_axis_and_copied_as_a_table(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        screen = await open_services(pilot)
        drawn = "\n".join(strip.text for strip in map(screen.latencies.render_line, range(20)))
        assert "wire → commit" in drawn
        assert "100ms" in drawn
        first, second = screen.latencies.copy_panel().splitlines()[:2]
        assert first.split("\t")[0] == "name"
        assert second.split("\t")[:2] == ["wire_to_state", "48211"]


async def test_the_clock_of_each_exchange_is_shown_where_several_are_followed(tmp_path: Path) -> None:
    session = FakeSession()
    for exchange, offset_ms in (("coinbase", None), ("kraken", -12.34)):
        row = ExchangeRow(exchange, ExchangeState.FOLLOWED, "", NOW, 3, offset_ms)
        session.store.exchanges.put(exchange, row)
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await open_services(pilot)
        await eventually(lambda: "clock of coinbase" in "\n".join(picture(app)))
        lines = picture(app)
        assert any("clock of kraken" in line and "−12.3 ms" in line for line in lines)
        assert any("clock of coinbase" in line and "not measured" in line for line in lines)
