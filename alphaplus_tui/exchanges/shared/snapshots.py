"""Fetches snapshots for the order books that need one, a few at a time, within the request budget."""

import asyncio
import time
from random import Random

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.errors import ProtocolError, RateLimited, TransientError
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.dialect import SnapshotSource
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.exchanges.shared.parsing import Unusable
from alphaplus_tui.kernel.backoff import full_jitter_s
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.ports.market_data import Received

FETCHERS = 4


class Snapshots:
    """``need`` puts an instrument in the queue, once; ``fetch`` works on it until it is cancelled.

    A snapshot takes its place in the mailbox behind the changes that came before it, so that books are told in order.
    """

    def __init__(
        self,
        source: SnapshotSource,
        mailbox: Mailbox,
        *,
        clock: Clock,
        market: MarketClock,
        rng: Random,
        tap: Tap | None,
    ) -> None:
        self._source, self._mailbox, self._clock, self._market, self._rng = source, mailbox, clock, market, rng
        self._tap = tap
        self._wanted: set[Instrument] = set()
        self._in_vain: dict[Instrument, int] = {}
        """How many snapshots in a row were of no use."""
        self._queue: asyncio.Queue[Instrument] = asyncio.Queue()

    def need(self, instrument: Instrument) -> None:
        if instrument not in self._wanted:
            self._wanted.add(instrument)
            self._queue.put_nowait(instrument)

    def have(self, instrument: Instrument) -> None:
        self._in_vain.pop(instrument, None)

    async def fetch(self, books: Books) -> None:
        while True:
            instrument = await self._queue.get()
            in_vain = self._in_vain.get(instrument, 0)
            if in_vain:
                await self._clock.sleep(full_jitter_s(in_vain - 1, base_s=0.25, cap_s=10.0, rng=self._rng))
            wait_s = await self._fetch_one(instrument, books)
            if wait_s > 0:
                self._queue.put_nowait(instrument)
                await self._clock.sleep(wait_s)

    async def _fetch_one(self, instrument: Instrument, books: Books) -> float:
        """Seconds until it should be tried again; 0 when the snapshot is on its way."""
        try:
            body = await self._source.fetch(instrument)
        except RateLimited as error:
            return max(0.1, error.retry_after_s)
        except (TransientError, ProtocolError) as error:
            attempt = self._fail(instrument)
            slow = isinstance(error, ProtocolError)
            return 0.1 + full_jitter_s(
                attempt, base_s=5.0 if slow else 0.25, cap_s=60.0 if slow else 10.0, rng=self._rng
            )
        ts_recv = self._market.now()
        if self._tap is not None:
            self._tap(ts_recv, self._source.recorded(instrument, body), 0)
        self._wanted.discard(instrument)
        self._mailbox.put_frame(_Arrived(self, instrument, books), body, ts_recv)
        return 0.0

    def _fail(self, instrument: Instrument) -> int:
        attempt = self._in_vain.get(instrument, 0)
        self._in_vain[instrument] = attempt + 1
        return attempt

    def apply(self, instrument: Instrument, books: Books, body: bytes, ts_recv: int) -> Received | None:
        received_ns = time.perf_counter_ns()
        try:
            events = self._source.apply(books, instrument, body, ts_recv)
        except (ValueError, RecursionError, Unusable):
            events = ()
        if not books.of(instrument.id).synced:
            self._fail(instrument)
            self.need(instrument)
        return Received(received_ns, events) if events else None


class _Arrived:
    """A snapshot in the mailbox."""

    def __init__(self, snapshots: Snapshots, instrument: Instrument, books: Books) -> None:
        self._snapshots, self._instrument, self._books = snapshots, instrument, books

    def read(self, frame: bytes, ts_recv: int) -> Received | None:
        return self._snapshots.apply(self._instrument, self._books, frame, ts_recv)
