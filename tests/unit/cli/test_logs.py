"""What ``alphaplus logs`` reads and prints."""

from pathlib import Path

from alphaplus_tui.cli.logs import describe, later, newest
from alphaplus_tui.logs.disk import LogFile
from alphaplus_tui.logs.reader import Filter
from alphaplus_tui.logs.record import LogRecord, encode

TS = 1_700_000_000_123_456_789


def write(file: Path, *records: LogRecord, max_bytes: int = 10_000_000) -> None:
    log = LogFile(file, max_bytes=max_bytes)
    for record in records:
        assert log.write(encode(record))
    log.close()


def said(event: str, *, level: str = "info", service: str = "ingestion") -> LogRecord:
    return LogRecord(TS, level, service, event)


def events(records: list[LogRecord]) -> list[str]:
    return [record.event for record in records]


def test_a_line_says_when_how_bad_who_and_what_and_a_traceback_follows_it() -> None:
    record = LogRecord(TS, "error", "backfill", "gave_up", {"symbol": "BTC/USDT", "tries": 3}, "Traceback:\n  why")
    assert list(describe(record)) == [
        "2023-11-14T22:13:20.123Z  ERROR     backfill        gave_up  symbol=BTC/USDT  tries=3",
        "    Traceback:",
        "      why",
    ]


def test_a_file_that_somebody_tampered_with_cannot_command_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\u202e\x9b2J"
    lines = list(describe(LogRecord(TS, evil, evil, evil, {evil: evil}, f"{evil}\r\n{evil}")))
    assert len(lines) == 3
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set("".join(lines))


def test_only_the_newest_wanted_lines_are_found_and_the_last_one_counts(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    write(file, *(said(f"bad {n}", level="error") for n in range(3)), said("good"), said("worst", level="critical"))
    found, cursor = newest(file, Filter("error"), 3)
    assert events(found) == ["bad 1", "bad 2", "worst"]
    assert list(later(file, cursor)) == []
    assert events(newest(file, Filter("debug", "nobody"), 3)[0]) == []


def test_nothing_is_told_twice_or_lost_while_the_log_grows_and_is_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    write(file, said("first"))
    found, cursor = newest(file, Filter("error"), 10)
    assert found == []
    heard: list[str] = []
    for start in range(0, 900, 300):
        write(file, *(said(f"line {n}") for n in range(start, start + 300)), max_bytes=30_000)
        for record, place in later(file, cursor):
            heard.append(record.event)
            cursor = place
    assert heard == [f"line {n}" for n in range(900)]
    assert (tmp_path / "a.log.1").exists()


def test_what_is_written_into_a_log_that_was_not_there_is_heard_from_its_first_line(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    found, cursor = newest(file, Filter(), 10)
    assert found == []
    write(file, said("first"), said("second"))
    assert [record.event for record, _ in later(file, cursor)] == ["first", "second"]
