"""A console on an AlphaPlus elsewhere: it looks like any other, until the connection is lost."""

from functools import partial
from pathlib import Path

from alphaplus_tui.remote.channel import meet_on_socket
from alphaplus_tui.remote.server import ControlServer
from alphaplus_tui.remote.session import RemoteSession
from alphaplus_tui.session.commands import RestartService
from alphaplus_tui.settings.sections import UiSettings
from alphaplus_tui.state.slices import NoticeRow
from alphaplus_tui.tui.app import ConsoleApp
from alphaplus_tui.tui.layout import Layout, save_layout
from tests.fakes.demo_rows import NOW
from tests.fakes.session import FakeSession
from tests.support import eventually
from tests.tui.support import open_logs, open_services, picture, shown, toasts, until_painted


def attached(folder: Path, remote: RemoteSession) -> ConsoleApp:
    save_layout(folder, Layout(welcomed=True))
    return ConsoleApp(remote, UiSettings(), {}, folder=folder, clock=remote.clock)


def visit(folder: Path) -> RemoteSession:
    return RemoteSession(partial(meet_on_socket, folder / "c.sock"), "the demo of a test")


async def test_every_screen_works_and_wishes_and_questions_travel(tmp_path: Path) -> None:
    local = FakeSession()
    async with ControlServer(local, tmp_path / "c.sock"), visit(tmp_path) as remote:
        app = attached(tmp_path, remote)
        async with shown(app) as pilot:
            await until_painted(pilot)
            assert "attached" in picture(app)[0]
            assert any("the demo of a test; q leaves that one running" in text for text in toasts(app))
            assert any("BTC/USDT" in line and "64,210.50" in line for line in picture(app))
            for key in "23":
                await pilot.press(key)
                await pilot.pause()
            screen = await open_services(pilot)
            await pilot.press("r", "y")
            await eventually(lambda: local.sent == [RestartService(screen.services.cursor)])
            await open_logs(pilot)
            assert any(local.log[-1].event in line for line in picture(app))


async def test_a_lost_connection_is_said_and_nothing_is_shown_as_live(tmp_path: Path) -> None:
    local = FakeSession()
    server = ControlServer(local, tmp_path / "c.sock")
    await server.__aenter__()
    async with visit(tmp_path) as remote:
        app = attached(tmp_path, remote)
        async with shown(app) as pilot:
            await until_painted(pilot)
            await server.__aexit__(None, None, None)
            await eventually(lambda: "connection lost, trying again" in picture(app)[0])
            assert "feed" not in picture(app)[0]
            assert not any("● live" in line or "─ live ·" in line for line in picture(app))
            assert any("BTC/USDT" in line and "64,210.50" in line for line in picture(app))
            async with ControlServer(local, tmp_path / "c.sock"):
                await eventually(lambda: "attached" in picture(app)[0])
                assert "feed" in picture(app)[0]


async def test_notices_of_an_engine_that_starts_anew_are_heard_and_old_ones_are_not(tmp_path: Path) -> None:
    first, second = FakeSession(seeded=False), FakeSession(seeded=False)
    first.store.notices.put(7, NoticeRow(7, "warning", "Old", "was there before", NOW))
    second.store.notices.put(0, NoticeRow(0, "warning", "New", "counts from the beginning", NOW + 1))
    server = ControlServer(first, tmp_path / "c.sock")
    await server.__aenter__()
    async with visit(tmp_path) as remote:
        app = attached(tmp_path, remote)
        async with shown(app) as pilot:
            await until_painted(pilot)
            await server.__aexit__(None, None, None)
            async with ControlServer(second, tmp_path / "c.sock"):
                await eventually(lambda: "counts from the beginning" in toasts(app))
                assert "was there before" not in toasts(app)
