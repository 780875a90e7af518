"""Which instruments an AlphaPlus follows where several share one database."""

from collections.abc import Sequence
from random import Random

from alphaplus_tui.domain.instrument import instrument_id
from alphaplus_tui.errors import ConfigError
from alphaplus_tui.runtime.engine import Share
from alphaplus_tui.settings.exchange import ExchangeSettings
from alphaplus_tui.settings.root import Settings


def share_of(settings: Settings) -> Share:
    """A member of those that share; ``ConfigError`` where there is nothing to share, or nothing to share it on."""
    if settings.database.embedded:
        raise ConfigError(
            "sharding.enabled: several AlphaPlus can share instruments on a PostgreSQL that all of them reach; "
            "database.url is 'embedded', which nobody else does"
        )
    if not settings.exchange.symbols:
        raise ConfigError("sharding.enabled: name what is shared under exchange.symbols, the same in all of them")
    return LateShare(settings)


class LateShare:
    """The database's locks; asyncpg is imported with the first look, not before the first paint."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._share: Share | None = None

    async def look(self) -> frozenset[str]:
        return await self._made().look()

    async def give_back(self, following: frozenset[str]) -> None:
        await self._made().give_back(following)

    async def close(self) -> None:
        if self._share is not None:
            await self._share.close()

    def _made(self) -> Share:
        if self._share is None:
            from alphaplus_tui.storage.database import external_address  # noqa: PLC0415  see above
            from alphaplus_tui.storage.ownership import Ownership  # noqa: PLC0415  see above

            names = [instrument_id(*place) for place in self._settings.exchange.watchlist()]
            rng = Random()  # noqa: S311  tells members apart, no secret
            self._share = Ownership(external_address(self._settings.database), names, rng=rng)
        return self._share


def owned(exchange: ExchangeSettings, mine: frozenset[str] | None) -> dict[str, Sequence[str] | None]:
    """The symbols of each exchange that are ours, in their order; None where none is, and all where nobody shares."""
    followed = exchange.followed()
    if mine is None:
        return dict(followed)
    return {
        name: tuple(symbol for symbol in symbols if instrument_id(name, symbol) in mine) or None
        for name, symbols in followed.items()
    }
