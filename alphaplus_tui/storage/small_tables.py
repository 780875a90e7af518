"""Writes the rows that come by the dozen: candles, order books, changes of services."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, OrderBook
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.ports.store import ServiceEvent
from alphaplus_tui.storage.instants import to_postgres

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

NumberOf = Callable[[InstrumentId], int]
"""The database's number of an instrument."""

_CANDLES_AT_ONCE = 2000

_CANDLE = """
INSERT INTO candles AS stored (
    instrument_id, timeframe, open_time, open, high, low, close, volume, trades, buy_volume, provenance, revision,
    complete
)
SELECT instrument_id, timeframe, open_time, open, high, low, close, volume, trades, buy_volume,
       provenance::provenance, revision, complete
FROM unnest($1::integer[], $2::text[], $3::timestamptz[], $4::float8[], $5::float8[], $6::float8[], $7::float8[],
            $8::float8[], $9::bigint[], $10::float8[], $11::text[], $12::integer[], $13::boolean[])
  AS given (instrument_id, timeframe, open_time, open, high, low, close, volume, trades, buy_volume, provenance,
            revision, complete)
ON CONFLICT (instrument_id, timeframe, open_time) DO UPDATE SET
    open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume,
    trades = excluded.trades, buy_volume = excluded.buy_volume, provenance = excluded.provenance,
    revision = excluded.revision, complete = excluded.complete
WHERE excluded.revision > stored.revision
   OR (NOT stored.complete AND (excluded.complete OR excluded.revision = stored.revision))
RETURNING instrument_id, timeframe, open_time
"""

_STORED = """
SELECT instrument_id, timeframe, open_time FROM candles
WHERE (instrument_id, timeframe, open_time) IN (SELECT * FROM unnest($1::integer[], $2::text[], $3::timestamptz[]))
"""

_BOOK = """
INSERT INTO order_book_snapshots (
    instrument_id, ts, ts_recv, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
"""

_SERVICE_EVENT = """
INSERT INTO service_events (ts, service, state, reason) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""


def replaces(new: Candle, stored: Candle) -> bool:
    """The rule of ``_CANDLE``'s WHERE: a correction, or the whole in place of a part."""
    if new.revision > stored.revision:
        return True
    return not stored.complete and (new.complete or new.revision == stored.revision)


def best(candles: Iterable[Candle]) -> list[Candle]:
    """One candle for each span: what writing them one by one would leave."""
    chosen: dict[tuple[InstrumentId, Timeframe, int], Candle] = {}
    for candle in candles:
        key = (candle.instrument, candle.timeframe, candle.open_time)
        if key not in chosen or replaces(candle, chosen[key]):
            chosen[key] = candle
    return [chosen[key] for key in sorted(chosen)]


async def write_candles(connection: "Connection", candles: Sequence[Candle], number: NumberOf) -> list[Candle]:
    """Those that are new or took the place of another."""
    done: list[Candle] = []
    for start in range(0, len(candles), _CANDLES_AT_ONCE):
        some = candles[start : start + _CANDLES_AT_ONCE]
        columns: list[list[Any]] = [
            [number(c.instrument) for c in some],
            [c.timeframe for c in some],
            [to_postgres(c.open_time) for c in some],
            [c.open for c in some],
            [c.high for c in some],
            [c.low for c in some],
            [c.close for c in some],
            [c.volume for c in some],
            [c.trades for c in some],
            [c.buy_volume for c in some],
            [c.provenance.value for c in some],
            [c.revision for c in some],
            [c.complete for c in some],
        ]
        by_key = {(number(c.instrument), c.timeframe, to_postgres(c.open_time)): c for c in some}
        rows = await connection.fetch(_CANDLE, *columns)
        done += [by_key[row["instrument_id"], Timeframe(row["timeframe"]), row["open_time"]] for row in rows]
    return done


async def lacking_candles(connection: "Connection", candles: Sequence[Candle], number: NumberOf) -> list[Candle]:
    """Those of which nothing is stored."""
    rows = await connection.fetch(
        _STORED,
        [number(c.instrument) for c in candles],
        [c.timeframe for c in candles],
        [to_postgres(c.open_time) for c in candles],
    )
    there = {(row[0], row[1], row[2]) for row in rows}
    return [c for c in candles if (number(c.instrument), c.timeframe, to_postgres(c.open_time)) not in there]


async def write_books(connection: "Connection", books: Sequence[OrderBook], number: NumberOf) -> int:
    done = 0
    for book in books:
        done += _count(
            await connection.execute(
                _BOOK,
                number(book.instrument),
                to_postgres(book.ts_event),
                to_postgres(book.ts_recv),
                book.sequence,
                [level.price for level in book.bids],
                [level.quantity for level in book.bids],
                [level.price for level in book.asks],
                [level.quantity for level in book.asks],
            )
        )
    return done


async def write_service_events(connection: "Connection", events: Sequence[ServiceEvent]) -> int:
    done = 0
    for event in events:
        done += _count(
            await connection.execute(
                _SERVICE_EVENT, to_postgres(event.ts), event.service, event.state, storable(event.reason)
            )
        )
    return done


def _count(done: str) -> int:
    return int(done.rpartition(" ")[2])


def storable(text: str) -> str:
    """PostgreSQL has no NUL in text."""
    return text.replace("\0", "")
