"""The two markets of Binance that are spoken here, spot and USD-M futures, as rows of differences."""

from collections.abc import Mapping

from msgspec import Struct

from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.exchanges.binance.frames import AggTradeData, DepthData, FuturesDepthData, TradeData
from alphaplus_tui.exchanges.shared.book import Rule


def _spot_follow(sequence: int, change: DepthData) -> int | None:
    """Changes overlap or touch.

    Source: Binance spot API, "How to manage a local order book correctly": changes up to the snapshot's number are
    old; the first one applied holds the number after it; each further one begins where the last ended.
    """
    return change.last_update_id if change.first_update_id <= sequence + 1 else None


def _futures_follow(sequence: int, change: FuturesDepthData) -> int | None:
    """Each change names the last number of the one before it, ``pu``; numbers are shared by all symbols.

    Source: Binance USD-M API, "How to manage a local order book correctly": the first change applied reaches beyond the
    snapshot and begins before it; each further one has the number before it as its ``pu``.
    """
    return change.last_update_id if change.previous_update_id <= sequence else None


TOLD = Timeframe("1m")
"""Of the candles that are streamed: closed ones say so."""


class Weights(Struct, frozen=True):
    """What each question costs."""

    per_minute: int
    info: int
    depth: int
    klines: int
    trades: int
    newest: int


class Kind(Struct, frozen=True):
    """One market of Binance."""

    rest_url: str
    ws_url: str
    api: str
    """How the paths of REST begin."""
    sockets: Mapping[str, frozenset[Channel]]
    """Paths of the combined streams, and what each serves."""
    streams: Mapping[Channel, str]
    trades: str
    """The route that gives past trades ``fromId``, in the id space of the stream."""
    trade_data: type[TradeData] | type[AggTradeData]
    depth_data: type[DepthData] | type[FuturesDepthData]
    book_rule: Rule
    weights: Weights
    derivative: bool = False
    streams_per_connection: int = 1000

    def stream_name(self, venue: str, channel: Channel) -> str:
        return f"{venue.lower()}@{self.streams[channel]}"

    @property
    def trade_ending(self) -> bytes:
        """How the names of streams of trades end."""
        return f"@{self.streams[Channel.TRADE]}".encode()


SPOT = Kind(
    rest_url="https://api.binance.com",
    ws_url="wss://stream.binance.com:9443",
    api="/api/v3",
    sockets={"/stream": frozenset(Channel)},
    streams={
        Channel.TRADE: "trade",
        Channel.TICKER: "bookTicker",
        Channel.BOOK: "depth@100ms",
        Channel.STATISTICS: "ticker",
        Channel.CANDLE: f"kline_{TOLD}",
    },
    trades="historicalTrades",
    trade_data=TradeData,
    depth_data=DepthData,
    book_rule=Rule(_spot_follow),
    weights=Weights(per_minute=6000, info=20, depth=50, klines=2, trades=25, newest=2),
)
"""1,024 streams are allowed on a connection."""

USD_M = Kind(
    rest_url="https://fapi.binance.com",
    ws_url="wss://fstream.binance.com",
    api="/fapi/v1",
    sockets={
        "/market/stream": frozenset({Channel.TRADE, Channel.STATISTICS, Channel.CANDLE}),
        "/public/stream": frozenset({Channel.TICKER, Channel.BOOK}),
    },
    streams={
        Channel.TRADE: "aggTrade",
        Channel.TICKER: "bookTicker",
        Channel.BOOK: "depth@100ms",
        Channel.STATISTICS: "ticker",
        Channel.CANDLE: f"kline_{TOLD}",
    },
    trades="aggTrades",
    trade_data=AggTradeData,
    depth_data=FuturesDepthData,
    book_rule=Rule(_futures_follow),
    weights=Weights(per_minute=2400, info=1, depth=20, klines=5, trades=20, newest=20),
    derivative=True,
    streams_per_connection=200,
)
"""``trade`` is not documented there and its past needs a key; what is aggregated is numbered without holes. Since April
2026 an address serves only its own channels. Others found fewer than the documented 1,024 streams to be safe."""


def kind_of(exchange: str) -> Kind:
    """Of an exchange that speaks as Binance does, by its name here."""
    return USD_M if exchange == "binanceusdm" else SPOT
