"""Takes candles and trades out of files into the database."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import Protocol

from msgspec import Struct, structs

from alphaplus_tui.domain.instrument import Instrument, InstrumentId
from alphaplus_tui.domain.market import Trade
from alphaplus_tui.domain.pairs import unified_symbol
from alphaplus_tui.errors import FatalError, UsageError
from alphaplus_tui.files.candles import CandleFile, read_candles
from alphaplus_tui.files.guess import Guess, Wish, guess
from alphaplus_tui.files.origin import exchange_of_file
from alphaplus_tui.files.rejected import Rejected
from alphaplus_tui.files.sources import ENDINGS, PACKED, Source, UnreadableFile, find_sources
from alphaplus_tui.files.trades import Numbers, is_number, read_trades
from alphaplus_tui.ports.store import Batch, StoreReader, StoreWriter
from alphaplus_tui.runtime.recorded_trades import recorded_trades
from alphaplus_tui.settings.exchange import DEMO

_ROWS = 5_000
"""Candles in one transaction."""
_OTHER_NUMBERS = {
    ("binance", "binance-aggtrades"): "its trades are numbered singly; import the dump of trades",
    ("binanceusdm", "binance-trades"): "its trades are numbered as aggregates; import the dump of aggTrades",
}
"""Dumps whose numbers are not those under which the exchange's trades are stored."""


class ImportWish(Struct, frozen=True):
    """What to import, and what its names do not say."""

    paths: tuple[Path, ...]
    exchange: str = ""
    """Whose prices they are; empty: what the file says, or else ``usual``."""
    files: Wish = Wish()
    usual: str = "imported"
    known: tuple[str, ...] = ()
    """Names of exchanges that may be told from a file's format, name and folders."""


class ImportedFile(Struct, frozen=True):
    """What became of one file; of each instrument and timeframe in it, where it holds several."""

    file: str
    kind: str = "candles"
    instrument: str = ""
    timeframe: str = ""
    rows: int = 0
    """Candles or trades that could be used."""
    new: int = 0
    """Of these, those that were not stored yet."""
    holes: int = 0
    missing: int = 0
    """Candles, or numbers of trades, that the holes miss."""
    rejected: dict[str, int] = {}
    """Rows that were left out, by reason."""
    examples: tuple[str, ...] = ()
    """The first rows that were left out."""
    first: int = 0
    last: int = 0
    """Opening times, or times of trades, UTC ns."""
    guess: str = ""
    """How the file was understood."""
    trouble: str = ""
    """Why nothing was imported."""
    asked_for: bool = True
    """False for a file that was found in a folder."""


class ImportListener(Protocol):
    """Hears how an import goes."""

    def guessed(self, file: str, guess: str) -> None: ...

    def progress(self, file: str, rows: int, share: float) -> None:
        """Rows so far, and which share of the file was read (0 to 1)."""
        ...

    def done(self, file: ImportedFile) -> None: ...


async def import_history(
    writer: StoreWriter, reader: StoreReader, wish: ImportWish, listener: ImportListener
) -> tuple[ImportedFile, ...]:
    """Files one after the other, each told when it is done; one that cannot be used does not stop the others.

    Safe to repeat: what is stored already stays. ``UsageError`` when there is no file at all.
    """
    _check(wish)
    sources = await asyncio.to_thread(find_sources, wish.paths)
    if not sources:
        endings = f"files that end in {', '.join(ENDINGS)} are looked for, bare or packed as {', '.join(PACKED)}"
        raise UsageError(f"no history in {', '.join(map(str, wish.paths))}: {endings}")
    known = {instrument.id: instrument for instrument in await reader.instruments()}
    # candles made of quotes come after those of trades
    sources.sort(key=lambda source: "quote" in source.words)
    found: list[ImportedFile] = []
    for source in sources:
        one = _Import(writer, wish, source, known, listener)
        found += await one.run()
    return tuple(found)


