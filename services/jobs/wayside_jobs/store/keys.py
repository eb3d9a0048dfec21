"""Idempotency keys of any request in a transaction."""

from dataclasses import dataclass

from wayside_jobs.store.unit import SQL, Unit


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


class Keys:
    """The statements of one transaction that are about idempotency keys."""

    def __init__(self, unit: Unit) -> None:
        self._connection = unit.connection

    async def take(self, use: RequestKey) -> bool:
        """Take a key unless it is taken; waits for a transaction that takes it at the same time."""
        taken = await self._connection.fetchval(
            SQL.take_key, use.scope, use.caller, use.key, use.request_hash
        )
        return taken is not None

    async def known(self, use: RequestKey) -> tuple[bytes, Answer | None] | None:
        """Return the hash of the request the key was used for, and the answer if it was one of `keep`."""
        row = await self._connection.fetchrow(SQL.read_answer, use.scope, use.caller, use.key)
        if row is None:
            return None
        if row["status"] is None:
            return row["request_hash"], None
        return row["request_hash"], Answer(row["status"], row["answer"].encode(), is_replay=True)

    async def keep(self, use: RequestKey, answer: Answer) -> None:
        """Keep the answer that goes with a taken key."""
        await self._connection.execute(
            SQL.keep_answer, use.scope, use.caller, use.key, answer.status, answer.body.decode()
        )
