"""Writes what services did, and forgets it and old alerts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alphaplus_tui.ports.store import ServiceEvent
from alphaplus_tui.storage.instants import to_postgres

if TYPE_CHECKING:
    from alphaplus_tui.storage.pool import Connection

_SERVICE_EVENTS = """
INSERT INTO service_events (ts, service, state, reason)
SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING
"""


async def write_service_events(connection: "Connection", events: Sequence[ServiceEvent]) -> int:
    """How many were not there yet."""
    done = await connection.execute(
        _SERVICE_EVENTS,
        [to_postgres(event.ts) for event in events],
        [event.service for event in events],
        [event.state for event in events],
        [storable(event.reason) for event in events],
    )
    return _count(done)


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
