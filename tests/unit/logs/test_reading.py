"""The log is read back from disk in pages."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaplus_tui.logs import reader
from alphaplus_tui.logs.disk import LogFile
from alphaplus_tui.logs.reader import Filter, Page, read_page
from alphaplus_tui.logs.record import LogRecord, encode


def write(file: Path, events: list[str], *, max_bytes: int = 10_000_000, level: str = "info") -> None:
    log = LogFile(file, max_bytes=max_bytes)
    for event in events:
        record = LogRecord(1_700_000_000_000_000_000, level, "ingestion", event, {"number": 1, "path": 'a"b'})
        assert log.write(encode(record))
    log.close()


def events(page: Page) -> list[str]:
    return [line.record.event for line in page.lines]


def numbered(count: int) -> list[str]:
    return [f"event {number}" for number in range(count)]


def test_the_newest_page_comes_first_and_older_ones_follow_to_the_very_beginning(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    write(file, numbered(25))
    page = read_page(file, limit=10)
    assert events(page) == numbered(25)[15:]
    assert page.more
    page = read_page(file, before=page.lines[0].cursor, limit=10)
    assert events(page) == numbered(25)[5:15]
    page = read_page(file, before=page.lines[0].cursor, limit=10)
    assert events(page) == numbered(5)
    assert not page.more


def test_what_came_after_a_line_is_read_forwards(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    write(file, numbered(5))
    newest = read_page(file).lines[-1].cursor
    assert read_page(file, after=newest) == Page((), more=False)
    write(file, ["six", "seven", "eight"])
    page = read_page(file, after=newest, limit=2)
    assert events(page) == ["six", "seven"]
    assert page.more
    assert events(read_page(file, after=page.lines[-1].cursor)) == ["eight"]


@pytest.mark.parametrize("ts", ["400000000000000000000", "9223372036854775808", "-1"])
def test_a_line_of_a_time_that_no_calendar_has_is_none_of_ours(tmp_path: Path, ts: str) -> None:
    file = tmp_path / "a.log"
    write(file, ["good"])
    with file.open("a") as stream:
        stream.write(f'{{"ts":{ts},"level":"info","service":"ingestion","event":"evil"}}\n')
    write(file, ["better"])
    assert events(read_page(file)) == ["good", "better"]


def test_a_cursor_stays_good_when_the_file_is_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    write(file, numbered(10), max_bytes=10_000)
    cursor = read_page(file, limit=1).lines[0].cursor
    write(file, [f"later {number}" for number in range(60)], max_bytes=4_000)
    assert (tmp_path / "a.log.1").exists()
    assert events(read_page(file, before=cursor, limit=2)) == ["event 7", "event 8"]
    assert events(read_page(file, after=cursor, limit=60)) == [f"later {number}" for number in range(60)]


def test_a_cursor_whose_file_is_gone_goes_on_with_the_oldest_that_is_left(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    write(file, numbered(3))
    gone = "1f-17"
    assert events(read_page(file, before=gone)) == []
    assert events(read_page(file, after=gone)) == numbered(3)
    assert events(read_page(file, before="nonsense")) == []


def test_level_service_and_text_are_searched_for_whatever_the_case(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    write(file, ["Feed lost", "feed back"])
    write(file, ["FEED FAILED", "other"], level="error")
    assert events(read_page(file, Filter(search="feed"))) == ["Feed lost", "feed back", "FEED FAILED"]
    assert events(read_page(file, Filter(min_level="warning", search="feed"))) == ["FEED FAILED"]
    assert events(read_page(file, Filter(service="ingestion", search="lost"))) == ["Feed lost"]
    assert events(read_page(file, Filter(service="other"))) == []
    assert len(read_page(file, Filter(search='a"b')).lines) == 4


def test_torn_and_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    write(file, ["one"])
    with file.open("ab") as stream:
        stream.write(b'garbage\n{"ts": 1}\n\n\xff\xfe\n{"ts":1,"level":"in')
    assert events(read_page(file)) == ["one"]
    write(file, ["two"])
    assert events(read_page(file)) == ["one", "two"]
    first = read_page(file).lines[0].cursor
    assert events(read_page(file, after=first)) == ["two"]


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert read_page(tmp_path / "none.log") == Page((), more=False)


def test_a_search_without_end_gives_up_and_says_that_there_is_more(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    write(file, numbered(5))
    assert read_page(file, Filter(search="nowhere"), give_up_after_s=-1).more


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(0, 40), max_size=30), block=st.integers(1, 64), limit=st.integers(1, 7))
def test_paging_backwards_meets_every_line_once_whatever_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], block: int, limit: int
) -> None:
    file = tmp_path_factory.mktemp("log") / "a.log"
    written = [f"{number}:" + "x" * length for number, length in enumerate(lengths)]
    write(file, written, max_bytes=700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_BLOCK", block)
        kept: list[str] = []
        cursor: str | None = None
        while True:
            page = read_page(file, before=cursor, limit=limit)
            kept = events(page) + kept
            if not page.more:
                break
            cursor = page.lines[0].cursor
    assert kept == written[len(written) - len(kept) :]
    assert len(kept) == len(written) or (file.parent / "a.log.5").exists()
