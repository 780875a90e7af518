"""The session of this process: before and after the engine is up, and in a replay."""

from pathlib import Path

import pytest
import structlog

from alphaplus_tui.domain.coverage import Cover
from alphaplus_tui.errors import DeadlineExceeded, StoreUnavailable
from alphaplus_tui.kernel.clock import ManualMarketClock
from alphaplus_tui.kernel.manager import ServiceManager
from alphaplus_tui.kernel.service import Life, ServiceState
from alphaplus_tui.logs.setup import Logs
from alphaplus_tui.ports.store import Batch
from alphaplus_tui.runtime.local_session import LocalSession
from alphaplus_tui.session.commands import Accepted, Refused, RestartService, StartService, StopService
from alphaplus_tui.session.queries import CoverageMap, LogPage, TradesPage
from alphaplus_tui.state.slices import FeedRow, FeedState, PriceRow
from alphaplus_tui.state.store import StateStore
from tests.fakes.clock import FakeClock
from tests.fakes.market_data import a_trade, an_instrument
from tests.fakes.store import FakeStore

BTC = an_instrument()
FAR = 2**62


class Idle:
    name = "idle"
    after: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()

    async def run(self, life: Life) -> None:
        life.ready()
        await life.clock.sleep(1e9)


async def test_before_the_engine_is_up_it_asks_for_patience(tmp_path: Path) -> None:
    session = LocalSession(StateStore(), tmp_path / "log")
    reply = await session.send(RestartService("idle"))
    assert isinstance(reply, Refused)
    assert "still starting" in reply.reason
    with pytest.raises(StoreUnavailable, match="still starting"):
        await session.ask(TradesPage(BTC.id, 0, FAR))


async def test_services_are_stopped_started_and_restarted_by_name(tmp_path: Path) -> None:
    manager = ServiceManager([Idle()], clock=FakeClock())
    session = LocalSession(StateStore(), tmp_path / "log")
    session.open(manager, FakeStore(), ManualMarketClock(1))
    await manager.start()
    assert await session.send(StopService("idle")) == Accepted()
    assert manager.status("idle").state is ServiceState.STOPPED
    assert await session.send(StartService("idle")) == Accepted()
    assert await session.send(RestartService("idle")) == Accepted()
    refused = await session.send(RestartService("idel"))
    assert refused == Refused("unknown service 'idel'; did you mean 'idle'?", unknown=True)
    await manager.stop()


async def test_nobody_sees_a_trade_later_than_the_markets_now(tmp_path: Path) -> None:
    store = FakeStore()
    await store.register([BTC])
    trades = tuple(a_trade(BTC.id, seq) for seq in (1, 2, 3))
    await store.write(Batch(trades=trades))
    session = LocalSession(StateStore(), tmp_path / "log")
    session.open(ServiceManager([], clock=FakeClock()), store, ManualMarketClock(trades[1].ts_event))
    assert [trade.seq for trade in await session.ask(TradesPage(BTC.id, 0, FAR))] == [1, 2]


async def test_the_map_of_what_is_stored_reaches_to_now_while_the_stream_lives_and_nothing_else_was_heard(
    tmp_path: Path,
) -> None:
    store, state = FakeStore(), StateStore()
    await store.register([BTC])
    trades = tuple(a_trade(BTC.id, seq) for seq in (1, 2, 3))
    await store.write(Batch(trades=trades))
    now = trades[-1].ts_event + 60_000_000_000
    session = LocalSession(state, tmp_path / "log")
    session.open(ServiceManager([], clock=FakeClock()), store, ManualMarketClock(now))
    (row,) = await session.ask(CoverageMap())
    assert (row.start, row.end, row.cover) == (trades[0].ts_event, trades[-1].ts_event, Cover.LIVE)
    state.feeds.put(BTC.id, FeedRow(BTC.id, FeedState.LIVE, "", 0, None))
    state.prices.put(BTC.id, PriceRow(BTC.id, trades=3, ts_event=trades[-1].ts_event))
    (row,) = await session.ask(CoverageMap(BTC.id))
    assert row.end == now + 1
    state.prices.put(BTC.id, PriceRow(BTC.id, trades=4, ts_event=trades[-1].ts_event + 1_000_000_000))
    (row,) = await session.ask(CoverageMap(BTC.id))
    assert row.end == trades[-1].ts_event
    assert await session.ask(CoverageMap("fake:ETH/USDT")) == ()


async def test_a_question_has_a_deadline(tmp_path: Path) -> None:
    class Silent(FakeStore):
        async def trades(self, *_: object, **__: object) -> tuple[()]:
            await self.gate.wait()
            return ()

    store = Silent()
    store.gate.clear()
    session = LocalSession(StateStore(), tmp_path / "log")
    session.open(ServiceManager([], clock=FakeClock()), store, ManualMarketClock(1))
    with pytest.raises(DeadlineExceeded, match=r"no answer to TradesPage within 0\.05 s"):
        await session.ask(TradesPage(BTC.id, 0, FAR), deadline_s=0.05)


async def test_pages_of_the_log_come_from_the_file_also_before_the_engine_is_up(tmp_path: Path) -> None:
    file = tmp_path / "alphaplus.log"
    with Logs(file=file):
        structlog.get_logger("alphaplus_tui.services.candles").warning("candle_late", symbol="BTC/USDT")
        structlog.get_logger("alphaplus_tui.services.backfill").info("gap_closed")
    answer = await LocalSession(StateStore(), file).ask(LogPage(min_level="warning"))
    (line,) = answer.lines
    assert (line.level, line.service, line.event) == ("warning", "candles", "candle_late")
    assert line.fields == (("symbol", "BTC/USDT"),)
    assert not answer.more
