"""Keeps a copy of a state that another process tells."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import structs

from alphaplus_tui.domain.events import ExchangeState
from alphaplus_tui.domain.instrument import InstrumentId
from alphaplus_tui.state.slices import FeedState, LinkRow
from alphaplus_tui.state.store import StateStore, WritableSlice
from alphaplus_tui.state.view import ONLY
from alphaplus_tui.wire.rows import CHANGES, SLICES, unpack_row

_DECODERS: dict[str, msgspec.msgpack.Decoder[Any]] = {}

_STILL_TRUE = frozenset({FeedState.ENDED, FeedState.GAP})
"""States of a stream that do not get old."""


class Mirror:
    """The copy that is shown, and beside it the one that a new visit fills until it is whole."""

    def __init__(self) -> None:
        self.shown = StateStore()
        self._filling: StateStore | None = StateStore()

    def begin(self) -> None:
        """A new visit: what comes is the whole state anew, shown when all of it is there."""
        self._filling = StateStore()

    def take(self, slices: Mapping[str, msgspec.Raw], *, whole: bool) -> None:
        """Raises ``msgspec.DecodeError`` or ``ValueError`` for what is no news of a state."""
        store = self.shown if self._filling is None else self._filling
        for name, raw in slices.items():
            changes = _decoder(name).decode(raw)
            rows: WritableSlice[Any, Any] = getattr(store, name)
            for key in changes.gone:
                rows.drop(key)
            for key, packed in changes.rows:
                rows.put(key, unpack_row(rows.get(key), packed))
        if whole and self._filling is not None:
            for name in SLICES:
                _replace(getattr(self.shown, name), getattr(self._filling, name))
            self._filling = None

    def connected(self, address: str, now: int) -> None:
        self.shown.link.put(ONLY, LinkRow(True, address, "", now))

    def lost(self, address: str, reason: str, now: int) -> None:
        """Nothing is known any more: what was live is shown as stale, by ``now`` (UTC ns, the engine's clock)."""
        before = self.shown.link.get(ONLY)
        if before is not None and not before.connected:
            self.shown.link.put(ONLY, structs.replace(before, reason=reason))
            return
        self.shown.link.put(ONLY, LinkRow(False, address, reason, now))
        _make_stale(self.shown, now)


def _decoder(name: str) -> msgspec.msgpack.Decoder[Any]:
    found = _DECODERS.get(name)
    if found is None:
        if name not in CHANGES:
            raise ValueError(f"there is no slice {name!r}")
        found = _DECODERS[name] = msgspec.msgpack.Decoder(CHANGES[name])
    return found


def _replace(old: WritableSlice[Any, Any], new: WritableSlice[Any, Any]) -> None:
    """``old`` gets the rows of ``new`` in their order; equal rows where they stand stay untouched."""
    kept: list[Any] = []
    for known, key in zip(old, new, strict=False):
        if known != key:
            break
        kept.append(key)
    for key in list(old)[len(kept) :]:
        old.drop(key)
    for key, row in new.items():
        if old.get(key) != row:
            old.put(key, row)


def _make_stale(store: StateStore, now: int) -> None:
    unknown = "the connection to AlphaPlus is lost"
    market_now = now + _offset_ns(store)
    for key, feed in list(store.feeds.items()):
        if feed.state not in _STILL_TRUE:
            since = max(_last_heard(store, key), feed.since) or market_now
            store.feeds.put(key, structs.replace(feed, state=FeedState.STALE, reason=unknown, since=since))
    for key, exchange in list(store.exchanges.items()):
        if exchange.state is ExchangeState.FOLLOWED:
            away = structs.replace(exchange, state=ExchangeState.AWAY, reason=unknown, since=market_now)
            store.exchanges.put(key, away)
    for key, connection in list(store.connections.items()):
        store.connections.put(key, structs.replace(connection, connected=False, reason=unknown, since=market_now))
    for key, service in list(store.services.items()):
        store.services.put(key, structs.replace(service, health="DEGRADED", reason=unknown))
    for key, database in list(store.database.items()):
        store.database.put(key, structs.replace(database, connected=False, reason=unknown, ping_ms=None))
    for key, inference in list(store.inference.items()):
        store.inference.put(key, structs.replace(inference, running=False, reason=unknown))


def _last_heard(store: StateStore, instrument: InstrumentId) -> int:
    price = store.prices.get(instrument)
    return 0 if price is None else price.ts_recv


def _offset_ns(store: StateStore) -> int:
    system = store.system.get(ONLY)
    return 0 if system is None else int(system.clock_offset_ms * 1_000_000)
