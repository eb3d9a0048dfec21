"""PostgreSQL: the pool, named SQL and migrations. Needs the extra `postgres`; the gateway never imports it."""

from wayside_service.database.connection import Connection, OwnConnection
from wayside_service.database.migrations import MigrationFailed, Migrator, load_migrations
from wayside_service.database.pool import DATABASE, Database, database_resource
from wayside_service.database.queries import InvalidQueries, Queries, Query, load_queries
from wayside_service.database.translation import database_errors

__all__ = [
    "DATABASE",
    "Connection",
    "Database",
    "InvalidQueries",
    "MigrationFailed",
    "Migrator",
    "OwnConnection",
    "Queries",
    "Query",
    "database_errors",
    "database_resource",
    "load_migrations",
    "load_queries",
]
