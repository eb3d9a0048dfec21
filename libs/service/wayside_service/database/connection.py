"""What a database connection is here, and how it exchanges `jsonb`."""

from typing import TypeAlias

import asyncpg

OwnConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
"""A connection outside the pool."""

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | OwnConnection"
"""What store functions take."""

Record: TypeAlias = asyncpg.Record
"""One row of an answer."""

_CLOSE_SECONDS = 2.0
_JSONB_VERSION = b"\x01"


async def set_codecs(connection: Connection) -> None:
    """Exchange `jsonb` as the bytes of its text, not parsed."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
    )


def _encode_jsonb(value: bytes | str) -> bytes:
    return _JSONB_VERSION + (value.encode() if isinstance(value, str) else value)


def _decode_jsonb(value: bytes) -> bytes:
    return value[1:]


async def close_connection(connection: OwnConnection) -> None:
    """Close politely, or by force when that fails or takes too long; locks of the session are free then."""
    try:
        await connection.close(timeout=_CLOSE_SECONDS)
    except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError):
        connection.terminate()
