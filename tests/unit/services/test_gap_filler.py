"""The exchange is asked in its own interest as well: late, rarely, a page at a time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

from alphaplus_tui.domain.events import GapChanged, GapGivenUp, GapOpened, InstrumentsKnown, TradeReceived
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.services.asking import PatientAsker
from alphaplus_tui.services.gaps import GapFiller
from tests.fakes.clock import FakeClock
from tests.fakes.market_data import FakeMarketData, a_trade, an_instrument

BTC, ETH = an_instrument("BTC/USDT"), an_instrument("ETH/USDT")


class Filling:
    """The filler, an exchange that has ten thousand trades of each, and a continuity that takes them all."""

    def __init__(self) -> None:
        self.clock, self.bus = FakeClock(), Bus()
        self.exchange = FakeMarketData(BTC, ETH)
        for instrument in (BTC, ETH):
            self.exchange.past[instrument.id] = {seq: a_trade(instrument.id, seq) for seq in range(1, 10_001)}
        asker = PatientAsker("fake", clock=self.clock, rng=Random(1), on_trouble=lambda _: None)
        self.filler = GapFiller(self.exchange, self.bus, asker=asker, max_trades=5_000, clock=self.clock)
        self.came: list[int] = []
        self.given_up: list[GapGivenUp] = []
        self.bus.on(TradeReceived, self._take)
        self.bus.on(GapGivenUp, self.given_up.append)
        self.bus.publish(InstrumentsKnown((BTC, ETH)))

    def miss(self, first: int, last: int, *, takes: bool = True) -> None:
        self._open = {**getattr(self, "_open", {}), **({last: first} if takes else {})}
        self.bus.publish(GapOpened(BTC.id, first, last, 0))

    def _take(self, event: TradeReceived) -> None:
        seq = event.trade.seq
        self.came.append(seq)
        if seq in self._open:
            self.bus.publish(GapChanged(BTC.id, self._open[seq], seq, 0, "", 0))


@asynccontextmanager
async def working(filling: Filling) -> AsyncGenerator[Filling]:
    task = asyncio.create_task(filling.filler.run())
    try:
        yield filling
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_gaps_that_lie_together_are_filled_by_one_page() -> None:
    async with working(Filling()) as filling:
        for first in range(10, 900, 10):
            filling.miss(first, first + 2)
        await filling.clock.advance(1)
        assert filling.exchange.asked == ["trades fake:BTC/USDT 10"]
        assert filling.came == [seq for first in range(10, 900, 10) for seq in range(first, first + 3)]
        assert not filling.filler.is_filling(BTC.id)


async def test_a_large_gap_comes_page_by_page_in_order() -> None:
    async with working(Filling()) as filling:
        filling.miss(100, 2_599)
        await filling.clock.advance(1)
        assert filling.exchange.asked == [f"trades fake:BTC/USDT {seq}" for seq in (100, 1100, 2100)]
        assert filling.came == list(range(100, 2_600))


async def test_a_gap_that_fills_by_itself_is_not_asked_for() -> None:
    async with working(Filling()) as filling:
        filling.miss(5, 6)
        await filling.clock.advance(0.2)
        filling.bus.publish(GapChanged(BTC.id, 5, 6, 0, "", 0))
        await filling.clock.advance(5)
        assert filling.exchange.asked == []


async def test_an_instrument_that_loses_trades_every_second_is_asked_for_ever_more_rarely() -> None:
    async with working(Filling()) as filling:
        for second in range(60):
            filling.miss(second * 40 + 1, second * 40 + 5)
            await filling.clock.advance(1)
        assert len(filling.exchange.asked) <= 9
        await filling.clock.advance(20)
        assert len(filling.came) == 300


async def test_trades_that_never_count_are_given_up_after_three_tries() -> None:
    async with working(Filling()) as filling:
        filling.miss(5, 6, takes=False)
        await filling.clock.advance(10)
        assert len(filling.exchange.asked) == 3
        assert [(e.first_seq, e.reason) for e in filling.given_up] == [(5, "the exchange does not serve them")]


async def test_a_restarted_filler_goes_on_with_what_it_knew() -> None:
    filling = Filling()
    filling.miss(5, 6)
    async with working(filling):
        await filling.clock.advance(0.1)
    async with working(filling):
        await filling.clock.advance(1)
        assert filling.came == [5, 6]


async def test_an_instrument_that_is_not_followed_any_more_is_given_up() -> None:
    async with working(Filling()) as filling:
        filling.bus.publish(GapOpened(an_instrument("OLD/USDT").id, 1, 2, 0))
        await filling.clock.advance(1)
        assert [event.reason for event in filling.given_up] == ["the instrument is not followed any more"]
