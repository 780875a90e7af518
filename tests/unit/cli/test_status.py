"""What ``alphaplus status`` prints."""

from pathlib import Path

from alphaplus_tui.cli.status import describe
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.state.slices import (
    ConnectionRow,
    DatabaseRow,
    FeedRow,
    FeedState,
    GapRow,
    Mode,
    ServiceRow,
    SystemRow,
)
from alphaplus_tui.state.store import StateStore
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.wire.control import status_of

BTC, ETH = InstrumentId("demo:BTC/USDT"), InstrumentId("demo:ETH/USDT")


def told(state: StateStore) -> str:
    return "\n".join(describe(status_of(state, pid=7, monotonic=1000.0), Path("/d")))


def test_everything_that_needs_a_look_is_named() -> None:
    state = StateStore()
    state.system.put(ONLY, SystemRow(Mode.DEMO, "0.1.0", "demo", 1, 1.25, 1, 0.0, stopping=True))
    for row in (
        ServiceRow("ingestion", "RUNNING", "OK", "", (), 0, "", 935.0, None),
        ServiceRow("candles", "BACKING_OFF", "DEGRADED", "", (), 3, "ev\x1b[2Jil", None, 1001.0),
    ):
        state.services.put(row.name, row)
    state.feeds.put(BTC, FeedRow(BTC, FeedState.LIVE, "", 1))
    state.feeds.put(ETH, FeedRow(ETH, FeedState.STALE, "silent for 9 s", 1))
    state.connections.put("demo#1", ConnectionRow("demo#1", "demo", False, "reset", 2, 1, 1))
    state.gaps.put((BTC, 1), GapRow(BTC, 1, 40, 40, "", 1))
    database = DatabaseRow("embedded", True, "", "18.1", 1, 25_000_000, 0.4, {}, 3_000_000, 12, 10**9)
    state.database.put(ONLY, database)
    text = told(state)
    assert "AlphaPlus 0.1.0  DEMO  demo  ready in 1.2 s  stopping" in text
    assert "ingestion  RUNNING      OK      1m 5s" in text
    assert "candles    BACKING_OFF  -       -      3         ev [2Jil" in text
    assert "feeds     1 LIVE, 1 STALE" in text
    assert "demo:ETH/USDT  STALE  silent for 9 s" in text
    assert "connection demo#1 is down: reset" in text
    assert "gaps      1 open, 40 trades missing" in text
    assert "database  embedded 18.1, connected, answers in 0.4 ms, 25.0 MB" in text
    assert "waiting: 12 rows in memory, 3.0 MB on disk" in text


def test_a_database_that_has_not_answered_yet_is_said_to_be_away_and_no_more() -> None:
    state = StateStore()
    state.database.put(ONLY, DatabaseRow("", False, "not connected", "", 0, 0, None, {}, 0, 181, 10**9))
    lines = told(state).splitlines()
    assert "database  AWAY: not connected" in lines
    assert "          waiting: 181 rows in memory, 0.0 MB on disk" in lines


def test_an_engine_that_has_just_begun_has_little_to_tell() -> None:
    text = told(StateStore())
    assert "pid 7  data /d" in text
    assert "feeds     none yet" in text
    assert "gaps      none" in text
    assert "database  not looked at yet" in text
