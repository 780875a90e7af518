"""What drawing costs: the live grid beside DataTable, a chart frame, and a key until it is painted.

Run it: python -m tests.bench.bench_console
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from msgspec import structs
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from alphaplus_tui.cli import collector
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.settings.sections import UiSettings
from alphaplus_tui.state import slices as rows
from alphaplus_tui.tui.app import ConsoleApp
from alphaplus_tui.tui.layout import Layout, save_layout
from alphaplus_tui.tui.screens.markets.screen import MarketsScreen
from tests.fakes.demo_rows import NOW, TIMEFRAMES, name_of
from tests.fakes.session import FakeSession, FrozenClock

INSTRUMENTS, FRAMES, SIZE = 500, 20, (120, 60)


def _session() -> FakeSession:
    session = FakeSession()
    for number in range(12, INSTRUMENTS):
        name = name_of(f"C{number}")
        instrument = Instrument("demo", f"C{number}/USDT", f"C{number}USDT", f"C{number}", "USDT", 0.01, 0.01)
        session.store.instruments.put(name, rows.InstrumentRow(instrument, number))
        session.store.prices.put(name, rows.PriceRow(name, last=100.0, ts_recv=NOW, sparkline=(1.0, 2.0, 1.5)))
    return session


def _console(session: FakeSession) -> ConsoleApp:
    folder = Path(tempfile.mkdtemp(prefix="alphaplus-bench-"))
    save_layout(folder, Layout(welcomed=True))
    return ConsoleApp(session, UiSettings(fps=1), {}, folder=folder, clock=FrozenClock())


def _change_all(session: FakeSession, source: random.Random) -> None:
    for name, row in list(session.store.prices.items()):
        session.store.prices.put(name, structs.replace(row, last=round(source.uniform(90, 110), 2), direction=1))


async def _cpu(frame: Callable[[], object], pause: Callable[[], object], *, frames: int = FRAMES) -> float:
    """Milliseconds of CPU a frame, drawing included; the median of three runs."""
    runs: list[float] = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(frames):
            frame()
            waiting = pause()
            if asyncio.iscoroutine(waiting):
                await waiting
        runs.append((time.process_time() - start) / frames * 1000)
    return statistics.median(runs)


class _TableApp(App[None]):
    """The same cells in a DataTable."""

    def __init__(self) -> None:
        super().__init__()
        self.table: DataTable[str] = DataTable()

    def compose(self) -> ComposeResult:
        yield self.table

    def on_mount(self) -> None:
        for title in ("Symbol", "Last", "24h", "Age"):
            self.table.add_column(title, key=title)
        for number in range(INSTRUMENTS):
            self.table.add_row(f"C{number}/USDT", "100.00", "+0.10%", "<1s", key=str(number))

    def change_all(self, source: random.Random, *, update_width: bool) -> None:
        for number in range(INSTRUMENTS):
            text = f"{source.uniform(90, 110):.2f}"
            self.table.update_cell(str(number), "Last", text, update_width=update_width)


async def bench_grid() -> tuple[float, float, float]:
    """CPU a frame when all 500 prices changed: ours, DataTable, DataTable with widths."""
    session, source = _session(), random.Random(1)
    app = _console(session)
    async with app.run_test(size=SIZE) as pilot:
        await app.painted.wait()
        screen = app.screen
        assert isinstance(screen, MarketsScreen)

        def ours() -> None:
            _change_all(session, source)
            screen.tick()

        plain = await _cpu(lambda: _change_all(session, source), lambda: None)
        drawn = await _cpu(ours, pilot.pause) - plain
    tables: list[float] = []
    for update_width, frames in ((False, FRAMES), (True, 1)):  # one frame with widths takes a second and more
        table = _TableApp()
        async with table.run_test(size=SIZE) as pilot:
            change = partial(table.change_all, source, update_width=update_width)
            tables.append(await _cpu(change, pilot.pause, frames=frames))
    return drawn, tables[0], tables[1]


async def bench_chart() -> float:
    """CPU a frame of the chart when the forming candle changed."""
    session = _session()
    app = _console(session)
    async with app.run_test(size=(160, 45)) as pilot:
        await app.painted.wait()
        screen = app.screen
        assert isinstance(screen, MarketsScreen)
        await pilot.press("m")
        key, source = (name_of("BTC"), TIMEFRAMES[0]), random.Random(2)

        def frame() -> None:
            row = session.store.charts[key]
            assert row.forming is not None
            forming = structs.replace(row.forming, close=row.forming.open + source.uniform(-20, 20))
            session.store.charts.put(key, structs.replace(row, forming=forming))
            screen.tick()

        return await _cpu(frame, pilot.pause)


async def bench_key() -> tuple[float, float]:
    """Wall milliseconds from a key until what it changed is painted, 500 instruments: median and 99th percentile."""
    app = _console(_session())
    taken: list[float] = []
    async with app.run_test(size=SIZE) as pilot:
        await app.painted.wait()
        collector.started()  # as the program does
        screen = app.screen
        assert isinstance(screen, MarketsScreen)
        for number in range(100):
            cursor = screen.watchlist.cursor
            painted = asyncio.Event()
            start = time.perf_counter()
            app.simulate_key("down" if number % 40 < 20 else "up")
            while screen.watchlist.cursor == cursor:  # noqa: ASYNC110 - measures the loop itself
                await asyncio.sleep(0)
            screen.call_after_refresh(painted.set)
            await painted.wait()
            taken.append((time.perf_counter() - start) * 1000)
            await pilot.pause()
    taken.sort()
    return statistics.median(taken), taken[98]


async def main() -> None:
    ours, table, table_width = await bench_grid()
    print(f"{'a frame of 500 changed prices':42}{'CPU ms':>9}{'ratio':>8}")
    print(f"{'  live grid (whole screen, drawn by line)':42}{ours:9.2f}{1.0:8.1f}")
    print(f"{'  DataTable.update_cell':42}{table:9.2f}{table / ours:8.1f}")
    print(f"{'  DataTable.update_cell(update_width)':42}{table_width:9.2f}{table_width / ours:8.1f}")
    print(f"{'a chart frame, 160×45, forming candle':42}{await bench_chart():9.2f}")
    median, worst = await bench_key()
    print(f"{'key until painted, 500 instruments, p50/p99':42}{median:9.2f}{worst:8.1f}")


if __name__ == "__main__":
    asyncio.run(main())
