"""Where nobody numbers the trades, continuity by time makes the record of an exchange whole, by way of ccxt."""

from pathlib import Path

import pytest

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.ports.market_data import MarketData
from alphaplus_tui.settings.exchange import ExchangeSettings
from alphaplus_tui.state.slices import FeedState
from tests.e2e.truth import read_journal
from tests.integration.exchanges.listening import WITHOUT_NUMBERS, a_ccxt_adapter
from tests.support import eventually
from tests.support_simulator import running_simulator
from tests.unit.services.followed import Followed, running

pytestmark = pytest.mark.timeout(240)  # ccxt takes its time to be imported

BTC, ETH = InstrumentId("binance:BTC/USDT"), InstrumentId("binance:ETH/USDT")
LISTED = ExchangeSettings(id="binance", symbols=("BTC/USDT", "ETH/USDT"), history_candles=0)


async def test_cut_connections_and_a_restart_leave_no_hole_and_no_twin(tmp_path: Path) -> None:
    journal = tmp_path / "journal.csv"
    async with running_simulator(rate=60, symbols=2, journal=journal) as simulator:

        def an_engine(before: Followed | None = None) -> Followed:
            adapter = a_ccxt_adapter(simulator.rest_url, simulator.ws_url, tmp_path, quirks=WITHOUT_NUMBERS)
            adapters.append(adapter)
            return Followed((adapter,), LISTED, before.store if before else None)

        adapters: list[MarketData] = []
        async with running(an_engine()) as first:
            await eventually(lambda: len(first.trades_of(BTC)) > 20 and len(first.trades_of(ETH)) > 20, within_s=90)
            await simulator.set_faults({"kind": "cut", "period_s": 1.5})
            await eventually(lambda: _reconnects(first) >= 4, within_s=60)
            await simulator.set_faults()
            await eventually(lambda: _whole(first), within_s=60)
        await _close(adapters)
        stored = len(first.trades_of(BTC))
        async with running(an_engine(first)) as second:
            await eventually(lambda: len(second.trades_of(BTC)) > stored + 40 and _whole(second), within_s=90)
        await _close(adapters)
    happened = read_journal(journal)
    for instrument, venue in ((BTC, "BTCUSDT"), (ETH, "ETHUSDT")):
        kept = second.trades_of(instrument)
        ids = [int(trade.trade_id) for trade in kept]
        assert len(set(ids)) == len(ids)
        assert sorted(ids) == list(range(min(ids), max(ids) + 1))
        assert {trade.price for trade in kept} <= {trade.price for trade in happened[venue].values()}
        assert all(trade.seq == trade.ts_event for trade in kept)


def _reconnects(followed: Followed) -> int:
    return sum(row.reconnects for row in followed.state.connections.values())


def _whole(followed: Followed) -> bool:
    """Everything is live, and no gap is open."""
    feeds = followed.state.feeds
    return not len(followed.state.gaps) and all(feeds[name].state is FeedState.LIVE for name in (BTC, ETH))


async def _close(adapters: list[MarketData]) -> None:
    while adapters:
        await adapters.pop().close()
