"""Two AlphaPlus on one database: each follows its half, and when one is killed the other follows everything."""

import asyncio
import json
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from alphaplus_tui.state.slices import FeedState
from alphaplus_tui.storage.embedded import ServerAddress
from alphaplus_tui.wire.control import Status
from tests.e2e.harness import exported, pointed_at, run, started
from tests.e2e.truth import compare_trades, read_journal
from tests.integration.storage.server import new_database, server
from tests.support_simulator import running_simulator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240), pytest.mark.xdist_group("machine")]
__all__ = ["server"]

SYMBOLS = 40


async def symbols_of(rest_url: str) -> str:
    async with aiohttp.ClientSession() as web, web.get(f"{rest_url}/api/v3/exchangeInfo") as answer:
        found = json.loads(await answer.text())["symbols"]
    return ",".join(f"{row['baseAsset']}/{row['quoteAsset']}" for row in found)


async def run_for(seconds: float) -> None:
    """The market goes on meanwhile."""
    await asyncio.sleep(seconds)


def follows(status: Status, count: int) -> bool:
    live = [feed for feed in status.feeds if feed.state is FeedState.LIVE]
    database = status.database
    written = database is not None and database.connected and not database.spool_bytes
    return written and len(live) == len(status.feeds) == count and not any(gap.reason == "" for gap in status.gaps)


async def test_when_one_of_two_is_killed_every_trade_is_stored_once_all_the_same(
    tmp_path: Path, server: ServerAddress
) -> None:
    journal, homes = tmp_path / "journal.csv", (tmp_path / "one", tmp_path / "two")
    url = await new_database(server)
    async with running_simulator(symbols=SYMBOLS, rate=600, journal=journal) as market:
        settings = {
            **pointed_at(market.rest_url, market.ws_url),
            "ALPHAPLUS_EXCHANGE__SYMBOLS": await symbols_of(market.rest_url),
            "ALPHAPLUS_DATABASE__URL": url,
            "ALPHAPLUS_SHARDING__ENABLED": "true",
            "ALPHAPLUS_INFERENCE__ENABLED": "false",
        }
        for home in homes:
            home.mkdir()
        async with (
            started(homes[0], "--headless", extra=settings) as one,
            started(homes[1], "--headless", extra=settings) as two,
        ):
            await one.line("ready", within_s=90)
            await two.line("ready", within_s=90)
            halves = [await program.until(lambda status: follows(status, SYMBOLS // 2)) for program in (one, two)]
            names = [{feed.instrument for feed in status.feeds} for status in halves]
            assert not names[0] & names[1]
            assert len(names[0] | names[1]) == SYMBOLS
            await run_for(3)  # every symbol has had its first trade by then
            from_ms = round(time.time() * 1000)
            await run_for(2)
            one.send(signal.SIGKILL)
            killed_at = time.monotonic()
            await one.ends()
            await two.until(lambda status: len(status.feeds) == SYMBOLS)
            taken_after_s = time.monotonic() - killed_at
            await two.until(lambda status: follows(status, SYMBOLS))
            until_ms = round(time.time() * 1000)
            await run_for(2)
            await two.until(lambda status: follows(status, SYMBOLS))
            two.send(signal.SIGTERM)
            ended = await two.ends(within_s=60)
            assert ended.code == 143, ended.stderr
        print(f"taken over after {taken_after_s:.1f} s")
        trades = compare_trades(
            await exported(homes[1], "trades", extra=settings),
            read_journal(journal),
            from_ms=from_ms,
            until_ms=until_ms,
        )
        assert not trades.differences, "\n".join(trades.differences)
        assert trades.trades > 500


async def test_what_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    done = await run(tmp_path, "--headless", "--demo", extra={"ALPHAPLUS_SHARDING__ENABLED": "true"})
    assert done.code == 78
    assert "sharding.enabled" in done.stderr
    assert "database.url is 'embedded'" in done.stderr
