"""What one trade costs on the spine: continuity, candles of two timeframes, projection, persistence's buffer."""

import asyncio
import statistics
from random import Random
from time import process_time_ns

from alphaplus_tui.domain.events import TickerChanged, TradeReceived
from alphaplus_tui.domain.market import Ticker, Trade
from tests.fakes.market_data import FakeMarketData, a_trade, an_instrument
from tests.unit.services.pipeline import BTC, START_NS, Pipeline

ROUNDS = 7
TRADES = 20_000


def main() -> None:
    print(f"for comparison, now:  {min(_dict_store_ns() for _ in range(5)):6.1f} ns a store into a dict")
    for symbols in (1, 50):
        costs = [asyncio.run(_round(symbols)) for _ in range(ROUNDS)]
        trade_us, ticker_us = (statistics.median(column) for column in zip(*costs, strict=True))
        print(f"spine, {symbols:>3} symbols: {trade_us:6.2f} µs a trade, {ticker_us:6.2f} µs a ticker")


def _dict_store_ns() -> float:
    """What a quiet machine does in some 30 ns; a busy one makes everything below dearer by as much."""
    numbers: dict[int, int] = {}
    began = process_time_ns()
    for number in range(200_000):
        numbers[number & 255] = number
    return (process_time_ns() - began) / 200_000


async def _round(symbols: int) -> tuple[float, float]:
    """Microseconds of CPU a trade and a ticker; 2,000 trades a second of the market's time."""
    instruments = [an_instrument(f"S{number}/USDT") for number in range(symbols)]
    pipeline = Pipeline(FakeMarketData(*instruments))
    rng = Random(7)
    trades: list[Trade] = []
    for index in range(TRADES):
        instrument = instruments[index % symbols].id
        ts = START_NS + index * 500_000
        trades.append(
            a_trade(
                instrument,
                index // symbols + 1,
                price=100 + rng.random(),
                quantity=round(rng.random(), 5),
                ts_event=ts,
            )
        )
    publish = pipeline.bus.publish
    began = process_time_ns()
    for trade in trades:
        publish(TradeReceived(trade))
    trade_ns = (process_time_ns() - began) / TRADES
    tickers = [Ticker(BTC.id, 100.0, 1.0, 100.1, 1.0, index, START_NS, START_NS) for index in range(TRADES)]
    began = process_time_ns()
    for ticker in tickers:
        publish(TickerChanged(ticker))
    return trade_ns / 1000, (process_time_ns() - began) / TRADES / 1000


if __name__ == "__main__":
    main()
