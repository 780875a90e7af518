"""A recording as an exchange: its frames again, at their own pace or as fast as it goes."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path

from alphaplus_tui.domain.events import FeedConnected, FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Candle, Channel, OrderBook, Trade
from alphaplus_tui.domain.text import clean
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import ProtocolError, UnknownName
from alphaplus_tui.exchanges.binance.kinds import kind_of
from alphaplus_tui.exchanges.discovery import discover
from alphaplus_tui.exchanges.recording import BrokenRecording, DamagedLine, read_lines, recorded_exchange, split_line
from alphaplus_tui.exchanges.shared.parsing import NotAskedFor, NotMarketData, Unusable
from alphaplus_tui.exchanges.voices import Voices
from alphaplus_tui.kernel.clock import Clock, ManualMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.ports.market_data import FeedEvent, Received

_GIVE_WAY_EVERY = 64
_QUOTED = 400
_BINANCE = "binance"
"""As whose spot market others' recordings are read, whatever name they are kept under."""


class ReplayMarketData:
    """Recordings, one file after the other; ``market`` is set to the newest time the exchange told."""

    told_timeframe: Timeframe | None = None

    def __init__(
        self,
        files: Sequence[Path],
        *,
        exchange: str,
        speed: float | None,
        clock: Clock,
        market: ManualMarketClock,
        meters: Meters,
    ) -> None:
        """exchange: whose frames they are, where they do not say so themselves; then they are written as Binance does.
        speed: 1 is its own pace, 2 twice that; None is as fast as it goes."""
        told = recorded_exchange(files)
        self.exchange = told or exchange
        self._spoken = told or (exchange if kind_of(exchange).derivative else _BINANCE)
        self._files, self._speed, self._clock, self._market = tuple(files), speed, clock, market
        self._lines_read = meters.counter("recording_lines")
        self._connection = f"{exchange}-recording"
        self._found: tuple[Instrument, ...] | None = None

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Of those in the recording; its numbers tell the steps."""
        if self._found is None:
            self._found = await asyncio.to_thread(discover, self._files, self.exchange)
            if not self._found:
                names = ", ".join(str(file) for file in self._files)
                raise ProtocolError(f"{names}: holds no frame of {self.exchange} that can be replayed")
        if not symbols:
            return self._found
        known = {instrument.symbol: instrument for instrument in self._found}
        for symbol in symbols:
            if symbol not in known:
                raise UnknownName("symbol in the recording", symbol, known)
        return tuple(known[symbol] for symbol in symbols)

    @asynccontextmanager
    async def _opened(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AsyncGenerator[AsyncIterator[Received]]:
        async with aclosing(self._replay(tuple(instruments), channels)) as frames:
            yield frames

    def stream(
        self, instruments: Sequence[Instrument], channels: frozenset[Channel]
    ) -> AbstractAsyncContextManager[AsyncIterator[Received]]:
        return self._opened(instruments, channels)

    async def candles(
        self,
        instrument: Instrument,  # noqa: ARG002 - the port's
        timeframe: Timeframe,  # noqa: ARG002 - the port's
        *,
        since: int,  # noqa: ARG002 - the port's
        limit: int,  # noqa: ARG002 - the port's
    ) -> tuple[Candle, ...]:
        """None: a recording has no past."""
        return ()

    async def trades(
        self,
        instrument: Instrument,  # noqa: ARG002 - the port's
        *,
        from_seq: int,  # noqa: ARG002 - the port's
        since: int,  # noqa: ARG002 - the port's
        limit: int,  # noqa: ARG002 - the port's
    ) -> tuple[Trade, ...]:
        """None: what a recording lacks cannot be asked for."""
        return ()

    async def clock_offset_ns(self) -> int:
        return 0

    async def close(self) -> None: ...

    async def _replay(
        self, instruments: tuple[Instrument, ...], channels: frozenset[Channel]
    ) -> AsyncGenerator[Received]:
        voices = Voices(self._spoken, instruments, channels, clock=self._clock, market=self._market)
        first: int | None = None
        began = self._clock.monotonic()
        async for line in self._lines():
            if isinstance(line, Received):
                yield line
                continue
            ts_recv, connection, frame, where = line
            if first is None:
                first = ts_recv
                self._market.advance_to(ts_recv)
                ids = tuple(instrument.id for instrument in instruments)
                yield _now(FeedConnected(self.exchange, self._connection, tuple(sorted(channels)), ids, ts_recv))
            if self._speed is not None:
                due = began + (ts_recv - first) / 1e9 / self._speed
                if (delay_s := due - self._clock.monotonic()) > 0.001:
                    await self._clock.sleep(delay_s)
            received_ns = time.perf_counter_ns()
            try:
                events = voices.read(connection, frame, ts_recv)
            except (NotMarketData, NotAskedFor):
                continue
            except (Unusable, DamagedLine) as error:
                yield self._rejected(where, str(error), frame)
                continue
            for event in events:
                if isinstance(event, Trade | OrderBook):
                    self._market.advance_to(event.ts_event)
            if events:
                yield Received(received_ns, events)

    async def _lines(self) -> AsyncGenerator["tuple[int, int, bytes, str] | Received"]:
        """Receipt, frame and place of each line; what is damaged as it is told."""
        for file in self._files:
            number = 0
            try:
                for number, line in enumerate(read_lines(file), start=1):
                    self._lines_read.add()
                    if number % _GIVE_WAY_EVERY == 0:
                        await asyncio.sleep(0)
                    where = f"{clean(file.name, limit=80)} line {number}"
                    try:
                        ts_recv, connection, frame = split_line(line)
                    except DamagedLine as error:
                        yield self._rejected(where, str(error), line)
                    else:
                        yield ts_recv, connection, frame, where
            except BrokenRecording as error:
                yield self._rejected(f"{clean(file.name, limit=80)} after line {number}", str(error), b"")

    def _rejected(self, where: str, reason: str, line: bytes) -> Received:
        text = clean(line[: 4 * _QUOTED].decode(errors="replace"), limit=_QUOTED)
        return _now(FrameRejected(self.exchange, self._connection, f"{where}: {reason}", text, self._market.now()))


def _now(event: FeedEvent) -> Received:
    return Received(time.perf_counter_ns(), (event,))
