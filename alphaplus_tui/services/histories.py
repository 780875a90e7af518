"""Gathers stored candles as the columns that a training takes."""

from collections.abc import Sequence

import numpy as np

from alphaplus_tui.domain.instrument import InstrumentId, symbol_of
from alphaplus_tui.domain.market import Candle
from alphaplus_tui.domain.timeframe import Timeframe
from alphaplus_tui.errors import FatalError, UnknownName
from alphaplus_tui.ports.store import StoreReader
from alphaplus_tui.ports.trainer import History
from alphaplus_tui.services.stored_candles import candle_pages

_PAGE = 2_000
"""Few enough that the event loop has its turn while they are decoded."""
_ANCHOR = "BTC"
_NAMES = ("open", "high", "low", "close", "volume", "trades", "buy_volume")


class NothingStored(FatalError):
    title = "No history"


async def gather(
    reader: StoreReader, wanted: Sequence[str], timeframe: Timeframe, *, end: int, default: Sequence[InstrumentId] = ()
) -> tuple[History, ...]:
    """The histories of ``wanted`` symbols; of ``default``, or all that is stored, when none is wanted.

    Candles of which trades are missing are left out, as holes. Where a bare symbol is stored of several exchanges,
    the longest history counts. ``UnknownName``, ``NothingStored``.
    """
    stored = [instrument.id for instrument in await reader.instruments()]
    found: list[History] = []
    for choices in _choices(stored, wanted, default):
        histories = [await _history(reader, instrument, timeframe, end) for instrument in choices]
        longest = max(histories, key=lambda history: len(history.open_times))
        if longest.open_times:
            found.append(longest)
        elif wanted:
            raise NothingStored(
                f"no candles are stored that make {timeframe} candles of {symbol_of(choices[0])}; "
                "`alphaplus import` loads them from files"
            )
    if not found:
        raise NothingStored(f"no candles are stored that make {timeframe} candles; `alphaplus import` loads them")
    return tuple(found)


async def check_symbols(reader: StoreReader, wanted: Sequence[str]) -> None:
    """``UnknownName`` for a symbol that nothing is stored of."""
    if wanted:
        _choices([instrument.id for instrument in await reader.instruments()], wanted, ())


def anchor_of(histories: Sequence[History]) -> str:
    """The first that trades BTC: the others are related to it; empty when none does."""
    names = (history.instrument for history in histories)
    return next((name for name in names if symbol_of(name).partition("/")[0] == _ANCHOR), "")


def _choices(
    stored: Sequence[InstrumentId], wanted: Sequence[str], default: Sequence[InstrumentId]
) -> list[list[InstrumentId]]:
    """For each symbol the instruments that it may mean."""
    if not wanted:
        return [[instrument] for instrument in default or stored]
    choices: list[list[InstrumentId]] = []
    for symbol in dict.fromkeys(wanted):
        known = [instrument for instrument in stored if symbol in (instrument, symbol_of(instrument))]
        if not known:
            raise UnknownName("symbol", symbol, {symbol_of(instrument) for instrument in stored})
        choices.append(known)
    return choices


async def _history(reader: StoreReader, instrument: InstrumentId, timeframe: Timeframe, end: int) -> History:
    times: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    values: list[np.ndarray[tuple[int, int], np.dtype[np.float64]]] = []
    async for page in candle_pages(reader, instrument, timeframe, start=0, end=end, page=_PAGE):
        whole = [candle for candle in page if candle.complete]
        times.append(np.array([candle.open_time for candle in whole], "<i8"))
        values.append(np.array([_row(candle) for candle in whole], "<f8").reshape(len(whole), len(_NAMES)))
    if not times:
        return History(instrument, timeframe, b"", dict.fromkeys(_NAMES, b""))
    table = np.ascontiguousarray(np.concatenate(values).T)
    columns = {name: table[column].tobytes() for column, name in enumerate(_NAMES)}
    return History(instrument, timeframe, np.concatenate(times).tobytes(), columns)


def _row(candle: Candle) -> tuple[float, ...]:
    nan = float("nan")
    return (
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        nan if candle.trades is None else candle.trades,
        nan if candle.buy_volume is None else candle.buy_volume,
    )
