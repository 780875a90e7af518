"""Which instruments an exchange has: asked once, then kept on disk so that a start need not wait."""

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from alphaplus_tui.domain.instrument import Instrument
from alphaplus_tui.errors import TransientError, UnknownName
from alphaplus_tui.kernel.clock import MarketClock

FRESH_FOR_S = 24 * 3600


class Kept(msgspec.Struct, frozen=True):
    """An instrument on disk, and when it was asked for (UTC ns)."""

    instrument: Instrument
    asked_at: int


class Markets:
    """Answers from the disk while that is fresh, and whatever its age while the exchange does not answer."""

    def __init__(
        self,
        exchange: str,
        ask: Callable[[Sequence[str]], Awaitable[Iterable[Instrument]]],
        cache: Path | None,
        market: MarketClock,
    ) -> None:
        """ask: asks the exchange for some symbols (it may answer with more, and leaves out what it does not have), or
        for all that trade when there are none; raises what REST raises.
        cache: a file, written by this alone; None keeps nothing.
        """
        self._exchange, self._ask, self._cache, self._market = exchange, ask, cache, market

    async def find(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Those of ``symbols`` in that order; all when it is empty. Raises UnknownName, and what REST raises."""
        kept = self._load()
        now = self._market.now()
        if symbols and all(symbol in kept and _is_fresh(kept[symbol], now) for symbol in symbols):
            return tuple(kept[symbol].instrument for symbol in symbols)
        try:
            found = {instrument.symbol: instrument for instrument in await self._ask(symbols)}
        except TransientError:
            if symbols and all(symbol in kept for symbol in symbols):
                return tuple(kept[symbol].instrument for symbol in symbols)
            raise
        self._store(kept, found, now)
        if not symbols:
            return tuple(found.values())
        for symbol in symbols:
            if symbol not in found:
                raise UnknownName(f"symbol on {self._exchange}", symbol, found)
        return tuple(found[symbol] for symbol in symbols)

    def _load(self) -> dict[str, Kept]:
        if self._cache is None:
            return {}
        try:
            return msgspec.json.decode(self._cache.read_bytes(), type=dict[str, Kept])
        except (OSError, msgspec.DecodeError, ValueError):
            return {}  # a cache that cannot be read is one that is not there

    def _store(self, kept: dict[str, Kept], found: dict[str, Instrument], now: int) -> None:
        if self._cache is None:
            return
        merged = kept | {symbol: Kept(instrument, now) for symbol, instrument in found.items()}
        beside = self._cache.with_suffix(f".{os.getpid()}")
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside.touch(mode=0o600)
            beside.write_bytes(msgspec.json.encode(merged))
            beside.replace(self._cache)
        except OSError:
            beside.unlink(missing_ok=True)  # a cache that cannot be written costs a second at the next start


def _is_fresh(kept: Kept, now: int) -> bool:
    return 0 <= now - kept.asked_at < FRESH_FOR_S * 1_000_000_000
