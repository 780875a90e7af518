"""Names and texts from outside that want to be more than text."""

from pathlib import Path

import pytest

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.session.queries import LogLine
from alphaplus_tui.state import slices as rows
from alphaplus_tui.state.slices import NoticeRow
from tests.fakes.demo_rows import NOW, TIMEFRAMES, walk
from tests.fakes.session import FakeSession
from tests.support import eventually
from tests.tui.support import console, open_logs, open_services, picture, shown, until_painted

EVIL = [
    "[/USDT]",
    "[@click=app.exit]BTC[/]",
    "\x1b]52;c;ZXZpbA==\x07/USDT",
    "\x1b[2J\x9b31mRED",
    "BTC\r\nUSDT\x00\x7f",
    "\u202eTDSU/CTB",
    "[bold red",
    "猫猫/猫猫猫猫猫猫猫",
    "e\u0301" * 40,
    "x" * 5000,
]
BAD = {"\x1b", "\x07", "\x9b", "\x00", "\x7f", "\r", "\n", "\u202e"}


def _spoil(session: FakeSession, text: str) -> None:
    name = InstrumentId(f"demo:{text}")
    store = session.store
    store.instruments.put(name, rows.InstrumentRow(Instrument("demo", text, text, text, text, 0.01, 0.01), -1))
    store.prices.put(name, rows.PriceRow(name, last=1.5, ts_recv=NOW, sparkline=(1.0, 2.0)))
    candles = walk(name, TIMEFRAMES[0], 1.5, NOW, 60)
    store.charts.put((name, TIMEFRAMES[0]), rows.ChartRow(name, TIMEFRAMES[0], tuple(candles[:-1]), candles[-1]))
    store.feeds.put(name, rows.FeedRow(name, rows.FeedState.RECONNECTING, text, NOW))
    store.connections.put(text, rows.ConnectionRow(text, text, False, text, 1, 0, NOW))
    store.gaps.put((name, 1), rows.GapRow(name, 1, 9, 9, text, NOW))
    store.services.put(text, rows.ServiceRow(text, "FAILED", "DEGRADED", text, (), 1, text, None, None))
    store.latencies.put(text, rows.LatencyRow(text, 1, 1.0, 1.0, 1.0, 1.0, ((1.0, 1),)))
    store.counters.put(text, rows.CounterRow(text, 1, 1))
    session.log.append(LogLine("900", NOW, "error", text, text, ((text, text),), text))


def _check(screen: list[str]) -> None:
    for line in screen:
        assert not BAD & set(line)


@pytest.mark.parametrize("text", EVIL, ids=range(len(EVIL)))
async def test_hostile_text_is_shown_as_text_on_every_screen(tmp_path: Path, text: str) -> None:
    session = FakeSession()
    _spoil(session, text)
    app = console(tmp_path, session)
    async with shown(app) as pilot:
        await until_painted(pilot)
        await pilot.press("g")
        _check(picture(app))
        await pilot.click("#watchlist", offset=(5, 2))
        session.store.notices.put(1, NoticeRow(1, "error", text, text, NOW))
        await pilot.pause(0.6)
        _check(picture(app))
        await pilot.press("ctrl+n")
        await pilot.pause()
        _check(picture(app))
        await pilot.press("escape", "y")
        assert not {"\x1b", "\x07", "\x00"} & set(app.clipboard)
        screen = await open_services(pilot)
        screen.services.go(text)
        await pilot.press("r")
        await pilot.pause()
        _check(picture(app))
        await pilot.press("n")
        logs = await open_logs(pilot)
        await eventually(lambda: logs.log_lines.cursor == "900")
        await pilot.press("s")
        await pilot.pause(0.3)
        _check(picture(app))
        await pilot.press("Y", "ctrl+o")
        await pilot.pause(0.5)
        _check(picture(app))
        assert app.is_running
