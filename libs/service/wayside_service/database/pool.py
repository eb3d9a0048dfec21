"""The connection pool of a service: it outlives restarts of PostgreSQL and starts without one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final

import asyncpg
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge

from wayside_service.database.connection import Connection, OwnConnection, close_connection, set_codecs
from wayside_service.database.migrations import Migration, MigrationFailed, Migrator
from wayside_service.database.translation import database_errors
from wayside_service.errors import DatabaseUnavailable
from wayside_service.health import HEALTH
from wayside_service.metrics import METRICS
from wayside_service.settings import DatabaseSettings
from wayside_service.tasks import end

_CONNECT_TIMEOUT_SECONDS = 5.0
_KEEPALIVE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""When our host vanishes without a word, PostgreSQL frees our locks after 25 s, not after the kernel's two hours."""
_SILENCE = {"idle_in_transaction_session_timeout": "30s"}
"""When our process stands still, a machine that answers keep-alives for it would keep its locks for ever."""
_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger("wayside_service.database")


class Database:
    """One service's schema in PostgreSQL.

    `start()` returns at once; connecting and migrating happen behind, again and again until they succeed. Before
    that, and whenever PostgreSQL is away, `acquire` and `transaction` raise `DatabaseUnavailable`.
    `jsonb` is `bytes` in both directions (`str` is taken too). `session` are settings of PostgreSQL for each connection.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        *,
        schema: str,
        migrations: Sequence[Migration],
        session: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.schema = schema
        self._session = session
        self._settings = settings
        self._migrator = Migrator(schema, migrations)
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._failure = "not connected yet"

    async def start(self) -> None:
        """Begin to connect and migrate in the background."""
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=self._settings.database_pool_size,
            init=set_codecs,
            reset=_keep_session,
            **self._options(),
        )
        self._preparing = asyncio.create_task(self._prepare(), name=f"prepare-{self.schema}")

    async def close(self) -> None:
        """Close all connections, by force when they do not end in time."""
        if self._preparing is not None:
            await end(self._preparing)
        if self._pool is not None:
            try:
                async with asyncio.timeout(self._settings.shutdown_timeout_seconds):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    async def ready(self) -> None:
        """Wait until the schema is migrated."""
        await self._ready.wait()

    async def check(self) -> None:
        """Raise `DatabaseUnavailable`, saying why, unless a statement can run now (a health check)."""
        if not self._ready.is_set():
            raise DatabaseUnavailable(self._failure)
        async with self.acquire() as connection:
            await connection.execute("SELECT 1")

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """Lend a connection; failures of it inside the block become `DatabaseUnavailable`."""
        if self._pool is None or not self._ready.is_set():
            raise DatabaseUnavailable
        patience = self._settings.database_acquire_timeout_seconds
        with database_errors():
            # The pool's own time-out costs a task for each connection.
            async with asyncio.timeout(patience):
                connection = await self._pool.acquire()
            try:
                yield connection
            finally:
                await self._pool.release(connection, timeout=patience)

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction: committed at the end, rolled back on an error."""
        async with self.acquire() as connection, connection.transaction(**options):
            yield connection

    async def connect(self, *, command_timeout_seconds: float | None = None) -> OwnConnection:
        """Return a connection outside the pool, for a lock that a session holds; the caller closes it."""
        options = self._options() | {"command_timeout": command_timeout_seconds}
        with database_errors():
            connection: OwnConnection = await asyncpg.connect(self._dsn, **options)
            await set_codecs(connection)
            return connection

    @property
    def connections(self) -> tuple[int, int]:
        """How many connections the pool has open, and how many of them are idle."""
        return (self._pool.get_size(), self._pool.get_idle_size()) if self._pool else (0, 0)

    @property
    def _dsn(self) -> str:
        return self._settings.database_url.get_secret_value()

    def _options(self) -> dict[str, Any]:
        return {
            "timeout": _CONNECT_TIMEOUT_SECONDS,
            "command_timeout": self._settings.database_command_timeout_seconds,
            "server_settings": {
                "application_name": f"wayside-{self.schema}",
                "search_path": f'"{self.schema}", public',
                **_SILENCE,
                **self._session,
                **_KEEPALIVE,
            },
        }

    async def _prepare(self) -> None:
        attempt = 0
        while not await self._try_to_prepare():
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1
        self._ready.set()
        log.info("database_ready", schema=self.schema)

    async def _try_to_prepare(self) -> bool:
        try:
            connection = await self.connect()
            try:
                await self._migrator.run(connection)
            finally:
                await close_connection(connection)
        except (MigrationFailed, asyncpg.PostgresError) as error:
            self._failure = f"migration failed: {error}"
            log.error("migration_failed", schema=self.schema, error=str(error))  # noqa: TRY400 - the text says it
        except (DatabaseUnavailable, OSError, asyncpg.InterfaceError) as error:
            self._failure = "no connection"
            log.info("database_not_reached", schema=self.schema, error=str(error))
        else:
            return True
        return False


DATABASE: Final = web.AppKey("wayside_database", Database)


def database_resource(database: Database) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return the `cleanup_ctx` that opens `database`, puts it under `DATABASE` and makes readiness depend on it."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        await database.start()
        app[DATABASE] = database
        app[HEALTH].add("postgres", database.check)
        _measure(database, app[METRICS].registry)
        yield
        await database.close()

    return context


def _measure(database: Database, registry: CollectorRegistry) -> None:
    opened = Gauge("wayside_database_connections", "Open connections of the pool.", registry=registry)
    opened.set_function(lambda: database.connections[0])
    idle = Gauge("wayside_database_connections_idle", "Those of them that nobody uses.", registry=registry)
    idle.set_function(lambda: database.connections[1])


async def _keep_session(connection: Connection) -> None:
    """Spare a round trip at every release: nothing here changes a session's state outside a transaction."""
