"""Fetches snapshots for the order books that need one, a few at a time, within the request budget."""

import asyncio
import time
from random import Random

import msgspec

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.errors import ProtocolError, RateLimited, TransientError
from alphaplus_tui.exchanges.binance.books import Books
from alphaplus_tui.exchanges.binance.frames import SnapshotData
from alphaplus_tui.exchanges.binance.rest import BinanceRest
from alphaplus_tui.exchanges.binance.symbols import SNAPSHOT
from alphaplus_tui.exchanges.registry import Tap
from alphaplus_tui.exchanges.shared.mailbox import Mailbox
from alphaplus_tui.kernel.backoff import full_jitter_s
from alphaplus_tui.kernel.clock import Clock, MarketClock
from alphaplus_tui.ports.market_data import Received

FETCHERS = 4
_DECODER = msgspec.json.Decoder(SnapshotData, strict=False)


class Snapshots:
    """``need`` puts an instrument in the queue, once; ``fetch`` works on it until it is cancelled."""

    def __init__(
        self,
        rest: BinanceRest,
        mailbox: Mailbox,
        *,
        clock: Clock,
        market: MarketClock,
        rng: Random,
        tap: Tap | None,
    ) -> None:
        self._rest, self._mailbox, self._clock, self._market, self._rng = rest, mailbox, clock, market, rng
        self._tap = tap
        self._wanted: dict[Instrument, int] = {}
        """And how often each was fetched in vain."""
        self._queue: asyncio.Queue[Instrument] = asyncio.Queue()

    def need(self, instrument: Instrument) -> None:
        if instrument not in self._wanted:
            self._wanted[instrument] = 0
            self._queue.put_nowait(instrument)

    async def fetch(self, books: Books) -> None:
        while True:
            instrument = await self._queue.get()
            delay_s = await self._fetch_one(instrument, books)
            if delay_s is None:
                del self._wanted[instrument]
            else:
                self._wanted[instrument] += 1
                self._queue.put_nowait(instrument)
                await self._clock.sleep(delay_s)

    async def _fetch_one(self, instrument: Instrument, books: Books) -> float | None:
        """None when the book begins anew, else when to try again."""
        attempt = self._wanted[instrument]
        try:
            body = await self._rest.depth(instrument.venue_symbol)
            received_ns, ts_recv = time.perf_counter_ns(), self._market.now()
            snapshot = _DECODER.decode(body)
        except RateLimited as error:
            return error.retry_after_s
        except TransientError:
            return 0.1 + full_jitter_s(attempt, base_s=0.25, cap_s=10.0, rng=self._rng)
        except (ProtocolError, msgspec.DecodeError, ValueError):
            return 0.1 + full_jitter_s(attempt, base_s=5.0, cap_s=300.0, rng=self._rng)
        if self._tap is not None:
            name = f"{instrument.venue_symbol.lower()}@{SNAPSHOT}".encode()
            self._tap(ts_recv, b'{"stream":"' + name + b'","data":' + body + b"}")
        events = books.snapshot(instrument, snapshot, ts_recv)
        if events:
            self._mailbox.put(Received(received_ns, events))
        if not books.of(instrument.id).synced:
            return 0.1 + full_jitter_s(attempt, base_s=0.1, cap_s=2.0, rng=self._rng)
        return None