class _Import:
    """One file."""

    def __init__(
        self,
        writer: StoreWriter,
        wish: ImportWish,
        source: Source,
        known: dict[InstrumentId, Instrument],
        listener: ImportListener,
    ) -> None:
        self._writer, self._wish, self._source, self._known, self._listener = writer, wish, source, known, listener
        self._rejected = Rejected()
        self._asked_for = source.path in wish.paths
        self._guess: Guess | None = None
        self._exchange = wish.exchange or wish.usual
        self._share = 0.0

    async def run(self) -> list[ImportedFile]:
        try:
            self._guess = made = await asyncio.to_thread(guess, self._source, self._wish.files)
            self._listener.guessed(self._source.name, f"{made}{self._whose(made)}")
            if made.kind == "candles":
                done = await self._candles(made)
            else:
                done = [await self._trades(made)]
        except (FatalError, UsageError, OSError) as error:
            said = "" if self._guess is None else str(self._guess)
            done = [
                ImportedFile(
                    str(self._source.path),
                    guess=said,
                    trouble=str(error),
                    rejected=dict(self._rejected.counts),
                    examples=tuple(self._rejected.examples),
                    asked_for=self._asked_for,
                )
            ]
        for one in done:
            self._listener.done(one)
        return done

    def _whose(self, made: Guess) -> str:
        """Settles the exchange; what is said of it to people."""
        found = "" if self._wish.exchange else exchange_of_file(self._source, made, self._wish.known)
        # numbers that are not the exchange's own would be refused under its name
        if not found or (found, made.format_name) in _OTHER_NUMBERS:
            return ""
        self._exchange = found
        return f" · of {found}"

    async def _candles(self, made: Guess) -> list[ImportedFile]:
        files = await asyncio.to_thread(read_candles, self._source, made, self._rejected)
        total, written = sum(map(len, files)), 0
        done: list[ImportedFile] = []
        for file in files:
            instrument = self._instrument(file.exchange, file.symbol)
            await self._register(instrument)
            new = 0
            candles = file.candles(instrument.id)
            while some := tuple(islice(candles, _ROWS)):
                new += (await self._writer.write(Batch(candles=some))).rows.get("candles", 0)
                written += len(some)
                self._listener.progress(self._source.name, written, written / total)
            done.append(self._imported_candles(file, instrument, new, first=not done))
        return done

    def _imported_candles(self, file: CandleFile, instrument: Instrument, new: int, *, first: bool) -> ImportedFile:
        return ImportedFile(
            file=str(self._source.path),
            instrument=instrument.id,
            timeframe=file.timeframe,
            rows=len(file),
            new=new,
            holes=len(file.holes),
            missing=file.missing,
            rejected=dict(self._rejected.counts) if first else {},
            examples=tuple(self._rejected.examples) if first else (),
            first=int(file.open_time[0]),
            last=int(file.open_time[-1]),
            guess=str(self._guess),
            asked_for=self._asked_for,
        )

    async def _trades(self, made: Guess) -> ImportedFile:
        if reason := _OTHER_NUMBERS.get((self._exchange, made.format_name)):
            raise UnreadableFile(f"of {self._exchange}, {reason}")
        rows = new = 0
        seen: dict[InstrumentId, Numbers] = {}
        first, last = 2**63 - 1, 0
        async with aclosing(self._pages(made)) as pages:
            async for page in pages:
                new += (await self._writer.write(Batch(trades=tuple(page)))).rows.get("trades", 0)
                rows += len(page)
                first = min(first, *(trade.ts_event for trade in page))
                last = max(last, *(trade.ts_event for trade in page))
                for whose in {trade.instrument for trade in page}:
                    numbered = (trade for trade in page if trade.instrument == whose and is_number(trade.trade_id))
                    seen.setdefault(whose, Numbers()).add([trade.seq for trade in numbered])
        if not rows:
            raise UnreadableFile(f"no row could be read ({str(self._rejected) or 'it is empty'})")
        holes = [hole for numbers in seen.values() for hole in numbers.holes()]
        return ImportedFile(
            file=str(self._source.path),
            kind="trades",
            instrument=", ".join(sorted(seen)),
            rows=rows,
            new=new,
            holes=len(holes),
            missing=sum(holes),
            rejected=dict(self._rejected.counts),
            examples=tuple(self._rejected.examples),
            first=first,
            last=last,
            guess=str(made),
            asked_for=self._asked_for,
        )

    async def _pages(self, made: Guess) -> AsyncGenerator[Sequence[Trade]]:
        """Trades of instruments that are registered, read ahead in a thread."""
        rows = 0
        if made.kind == "recording":
            source = self._source.path
            async for instruments, page in recorded_trades(
                source, self._exchange, self._wish.files.symbol, self._rejected
            ):
                for instrument in instruments:
                    await self._register(instrument)
                rows += len(page)
                self._listener.progress(self._source.name, rows, 0.0)
                yield page
            return

        found: dict[tuple[str, str], Instrument] = {}

        def instrument_of(exchange: str, symbol: str) -> InstrumentId:
            key = exchange, symbol
            if key not in found:
                found[key] = self._instrument(
                    exchange, self._wish.files.symbol or unified_symbol(symbol) or made.symbol
                )
            return found[key].id

        pages: Iterator[list[Trade]] = read_trades(self._source, made, instrument_of, self._rejected, self._read_until)
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            nameless = {trade.instrument for trade in page if not is_number(trade.trade_id)}
            for instrument in tuple(found.values()):
                await self._register(instrument, numbered=instrument.id not in nameless)
            rows += len(page)
            self._listener.progress(self._source.name, rows, self._share)
            yield page

    def _read_until(self, share: float) -> None:
        self._share = share

    def _instrument(self, exchange: str, symbol: str) -> Instrument:
        """By name; steps of price and quantity are not known from a file."""
        if not symbol:
            raise UsageError("neither its name nor its columns say of what it is; say so with --symbol BTC/USDT")
        if not exchange and self._exchange == DEMO:
            raise UsageError(f"--exchange {DEMO}: only what was recorded or exported of the demo market is its own")
        exchange = exchange or self._exchange
        prefix, _, rest = symbol.partition(":")
        if rest and "/" not in prefix:
            exchange, symbol = prefix, rest
        base, _, quote = symbol.partition(":")[0].partition("/")
        return Instrument(exchange, symbol, base + quote, base, quote, price_step=0.0, quantity_step=0.0)

    async def _register(self, instrument: Instrument, *, numbered: bool = True) -> None:
        """What is known of an instrument already is more than a file says, but for ids that are no numbers."""
        wanted = self._known.get(instrument.id, instrument)
        if not numbered:
            wanted = structs.replace(wanted, numbered=False)
        if self._known.get(instrument.id) != wanted:
            await self._writer.register([wanted])
            self._known[instrument.id] = wanted


def _check(wish: ImportWish) -> None:
    for path in wish.paths:
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder")
    if set(wish.exchange) & set(":/ "):
        raise UsageError(f"--exchange {wish.exchange!r}: is no name of an exchange")
    if wish.files.symbol and "/" not in wish.files.symbol:
        raise UsageError(f"--symbol {wish.files.symbol!r}: write BTC/USDT, a perpetual BTC/USDT:USDT")


def total(files: Sequence[ImportedFile]) -> dict[str, int]:
    """Over all files."""
    return {
        "files": len({file.file for file in files}),
        "rows": sum(file.rows for file in files),
        "new": sum(file.new for file in files),
        "holes": sum(file.holes for file in files),
        "missing": sum(file.missing for file in files),
        "rejected": sum(sum(file.rejected.values()) for file in files),
    }
