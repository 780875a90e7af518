"""What is logged reaches the file, the ring and nobody else, and never harms the program."""

import json
import logging
import os
import stat
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from alphaplus_tui.logs.disk import LogFile
from alphaplus_tui.logs.setup import Logs
from alphaplus_tui.logs.storm import StormGuard

log: structlog.typing.FilteringBoundLogger = structlog.get_logger("alphaplus_tui.services.example")


def fail(text: str) -> None:
    raise ValueError(text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "alphaplus.log"


@pytest.fixture
def logs(file: Path) -> Iterator[Logs]:
    with Logs(file=file, secrets=["canary-55"]) as logs:
        yield logs


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.usefixtures("logs")
def test_a_line_is_json_with_event_fields_level_and_who_said_it(file: Path) -> None:
    log.info("feed back", exchange="demo", after_s=1.5, symbols=("A/B",), nothing=None, whole=True)
    log.warning("gap", service="continuity")
    first, second = lines(file)
    assert first["fields"] == {"exchange": "demo", "after_s": 1.5, "symbols": ["A/B"], "nothing": None, "whole": True}
    assert (first["level"], first["service"], first["event"]) == ("info", "example", "feed back")
    assert first["time"].endswith("+00:00")
    assert first["ts"] > 1_700_000_000_000_000_000
    assert (second["level"], second["service"], second.get("fields")) == ("warning", "continuity", None)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_ring_has_the_same_and_tells_what_is_new(logs: Logs) -> None:
    log.info("one")
    seen = logs.ring.count
    log.info("two", n=2)
    (record,) = logs.ring.after(seen)
    assert (record.event, record.texts) == ("two", (("n", "2"),))
    assert logs.ring.after(logs.ring.count) == ()


@pytest.mark.usefixtures("logs")
def test_no_secret_is_written_wherever_it_stands(file: Path) -> None:
    class Holder:
        def __str__(self) -> str:
            return "canary-55"

    log.info("url postgresql://me:canary-1@db/x", url="https://a:canary-2@b/?x=1&token=canary-3&y=2")
    log.info("named", api_key="canary-4", nested={"password": "canary-5", "deep": [{"Authorization": "canary-6"}]})
    log.info("typed", value=SecretStr("canary-7"), header="Bearer canary-8-abcdef", text="password: canary-9")
    log.info("known canary-55", where=Holder())
    secret_in_a_frame = "canary-10"
    try:
        fail(f"postgres://me:{secret_in_a_frame}@db")
    except ValueError:
        log.exception("failed")
    text = file.read_text()
    assert "canary" not in text
    assert "***" in text
    assert "&y=2" in text


@pytest.mark.usefixtures("logs")
def test_control_characters_and_bidi_never_reach_the_file(file: Path) -> None:
    log.info("a\x1b[31mb\nc", text="x\u202ey", **{"na\x07me": "v"})
    try:
        fail("one\x1b]52;c\x07 two")
    except ValueError:
        log.exception("failed")
    first, second = lines(file)
    assert (first["event"], first["fields"]) == ("a [31mb c", {"text": "x y", "na me": "v"})
    assert "\x1b" not in second["exception"]
    assert second["exception"].splitlines()[-1] == "ValueError: one ]52;c  two"


@pytest.mark.usefixtures("logs")
def test_values_that_cannot_be_written_do_no_harm(file: Path) -> None:
    class Bad:
        def __str__(self) -> str:
            raise RuntimeError

    circle: list[object] = []
    circle.append(circle)
    log.info("odd", bad=Bad(), circle=circle, big=2**100, nan=float("nan"), lone="\ud800", many=list(range(1000)))
    (line,) = lines(file)
    assert "cannot be written" in line["fields"]["bad"]
    assert line["fields"]["nan"] == "nan"
    assert len(line["fields"]["many"]) == 50


@pytest.mark.usefixtures("logs")
def test_the_stacks_of_all_threads_keep_their_lines_and_their_end(file: Path) -> None:
    log.error("stalled", stacks="\n".join(f"frame {number}" for number in range(5_000)), silent_s=2)
    (line,) = lines(file)
    assert line["fields"] == {"silent_s": 2}
    assert line["exception"].splitlines()[-2:] == ["frame 4998", "frame 4999"]
    assert len(line["exception"]) < 17_000


@pytest.mark.usefixtures("logs")
def test_other_libraries_and_warnings_end_in_the_same_file(file: Path) -> None:
    logging.getLogger("websockets.client").warning("handshake with %s failed", "demo")
    logging.getLogger("websockets.client").info("weather")
    ours = next(handler for handler in logging.getLogger().handlers if "alphaplus" in type(handler).__module__)
    ours.handle(
        logging.makeLogRecord(
            {"name": "broken", "levelname": "ERROR", "levelno": 40, "msg": "needs %d", "args": ("text",)}
        )
    )
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
    said = [(line["service"], line["level"], line["event"]) for line in lines(file)]
    assert said[:2] == [
        ("websockets.client", "warning", "handshake with demo failed"),
        ("broken", "error", "needs %d"),
    ]
    assert "DeprecationWarning: old way" in said[2][2]


def test_below_the_level_nothing_is_written(file: Path) -> None:
    with Logs(file=file, level="warning"):
        log.info("quiet")
        log.warning("loud")
    assert [line["event"] for line in lines(file)] == ["loud"]


def test_a_storm_is_cut_short_and_counted_while_others_still_speak(file: Path) -> None:
    with Logs(file=file, storm=StormGuard(burst=3, window_s=3600)) as logs:
        for number in range(50):
            log.info("the same", number=number)
        log.info("something else")
    said = lines(file)
    assert [line["event"] for line in said] == ["the same"] * 3 + ["something else", "log_lines_left_out"]
    assert said[-1]["fields"] == {"of": "example: the same", "lines": 47}
    assert logs.left_out == 47


def test_a_storm_of_ever_new_events_is_cut_short_as_well() -> None:
    guard = StormGuard(burst=3, overall=10)
    assert sum(guard.lets_pass(f"event {number}", 0.0) for number in range(5_000)) == 10
    assert guard.over(0.5) == []
    assert guard.over(1.0) == [("events of all kinds", 4_990)]
    assert guard.lets_pass("event 1", 1.0)


def test_a_full_file_is_put_aside_and_five_are_kept(file: Path) -> None:
    written = LogFile(file, max_bytes=100)
    for number in range(40):
        written.write(f"{number:>29}\n".encode())
    written.close()
    names = sorted(path.name for path in file.parent.iterdir())
    assert names == ["alphaplus.log"] + [f"alphaplus.log.{number}" for number in range(1, 6)]
    assert all(path.stat().st_size <= 100 for path in file.parent.iterdir())
    assert file.read_text().split()[-1] == "39"
    assert (file.parent / "alphaplus.log.1").read_text().split()[-1] == "38"


def test_a_full_disk_costs_lines_that_are_counted_and_nothing_else(tmp_path: Path) -> None:
    code = """
import json, resource, signal, sys
from pathlib import Path
import structlog
from alphaplus_tui.logs.setup import Logs
from alphaplus_tui.logs.storm import StormGuard
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = Path(sys.argv[1])
log = structlog.get_logger("x")
with Logs(file=file, storm=StormGuard(burst=10**6, overall=10**6)):
    log.info("before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 20, hard))
    for number in range(7):
        log.info("into a full disk")
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.info("after")
"""
    file = tmp_path / "alphaplus.log"
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, capture_output=True)
    readable: list[dict[str, Any]] = []
    torn = 0
    for line in file.read_text().splitlines():
        try:
            readable.append(json.loads(line))
        except ValueError:
            torn += 1
    assert [line["event"] for line in readable] == ["before", "after", "log_lines_lost"]
    assert readable[-1]["fields"]["lines"] == 7
    assert torn == 1


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    with Logs(file=tmp_path / "missing" / "a.log") as logs:
        log.info("unheard")
    assert logs.left_out == 1
    assert [record.event for record in logs.ring.after(0)] == ["unheard"]


