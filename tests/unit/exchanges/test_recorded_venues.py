"""Whose the recorded sessions are: each is spoken by an adapter, or named here as one that none speaks."""

from collections.abc import Callable

import pytest

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.exchanges.binance.kinds import SPOT
from alphaplus_tui.exchanges.binance.parser import Parser
from alphaplus_tui.exchanges.bybit.parser import BOOK_RULE as BYBIT_RULE
from alphaplus_tui.exchanges.bybit.parser import BybitParser
from alphaplus_tui.exchanges.shared.books import Books, NoResync
from alphaplus_tui.exchanges.shared.parsing import FrameParser, NotMarketData, Unusable
from tests.sessions import payloads, session
from tests.support import recorded
from tests.unit.exchanges import coinbase_frames, kraken_frames

SESSIONS = {
    "BINANCE": "binance",
    "BINANCE_FUTURES": "binanceusdm",
    "BYBIT": "bybit",
    "COINBASE": "coinbase",
    "KRAKEN": "version 1, which Kraken's adapter names and refuses",
    "OKX": "by way of ccxt alone",
    "KUCOIN": "by way of ccxt alone",
    "GATEIO": "by way of ccxt alone",
}
PAYLOADS = {
    "binance": "binance",
    "bybit": "bybit",
    "kraken": "version 1 and futures, which Kraken's adapter names and refuses",
    "okx": "by way of ccxt alone",
    "kucoin": "by way of ccxt alone",
    "gate": "by way of ccxt alone",
}
NOT_OURS = "by way of ccxt alone"
BTC = Instrument("somewhere", "BTC/USDT", "BTCUSDT", "BTC", "USDT", 0.01, 1e-8)


def session_frames(name: str) -> list[str]:
    return [line.data for line in session(name) if line.kind == "recv"]


def payload_frames(name: str) -> list[str]:
    return [row["raw"] for row in payloads(name)]


def binance() -> FrameParser:
    return Parser((BTC,), frozenset(Channel), books=Books((BTC,), SPOT.book_rule, NoResync()))


def bybit() -> FrameParser:
    return BybitParser((BTC,), frozenset(Channel), books=Books((BTC,), BYBIT_RULE, NoResync()))


def kraken() -> FrameParser:
    return kraken_frames.Desk().parser


def coinbase() -> FrameParser:
    return coinbase_frames.Desk().parser


def names(folder: str, ending: str) -> set[str]:
    return {file.name.removesuffix(ending) for file in recorded(folder).iterdir() if file.name.endswith(ending)}


def test_every_recorded_session_is_listed() -> None:
    assert names("ws_cryptofeed", ".jsonl.zst") == set(SESSIONS)
    assert names("payloads_crypto_msg_parser", ".jsonl") == set(PAYLOADS)


@pytest.mark.parametrize("make", [binance, bybit, kraken, coinbase])
@pytest.mark.parametrize(
    ("frames", "name"),
    [(session_frames, name) for name, whose in SESSIONS.items() if whose == NOT_OURS]
    + [(payload_frames, name) for name, whose in PAYLOADS.items() if whose == NOT_OURS],
)
def test_no_parser_believes_a_frame_of_a_venue_that_none_speaks(
    frames: Callable[[str], list[str]], name: str, make: Callable[[], FrameParser]
) -> None:
    parser, refused = make(), 0
    for frame in frames(name):
        with pytest.raises((Unusable, NotMarketData)):
            parser.read(frame.encode(), 1_700_000_000_000_000_000)
        refused += 1
    assert refused >= 30
