"""Writes down every trade that happened, whatever was sent.

The file is CSV with a header line: ``symbol,id,price,quantity,time_ms,maker``. Prices and quantities have eight
decimals; ``time_ms`` counts milliseconds since 1970 UTC; ``maker`` is the side whose order waited in the book,
``buy`` or ``sell``. A later run appends to the same file.
"""

from pathlib import Path
from typing import BinaryIO

from alphaplus_tui.simulator.market import TakerOrder

HEADER = "symbol,id,price,quantity,time_ms,maker\n"


class Journal:
    """An append-only file; lines gather in memory until ``flush``."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("ab", buffering=0)
        self._lines: list[str] = [] if self._file.tell() else [HEADER]
        self.flush()

    def write(self, order: TakerOrder) -> None:
        instrument = order.instrument
        price = instrument.price(order.price)
        maker = "sell" if order.bought else "buy"
        self._lines.extend(
            f"{instrument.symbol},{order.first_trade_id + place},{price},{instrument.quantity(lots)},"
            f"{order.time_ms},{maker}\n"
            for place, lots in enumerate(order.lots)
        )

    def flush(self) -> None:
        if self._lines:
            self._file.write("".join(self._lines).encode())
            self._lines.clear()

    def close(self) -> None:
        self.flush()
        self._file.close()