def test_many_threads_write_whole_lines(file: Path) -> None:
    with Logs(file=file, storm=StormGuard(burst=10**6, overall=10**6)):
        threads = [
            threading.Thread(target=lambda: [log.info("t", text="x" * 500) for _ in range(50)]) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(lines(file)) == 400


HEADLESS = """
import sys
from pathlib import Path
import structlog
from alphaplus_tui.logs.setup import Logs
from alphaplus_tui.logs.storm import StormGuard
with Logs(file=Path(sys.argv[1]), to_stderr=True, storm=StormGuard(burst=10**6, overall=10**6)):
    log = structlog.get_logger("x")
    log.info("quiet")
    for number in range(int(sys.argv[2])):
        log.warning("loud", number=number, text="y" * 200)
"""


def test_headless_says_warnings_on_stderr_and_nothing_on_stdout(file: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", HEADLESS, str(file), "2"], capture_output=True, text=True, check=True
    )
    assert result.stdout == ""
    assert [line.split()[:3] for line in result.stderr.splitlines()] == [["WARNING", "x:", "loud"]] * 2


def test_a_parent_that_does_not_read_our_stderr_cannot_block_us(file: Path) -> None:
    reader, writer = os.pipe()
    try:
        subprocess.run([sys.executable, "-c", HEADLESS, str(file), "2000"], stderr=writer, check=True, timeout=60)
    finally:
        os.close(reader)
        os.close(writer)
    assert len(lines(file)) == 2001
