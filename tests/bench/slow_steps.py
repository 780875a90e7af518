"""Runs AlphaPlus and names what held its event loop up: the longest steps, where they were, and pauses of the garbage
collector.

Run it: python -m tests.bench.slow_steps --over-ms 10 --report steps.txt -- --headless --demo --duration 20
"""

import argparse
import asyncio
import atexit
import gc
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, cast

from alphaplus_tui.cli.app import run

_LOOK_EVERY_S = 0.003
_FRAMES = 5


@dataclass
class Slow:
    """What steps of one name came to."""

    s: list[float] = field(default_factory=list[float])
    began_s: list[float] = field(default_factory=list[float])
    places: Counter[str] = field(default_factory=Counter[str])
    imports: Counter[str] = field(default_factory=Counter[str])


class Watch:
    """Wraps the calls of the event loop; everything before the first of them is not looked at."""

    def __init__(self, over_s: float) -> None:
        self._over_s = over_s
        self._began = time.perf_counter()
        self._step: tuple[float, object] | None = None
        self._places: Counter[str] = Counter()
        self._imports: list[str] = []
        self._main = threading.get_ident()
        self._collecting = 0.0
        self._steps = 0
        self._busy_s = 0.0
        self.slow: dict[str, Slow] = {}
        self.pauses: dict[int, list[float]] = {0: [], 1: [], 2: []}

    def begin(self) -> None:
        handle: Any = asyncio.Handle
        handle._run = self._watched(handle._run)
        gc.callbacks.append(self._on_collection)
        sys.addaudithook(self._on_audit)
        threading.Thread(target=self._look, name="slow-steps", daemon=True).start()

    def _watched(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def watched(handle: Any) -> None:
            if threading.get_ident() != self._main:
                original(handle)
                return
            name = _name(handle)
            started = time.perf_counter()
            self._step = (started, handle)
            try:
                original(handle)
            finally:
                took = time.perf_counter() - started
                self._step = None
                self._steps += 1
                self._busy_s += took
                if took >= self._over_s:
                    slow = self.slow.setdefault(name, Slow())
                    slow.s.append(took)
                    slow.began_s.append(started - self._began)
                    slow.places.update(self._places)
                    slow.imports.update(self._imports)
                self._places.clear()
                self._imports.clear()

        return watched

    def _on_audit(self, event: str, about: tuple[Any, ...]) -> None:
        if event == "import" and self._step is not None and threading.get_ident() == self._main:
            self._imports.append(str(about[0]))

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = time.perf_counter()
        else:
            self.pauses[info["generation"]].append(time.perf_counter() - self._collecting)

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_S)
            step = self._step
            if step is not None and time.perf_counter() - step[0] > self._over_s / 2:
                frame = sys._current_frames().get(self._main)  # pyright: ignore[reportPrivateUsage] - no other way
                if frame is not None and self._step is step:
                    self._places[_place(frame)] += 1

    def report(self) -> str:
        lines = [f"{self._steps:,} steps, busy {self._busy_s:.1f} s of {time.perf_counter() - self._began:.1f} s"]
        for generation, pauses in self.pauses.items():
            longest = max(pauses, default=0.0) * 1e3
            lines.append(
                f"gc generation {generation}: {len(pauses)} times, {sum(pauses):.2f} s, longest {longest:.1f} ms"
            )
        for name, slow in sorted(self.slow.items(), key=lambda item: -sum(item[1].s)):
            longest = max(range(len(slow.s)), key=slow.s.__getitem__)
            lines.append(
                f"\n{len(slow.s)} × over {self._over_s * 1e3:g} ms, {sum(slow.s):.2f} s in all, longest "
                f"{slow.s[longest] * 1e3:.0f} ms {slow.began_s[longest]:.1f} s after the start: {name}"
            )
            if slow.imports:
                some = ", ".join(list(slow.imports)[:6])
                lines.append(f"    imports {len(slow.imports)} modules: {some}")
            for place, seen in slow.places.most_common(6):
                lines.append(f"    {seen:>4} {place}")
        return "\n".join(lines) + "\n"


def _name(handle: Any) -> str:
    """Of the task, or of who reads a socket."""
    callback = handle._callback
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        task = cast("asyncio.Task[Any]", owner)
        return f"task {task.get_name()} ({getattr(task.get_coro(), '__qualname__', '?')})"
    protocol = getattr(owner, "_protocol", None)
    reader = f" of {type(protocol).__qualname__}" if protocol is not None else ""
    return f"{getattr(callback, '__qualname__', repr(callback))}{reader}"


def _place(frame: FrameType) -> str:
    summary = traceback.extract_stack(frame)[-_FRAMES:]
    return " < ".join(f"{Path(at.filename).name}:{at.lineno} {at.name}" for at in reversed(summary))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.slow_steps", description=__doc__)
    parser.add_argument("--over-ms", type=float, default=10.0)
    parser.add_argument("--report", type=Path, default=Path("slow-steps.txt"))
    parser.add_argument("arguments", nargs="*", help="what AlphaPlus is told, behind --")
    asked = parser.parse_args()
    report: Path = asked.report.resolve()
    watch = Watch(asked.over_ms / 1e3)
    watch.begin()
    atexit.register(lambda: report.write_text(watch.report()))
    sys.argv = ["alphaplus", *asked.arguments]
    run(time.monotonic())


if __name__ == "__main__":
    main()
