"""Headless: a ready line, a run, a summary."""

import asyncio
import io
import json
import os
import subprocess
import sys
from typing import Any

import psutil
import pytest

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.errors import FatalError
from alphaplus_tui.headless.runner import run
from alphaplus_tui.headless.usage import UsageMeter
from alphaplus_tui.state.slices import CounterRow, DatabaseRow, GapRow, LatencyRow, ServiceRow
from alphaplus_tui.state.view import ONLY
from tests.fakes.engine import FakeEngine
from tests.support import eventually

KEYS = (
    *("event", "duration_s", "startup_s", "messages", "trades_received", "trades_committed", "trades_backfilled"),
    *("candles_closed", "gaps_open", "decisions", "signals", "restarts", "wire_to_state_ms", "wire_to_commit_ms"),
    *("event_loop_lag_ms", "peak_memory_mb", "cpu_seconds"),
)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def service(name: str, restarts: int) -> ServiceRow:
    return ServiceRow(
        name=name,
        state="RUNNING",
        health="OK",
        reason="",
        after=(),
        restarts=restarts,
        last_error="",
        running_since=1.0,
        next_try_at=None,
    )


async def test_the_first_line_is_ready_and_the_last_a_summary_with_every_promised_key() -> None:
    engine, out, stop = FakeEngine(), io.StringIO(), asyncio.Event()
    state = engine.session.state
    running = asyncio.create_task(run(engine, duration_s=None, stop=stop, out=out))
    await eventually(out.getvalue)
    for name, value in (("messages", 100.0), ("trades_received", 60.0), ("trades_committed", 59.0)):
        state.counters.put(name, CounterRow(name, value, 0.0))
    state.latencies.put("wire_to_state", LatencyRow("wire_to_state", 9, 0.1234, 0.2, 0.98765, 1.0, ()))
    state.services.put("a", service("a", 2))
    state.services.put("b", service("b", 1))
    instrument = InstrumentId("demo:A/B")
    state.gaps.put((instrument, 3), GapRow(instrument, 3, 4, 2, "", 0))
    stop.set()
    await running
    ready, summary = lines(out)
    assert ready == {"event": "ready", "api": None, "pid": os.getpid(), "startup_s": 0.25, "database": False}
    assert tuple(summary) == KEYS
    assert (summary["messages"], summary["trades_received"], summary["trades_committed"]) == (100, 60, 59)
    assert summary["wire_to_state_ms"] == {"p50": 0.123, "p99": 0.988}
    assert (summary["restarts"], summary["gaps_open"], summary["startup_s"]) == (3, 1, 0.25)
    assert summary["peak_memory_mb"] > 1
    assert summary["cpu_seconds"] > 0
    assert engine.calls == ["start", "stop"]


async def test_a_duration_ends_the_run_by_itself() -> None:
    out = io.StringIO()
    await run(FakeEngine(), duration_s=0.01, stop=asyncio.Event(), out=out)
    assert [line["event"] for line in lines(out)] == ["ready", "summary"]


async def test_the_end_of_a_recording_ends_the_run() -> None:
    engine, out = FakeEngine(), io.StringIO()
    engine.end.set()
    await run(engine, duration_s=None, stop=asyncio.Event(), out=out)
    assert [line["event"] for line in lines(out)] == ["ready", "summary"]


async def test_the_first_line_says_that_the_database_answers() -> None:
    engine, out = FakeEngine(), io.StringIO()
    connected = DatabaseRow("embedded", True, "", "18.1", 1, 25_000_000, 0.4, {}, 0, 0, 10**9)
    engine.session.state.database.put(ONLY, connected)
    await run(engine, duration_s=0.01, stop=asyncio.Event(), out=out)
    assert lines(out)[0]["database"] is True


async def test_a_stop_before_ready_still_stops_the_engine_and_sums_up() -> None:
    engine, out, stop = FakeEngine(hangs=True), io.StringIO(), asyncio.Event()
    running = asyncio.create_task(run(engine, duration_s=None, stop=stop, out=out))
    await eventually(lambda: engine.calls)
    stop.set()
    await running
    assert [line["event"] for line in lines(out)] == ["summary"]
    assert engine.calls == ["start", "stop"]


async def test_an_engine_that_cannot_start_is_stopped_and_says_why() -> None:
    engine, out = FakeEngine(fails=FatalError("no way")), io.StringIO()
    with pytest.raises(FatalError, match="no way"):
        await run(engine, duration_s=None, stop=asyncio.Event(), out=out)
    assert engine.calls == ["start", "stop"]
    assert out.getvalue() == ""


async def test_a_reader_that_went_away_does_no_harm() -> None:
    out = io.StringIO()
    out.close()
    engine = FakeEngine()
    await run(engine, duration_s=0.01, stop=asyncio.Event(), out=out)
    assert engine.calls == ["start", "stop"]


def test_children_count_but_the_demo_exchange_does_not() -> None:
    hold = "import sys; data = bytearray(b'x') * 60_000_000; print('up', flush=True); sys.stdin.readline()"
    alone = UsageMeter().sample().memory_mb

    def with_child(*arguments: str) -> float:
        child = subprocess.Popen(
            [sys.executable, "-c", hold, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout
        assert child.stdout.readline() == "up\n"
        memory_mb = UsageMeter().sample().memory_mb
        child.communicate("\n", timeout=10)
        return memory_mb

    assert with_child() - alone > 50
    assert with_child("alphaplus_tui.simulator") - alone < 30


def test_memory_is_shared_out_and_never_more_than_what_is_resident() -> None:
    meter = UsageMeter()
    usage = meter.sample()
    me = psutil.Process()
    # servers that other tests share are children of this process as well
    resident = sum(process.memory_info().rss for process in (me, *me.children(recursive=True)))
    assert 0 < usage.memory_mb <= resident / 1e6 * 1.2
    assert meter.peak_memory_mb == usage.memory_mb
