"""A spool in memory, which keeps the same promises as the one on disk."""

import msgspec

from alphaplus_tui.ports.store import Batch

_encoder = msgspec.msgpack.Encoder()


class FakeSpool:
    """Holds up to ``max_bytes`` of encoded batches."""

    def __init__(self, *, max_bytes: int = 1 << 30) -> None:
        self.max_bytes = max_bytes
        self.bytes_used = 0
        self.waiting: dict[int, Batch] = {}
        self.synced = True
        self.closed = False
        self._next_mark = 1

    async def append(self, batch: Batch) -> int:
        size = len(_encoder.encode(batch))
        if self.bytes_used + size > self.max_bytes:
            return 0
        self.waiting[self._next_mark] = batch
        self._next_mark += 1
        self.bytes_used += size
        self.synced = False
        return self._next_mark - 1

    async def oldest(self) -> tuple[int, Batch] | None:
        return next(iter(self.waiting.items()), None)

    async def done(self, mark: int) -> None:
        batch = self.waiting.pop(mark, None)
        if batch is not None:
            self.bytes_used -= len(_encoder.encode(batch))

    async def sync(self) -> None:
        self.synced = True

    async def close(self) -> None:
        self.closed = True
