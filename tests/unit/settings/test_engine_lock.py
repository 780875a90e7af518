"""One engine per data folder."""

import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from alphaplus_tui.errors import AlreadyRunning, ConfigError
from alphaplus_tui.settings.engine_lock import EngineInfo, acquire, running

HOLD = """
import sys
from pathlib import Path
from alphaplus_tui.settings.engine_lock import acquire
lock = acquire(Path(sys.argv[1]), sys.argv[2])
print("held", flush=True)
sys.stdin.readline()
lock.release()
"""


class Holder:
    """Another process that has the data folder."""

    def __init__(self, data: Path, what: str = "engine") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(data), what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "held\n"

    def let_go(self) -> None:
        self.process.communicate("\n", timeout=10)

    def __enter__(self) -> "Holder":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


def test_a_second_engine_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with Holder(tmp_path) as first:
        with pytest.raises(AlreadyRunning) as refused:
            acquire(tmp_path)
        assert f"pid {first.process.pid}" in str(refused.value)
        assert re.search(r"since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\)", str(refused.value))
    assert refused.value.exit_code == 75


def test_the_folder_is_free_again_after_the_first_let_go(tmp_path: Path) -> None:
    with Holder(tmp_path) as first:
        first.let_go()
        with acquire(tmp_path) as lock:
            assert lock.info.pid == os.getpid()
            found = running(tmp_path)
            assert found == lock.info
    assert running(tmp_path) is None
    assert not (tmp_path / "engine.json").exists()


def test_an_engine_that_was_killed_holds_nothing_although_its_file_is_still_there(tmp_path: Path) -> None:
    with Holder(tmp_path) as first:
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(timeout=10)
    assert (tmp_path / "engine.json").exists()
    assert running(tmp_path) is None
    acquire(tmp_path).release()


def test_a_console_waits_for_a_short_command_and_names_it(tmp_path: Path) -> None:
    seen: list[EngineInfo] = []
    with Holder(tmp_path, "export") as first:
        letting_go = threading.Thread(target=first.let_go)

        def on_wait(info: EngineInfo) -> None:
            seen.append(info)
            letting_go.start()

        with acquire(tmp_path, wait_for_command_s=30, on_wait=on_wait) as lock:
            assert not lock.info.is_command
        letting_go.join()
    assert [info.what for info in seen] == ["export"]
    assert "`alphaplus export`" in str(seen[0])


def test_an_engine_is_never_waited_for(tmp_path: Path) -> None:
    with Holder(tmp_path):
        started = time.monotonic()
        with pytest.raises(AlreadyRunning):
            acquire(tmp_path, wait_for_command_s=60)
        assert time.monotonic() - started < 30


def test_addresses_are_published_for_the_owner_alone(tmp_path: Path) -> None:
    with acquire(tmp_path) as lock:
        lock.publish(control_socket=tmp_path / "control.sock")
        lock.publish(api="http://127.0.0.1:8710")
        info = running(tmp_path)
        assert info is not None
        assert (info.control_socket, info.api) == (str(tmp_path / "control.sock"), "http://127.0.0.1:8710")
        for name in ("engine.lock", "engine.json"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_file_that_is_no_json_counts_as_unknown_holder(tmp_path: Path) -> None:
    with Holder(tmp_path):
        (tmp_path / "engine.json").write_text("garbage")
        with pytest.raises(AlreadyRunning, match="another AlphaPlus uses"):
            acquire(tmp_path)


def test_a_folder_that_is_not_there_is_a_wrong_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--data-dir"):
        acquire(tmp_path / "missing")
    assert running(tmp_path / "missing") is None
