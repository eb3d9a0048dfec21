"""The table of idempotency keys: a key is taken, read, and given its answer."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from wayside_service.database.connection import Connection

KEYS_SQL: Final = (files(__package__) / "schema.sql").read_text(encoding="utf-8")
"""The DDL of the table `idempotency_keys`, for a migration of the service."""

_TAKE: Final = """
INSERT INTO idempotency_keys (scope, caller, key, request_hash) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING key
"""
_READ: Final = """
SELECT request_hash, status, answer FROM idempotency_keys WHERE scope = $1 AND caller = $2 AND key = $3
"""
_KEEP: Final = """
UPDATE idempotency_keys SET status = $4, answer = $5 WHERE scope = $1 AND caller = $2 AND key = $3
"""
_FORGET: Final = """
DELETE FROM idempotency_keys WHERE (scope, caller, key) IN (
    SELECT scope, caller, key FROM idempotency_keys
    WHERE created_at < statement_timestamp() - make_interval(secs => $1)
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: the HTTP status, and the body as JSON; `is_replay` when that was before."""

    status: int
    body: bytes
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The idempotency key of a request, which belongs to its caller and scope, and what was asked for with it."""

    scope: str
    caller: str
    key: str
    request_hash: bytes


async def take_key(connection: Connection, use: RequestKey) -> bool:
    """Take a key unless it is taken; waits for a transaction that takes it at the same time."""
    taken = await connection.fetchval(_TAKE, use.scope, use.caller, use.key, use.request_hash)
    return taken is not None


async def read_key(connection: Connection, use: RequestKey) -> tuple[bytes, Answer] | None:
    """Return the hash of the request a key was used for, and the answer."""
    row = await connection.fetchrow(_READ, use.scope, use.caller, use.key)
    return (
        None if row is None else (row["request_hash"], Answer(row["status"], row["answer"], is_replay=True))
    )


async def keep_answer(connection: Connection, use: RequestKey, answer: Answer) -> None:
    """Keep the answer that goes with a key which this transaction has taken."""
    await connection.execute(_KEEP, use.scope, use.caller, use.key, answer.status, answer.body)


async def forget_keys(connection: Connection, *, older_than_seconds: float, limit: int) -> int:
    """Delete at most `limit` keys of a certain age; returns how many."""
    tag = await connection.execute(_FORGET, older_than_seconds, limit)
    return int(tag.rpartition(" ")[2])
