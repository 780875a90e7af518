"""The spool on disk through restarts, kills, damage and a full disk."""

import asyncio
import contextlib
import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Side, Trade
from alphaplus_tui.errors import StoreUnavailable
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.storage.spool import FileSpool
from tests.support import REPOSITORY, eventually

APPEND_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from alphaplus_tui.kernel.clock import SystemClock
from alphaplus_tui.storage.spool import FileSpool
from tests.unit.storage.test_spool import batch
async def main():
    spool = FileSpool(Path(sys.argv[1]), max_bytes=1 << 30, clock=SystemClock(), segment_bytes=5000)
    number = 0
    while await spool.append(batch(number)):
        print(number, flush=True)
        number += 1
asyncio.run(main())
"""


def batch(number: int, rows: int = 3) -> Batch:
    instrument = InstrumentId("binance:BTC/USDT")
    return Batch(
        trades=tuple(
            Trade(instrument, str(n), n, 100.0, 1.0, Side.BUY, n, n) for n in range(number * rows, (number + 1) * rows)
        )
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@asynccontextmanager
async def opened(folder: Path, *, segment_bytes: int = 2000) -> AsyncGenerator[FileSpool, None]:
    spool = FileSpool(folder, max_bytes=1 << 20, clock=SystemClock(), segment_bytes=segment_bytes)
    try:
        yield spool
    finally:
        await spool.close()


async def drained(spool: FileSpool) -> list[Batch]:
    found: list[Batch] = []
    while (oldest := await spool.oldest()) is not None:
        found.append(oldest[1])
        await spool.done(oldest[0])
    return found


async def filled(folder: Path, count: int) -> None:
    async with opened(folder) as spool:
        for number in range(count):
            await spool.append(batch(number))


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def damage(path: Path, position: int, with_bytes: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[position : position + len(with_bytes)] = with_bytes
    path.write_bytes(data)


class TestRestarts:
    async def test_what_was_left_comes_back_in_order_and_before_what_is_new(self, folder: Path) -> None:
        await filled(folder, 20)
        async with opened(folder) as spool:
            await spool.append(batch(20))
            assert await drained(spool) == [batch(n) for n in range(21)]
            assert spool.bytes_used == 0
        assert files(folder) == []

    async def test_a_segment_goes_only_when_all_its_batches_are_done(self, folder: Path) -> None:
        await filled(folder, 20)
        before = len(files(folder))
        async with opened(folder) as spool:
            for _ in range(3):
                oldest = await spool.oldest()
                assert oldest is not None
                await spool.done(oldest[0])
            assert len(files(folder)) == before
        async with opened(folder) as spool:
            assert await drained(spool) == [batch(n) for n in range(20)]

    async def test_it_knows_how_much_it_holds_after_a_restart(self, folder: Path) -> None:
        await filled(folder, 20)
        async with opened(folder) as spool:
            await spool.oldest()
            assert spool.bytes_used == sum(path.stat().st_size for path in files(folder)) > 0

    async def test_nobody_else_may_read_it(self, folder: Path) -> None:
        await filled(folder, 1)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [stat.S_IMODE(path.stat().st_mode) for path in files(folder)] == [0o600]


class TestKills:
    @pytest.mark.parametrize("after", [1, 40])
    def test_what_was_appended_before_a_sigkill_is_there(self, folder: Path, after: int) -> None:
        writer = subprocess.Popen(
            [sys.executable, "-c", APPEND_FOR_EVER, folder], stdout=subprocess.PIPE, cwd=REPOSITORY
        )
        assert writer.stdout is not None
        with writer.stdout as said:
            acknowledged = max(int(line) for _, line in zip(range(after), said, strict=False))
            writer.send_signal(signal.SIGKILL)
            writer.wait()

        async def read() -> list[Batch]:
            async with opened(folder) as spool:
                found = await drained(spool)
                assert spool.damaged == 0
                return found

        found = asyncio.run(read())
        assert found == [batch(n) for n in range(len(found))]
        assert len(found) > acknowledged

    @pytest.mark.parametrize("kept", [1, 3, 4, 11, 12, 30])
    async def test_the_torn_end_of_a_record_is_no_damage(self, folder: Path, kept: int) -> None:
        await filled(folder, 2)
        last = files(folder)[-1]
        first_record = len(last.read_bytes()) // 2
        os.truncate(last, first_record + kept)
        async with opened(folder) as spool:
            assert await drained(spool) == [batch(0)]
            assert spool.damaged == 0


class TestDamage:
    @pytest.mark.parametrize(
        ("position", "with_bytes"),
        [(60, b"\xff"), (0, b"XXXX"), (4, b"\xff\xff\xff\xff"), (4, b"\0\0\0\1"), (8, b"\0\0\0\0")],
        ids=["payload", "magic", "length too long", "length too short", "checksum"],
    )
    async def test_a_damaged_record_is_skipped_counted_and_costs_no_other(
        self, folder: Path, position: int, with_bytes: bytes
    ) -> None:
        await filled(folder, 4)
        damage(files(folder)[0], position, with_bytes)
        async with opened(folder) as spool:
            assert await drained(spool) == [batch(n) for n in (1, 2, 3)]
            assert spool.damaged == 1

    async def test_damage_that_happens_while_it_is_open_is_noticed_when_reading(self, folder: Path) -> None:
        async with opened(folder) as spool:
            for number in range(4):
                await spool.append(batch(number))
            damage(files(folder)[0], 60, b"\xff")
            assert await drained(spool) == [batch(n) for n in (1, 2, 3)]
            assert spool.damaged == 1

    async def test_a_file_that_vanished_costs_its_batches_and_no_more(self, folder: Path) -> None:
        async with opened(folder, segment_bytes=1) as spool:
            for number in range(3):
                await spool.append(batch(number))
            files(folder)[1].unlink()
            assert await drained(spool) == [batch(0), batch(2)]

    async def test_foreign_files_are_left_alone(self, folder: Path) -> None:
        folder.mkdir()
        stranger = folder / "notes.txt"
        _write(stranger, "mine")
        async with opened(folder) as spool:
            assert await spool.oldest() is None
        assert files(folder) == [stranger]


class TestDisk:
    async def test_a_full_disk_is_a_full_spool_and_room_is_used_when_it_comes(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with opened(folder) as spool:
            await spool.append(batch(0))
            write = os.write

            def half_and_no_more(file: int, data: memoryview) -> int:
                if len(data) > 40:
                    return write(file, data[:40])
                raise OSError(errno.ENOSPC, "no space left")

            with monkeypatch.context() as disk:
                disk.setattr("alphaplus_tui.storage.segment.os.write", half_and_no_more)
                assert not await spool.append(batch(1))
            assert await spool.append(batch(2))
            assert await drained(spool) == [batch(0), batch(2)]

    async def test_a_folder_that_cannot_be_used_is_told(self, tmp_path: Path) -> None:
        _write(tmp_path / "spool", "a file where the folder should be")
        with contextlib.ExitStack() as stack:
            stack.enter_context(pytest.raises(StoreUnavailable, match="spool"))
            spool = FileSpool(tmp_path / "spool", max_bytes=1 << 20, clock=SystemClock())
            await spool.append(batch(0))

    async def test_what_is_appended_reaches_the_disk_by_itself(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[int] = []
        fsync = os.fsync

        def watched(file: int) -> None:
            synced.append(file)
            fsync(file)

        async with opened(folder) as spool:
            await spool.append(batch(0))
            monkeypatch.setattr("alphaplus_tui.storage.segment.os.fsync", watched)
            await spool.append(batch(1))
            await eventually(lambda: synced)


def _write(path: Path, text: str) -> None:
    path.write_text(text)
