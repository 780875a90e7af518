"""Errors become a sentence on stderr and an exit code."""

import os
import subprocess
import sys

import pytest

from alphaplus_tui.cli.guard import guarded
from alphaplus_tui.errors import AlphaPlusError, AlreadyRunning, ConfigError, StoreUnavailable, UsageError


def code_of(error: BaseException) -> object:
    with pytest.raises(SystemExit) as left, guarded():
        raise error
    return left.value.code


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("no such file"), 2, "Wrong usage: no such file\n"),
        (AlreadyRunning("pid 7"), 75, "Already running: pid 7\n"),
        (ConfigError("a = 1\nb = 2"), 78, "Wrong configuration:\n  a = 1\n  b = 2\n"),
        (StoreUnavailable("away"), 1, "Database unavailable: away\n"),
        (AlphaPlusError("ev\x1b[2Jil"), 1, "AlphaPlus failed: ev [2Jil\n"),
        (FileNotFoundError(2, "No such file", "x.csv"), 1, "AlphaPlus failed: [Errno 2] No such file: 'x.csv'\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_each_error_has_its_sentence_and_its_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(error) == code
    out, err = capsys.readouterr()
    assert (out, err) == ("", said)


def test_a_defect_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), guarded():
        _ = 1 // 0


def test_a_reader_that_went_away_ends_the_command_without_a_word() -> None:
    code = (
        "from alphaplus_tui.cli.guard import guarded\n"
        "with guarded():\n    [print('x' * 999, flush=True) for _ in range(99)]"
    )
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (1, b"")
