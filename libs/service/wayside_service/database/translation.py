"""Where asyncpg's errors stop: a database that is not there becomes `DatabaseUnavailable`."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import structlog

from wayside_service.errors import DatabaseUnavailable

_UNAVAILABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.QueryCanceledError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.InternalClientError,
)
"""What a caller may try again: the server is away, full, a standby now, or was migrated under a statement.

asyncpg's internal error is what a connection answers that has got the server's last words, but not its end yet. A wrong password or a missing database is among them: it concerns the service's operator, never a caller.
"""

_CLOSED = ("connection is closed", "connection was closed", "pool is clos", "underlying connection is closed")

log = structlog.get_logger("wayside_service.database")


@contextmanager
def database_errors() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for connection failures and time-outs of asyncpg; others pass unchanged."""
    try:
        yield
    except _UNAVAILABLE as error:
        raise _unavailable(error) from error
    except asyncpg.InterfaceError as error:
        # asyncpg has one class for misuse and for a connection that went away.
        if any(text in str(error) for text in _CLOSED):
            raise _unavailable(error) from error
        raise


def _unavailable(error: BaseException) -> DatabaseUnavailable:
    log.warning("database_unavailable", error=repr(error))
    return DatabaseUnavailable()
