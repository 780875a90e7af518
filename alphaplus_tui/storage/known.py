"""Which number the database gave to each instrument."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from alphaplus_tui.domain.instrument import Instrument, InstrumentId, instrument_id
from alphaplus_tui.errors import UnknownName

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

_REGISTER = """
INSERT INTO instruments (exchange, symbol, venue_symbol, base, quote, price_step, quantity_step, numbered)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (exchange, symbol) DO UPDATE SET
    venue_symbol = excluded.venue_symbol, base = excluded.base, quote = excluded.quote,
    price_step = excluded.price_step, quantity_step = excluded.quantity_step, numbered = excluded.numbered
"""


class KnownInstruments:
    """Numbers once learnt stay: the database never changes them."""

    def __init__(self) -> None:
        self._numbers: dict[InstrumentId, int] = {}
        self._instruments: dict[int, InstrumentId] = {}
        self._unnumbered: set[InstrumentId] = set()

    def number(self, instrument: InstrumentId) -> int:
        """``UnknownName`` for one that nobody registered."""
        try:
            return self._numbers[instrument]
        except KeyError:
            raise UnknownName("instrument in the database", instrument, self._numbers) from None

    def instrument(self, number: int) -> InstrumentId:
        return self._instruments[number]

    def has(self, instrument: InstrumentId) -> bool:
        return instrument in self._numbers

    def is_numbered(self, instrument: InstrumentId) -> bool:
        """Whether its trades are numbered one by one."""
        return instrument not in self._unnumbered

    async def learn(self, connection: "Connection", wanted: Iterable[InstrumentId] | None = None) -> None:
        """Read them from the database; not at all when all that are ``wanted`` are known."""
        if wanted is not None and self._numbers.keys() >= set(wanted):
            return
        for row in await connection.fetch("SELECT id, exchange, symbol, numbered FROM instruments"):
            known = instrument_id(row["exchange"], row["symbol"])
            self._numbers[known] = row["id"]
            self._instruments[row["id"]] = known
            (self._unnumbered.discard if row["numbered"] else self._unnumbered.add)(known)

    async def register(self, connection: "Connection", instruments: Sequence[Instrument]) -> None:
        """Write them down in one order, so that two who do it at once do not wait for each other in a circle."""
        rows = {
            (i.exchange, i.symbol): (
                i.exchange, i.symbol, i.venue_symbol, i.base, i.quote, i.price_step, i.quantity_step,
                i.numbered,
            )
            for i in instruments
        }  # fmt: skip
        async with connection.transaction():
            await connection.executemany(_REGISTER, [rows[key] for key in sorted(rows)])
        await self.learn(connection)
