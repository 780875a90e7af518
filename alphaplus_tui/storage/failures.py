"""Says in our own errors what went wrong between us and PostgreSQL, and whether to try again."""

import asyncpg

from alphaplus_tui.domain.text import clean
from alphaplus_tui.errors import AlphaPlusError, DeadlineExceeded, FatalError, StoreUnavailable

_HOPELESS: dict[type[Exception], str] = {
    asyncpg.InvalidPasswordError: "set ALPHAPLUS_DATABASE__PASSWORD or ~/.pgpass",
    asyncpg.InvalidAuthorizationSpecificationError: "check the user in database.url and the server's pg_hba.conf",
    asyncpg.InvalidCatalogNameError: "create the database, or correct its name in database.url",
    asyncpg.InsufficientPrivilegeError: "give the user of database.url the right to create and fill tables",
}
_WEATHER: tuple[type[Exception], ...] = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ObjectInUseError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
FAILURES: tuple[type[Exception], ...] = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What ``translated`` can make something of."""


def translated(error: Exception, doing: str) -> AlphaPlusError:
    """Ours for ``error``, which happened while ``doing``."""
    text = clean(f"{doing}: {error or type(error).__name__}", limit=500)
    if isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
        return DeadlineExceeded(f"{doing}: the database did not answer in time")
    for kind, advice in _HOPELESS.items():
        if isinstance(error, kind):
            return FatalError(f"{text}; {advice}")
    if isinstance(error, asyncpg.UndefinedTableError):
        return StoreUnavailable(f"{text}; the database has no tables of ours yet (alphaplus db migrate)")
    if isinstance(error, _WEATHER):
        return StoreUnavailable(text)
    return FatalError(text)
