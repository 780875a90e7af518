"""Writes the rows that come by the dozen: order books, changes of services."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.domain.market import OrderBook
from alphaplus_tui.ports.store import ServiceEvent
from alphaplus_tui.storage.instants import to_postgres

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

NumberOf = Callable[[InstrumentId], int]
"""The database's number of an instrument."""

_BOOK = """
INSERT INTO order_book_snapshots (
    instrument_id, ts, ts_recv, sequence, bid_prices, bid_quantities, ask_prices, ask_quantities
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
"""

_SERVICE_EVENT = """
INSERT INTO service_events (ts, service, state, reason) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""


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


async def forget_events(connection: "Connection", before: int) -> dict[str, int]:
    """Alerts that were raised, and what services did, before ``before`` (UTC ns); how many of each table."""
    cut = to_postgres(before)
    return {
        "alerts": _count(await connection.execute("DELETE FROM alerts WHERE raised_at < $1", cut)),
        "service_events": _count(await connection.execute("DELETE FROM service_events WHERE ts < $1", cut)),
    }


def _count(done: str) -> int:
    return int(done.rpartition(" ")[2])


def storable(text: str) -> str:
    """PostgreSQL has no NUL in text."""
    return text.replace("\0", "")
