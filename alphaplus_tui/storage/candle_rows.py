"""Writes candles: by COPY into a table of their own, and from there where they belong."""

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import Candle, Provenance
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import FatalError, StoreUnavailable
from alphaplus_tui.storage.binary import Field, column, rows, whole
from alphaplus_tui.storage.instants import to_postgres

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

NumberOf = Callable[[InstrumentId], int]
"""The database's number of an instrument."""

COLUMNS = (
    "instrument_id", "open_time", "open", "high", "low", "close", "volume", "revision", "complete", "timeframe",
    "provenance", "trades", "buy_volume",
)  # fmt: skip
_AT_ONCE = 2000
"""Takes a few milliseconds; between two of them the event loop has its turn."""

_INCOMING = "CREATE TEMPORARY TABLE IF NOT EXISTS incoming_candles (LIKE candles, place integer) ON COMMIT DELETE ROWS"
_STORE = f"""
WITH done AS (
    INSERT INTO candles AS stored ({", ".join(COLUMNS)})
    SELECT {", ".join(COLUMNS)} FROM incoming_candles AS given %s ORDER BY place
    ON CONFLICT (instrument_id, timeframe, open_time) DO UPDATE SET
        open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, trades = excluded.trades, buy_volume = excluded.buy_volume,
        provenance = excluded.provenance, revision = excluded.revision, complete = excluded.complete
    WHERE excluded.revision > stored.revision
       OR (NOT stored.complete AND (excluded.complete OR excluded.revision = stored.revision))
    RETURNING instrument_id, timeframe, open_time
)
SELECT CASE WHEN (SELECT count(*) FROM done) < $1 THEN (
    SELECT coalesce(array_agg(place), '{{}}')
    FROM done JOIN incoming_candles USING (instrument_id, timeframe, open_time)
) END
"""  # noqa: S608 - words of ours
_WHERE_LACKING = """WHERE NOT EXISTS (
    SELECT FROM candles WHERE (candles.instrument_id, candles.timeframe, candles.open_time) =
                              (given.instrument_id, given.timeframe, given.open_time)
)"""
_LACKING = f"SELECT count(*) FROM incoming_candles AS given {_WHERE_LACKING}"  # noqa: S608 - words of ours
NEW_CANDLES, _LACKING_CANDLES = _STORE % "", _STORE % _WHERE_LACKING


def replaces(new: Candle, stored: Candle) -> bool:
    """The rule of ``_STORE``'s WHERE: a correction, or the whole in place of a part."""
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


async def write(
    connection: "Connection", candles: Sequence[Candle], number: NumberOf, *, columnstore: bool
) -> list[Candle]:
    """Those that are new or took the place of another, of ``candles`` of which each has a span of its own.

    columnstore: some may lie in TimescaleDB's, where a write over duplicates may leave out others; ``StoreUnavailable``
    where they are still not there in the end.
    """
    await connection.execute(_INCOMING)
    for start in range(0, len(candles), _AT_ONCE):
        await _copy(connection, encode(candles[start : start + _AT_ONCE], number, first_place=start))
    if not columnstore:
        stored: list[int] | None = await connection.fetchval(NEW_CANDLES, len(candles))
        return list(candles) if stored is None else [candles[place] for place in stored]
    every = len(candles) + 1
    places: list[int] = await connection.fetchval(NEW_CANDLES, every)
    if await connection.fetchval(_LACKING):
        places += await connection.fetchval(_LACKING_CANDLES, every)
        if lacking := await connection.fetchval(_LACKING):
            raise StoreUnavailable(f"{lacking} candles were written and are not there")
    return [candles[place] for place in places]


def encode(candles: Sequence[Candle], number_of: NumberOf, *, first_place: int = 0) -> bytes:
    """A whole COPY of ``candles`` and their places; ``FatalError`` when one of them can never be stored."""
    shapes: dict[_Shape, list[int]] = {}
    for place, candle in enumerate(candles):
        shapes.setdefault(_shape(candle), []).append(place)
    try:
        pieces = [
            _rows([candles[place] for place in places], [first_place + place for place in places], shape, number_of)
            for shape, places in shapes.items()
        ]
    except struct.error as error:
        raise FatalError(f"a candle of {candles[0].instrument} cannot be stored: {error}") from error
    return whole(pieces)


_Shape = tuple[Timeframe, Provenance, bool, bool, bool]


def _shape(candle: Candle) -> _Shape:
    """What candles have in common whose rows are equally long and say the same words."""
    return candle.timeframe, candle.provenance, candle.complete, candle.trades is None, candle.buy_volume is None


def _rows(candles: Sequence[Candle], places: Sequence[int], shape: _Shape, number_of: NumberOf) -> bytes:
    timeframe, provenance, complete, without_trades, without_buy_volume = shape
    trades = [candle.trades for candle in candles if candle.trades is not None]
    buy_volumes = [candle.buy_volume for candle in candles if candle.buy_volume is not None]
    numbers = {instrument: number_of(instrument) for instrument in {candle.instrument for candle in candles}}
    fields: dict[str, Field] = {
        "instrument_id": column("i", [numbers[candle.instrument] for candle in candles]),
        "open_time": column("q", [to_postgres(candle.open_time) for candle in candles]),
        "open": column("d", [candle.open for candle in candles]),
        "high": column("d", [candle.high for candle in candles]),
        "low": column("d", [candle.low for candle in candles]),
        "close": column("d", [candle.close for candle in candles]),
        "volume": column("d", [candle.volume for candle in candles]),
        "revision": column("i", [candle.revision for candle in candles]),
        "complete": bytes([complete]),
        "timeframe": timeframe.encode(),
        "provenance": provenance.encode(),
        "trades": None if without_trades else column("q", trades),
        "buy_volume": None if without_buy_volume else column("d", buy_volumes),
    }
    return rows(len(candles), [*(fields[name] for name in COLUMNS), column("i", places)])


async def _copy(connection: "Connection", piece: bytes) -> None:
    await connection.copy_to_table(
        "incoming_candles",
        source=memoryview(piece),  # pyright: ignore[reportArgumentType] - asyncpg takes buffers, its stubs do not know
        columns=(*COLUMNS, "place"),
        format="binary",
    )
