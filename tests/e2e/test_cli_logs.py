"""The log on the command line, with nobody running."""

import json
import signal
from pathlib import Path

import pytest

from alphaplus_tui.logs.disk import LogFile
from alphaplus_tui.logs.record import LogRecord, decode, encode
from tests.e2e.harness import data_folder, run, started

TS = 1_700_000_000_000_000_000


def write(home: Path, *records: LogRecord) -> Path:
    file = data_folder(home) / "logs" / "alphaplus.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    log = LogFile(file, max_bytes=1_000_000)
    for record in records:
        assert log.write(encode(record))
    log.close()
    return file


async def test_the_log_of_an_alphaplus_that_ended_is_shown_filtered_and_as_json(tmp_path: Path) -> None:
    write(
        tmp_path,
        LogRecord(TS, "info", "ingestion", "connected", {"streams": 4}),
        LogRecord(TS, "warning", "ingestion", "lost", {"why": "\u202eno route"}),
        LogRecord(TS, "error", "database", "away"),
    )
    everything = await run(tmp_path, "logs", "--demo")
    assert (everything.code, everything.stderr) == (0, "")
    assert everything.stdout.splitlines()[0] == "2023-11-14T22:13:20Z  INFO      ingestion       connected  streams=4"
    assert "\u202e" not in everything.stdout
    chosen = await run(tmp_path, "logs", "--demo", "--level", "warning", "--service", "ingestion", "--json")
    (line,) = chosen.stdout.splitlines()
    assert line.isascii()
    record = decode(line.encode())
    assert record is not None
    assert (record.event, record.fields) == ("lost", {"why": "\u202eno route"})
    newest = await run(tmp_path, "logs", "--demo", "--limit", "1", "--json")
    assert newest.last["event"] == "away"
    assert len(newest.stdout.splitlines()) == 1


async def test_without_a_log_it_is_said_where_one_would_be(tmp_path: Path) -> None:
    done = await run(tmp_path, "logs", "--demo")
    assert (done.code, done.stdout) == (1, "")
    assert str(data_folder(tmp_path) / "logs" / "alphaplus.log") in done.stderr


async def test_a_service_that_said_nothing_is_named_with_those_that_did(tmp_path: Path) -> None:
    write(tmp_path, LogRecord(TS, "info", "ingestion", "connected"))
    done = await run(tmp_path, "logs", "--demo", "--service", "ingest")
    assert (done.code, done.stdout) == (0, "")
    assert done.stderr == "no line of service 'ingest'; did you mean 'ingestion'?\n"


async def test_a_level_that_is_none_is_refused(tmp_path: Path) -> None:
    done = await run(tmp_path, "logs", "--demo", "--level", "loud")
    assert (done.code, done.stdout) == (2, "")
    assert "warning" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"])
async def test_it_follows_what_is_written_until_a_signal_ends_it(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    write(tmp_path, LogRecord(TS, "info", "candles", "before"))
    async with started(tmp_path, "logs", "--demo", "--follow", "--level", "info", "--json") as program:
        await program.line("before")
        write(tmp_path, LogRecord(TS, "debug", "candles", "unwanted"), LogRecord(TS, "info", "candles", "after"))
        await program.line("after")
        program.send(number)
        done = await program.ends()
    assert (done.code, done.stderr) == (code, "")
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["before", "after"]
