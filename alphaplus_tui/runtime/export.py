"""Takes stored trades and candles out of the database, page by page, into a table."""

from collections.abc import AsyncGenerator, Sequence
from typing import BinaryIO

from alphaplus_tui.domain.instrument import InstrumentId, exchange_of, symbol_of
from alphaplus_tui.domain.market import Candle, Trade
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import AmbiguousName, UnknownName
from alphaplus_tui.files.tables import Column, Row, open_table
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.services.stored_candles import PAGE, candle_pages

TRADE_COLUMNS = (
    *(Column("exchange", "text"), Column("symbol", "text"), Column("trade_id", "text"), Column("ts", "time")),
    *(Column("price", "number"), Column("quantity", "number"), Column("side", "text")),
)
CANDLE_COLUMNS = (
    *(Column("exchange", "text"), Column("symbol", "text"), Column("timeframe", "text"), Column("open_time", "time")),
    *(Column("open", "number"), Column("high", "number"), Column("low", "number"), Column("close", "number")),
    *(Column("volume", "number"), Column("trades", "count"), Column("provenance", "text")),
)


async def instruments_of(reader: StoreReader, symbols: Sequence[str]) -> tuple[InstrumentId, ...]:
    """The stored instruments that ``symbols`` (``BTC/USDT`` or ``kraken:BTC/USD``) name; all when it is empty.

    Raises UnknownName for a symbol that nothing is stored of, AmbiguousName for one that is stored of several
    exchanges and does not say which is meant.
    """
    stored = [instrument.id for instrument in await reader.instruments()]
    return tuple(dict.fromkeys(_named(symbol, stored) for symbol in symbols)) if symbols else tuple(stored)


def _named(symbol: str, stored: Sequence[InstrumentId]) -> InstrumentId:
    found = [known for known in stored if symbol in (known, symbol_of(known))]
    if not found:
        with_exchange = ":" in symbol.partition("/")[0]
        raise UnknownName("symbol", symbol, stored if with_exchange else {symbol_of(known) for known in stored})
    if len(found) > 1:
        raise AmbiguousName("symbol", symbol, found)
    return found[0]


async def export_trades(
    reader: StoreReader,
    stream: BinaryIO,
    format_name: str,
    *,
    symbols: Sequence[str] = (),
    start: int = 0,
    end: int,
) -> int:
    """Writes the trades with ``start <= ts_event < end`` (UTC ns), an instrument after the other; returns how many."""
    instruments = await instruments_of(reader, symbols)
    table = open_table(stream, TRADE_COLUMNS, format_name)
    written = 0
    for instrument in instruments:
        async for page in _trade_pages(reader, instrument, start=start, end=end):
            table.write([_trade_row(trade) for trade in page])
            written += len(page)
    table.close()
    return written


async def _trade_pages(
    reader: StoreReader, instrument: InstrumentId, *, start: int, end: int
) -> AsyncGenerator[Sequence[Trade]]:
    """Where trades are not numbered several share a ``seq``: no page ends between them."""
    after_seq: int | None = None
    limit = PAGE
    while page := await reader.trades(instrument, start=start, end=end, limit=limit, after_seq=after_seq):
        whole = page if len(page) < limit else [trade for trade in page if trade.seq != page[-1].seq]
        limit = PAGE if whole else limit * 2
        if whole:
            yield whole
            after_seq = whole[-1].seq


async def export_candles(
    reader: StoreReader,
    stream: BinaryIO,
    format_name: str,
    *,
    symbols: Sequence[str] = (),
    timeframes: Sequence[Timeframe],
    start: int = 0,
    end: int,
) -> int:
    """Writes the candles with ``start <= open_time < end`` (UTC ns), oldest first; returns how many.

    A timeframe that is not stored is made of shorter candles.
    """
    instruments = await instruments_of(reader, symbols)
    table = open_table(stream, CANDLE_COLUMNS, format_name)
    written = 0
    for instrument in instruments:
        for timeframe in timeframes:
            async for page in candle_pages(reader, instrument, timeframe, start=start, end=end):
                table.write([_candle_row(candle) for candle in page])
                written += len(page)
    table.close()
    return written


def _trade_row(trade: Trade) -> Row:
    instrument = trade.instrument
    return (
        *(exchange_of(instrument), symbol_of(instrument), trade.trade_id, trade.ts_event),
        *(trade.price, trade.quantity, trade.side.value),
    )


def _candle_row(candle: Candle) -> Row:
    instrument = candle.instrument
    return (
        *(exchange_of(instrument), symbol_of(instrument), candle.timeframe, candle.open_time),
        *(candle.open, candle.high, candle.low, candle.close),
        *(candle.volume, candle.trades, candle.provenance.value),
    )
