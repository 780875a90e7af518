"""Coinbase's frames written by hand after its documentation, and a parser to read them."""

import json
from collections.abc import Sequence
from typing import Any

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.exchanges.coinbase.book import RULE
from alphaplus_tui.exchanges.coinbase.parser import CoinbaseParser
from alphaplus_tui.exchanges.shared.books import Books
from alphaplus_tui.exchanges.shared.pulses import Pulses
from alphaplus_tui.exchanges.shared.times import rfc3339_ns
from tests.fakes.clock import FakeClock
from tests.unit.exchanges.kraken_frames import NeedsNoted

BTC = Instrument("coinbase", "BTC/USD", "BTC-USD", "BTC", "USD", 0.01, 1e-8)
BTC_USDC = Instrument("coinbase", "BTC/USDC", "BTC-USD", "BTC", "USDC", 0.01, 1e-8)
ETH = Instrument("coinbase", "ETH/USD", "ETH-USD", "ETH", "USD", 0.01, 1e-8)
NOW = rfc3339_ns("2026-08-09T21:05:49Z")

Level = tuple[str, str, str]
"""bid or offer, price, quantity."""
LEVELS: tuple[Level, ...] = (
    ("bid", "65083.66", "0.20371215"),
    ("bid", "65083.27", "0.02244516"),
    ("offer", "65083.67", "0.23256041"),
    ("offer", "65083.72", "0.61446665"),
)


def a_frame(channel: str, *events: dict[str, Any], number: int = 0) -> str:
    said = {
        "channel": channel,
        "timestamp": "2026-08-09T21:05:48.542059328Z",
        "sequence_num": number,
        "events": list(events),
    }
    return json.dumps(said, separators=(",", ":"))


def trades_frame(*numbers: int, number: int = 0, kind: str = "update", **values: Any) -> str:
    rows = [
        {
            "product_id": "BTC-USD",
            "trade_id": str(trade),
            "price": "65083.67",
            "size": "0.002186",
            "time": "2026-08-09T21:05:42.514318Z",
            "side": "SELL",
        }
        | values
        for trade in numbers
    ]
    return a_frame("market_trades", {"type": kind, "trades": rows}, number=number)


def book_frame(levels: Sequence[Level], *, number: int = 0, kind: str = "update", product: str = "BTC-USD") -> str:
    updates = [
        {"side": side, "event_time": "2026-08-09T21:05:48.17Z", "price_level": price, "new_quantity": quantity}
        for side, price, quantity in levels
    ]
    return a_frame("l2_data", {"type": kind, "product_id": product, "updates": updates}, number=number)


def snapshot(number: int = 0, levels: Sequence[Level] = LEVELS) -> str:
    return book_frame(levels, number=number, kind="snapshot")


def ticker_frame(number: int = 0, **values: Any) -> str:
    row = {
        "type": "ticker",
        "product_id": "BTC-USD",
        "price": "65086.18",
        "volume_24_h": "2867.54532609",
        "low_24_h": "64675.22",
        "high_24_h": "65252.99",
        "low_52_w": "57717.55",
        "high_52_w": "126296",
        "price_percent_chg_24_h": "0.09601107287722",
        "best_bid": "65083.66",
        "best_ask": "65083.67",
        "best_bid_quantity": "0.20371215",
        "best_ask_quantity": "0.24290402",
    } | values
    return a_frame("ticker", {"type": "update", "tickers": [row]}, number=number)


def candles_frame(*starts: str, number: int = 0, kind: str = "update", **values: Any) -> str:
    rows = [
        {
            "start": start,
            "high": "65091",
            "low": "65083.56",
            "open": "65091",
            "close": "65083.67",
            "volume": "1.0555351",
            "product_id": "BTC-USD",
        }
        | values
        for start in starts
    ]
    return a_frame("candles", {"type": kind, "candles": rows}, number=number)


def heartbeat(number: int) -> str:
    event = {"current_time": "2026-08-09 21:05:48.85 +0000 UTC m=+41691.2", "heartbeat_counter": 41691}
    return a_frame("heartbeats", event, number=number)


def subscribed(number: int, **channels: list[str]) -> str:
    return a_frame("subscriptions", {"subscriptions": channels}, number=number)


async def _nothing_newer(_: Instrument) -> int:
    return -1


class Desk:
    """A parser with its books and pulses."""

    def __init__(
        self, channels: frozenset[Channel] = frozenset(Channel), instruments: Sequence[Instrument] = (BTC, ETH)
    ) -> None:
        self.needs = NeedsNoted()
        self.books = Books(instruments, RULE, self.needs)
        self.pulses = Pulses(instruments, _nothing_newer, FakeClock())
        self.parser = CoinbaseParser(instruments, channels, books=self.books, pulses=self.pulses)

    def read(self, frame: str | bytes, ts_recv: int = NOW) -> Any:
        return self.parser.read(frame if isinstance(frame, bytes) else frame.encode(), ts_recv)
