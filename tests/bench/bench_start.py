"""How long a person waits: for help, for the first paint, for the first price on the screen."""

import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pyte

from tests.e2e.harness import command, environment

RUNS = 5
WIDTH, HEIGHT = 120, 36


def help_s(home: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command("--help"), env=_kept(home), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def console_s(home: Path) -> tuple[float, float]:
    """Seconds from the start of the process to the first paint and to the first price of the watchlist."""
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    screen = pyte.Screen(WIDTH, HEIGHT)
    stream = pyte.ByteStream(screen)
    began = time.perf_counter()
    process = subprocess.Popen(
        command("--demo"), env={**_kept(home), "TERM": "xterm-256color"}, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    painted = priced = 0.0
    try:
        while not priced and time.perf_counter() - began < 60:
            ready, _, _ = select.select([master], [], [], 0.02)
            if ready:
                stream.feed(os.read(master, 65_536))
            now = time.perf_counter() - began
            if not painted and "AlphaPlus" in screen.display[0]:
                painted = now
            if any("BTC/USDT" in line and _has_a_price(line) for line in screen.display):
                priced = now
    finally:
        process.send_signal(signal.SIGTERM)
        _drain_until_it_ends(process, master)
        os.close(master)
    return painted, priced


def _has_a_price(line: str) -> bool:
    after = line.partition("BTC/USDT")[2].split()
    return bool(after) and after[0].replace(",", "").replace(".", "").isdigit()


def _drain_until_it_ends(process: subprocess.Popen[bytes], master: int) -> None:
    while process.poll() is None:
        if select.select([master], [], [], 0.05)[0]:
            try:
                os.read(master, 65_536)
            except OSError:
                break
    process.wait()


def _kept(home: Path) -> dict[str, str]:
    kept = environment(home)
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        helps = [help_s(home) for _ in range(RUNS + 1)][1:]
        first = console_s(home)
        again = [console_s(home) for _ in range(RUNS)]
    print(f"--help                      {statistics.median(helps):6.2f} s (median of {RUNS})")
    print(f"first start: first paint    {first[0]:6.2f} s, first price {first[1]:.2f} s (makes its database)")
    for name, column in (("first paint", 0), ("first price", 1)):
        times = [run[column] for run in again]
        spread = f"median of {RUNS}, {min(times):.2f} to {max(times):.2f}"
        print(f"warm: {name:<21} {statistics.median(times):6.2f} s ({spread})")


if __name__ == "__main__":
    sys.exit(main())
