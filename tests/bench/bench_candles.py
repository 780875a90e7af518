"""CPU that the exchange's own candles cost: reading one frame, beside a trade, of each venue that tells them."""

import argparse
import statistics
import time

from alphaplus_tui.exchanges.binance.kinds import SPOT
from alphaplus_tui.exchanges.shared.parsing import FrameParser
from tests.unit.exchanges import coinbase_frames, kraken_frames
from tests.unit.exchanges.test_parser import TRADE
from tests.unit.exchanges.test_poison import BYBIT, KLINE, NOW, a_binance_parser, a_bybit_parser

TRADED, CANDLE = "trade", "candle"


def cases() -> list[tuple[str, str, FrameParser, str, int]]:
    """Venue, kind, a parser, a frame and when it came."""
    kraken, coinbase = kraken_frames.Desk().parser, coinbase_frames.Desk().parser
    bybit_candle = next(frame for frame in BYBIT if "kline" in frame)
    return [
        ("binance", TRADED, a_binance_parser(SPOT), TRADE, NOW),
        ("binance", CANDLE, a_binance_parser(SPOT), KLINE, NOW),
        ("bybit", TRADED, a_bybit_parser("BTC/USDT:USDT"), BYBIT[0], NOW),
        ("bybit", CANDLE, a_bybit_parser("BTC/USDT:USDT"), bybit_candle, NOW),
        ("kraken", TRADED, kraken, kraken_frames.TRADE, kraken_frames.NOW),
        ("kraken", CANDLE, kraken, kraken_frames.OHLC, kraken_frames.NOW),
        ("coinbase", TRADED, coinbase, coinbase_frames.trades_frame(1), coinbase_frames.NOW),
        ("coinbase", CANDLE, coinbase, coinbase_frames.candles_frame("1786309500"), coinbase_frames.NOW),
    ]


def cost_us(parser: FrameParser, frame: bytes, now: int, count: int) -> float:
    read = parser.read
    began = time.process_time()
    for _ in range(count):
        read(frame, now)
    return (time.process_time() - began) / count * 1e6


def main(count: int, rounds: int) -> None:
    print(f"CPU per frame read, median of {rounds} × {count:,} (µs)")
    for venue, kind, parser, frame, now in cases():
        cost = statistics.median(cost_us(parser, frame.encode(), now, count) for _ in range(rounds))
        print(f"  {venue:10} {kind:7} {cost:6.2f}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    main(chosen.count, chosen.rounds)
