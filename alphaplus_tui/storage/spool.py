"""Keeps batches on disk while the database is away, oldest first, within a bound."""

import asyncio
import errno
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from alphaplus_tui.errors import StoreUnavailable
from alphaplus_tui.kernel.clock import Clock
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.storage.segment import HEAD, Place, SegmentFile, read, segment_path, segments, survey

T = TypeVar("T")

_SEGMENT_BYTES = 16 * 1024 * 1024
_SYNC_AFTER_S = 0.25
_FULL = {errno.ENOSPC, errno.EDQUOT}

_log = structlog.get_logger(__name__)


class _Record(msgspec.Struct, frozen=True):
    segment: int
    place: Place


class FileSpool:
    """Spool in a folder that one process uses at a time; the first call takes up what an earlier run left.

    Files are touched in one thread of its own. ``StoreUnavailable`` when the disk refuses for another reason than
    being full. A segment goes when all its batches are done; after a crash those of a half-done one come again.
    """

    def __init__(self, folder: Path, *, max_bytes: int, clock: Clock, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self.bytes_used = 0
        self.damaged = 0
        """Records lost to damage on disk."""
        self._folder, self._max_bytes, self._clock, self._segment_bytes = folder, max_bytes, clock, segment_bytes
        self._waiting: dict[int, _Record] = {}
        self._sizes: dict[int, int] = {}
        self._undone: dict[int, int] = {}
        self._file: SegmentFile | None = None
        self._number = 0
        self._next_mark = 1
        self._opened = self._full = False
        self._syncing: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Batch)

    async def append(self, batch: Batch) -> int:
        mark = await self._in_thread(lambda: self._append(batch))
        if mark and (self._syncing is None or self._syncing.done()):
            self._syncing = asyncio.create_task(self._sync_soon(), name="spool sync")
        return mark

    async def oldest(self) -> tuple[int, Batch] | None:
        return await self._in_thread(self._oldest)

    async def done(self, mark: int) -> None:
        await self._in_thread(lambda: self._done(mark))

    async def sync(self) -> None:
        await self._in_thread(self._sync)

    async def close(self) -> None:
        if self._syncing is not None:
            self._syncing.cancel()
            await asyncio.wait({self._syncing})
        try:
            await self._in_thread(self._close_file)
        finally:
            self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._opened_first(work))
        except OSError as error:
            raise StoreUnavailable(f"{self._folder}: the spool cannot be used: {error.strerror or error}") from error

    async def _sync_soon(self) -> None:
        await self._clock.sleep(_SYNC_AFTER_S)
        try:
            await self.sync()
        except StoreUnavailable as error:
            _log.error("spool_not_synced", reason=str(error))

    # in the thread

    def _opened_first(self, work: Callable[[], T]) -> T:
        if not self._opened:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for number, path in segments(self._folder):
                found = survey(path)
                self._lost(found.damaged, path)
                self._number = number
                self._sizes[number], self._undone[number] = found.size, 0
                for place in found.places:
                    self._wait_for(number, place)
                self._drop_when_done(number)
            self._count_bytes()
            self._opened = True
        return work()

    def _append(self, batch: Batch) -> int:
        payload = self._encoder.encode(batch)
        if self.bytes_used + HEAD.size + len(payload) > self._max_bytes:
            self._tell_full(full=True)
            return 0
        try:
            if self._file is not None and self._file.size >= self._segment_bytes:
                self._close_file()
            if self._file is None:
                self._file = SegmentFile(segment_path(self._folder, self._number + 1))
                self._number += 1
                self._undone[self._number] = 0
            place = self._file.append(payload)
        except OSError as error:
            if error.errno in _FULL:
                self._tell_full(full=True)
                return 0
            raise
        self._sizes[self._number] = self._file.size
        mark = self._wait_for(self._number, place)
        self._count_bytes()
        self._tell_full(full=False)
        return mark

    def _oldest(self) -> tuple[int, Batch] | None:
        while self._waiting:
            mark, record = next(iter(self._waiting.items()))
            path = segment_path(self._folder, record.segment)
            try:
                payload = read(path, record.place)
                if payload is not None:
                    return mark, self._decoder.decode(payload)
            except (msgspec.MsgspecError, FileNotFoundError):
                pass
            self._lost(1, path)
            self._done(mark)
        return None

    def _done(self, mark: int) -> None:
        record = self._waiting.pop(mark, None)
        if record is not None:
            self._undone[record.segment] -= 1
            self._drop_when_done(record.segment)
            self._count_bytes()

    def _drop_when_done(self, number: int) -> None:
        if self._undone[number]:
            return
        if number == self._number:
            self._close_file()
        segment_path(self._folder, number).unlink(missing_ok=True)
        del self._undone[number], self._sizes[number]

    def _wait_for(self, number: int, place: Place) -> int:
        mark = self._next_mark
        self._waiting[mark] = _Record(number, place)
        self._next_mark += 1
        self._undone[number] += 1
        return mark

    def _sync(self) -> None:
        if self._file is not None:
            self._file.sync()

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _count_bytes(self) -> None:
        self.bytes_used = sum(self._sizes.values())

    def _lost(self, records: int, path: Path) -> None:
        if records:
            self.damaged += records
            _log.error("spool_record_damaged", file=path.name, records=records)

    def _tell_full(self, *, full: bool) -> None:
        if full != self._full:
            self._full = full
            _log.warning("spool_full" if full else "spool_has_room", bytes_used=self.bytes_used)
