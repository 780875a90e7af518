"""The console in a real browser, on an engine that was started for it, or on one that runs already."""

import signal
from pathlib import Path

import psutil
import pytest

from alphaplus_tui.settings.engine_lock import running
from tests.e2e.browser import browser
from tests.e2e.harness import data_folder, run, started
from tests.e2e.terminal import FEW
from tests.support import eventually

WEB = ("--demo", "web", "--port", "0", "--json")
QUIET = {**FEW, "ALPHAPLUS_API__ENABLED": "false"}


@pytest.mark.timeout(240)
async def test_the_console_opens_in_a_browser_and_takes_keys_there(tmp_path: Path) -> None:
    async with started(tmp_path, *WEB, extra=QUIET) as web, browser(tmp_path / "profile") as seen:
        link = await web.line("link", within_s=120)
        engine = running(data_folder(tmp_path))
        assert engine is not None
        await seen.open(link["link"])
        await eventually(lambda: seen.shows("Watchlist") and seen.shows("feed 2/2"), within_s=60)
        assert await seen.evaluate("location.href") == link["url"] + "/"
        assert await seen.evaluate("document.cookie") == ""
        before = await seen.picture()
        await seen.press("4")
        await eventually(lambda: seen.shows("Connections"), within_s=30)
        assert await seen.picture() != before
        port = link["url"].rpartition(":")[2]
        assert seen.asked
        assert all(f"//127.0.0.1:{port}/" in address for address in seen.asked)
        assert not seen.complaints
        assert (await web.line("link"))["link"] != link["link"]

        family = [process for process in web.family() if process.pid != web.pid]
        assert len(family) > 2
        web.send(signal.SIGTERM)
        assert (await web.ends(within_s=40)).code == 143
        await eventually(lambda: not [process for process in family if process.is_running()], within_s=20)
        assert running(data_folder(tmp_path)) is None


@pytest.mark.timeout(240)
async def test_an_engine_that_runs_already_is_shown_and_left_running(tmp_path: Path) -> None:
    async with started(tmp_path, "--headless", "--demo", extra=QUIET) as engine:
        await engine.line("ready", within_s=90)
        async with started(tmp_path, *WEB, extra=QUIET) as web, browser(tmp_path / "profile") as seen:
            await seen.open((await web.line("link", within_s=60))["link"])
            await eventually(lambda: seen.shows("feed 2/2"), within_s=60)
            consoles = psutil.Process(web.pid).children()
            assert len(consoles) == 1
            web.send(signal.SIGKILL)
            await eventually(lambda: not consoles[0].is_running(), within_s=30)
        await engine.until(lambda status: status.system is not None and not status.system.stopping)


async def test_an_address_that_others_reach_wants_to_be_meant(tmp_path: Path) -> None:
    refused = await run(tmp_path, "--demo", "web", "--host", "0.0.0.0")
    assert (refused.code, refused.stdout) == (2, "")
    assert "--allow-remote" in refused.stderr
