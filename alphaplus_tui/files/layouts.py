"""The layouts of history files that we know, as data: names of columns, files without a header, formats."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

Kind = Literal["candles", "trades", "recording"]

FORMATS: dict[str, Kind] = {
    "csv": "candles",
    "feather": "candles",
    "parquet": "candles",
    "binance-klines": "candles",
    "kraken-ohlcvt": "candles",
    "cryptodatadownload": "candles",
    "lean-trade": "candles",
    "lean-quote": "candles",
    "trades": "trades",
    "binance-trades": "trades",
    "binance-aggtrades": "trades",
    "binance-stream": "trades",
    "recording": "recording",
}
"""What ``--format`` takes. ``csv``, ``feather`` and ``parquet`` say how a table is written; whether it holds candles or
trades is told from its columns. ``trades`` is a CSV of trades with a header."""
TABLES = ("feather", "parquet")

PRICES = ("open", "high", "low", "close")
TIMES = ("unix", "timestamp", "open_time", "opentime", "open_datetime", "date", "datetime", "time", "ts",
         "transactiontime", "transact_time", "trade_time", "created_at")  # fmt: skip
"""Names of the column of times, the surest first."""
CLOSING_TIMES = ("close_time", "closetime", "close_datetime", "close_date")
_NAMES: dict[str, tuple[str, ...]] = {
    "trades": ("trades", "tradecount", "trade_count", "count", "number_of_trades", "num_trades"),
    "buy_volume": ("buy_volume", "taker_buy_volume", "taker_buy_base_asset_volume", "taker_buy_base_volume"),
    "price": ("price",),
    "quantity": ("quantity", "qty", "amount", "size", "volume"),
    "side": ("side", "taker_side"),
    "maker": ("is_buyer_maker", "isbuyermaker", "isbuyermarketmaker", "buyer_is_maker"),
    "trade_id": ("trade_id", "tradeid", "id", "agg_trade_id", "aggtradeid", "tid"),
    "received": ("timestampofreceive", "ts_recv"),
    "symbol": ("symbol", "pair", "tic", "ticker"),
    "exchange": ("exchange",),
    "timeframe": ("timeframe",),
}
"""What we call a column, and what others call it."""

_KLINES = ("open_time", *PRICES, "volume", "close_time", "quote_volume", "count", "taker_buy_volume",
           "taker_buy_quote_volume", "ignore")  # fmt: skip
_TRADES = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker")
_AGGREGATES = ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time",
               "is_buyer_maker")  # fmt: skip

HEADERLESS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("binance-klines", _KLINES, 0),
    ("binance-trades", (*_TRADES, "is_best_match"), 2),
    ("binance-trades", _TRADES, 1),
    ("binance-aggtrades", (*_AGGREGATES, "is_best_match"), 2),
    ("binance-aggtrades", _AGGREGATES, 1),
    ("kraken-ohlcvt", ("unix", *PRICES, "volume", "trades"), 0),
    ("csv", ("unix", *PRICES, "volume"), 0),
    ("lean-trade", ("time", *PRICES, "volume"), 0),
    ("lean-quote", ("time", *(f"bid_{name}" for name in PRICES), "bid_size", *(f"ask_{name}" for name in PRICES),
                    "ask_size"), 0),
)  # fmt: skip
"""Format, columns, and how many of the last are ``true`` or ``false``: files without a header."""
WITHOUT_IDS = ("time", "price", "volume")

_MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("binance-stream", frozenset({"transactiontime", "tradeid", "isbuyermarketmaker"})),
    ("binance-klines", frozenset({"open_time", "close_time", "quote_volume", "taker_buy_volume"})),
    ("binance-aggtrades", frozenset({"agg_trade_id", "first_trade_id", "last_trade_id"})),
    ("binance-trades", frozenset({"id", "qty", "quote_qty", "is_buyer_maker"})),
)
"""Formats by columns that only they have."""
_OTHER: tuple[tuple[str, frozenset[str]], ...] = (
    ("changes of an order book", frozenset({"firstupdateid", "finalupdateid"})),
    ("funding rates", frozenset({"funding_rate"})),
    ("funding rates", frozenset({"last_funding_rate"})),
    ("best bids and asks", frozenset({"best_bid_price", "best_ask_price"})),
    ("headlines", frozenset({"headline"})),
)
"""What else is found in files, by its columns; none of it is read."""


class Columns(Struct, frozen=True):
    """Where a table has what; -1: nowhere."""

    names: tuple[str, ...]
    """All, as normalised."""
    time: int
    closing: bool
    """The times are those of the close."""
    volumes: tuple[int, ...] = ()
    """At most two: one in base units and one in quote units, in any order."""
    places: dict[str, int] = {}
    """Of the other columns, by our name."""

    def place(self, name: str) -> int:
        return self.places.get(name, -1)


def normalised(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip().strip('"').lower().replace(" ", "_") for name in names)


def is_candles(names: Sequence[str]) -> bool:
    return set(PRICES) <= set(names)


def is_trades(names: Sequence[str]) -> bool:
    columns = find_columns(names)
    return columns is not None and min(map(columns.place, ("price", "quantity", "trade_id"))) >= 0


def format_of(names: Sequence[str], usual: str) -> str:
    """Of a table with these columns; ``usual`` where they are nobody's in particular."""
    there = set(names)
    for name, mark in _MARKS:
        if mark <= there:
            return name
    return usual


def told_apart(names: Sequence[str]) -> str:
    """What a table holds that is neither candles nor trades; empty where it is not known."""
    there = set(names)
    return next((what for what, mark in _OTHER if mark <= there), "")


def headerless(row: Sequence[str], format_name: str = "") -> tuple[str, tuple[str, ...]] | None:
    """Format and columns of a file whose first row is this one; None where it is no row of numbers.

    format_name: only this one, where it is not empty.
    """
    flags = next((n for n, cell in enumerate(reversed(row)) if cell.strip().lower() not in ("true", "false")), 0)
    if len(row) - flags < len(WITHOUT_IDS) or not all(map(_is_number, row[1 : len(row) - flags])):
        return None
    if len(row) == len(WITHOUT_IDS) and _is_number(row[0]):
        return "trades", WITHOUT_IDS
    for name, columns, wanted in HEADERLESS:
        if len(columns) == len(row) and flags == wanted and format_name in ("", name):
            return name, columns
    return None


def find_columns(names: Sequence[str]) -> Columns | None:
    """None where there is no column of times."""
    time = next((names.index(name) for name in (*TIMES, *CLOSING_TIMES) if name in names), -1)
    if time < 0:
        return None
    places = {
        ours: place
        for ours, theirs in _NAMES.items()
        if (place := next((names.index(name) for name in theirs if name in names), -1)) >= 0
    }
    places |= {name: place for place, name in enumerate(names) if name in PRICES or name.startswith(("bid_", "ask_"))}
    volumes = tuple(place for place, name in enumerate(names) if name.startswith(("volume", "quote_", "base_volume")))
    return Columns(tuple(names), time, names[time] in CLOSING_TIMES, volumes[:2], places)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
