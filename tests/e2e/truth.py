"""Holds what AlphaPlus stored against the demo exchange's own journal (RELIABILITY 4, checks C1 to C5)."""

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

MINUTE_MS = 60_000

Row = Mapping[str, str]


@dataclass(frozen=True)
class Print:
    """One trade as the journal has it."""

    id: int
    price: float
    quantity: float
    time_ms: int
    side: str


@dataclass
class Comparison:
    """What was compared, and everything that differs, a sentence each."""

    trades: int = 0
    candles: int = 0
    differences: list[str] = field(default_factory=list[str])


def read_journal(path: Path) -> dict[str, dict[int, Print]]:
    """Trades by venue symbol and id."""
    found: dict[str, dict[int, Print]] = defaultdict(dict)
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            side = "buy" if row["maker"] == "sell" else "sell"
            number = int(row["id"])
            found[row["symbol"]][number] = Print(
                number, float(row["price"]), float(row["quantity"]), int(row["time_ms"]), side
            )
    return found


def milliseconds(iso: str) -> int:
    return round(datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp() * 1000)


def compare_trades(
    stored: Iterable[Row],
    journal: Mapping[str, Mapping[int, Print]],
    *,
    from_ms: int | None = None,
    until_ms: int | None = None,
) -> Comparison:
    """Every journalled trade from the first stored one to the last, and no other, exactly once.

    from_ms, until_ms: trades between these must be stored, whatever the first and last stored ones are.
    """
    result = Comparison()
    by_symbol: dict[str, list[Row]] = defaultdict(list)
    for row in stored:
        by_symbol[row["symbol"].replace("/", "")].append(row)
    for symbol in journal.keys() - by_symbol.keys():
        if from_ms is not None:
            result.differences.append(f"{symbol}: nothing stored")
    for symbol, rows in by_symbol.items():
        happened = journal.get(symbol, {})
        times = Counter(int(row["trade_id"]) for row in rows)
        twice = sum(1 for count in times.values() if count > 1)
        if twice:
            result.differences.append(f"{symbol}: {twice} trades stored more than once")
        first, last = min(times), max(times)
        earliest = min(happened, default=0)
        wanted = {
            number
            for number, trade in happened.items()
            if first <= number <= last or (from_ms is not None and from_ms <= trade.time_ms <= (until_ms or from_ms))
        }
        missing = wanted - times.keys()
        if missing:
            result.differences.append(f"{symbol}: {len(missing)} of {len(wanted)} missing, such as {min(missing)}")
        invented = {number for number in times if number not in happened and number >= earliest}
        if invented:
            result.differences.append(f"{symbol}: {len(invented)} stored that never happened, such as {min(invented)}")
        for row in rows:
            trade = happened.get(int(row["trade_id"]))
            if trade is None:
                continue
            said = (float(row["price"]), float(row["quantity"]), milliseconds(row["ts"]), row["side"])
            if said != (trade.price, trade.quantity, trade.time_ms, trade.side):
                result.differences.append(f"{symbol} {trade.id}: stored {said}, happened {trade}")
        result.trades += len(wanted)
    return result


def compare_candles(
    stored: Iterable[Row], journal: Mapping[str, Mapping[int, Print]], *, timeframe_ms: int = MINUTE_MS
) -> Comparison:
    """Every stored candle of a span that the journal covers whole equals the sum of that span's trades."""
    result = Comparison()
    spans: dict[tuple[str, int], list[Print]] = defaultdict(list)
    begun = {symbol: min(trade.time_ms for trade in trades.values()) for symbol, trades in journal.items() if trades}
    for symbol, trades in journal.items():
        for number in sorted(trades):
            trade = trades[number]
            spans[symbol, trade.time_ms - trade.time_ms % timeframe_ms].append(trade)
    for row in stored:
        symbol, opened = row["symbol"].replace("/", ""), milliseconds(row["open_time"])
        if symbol not in begun or opened < begun[symbol]:
            continue
        trades = spans.get((symbol, opened), [])
        result.candles += 1
        volume = math.fsum(trade.quantity for trade in trades)
        said = tuple(float(row[name]) for name in ("open", "high", "low", "close"))
        prices = [trade.price for trade in trades]
        right = (prices[0], max(prices), min(prices), prices[-1]) if prices else said
        if said != right or not math.isclose(float(row["volume"]), volume, rel_tol=1e-9, abs_tol=1e-9):
            result.differences.append(
                f"{symbol} {row['open_time']} {row['provenance']}: stored {said}, sums to {right}"
            )
        if row["trades"] and int(row["trades"]) != len(trades):
            result.differences.append(f"{symbol} {row['open_time']}: {row['trades']} trades, {len(trades)} happened")
    return result
