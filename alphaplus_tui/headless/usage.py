"""Measures what AlphaPlus, its children and its PostgreSQL use, without the demo exchange."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil

_SIMULATOR = "alphaplus_tui.simulator"


@dataclass(frozen=True, slots=True)
class Usage:
    memory_mb: float
    """PSS on Linux, resident memory elsewhere."""
    cpu_seconds: float
    """User and system, of ended grandchildren too."""


class UsageMeter:
    """Samples this process and its children; remembers the peak. Blocks for milliseconds: use it in a thread."""

    def __init__(self) -> None:
        self._self = psutil.Process()
        self.peak_memory_mb = 0.0

    def sample(self) -> Usage:
        memory = 0
        cpu_s = _own_cpu_s(self._self)
        for process in self._family():
            with suppress(psutil.Error):
                memory += _memory(process)
                if process.pid != self._self.pid:
                    times = process.cpu_times()
                    cpu_s += times.user + times.system + times.children_user + times.children_system
        usage = Usage(memory / 1e6, cpu_s)
        self.peak_memory_mb = max(self.peak_memory_mb, usage.memory_mb)
        return usage

    def _family(self) -> Iterator[psutil.Process]:
        yield self._self
        left_out: set[int] = set()
        for child in self._self.children(recursive=True):
            with suppress(psutil.Error):
                if child.ppid() in left_out or _SIMULATOR in child.cmdline():
                    left_out.add(child.pid)
                else:
                    yield child


def _own_cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _memory(process: psutil.Process) -> int:
    if sys.platform == "linux":
        with suppress(psutil.AccessDenied):
            return process.memory_full_info().pss
    return process.memory_info().rss
