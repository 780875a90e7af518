"""How long an order book is away after changes of it were lost, by venue, and whether any was ever shown crossed."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel, OrderBook
from alphaplus_tui.exchanges.shared.connection import Habits
from tests.fakes.binance_futures_venue import FakeBinanceFutures
from tests.fakes.bybit_venue import FakeBybit
from tests.fakes.coinbase_venue import FakeCoinbase
from tests.fakes.kraken_venue import FakeKraken
from tests.fakes.venue import opened
from tests.integration.exchanges.listening import Heard, a_native_adapter, listening
from tests.support import eventually
from tests.support_simulator import running_simulator

BOUND_S = 2.0
BOOKS = frozenset({Channel.BOOK})
_PAUSE_S = 1.5
"""The market goes on undisturbed between two losses."""

Lose = Callable[[int], Awaitable[None]]
"""Loses changes of the first instrument, and returns when the next one that follows them may come."""


class Losses:
    """What losing changes again and again came to."""

    def __init__(self) -> None:
        self.away_s: list[float] = []
        self.crossed = 0

    def __str__(self) -> str:
        ordered = sorted(self.away_s)
        p50, p99 = (1e3 * ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.99))
        times = f"p50 {p50:7.1f} ms   p99 {p99:7.1f} ms   worst {1e3 * ordered[-1]:7.1f} ms"
        return f"{len(ordered)} losses   {times}   crossed books shown: {self.crossed}"

    @property
    def good(self) -> bool:
        return max(self.away_s) <= BOUND_S and not self.crossed


async def main(rounds: int) -> int:
    every_one_good = True
    with tempfile.TemporaryDirectory() as folder:
        for name, venue in (
            ("demo (the simulator, Binance spot's way)", _simulator),
            ("binanceusdm", partial(_talking, FakeBinanceFutures())),
            ("bybit", partial(_talking, FakeBybit())),
            ("kraken (checksum)", _kraken),
            ("coinbase (numbers of the connection)", _coinbase),
        ):
            losses = await venue(Path(folder), rounds)
            every_one_good &= losses.good
            print(f"  {name:<42} {losses}", flush=True)
    print(f"  within {BOUND_S:g} s and never crossed: {'yes' if every_one_good else 'NO'}")
    return 0 if every_one_good else 1


async def _simulator(folder: Path, rounds: int) -> Losses:
    async with running_simulator(rate=400, symbols=1) as market:

        async def lose(_: int) -> None:
            await market.set_faults({"kind": "skip", "probability": 1.0, "streams": ["depth@100ms"]})
            await asyncio.sleep(0.35)
            await market.set_faults()

        async with _followed("demo", market.rest_url, market.ws_url, folder) as (heard, instrument):
            return await _measure(heard, instrument, lose, rounds)


async def _talking(fake: FakeBinanceFutures | FakeBybit, folder: Path, rounds: int) -> Losses:
    async with opened(fake, rate=100.0) as venue:

        async def lose(_: int) -> None:
            venue.skip_changes = 4
            await eventually(lambda: not venue.skip_changes)

        async with _followed(venue.exchange, venue.rest_url, venue.ws_url, folder) as (heard, instrument):
            return await _measure(heard, instrument, lose, rounds)


async def _kraken(folder: Path, rounds: int) -> Losses:
    async with opened(FakeKraken()) as venue:

        async def lose(number: int) -> None:
            venue.wrong_checksums = 1
            await venue.change("BTC/USD", bids={"99.5": f"{number + 1}.00000000"})

        async with _followed("kraken", venue.rest_url, venue.ws_url, folder, "BTC/USD") as (heard, instrument):
            return await _measure(heard, instrument, lose, rounds)


async def _coinbase(folder: Path, rounds: int) -> Losses:
    async with opened(FakeCoinbase()) as venue:

        async def lose(number: int) -> None:
            await venue.change("BTC/USD", bids={"98.5": f"{number + 1}"}, heard=False)
            await venue.change("BTC/USD", bids={"97.5": f"{number + 1}"})

        async with _followed("coinbase", venue.rest_url, venue.ws_url, folder, "BTC/USD") as (heard, instrument):
            return await _measure(heard, instrument, lose, rounds)


@asynccontextmanager
async def _followed(
    exchange: str, rest_url: str, ws_url: str, folder: Path, *symbols: str
) -> AsyncGenerator[tuple[Heard, Instrument]]:
    """The books of a venue, as patiently as in earnest."""
    adapter = a_native_adapter(exchange, rest_url, ws_url, folder, habits=Habits())
    instrument = (await adapter.instruments(symbols))[-1]
    async with listening(adapter, (instrument,), BOOKS) as heard:
        await eventually(lambda: heard.of(OrderBook), within_s=30)
        yield heard, instrument


async def _measure(heard: Heard, instrument: Instrument, lose: Lose, rounds: int) -> Losses:
    losses = Losses()
    for number in range(rounds):
        await asyncio.sleep(_PAUSE_S)
        await lose(number)
        began, shown = time.perf_counter(), len(heard.events)
        await eventually(
            lambda since=shown: any(isinstance(event, OrderBook) for event in heard.events[since:]), within_s=30
        )
        losses.away_s.append(time.perf_counter() - began)
    books = [book for book in heard.of(OrderBook) if book.instrument == instrument.id]
    losses.crossed = sum(book.bids[0].price >= book.asks[0].price for book in books)
    return losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_books", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="losses at each venue (%(default)s)")
    sys.exit(asyncio.run(main(parser.parse_args().rounds)))
