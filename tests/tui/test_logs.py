"""What a person does on the Logs screen, over a log of any length."""

from pathlib import Path

from alphaplus_tui.session.queries import LogLine, LogPage
from alphaplus_tui.tui.screens.logs.window import MOST_LINES, LogWindow
from tests.fakes.demo_rows import NOW
from tests.fakes.session import FakeSession, FrozenClock
from tests.support import eventually
from tests.tui.support import console, open_logs, picture, shown, toasts


def _line(number: int, event: str = "batch committed", **more: str) -> LogLine:
    return LogLine(
        cursor=str(number),
        ts=NOW + number,
        level=more.get("level", "info"),
        service=more.get("service", "persistence"),
        event=event,
        fields=(("rows", "41"),),
        exception=more.get("exception", ""),
    )


def test_a_window_lets_the_far_end_go() -> None:
    window = LogWindow()
    window.replace([_line(at) for at in range(5000, 5200)], more_before=True, at_end=True)
    for start in range(4800, 0, -200):
        window.prepend([_line(at) for at in range(start, start + 200)], more=True)
    assert len(window.lines) == MOST_LINES
    assert window.lines[0].cursor == "200"
    assert not window.at_end
    window.append([_line(at) for at in range(9000, 9200)], more=False)
    assert len(window.lines) == MOST_LINES
    assert window.lines[-1].cursor == "9199"
    assert window.more_before


async def test_the_newest_lines_are_followed(tmp_path: Path) -> None:
    session, clock = FakeSession(), FrozenClock()
    app = console(tmp_path, session, clock=clock)
    async with shown(app) as pilot:
        screen = await open_logs(pilot)
        session.log.append(_line(601, "something new"))
        clock.forward(1.5)
        await eventually(lambda: screen.log_lines.cursor == "601")
        assert "something new" in "\n".join(picture(app))
        await pilot.press("k")
        session.log.append(_line(602, "something newer"))
        clock.forward(1.5)
        await pilot.pause(0.3)
        assert "602" not in screen.window.index
        await pilot.press("f")
        clock.forward(1.5)
        await eventually(lambda: screen.log_lines.cursor == "602")


async def test_the_end_stays_in_view_when_the_terminal_gets_smaller(tmp_path: Path) -> None:
    session = FakeSession()
    session.log.append(_line(601, "the very last"))
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await open_logs(pilot)
        await eventually(lambda: "the very last" in "\n".join(picture(app)))
        await pilot.resize_terminal(120, 20)
        await eventually(lambda: len(picture(app)) == 20)
        await eventually(lambda: "the very last" in "\n".join(picture(app)))


async def test_going_up_loads_older_pages_to_the_first_line(tmp_path: Path) -> None:
    app = console(tmp_path)
    async with shown(app) as pilot:
        screen = await open_logs(pilot)
        assert len(screen.window.lines) == 200
        for _ in range(3):
            await pilot.press("g")
            await pilot.pause(0.25)
        await eventually(lambda: screen.window.lines[0].cursor == "0" and not screen.window.more_before)
        assert len(screen.window.lines) == 600


async def test_level_and_service_filter_and_escape_shows_all_again(tmp_path: Path) -> None:
    session = FakeSession()
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_logs(pilot)
        await pilot.press("v", "v")
        await eventually(lambda: {line.level for line in screen.window.lines} == {"warning", "error"})
        assert "warning and worse" in "\n".join(picture(app))
        await pilot.press("s")
        await eventually(lambda: {line.service for line in screen.window.lines} == {"backfill"})
        await pilot.press("escape")
        await eventually(lambda: len({line.level for line in screen.window.lines}) > 2)
        asked = [query for query in session.asked if isinstance(query, LogPage)]
        assert (asked[-1].min_level, asked[-1].service) == ("debug", "")


async def test_searching_finds_what_is_not_loaded_and_goes_on_both_ways(tmp_path: Path) -> None:
    session = FakeSession()
    session.log = [_line(at) for at in range(600)]
    session.log[30] = _line(30, "the needle")
    session.log[590] = _line(590, "another Needle")
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_logs(pilot)
        await pilot.press("slash", *"needle", "enter")
        await eventually(lambda: screen.log_lines.cursor == "590")
        await pilot.press("N")
        await eventually(lambda: screen.log_lines.cursor == "30")
        assert "29" in screen.window.index
        assert "31" in screen.window.index
        await pilot.press("N")
        await eventually(lambda: "No further match" in toasts(app))
        await pilot.press("n")
        await eventually(lambda: screen.log_lines.cursor == "590")
        match = app.desk.inks.on_match.bgcolor
        lines = [screen.log_lines.render_line(y) for y in range(screen.log_lines.content_size.height)]
        assert any(segment.style and segment.style.bgcolor == match for line in lines for segment in line)


async def test_a_line_is_shown_in_full_with_its_traceback_and_copied(tmp_path: Path) -> None:
    session = FakeSession()
    session.log.append(_line(700, "request failed", level="error", exception="Traceback:\n  ValueError: 503"))
    app = console(tmp_path, session)
    async with shown(app, (80, 24)) as pilot:
        screen = await open_logs(pilot)
        await pilot.press("enter")
        await eventually(lambda: "ValueError: 503" in "\n".join(picture(app)))
        assert screen.panels.shown == "detail"
        await pilot.press("escape")
        assert screen.panels.shown == "lines"
        await pilot.press("y")
        assert "request failed" in app.clipboard
        assert "ValueError: 503" in app.clipboard


async def test_a_log_that_cannot_be_read_says_so_and_f_tries_again(tmp_path: Path) -> None:
    session = FakeSession()
    session.store_away = "the log cannot be read"
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        screen = await open_logs(pilot)
        await eventually(lambda: "the log cannot be read" in "\n".join(picture(app)))
        session.store_away = ""
        await pilot.press("f")
        if not screen.window.lines:
            await pilot.press("f")
        await eventually(lambda: screen.window.lines)


async def test_an_empty_log_says_so(tmp_path: Path) -> None:
    app = console(tmp_path, FakeSession(seeded=False))
    async with shown(app) as pilot:
        await open_logs(pilot)
        await eventually(lambda: "no line matches" in "\n".join(picture(app)))
        await pilot.press("o", "s", "n", "G", "enter", "y")
