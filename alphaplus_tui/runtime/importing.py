"""Takes candles out of files into the database."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from msgspec import Struct

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import FatalError, UsageError
from alphaplus_tui.files.candles import CandleFile, candle_files, read_candles
from alphaplus_tui.ports.store import Batch, StoreReader, StoreWriter

_ROWS = 5_000
"""Candles in one transaction."""


class ImportWish(Struct, frozen=True):
    """What to import, and what its names do not say."""

    paths: tuple[Path, ...]
    exchange: str
    symbol: str = ""
    """Empty: from the names of the files."""
    timeframe: Timeframe | None = None
    """None: from the name of each file, or the distance of its rows."""
    file_format: str | None = None


class ImportedFile(Struct, frozen=True):
    """What became of one file."""

    file: str
    instrument: str = ""
    timeframe: str = ""
    rows: int = 0
    """Candles that could be used."""
    new: int = 0
    """Of these, candles that were not stored yet."""
    holes: int = 0
    missing: int = 0
    """Candles that the holes miss."""
    rejected: dict[str, int] = {}
    """Rows that were left out, by reason."""
    first: int = 0
    last: int = 0
    """Opening times, UTC ns."""
    trouble: str = ""
    """Why nothing was imported."""
    asked_for: bool = True
    """False for a file that was found in a folder."""


async def import_candles(
    writer: StoreWriter, reader: StoreReader, wish: ImportWish, on_file: Callable[[ImportedFile], None]
) -> tuple[ImportedFile, ...]:
    """Files one after the other, each told when it is done; one that cannot be used does not stop the others.

    Safe to repeat: what is stored already stays. ``UsageError`` when there is no file at all.
    """
    _check(wish)
    files = await asyncio.to_thread(candle_files, wish.paths)
    if not files:
        raise UsageError(f"no candle files in {', '.join(map(str, wish.paths))}: .feather, .csv or .csv.gz are read")
    known = {instrument.id for instrument in await reader.instruments()}
    done: list[ImportedFile] = []
    for file in files:
        found = await _import(writer, file, wish, known)
        done.append(found)
        on_file(found)
    return tuple(done)


async def _import(writer: StoreWriter, file: Path, wish: ImportWish, known: set[InstrumentId]) -> ImportedFile:
    asked_for = file in wish.paths
    try:
        read = await asyncio.to_thread(read_candles, file, timeframe=wish.timeframe, format_name=wish.file_format)
        instrument = _instrument(read, wish)
    except (FatalError, UsageError, OSError) as error:
        return ImportedFile(str(file), trouble=str(error), asked_for=asked_for)
    if instrument.id not in known:
        await writer.register([instrument])
        known.add(instrument.id)
    new = 0
    candles = read.candles(instrument.id)
    while some := tuple(islice(candles, _ROWS)):
        new += (await writer.write(Batch(candles=some))).rows.get("candles", 0)
    return ImportedFile(
        file=str(file),
        instrument=instrument.id,
        timeframe=read.timeframe,
        rows=len(read),
        new=new,
        holes=len(read.holes),
        missing=read.missing,
        rejected=dict(read.rejected),
        first=int(read.open_time[0]),
        last=int(read.open_time[-1]),
        asked_for=asked_for,
    )


def _check(wish: ImportWish) -> None:
    for path in wish.paths:
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder")
    if not wish.exchange or set(wish.exchange) & set(":/ "):
        raise UsageError(f"--exchange {wish.exchange!r}: is no name of an exchange")
    if wish.symbol and "/" not in wish.symbol:
        raise UsageError(f"--symbol {wish.symbol!r}: write BTC/USDT, a perpetual BTC/USDT:USDT")


def _instrument(read: CandleFile, wish: ImportWish) -> Instrument:
    """By name; steps of price and quantity are not known from a file."""
    symbol = wish.symbol or read.symbol
    if not symbol:
        raise UsageError(f"{read.name}: its name does not say of what it is; say so with --symbol BTC/USDT")
    exchange = wish.exchange
    prefix, _, rest = symbol.partition(":")
    if rest and "/" not in prefix:
        exchange, symbol = prefix, rest
    base, _, quote = symbol.partition(":")[0].partition("/")
    return Instrument(exchange, symbol, base + quote, base, quote, price_step=0.0, quantity_step=0.0)


def total(files: Sequence[ImportedFile]) -> dict[str, int]:
    """Over all files."""
    return {
        "files": len(files),
        "rows": sum(file.rows for file in files),
        "new": sum(file.new for file in files),
        "holes": sum(file.holes for file in files),
        "missing": sum(file.missing for file in files),
        "rejected": sum(sum(file.rejected.values()) for file in files),
    }
