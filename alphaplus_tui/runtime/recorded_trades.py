"""The trades of a recording, as they can be imported."""

from collections.abc import AsyncGenerator
from pathlib import Path

from msgspec import structs

from alphaplus_tui.domain.events import FrameRejected
from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, Provenance, Trade
from alphaplus_tui.files.rejected import Rejected
from alphaplus_tui.kernel.clock import ManualMarketClock, SystemClock
from alphaplus_tui.kernel.meters import Meters

_PAGE = 5_000


async def recorded_trades(
    file: Path, exchange: str, symbol: str, rejected: Rejected
) -> AsyncGenerator[tuple[tuple[Instrument, ...], list[Trade]]]:
    """The recording's instruments (or the one of ``symbol``) with each page of trades, provenance IMPORTED.

    rejected: takes the frames that could not be used. ``ProtocolError``, ``UnknownName``.
    """
    from alphaplus_tui.exchanges.replay import ReplayMarketData  # noqa: PLC0415  brings the adapter's libraries

    replay = ReplayMarketData(
        [file], exchange=exchange, speed=None, clock=SystemClock(), market=ManualMarketClock(0), meters=Meters()
    )
    instruments = await replay.instruments([symbol] if symbol else [])
    page: list[Trade] = []
    frames = 0
    async with replay.stream(instruments, frozenset({Channel.TRADE})) as received:
        async for one in received:
            frames += 1
            for event in one.events:
                if isinstance(event, FrameRejected):
                    rejected("a frame that cannot be used", frames, f"{event.reason}: {event.frame}")
                elif isinstance(event, Trade):
                    page.append(structs.replace(event, provenance=Provenance.IMPORTED))
            if len(page) >= _PAGE:
                yield instruments, page
                page = []
    if page:
        yield instruments, page
