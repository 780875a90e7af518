"""A real recording through all services: what comes out equals what the exchange itself published."""

import json
from typing import Any

from alphaplus_tui.domain.events import RecordingEnded
from alphaplus_tui.domain.instrument import instrument_id
from alphaplus_tui.domain.market import Provenance
from alphaplus_tui.state.slices import FeedState
from tests.support import eventually, recorded
from tests.unit.services.pipeline import FIVE_MINUTES, MINUTE, Pipeline, running

BTC = instrument_id("binance", "BTC/USDT")


async def test_a_recorded_market_gives_every_trade_once_and_the_exchanges_own_candles() -> None:
    golden: dict[str, Any] = json.loads(recorded("golden/golden.json").read_text())["candles"][0]
    first = await _replayed(Pipeline(live=False, recording=recorded(f"{golden['capture'][0]}")))
    stored = sorted(trade.seq for trade in first.store.stored_trades.values())
    assert stored == list(range(golden["first_trade_id"], golden["last_trade_id"] + 1))
    assert len(stored) == golden["trades"] == 9_757
    of = ((FIVE_MINUTES, golden["candles_5m"]), (MINUTE, golden["candles_1m_computed_from_trades"]))
    for timeframe, row in ((timeframe, row) for timeframe, rows in of for row in rows):
        candle = first.store.stored_candles[BTC, timeframe, row["open_time"] * 1_000_000]
        shown = candle.open, candle.high, candle.low, candle.close, round(candle.volume, 8), candle.trades
        assert shown == (*(float(row[name]) for name in ("open", "high", "low", "close", "volume")), row["trades"])
        assert (candle.complete, candle.provenance) == (True, Provenance.REPLAYED)
    assert first.state.feeds[BTC].state is FeedState.ENDED
    assert len(first.state.gaps) == 0
    assert first.meters.counter("trades_quarantined").value == 0

    # the same recording again shows everything and stores nothing twice
    again = await _replayed(Pipeline(store=first.store, live=False, recording=recorded(f"{golden['capture'][0]}")))
    assert again.state.prices[BTC].trades == 9_757
    assert (len(again.store.stored_trades), len(again.store.stored_candles)) == (9_757, 8)


async def _replayed(pipeline: Pipeline) -> Pipeline:
    ended: list[RecordingEnded] = []
    pipeline.bus.on(RecordingEnded, ended.append)
    async with running(pipeline):
        await eventually(lambda: ended, within_s=60)
        await pipeline.persistence.settled()
    return pipeline
