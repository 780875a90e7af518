"""Finds out which instruments a recording holds, and how their numbers are written."""

import re
from collections.abc import Sequence
from pathlib import Path

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.domain.market import Channel
from alphaplus_tui.domain.pairs import split_pair
from alphaplus_tui.exchanges.binance.kinds import kind_of
from alphaplus_tui.exchanges.binance.symbols import PERPETUAL, unified_symbol
from alphaplus_tui.exchanges.recording import BrokenRecording, DamagedLine, opening_of, read_lines, split_line

_STREAM = re.compile(rb'^\d+(?:@\d+)? \{"stream":"([a-z0-9]{2,40})@([A-Za-z]+)')
_PRICE_AND_QUANTITY = re.compile(
    rb'"p":"(\d+\.?\d*)","q":"(\d+\.?\d*)"'  # trade
    rb'|"b":"(\d+\.?\d*)","B":"(\d+\.?\d*)"'  # bookTicker
    rb'|\["(\d+\.?\d*)","(\d+\.?\d*)"\]'  # depth
)
_LOOKED_AT = 1000
"""Frames of each instrument in which its numbers are looked at."""
_BOOK_STREAMS = {b"depth", b"snapshot"}


def discover(files: Sequence[Path], exchange: str) -> tuple[Instrument, ...]:
    """The instruments of all ``files``, those with order books first, then in the order of their appearance.

    Recordings of ours name them; in others, of Binance, their steps are the finest that their numbers show, and symbols
    whose quote is not known are left out.
    """
    named: dict[Instrument, bool] = {}
    looked_at: dict[bytes, int] = {}
    with_book: dict[bytes, None] = {}
    digits: dict[bytes, tuple[int, int]] = {}
    for file in files:
        try:
            for line in read_lines(file):
                if b'{"alphaplus"' in line[:60]:
                    _note_named(named, line)
                    continue
                found = _STREAM.match(line)
                if found is None:
                    continue
                venue, stream = found.groups()
                if stream in _BOOK_STREAMS:
                    with_book[venue] = None
                seen = looked_at.get(venue, 0)
                if seen < _LOOKED_AT:
                    looked_at[venue] = seen + 1
                    digits[venue] = _finer(digits.get(venue, (0, 0)), line)
        except BrokenRecording:
            continue  # the replay will tell
    if named:
        return tuple(sorted(named, key=lambda instrument: not named[instrument]))
    order = sorted(looked_at, key=lambda venue: venue not in with_book)
    instruments = (_instrument(exchange, venue.decode().upper(), *digits[venue]) for venue in order)
    return tuple(instrument for instrument in instruments if instrument is not None)


def _note_named(named: dict[Instrument, bool], line: bytes) -> None:
    """Instruments of a connection, and whether it brings their order books."""
    try:
        opening = opening_of(split_line(line)[2])
    except DamagedLine:
        return  # the replay will tell
    if opening is not None:
        for instrument in opening.instruments:
            named[instrument] = named.get(instrument, False) or Channel.BOOK in opening.channels


def _finer(digits: tuple[int, int], line: bytes) -> tuple[int, int]:
    price, quantity = digits
    for groups in _PRICE_AND_QUANTITY.findall(line):
        written = [group for group in groups if group]
        price, quantity = max(price, _decimals(written[0])), max(quantity, _decimals(written[1]))
    return price, quantity


def _decimals(number: bytes) -> int:
    return len(number.partition(b".")[2].rstrip(b"0"))


def _instrument(exchange: str, venue: str, price_digits: int, quantity_digits: int) -> Instrument | None:
    parts = split_pair(venue)
    if parts is None:
        return None
    base, quote = parts
    margin = quote if kind_of(exchange).derivative else ""
    symbol = unified_symbol(base, quote, margin=margin, contract=PERPETUAL, delivers_at_ms=0)
    return Instrument(exchange, symbol, venue, base, quote, float(f"1e-{price_digits}"), float(f"1e-{quantity_digits}"))
