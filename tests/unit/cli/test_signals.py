"""Signals end a command in order; a second Ctrl-C ends it at once."""

import signal
import subprocess
import sys

import pytest

ORDERLY = """
import asyncio
from alphaplus_tui.cli.signals import run_short

async def work():
    try:
        print("up", flush=True)
        await asyncio.Event().wait()
    finally:
        print("closed", flush=True)

run_short(work)
"""

STUBBORN = """
import asyncio
from alphaplus_tui.cli.signals import Stop

async def main():
    stop = Stop()
    stop.listen()
    print("up", flush=True)
    await stop.event.wait()
    print("stopping", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def start(code: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_closes_what_is_open_and_decides_the_exit_code(number: signal.Signals, code: int) -> None:
    process = start(ORDERLY)
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("closed\n", code)


def test_what_nohup_ignores_stays_ignored() -> None:
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'trap "" HUP; exec "$0" -c "$1"', sys.executable, ORDERLY], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("closed\n", 143)


def test_a_second_ctrl_c_does_not_wait() -> None:
    process = start(STUBBORN)
    process.send_signal(signal.SIGINT)
    assert process.stdout
    assert process.stdout.readline() == "stopping\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    process.stdout.close()
