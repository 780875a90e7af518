"""A machine whose clock is wrong, drifts, or is set while AlphaPlus runs: candles know nothing of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from alphaplus_tui.domain.events import CandleClosed, TradeAccepted
from alphaplus_tui.domain.market import Candle, Trade
from alphaplus_tui.kernel.bus import Bus
from alphaplus_tui.kernel.clock import WallMarketClock
from alphaplus_tui.kernel.meters import Meters
from alphaplus_tui.kernel.service import Life
from alphaplus_tui.services.candles import CandleService
from tests.fakes.clock import FakeClock
from tests.fakes.market_data import a_trade
from tests.unit.services.pipeline import BTC, MINUTE, MINUTE_NS, SECOND_NS, START_NS, figures, recomputed

HOUR_NS = 60 * MINUTE_NS
MINUTES = 5
SET_AT_S = 150
"""In the middle of a candle."""
STEPS = [HOUR_NS, -HOUR_NS, 5 * SECOND_NS, -5 * SECOND_NS]
TRADES = [
    a_trade(BTC.id, seq, price=100.0 + seq % 7, ts_event=START_NS + seq * 5 * SECOND_NS) for seq in range(MINUTES * 12)
]


class Machine:
    """True time, which passes as the test says; a clock on the wall that is wrong; candles made by the two."""

    def __init__(self, wrong_ns: int = 0) -> None:
        self.wrong_ns = wrong_ns
        self.clock = FakeClock(0.0)
        self.market = WallMarketClock(self.wall_ns, self.elapsed_ns)
        self.bus = Bus(clock=self.clock)
        self.candles = CandleService(self.bus, (MINUTE,), market=self.market, meters=Meters())
        self.closed: list[Candle] = []
        self.bus.on(CandleClosed, lambda event: self.closed.append(event.candle))

    def elapsed_ns(self) -> int:
        return round(self.clock.monotonic() * SECOND_NS)

    def wall_ns(self) -> int:
        return START_NS + self.elapsed_ns() + self.wrong_ns

    def offset_ns(self) -> int:
        """What an exchange answers."""
        return -self.wrong_ns

    async def second(self, *trades: Trade) -> None:
        for trade in trades:
            self.bus.publish(TradeAccepted(trade))
        await self.clock.advance(1.0)


@asynccontextmanager
async def running(machine: Machine) -> AsyncGenerator[Machine]:
    service = asyncio.create_task(machine.candles.run(Life("candles", machine.clock)))
    await machine.clock.settle()
    try:
        yield machine
    finally:
        service.cancel()
        await asyncio.wait({service})


async def pass_five_minutes(
    machine: Machine, *, step_ns: int = 0, drift_ns: int = 0, measured_after_s: int = -1
) -> None:
    """A trade each five seconds; the clock is set by ``step_ns`` once, and gains ``drift_ns`` in all."""
    due = list(TRADES)
    for second in range(MINUTES * 60 + 3):
        if second == SET_AT_S:
            machine.wrong_ns += step_ns
        if second == SET_AT_S + measured_after_s:
            machine.market.set_offset(machine.offset_ns())
        machine.wrong_ns += drift_ns // (MINUTES * 60)
        now = START_NS + second * SECOND_NS
        await machine.second(*(trade for trade in due if trade.ts_event == now))


def assert_each_candle_once_and_whole(machine: Machine) -> None:
    expected = recomputed(TRADES, MINUTE)
    assert [candle.open_time for candle in machine.closed] == sorted(expected)
    assert {candle.open_time: figures(candle) for candle in machine.closed} == expected
    assert {candle.revision for candle in machine.closed} == {0}


@pytest.mark.parametrize("step_ns", STEPS)
@pytest.mark.parametrize("measured_after_s", [-1, 20], ids=["before it is measured", "and measured anew"])
async def test_a_clock_that_is_set_while_it_runs_does_no_harm(step_ns: int, measured_after_s: int) -> None:
    async with running(Machine()) as machine:
        await pass_five_minutes(machine, step_ns=step_ns, measured_after_s=measured_after_s)
        assert_each_candle_once_and_whole(machine)


@pytest.mark.parametrize("drift_ns", [5 * SECOND_NS, -5 * SECOND_NS])
async def test_a_clock_that_drifts_does_no_harm(drift_ns: int) -> None:
    async with running(Machine()) as machine:
        await pass_five_minutes(machine, drift_ns=drift_ns, measured_after_s=60)
        assert_each_candle_once_and_whole(machine)


@pytest.mark.parametrize("wrong_ns", STEPS)
async def test_a_clock_that_was_always_wrong_does_no_harm_once_it_is_measured(wrong_ns: int) -> None:
    async with running(Machine(wrong_ns)) as machine:
        machine.market.set_offset(machine.offset_ns())
        await pass_five_minutes(machine)
        assert_each_candle_once_and_whole(machine)


async def test_how_far_the_wall_is_off_is_known_at_once_when_it_is_set() -> None:
    machine = Machine(wrong_ns=-2 * SECOND_NS)
    machine.market.set_offset(machine.offset_ns())
    assert machine.market.offset_ns == 2 * SECOND_NS
    machine.wrong_ns += HOUR_NS
    assert machine.market.offset_ns == 2 * SECOND_NS - HOUR_NS
    assert machine.market.now() == START_NS
