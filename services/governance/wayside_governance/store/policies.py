"""Storing of policies, and of what is measured for them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg
import orjson
from pydantic import ValidationError

from wayside_events.contracts.governance import (
    Policy,
    PolicyDocument,
    PolicyState,
    PolicyVersion,
    Suspension,
)
from wayside_events.identifiers import EntityId, ScopeName
from wayside_governance.domain.calibration import Tally
from wayside_governance.domain.policies import Candidate, Subject
from wayside_governance.domain.policy_states import PolicyStanding
from wayside_governance.store.rows import id_of, optional_id
from wayside_governance.store.statements import POLICIES, READING
from wayside_service.database import Connection


class UnreadablePolicy(Exception):
    """A stored document is of another version of this service."""


class Place(NamedTuple):
    """How far a walk over what waits is."""

    at: datetime
    id: str


class Acting(NamedTuple):
    """A policy that acts, since `enabled_at`; `qualified` is what it was found to act on when it last walked."""

    scope: ScopeName
    subject: Subject
    enabled_at: datetime
    is_walking: bool
    qualified: frozenset[str]


class Waiting(NamedTuple):
    """A locked suggestion that waits, for policies to look at, and what held it out before."""

    candidate: Candidate
    revision: int
    held_out_by: str | None
    held_out_version: str | None


class Judged(NamedTuple):
    """A claim that a person judged, as it was shown."""

    candidate: Candidate
    is_accepted: bool


async def lock_named(connection: Connection, scope: str, name: str) -> PolicyStanding | None:
    """Return the policy that has or had a name, locked."""
    row = await connection.fetchrow(POLICIES.lock_policy_named, scope, name)
    return None if row is None else _standing(row)


async def lock(connection: Connection, policy_id: str) -> PolicyStanding | None:
    """Return a policy, locked."""
    row = await connection.fetchrow(POLICIES.lock_policy, policy_id)
    return None if row is None else _standing(row)


async def insert(
    connection: Connection, policy_id: EntityId, scope: str, name: str, *, by: str, at: datetime
) -> PolicyStanding | None:
    """Add a policy; `None` when the name was taken at this moment."""
    row = await connection.fetchrow(POLICIES.insert_policy, policy_id, scope, name, by, at)
    return None if row is None else _standing(row)


async def append_version(connection: Connection, version: PolicyVersion) -> None:
    """Keep a version."""
    await connection.execute(
        POLICIES.append_version,
        version.policy_id,
        version.version,
        version.description,
        version.document.model_dump_json(),
        version.created_by,
        version.created_at,
    )


async def write(connection: Connection, policy: PolicyStanding) -> None:
    """Write what a change made of a locked policy."""
    await connection.execute(
        POLICIES.write_policy,
        policy.id,
        policy.version,
        policy.revision,
        policy.state,
        policy.changed_by,
        policy.changed_at,
        policy.enabled_at,
        policy.suspension.model_dump_json() if policy.suspension else None,
        policy.deleted_at,
    )


async def begin_walk(connection: Connection, policy_id: str, *, again_at: datetime) -> None:
    """Let a policy look at all that waits, and once more at `again_at`."""
    await connection.execute(POLICIES.begin_walk, policy_id, again_at)


async def count(connection: Connection, scope: str) -> int:
    """Return how many policies a scope has."""
    found: int = await connection.fetchval(POLICIES.count_policies, scope)
    return found


async def scope_of(connection: Connection, policy_id: str) -> ScopeName | None:
    """Return the scope of a policy, deleted or not."""
    scope: ScopeName | None = await connection.fetchval(POLICIES.scope_of_policy, policy_id)
    return scope


async def policy(connection: Connection, policy_id: str) -> Policy | None:
    """Return a policy."""
    row = await connection.fetchrow(POLICIES.policy, policy_id)
    return None if row is None else _policy(row)


async def policies(connection: Connection, scope: str, *, after: str, limit: int) -> list[Policy]:
    """Return the first `limit` policies after a name."""
    return [_policy(row) for row in await connection.fetch(POLICIES.policies, scope, after, limit)]


async def versions(connection: Connection, policy_id: str, *, before: int, limit: int) -> list[PolicyVersion]:
    """Return the newest `limit` versions before one."""
    rows = await connection.fetch(POLICIES.versions, policy_id, before, limit)
    return [_version(row) for row in rows]


async def version(connection: Connection, policy_id: str, number: int) -> PolicyVersion | None:
    """Return a version."""
    row = await connection.fetchrow(POLICIES.version, policy_id, number)
    return None if row is None else _version(row)


async def scopes_with_policies(connection: Connection) -> list[ScopeName]:
    """Return the scopes in which any policy acts."""
    return [row["scope"] for row in await connection.fetch(POLICIES.scopes_with_policies)]


async def hold_acting(connection: Connection, scope: str) -> tuple[list[Acting], list[str]]:
    """Return the policies that act in a scope, held as they are, and the names of those that cannot be read."""
    acting, unreadable = [], []
    for row in await connection.fetch(POLICIES.hold_acting, scope):
        try:
            acting.append(_acting(row))
        except ValidationError:
            unreadable.append(row["name"])
    return acting, unreadable


async def take_unevaluated(connection: Connection, scope: str, limit: int) -> list[Waiting]:
    """Return suggestions that no policy has looked at, and that nobody else holds, locked."""
    return await _waiting(connection, await connection.fetch(POLICIES.take_unevaluated, scope, limit))


async def place_of_walk(connection: Connection, policy_id: str) -> Place | None:
    """Return how far a policy's walk is, for who goes on with it; `None` when it is over or with another instance."""
    row = await connection.fetchrow(POLICIES.walk_of, policy_id)
    return None if row is None else Place(row["at"], id_of(row["after_id"]))


async def walk_on(
    connection: Connection, acting: Acting, place: Place, limit: int
) -> tuple[list[EntityId], Place | None]:
    """Return those of the next `limit` suggestions that a policy may fire on, and the place after them, if any is."""
    document = acting.subject.document
    rows = await connection.fetch(
        POLICIES.walk_on,
        acting.scope,
        place.at,
        place.id,
        limit,
        document.relationship_types,
        document.min_confidence,
    )
    after = Place(rows[-1]["created_at"], id_of(rows[-1]["id"])) if len(rows) == limit else None
    return [id_of(row["id"]) for row in rows if row["is_wanted"]], after


async def lock_waiting(connection: Connection, suggestion_ids: Sequence[str]) -> list[Waiting]:
    """Return those of the suggestions that wait, locked."""
    return await _waiting(connection, await connection.fetch(POLICIES.lock_waiting, suggestion_ids))


async def candidate(connection: Connection, suggestion_id: str) -> tuple[ScopeName, Candidate] | None:
    """Return what policies look at of a suggestion, and its scope."""
    row = await connection.fetchrow(POLICIES.candidate, suggestion_id)
    if row is None:
        return None
    [candidate] = await _candidates(connection, [row])
    return row["scope"], candidate


async def waiting(connection: Connection, scope: str, limit: int) -> list[Candidate]:
    """Return the latest suggestions that wait."""
    return await _candidates(connection, await connection.fetch(POLICIES.waiting, scope, limit))


async def move_walk(connection: Connection, policy_id: str, place: Place | None) -> None:
    """Note how far a policy's walk is; without a place it is over."""
    await connection.execute(POLICIES.move_walk, policy_id, *(place or (None, None)))


async def walk_again(connection: Connection, margin: timedelta) -> None:
    """Begin the second walks whose time has come, over what came from `margin` before the policy was enabled."""
    await connection.execute(POLICIES.walk_again, margin)


async def note_qualified(
    connection: Connection, policy_id: str, qualified: Collection[str], *, is_more: bool
) -> None:
    """Note what a policy acts on by now; if that is more than before, it looks at all that waits."""
    await connection.execute(POLICIES.note_qualified, policy_id, sorted(qualified), is_more)


async def write_evaluated(
    connection: Connection, evaluated: Iterable[tuple[str, str | None, str | None]]
) -> None:
    """Note that policies looked at suggestions: id, and the policy and version that hold it out, if any."""
    rows = list(evaluated)
    if rows:
        await connection.execute(
            POLICIES.write_evaluated, *(list(column) for column in zip(*rows, strict=True))
        )


async def checks(
    connection: Connection, subject: Subject, since: datetime, limit: int
) -> list[tuple[bool, bool]]:
    """Return what people said of a policy, the latest first: whether of a held-out claim, and whether they accepted."""
    rows = await connection.fetch(POLICIES.checks, subject.id, subject.version_name, since, limit)
    return [(row["is_held_out"], row["is_accepted"]) for row in rows]


async def measured(
    connection: Connection,
    scope: str,
    pairs: Collection[tuple[str, str]],
    document: PolicyDocument,
    limit: int,
) -> dict[tuple[str, str], Tally]:
    """Return of how many claims people accepted how many, by type and source, within a policy's confidences."""
    if not pairs:
        return {}
    rows = await connection.fetch(
        POLICIES.measured,
        scope,
        [relationship_type for relationship_type, _ in pairs],
        [source for _, source in pairs],
        document.min_confidence,
        document.max_confidence,
        limit,
    )
    return {(row["relationship_type"], row["source_model"]): Tally(row["hits"], row["total"]) for row in rows}


async def newly_judged(connection: Connection, scope: str, limit: int) -> set[tuple[str, str]]:
    """Return the types and sources among the latest judgements."""
    rows = await connection.fetch(POLICIES.newly_judged, scope, limit)
    return {(row["relationship_type"], row["source_model"]) for row in rows}


async def history(connection: Connection, scope: str, limit: int) -> list[Judged]:
    """Return the latest claims that people judged, the oldest of them first; wants a transaction."""
    await connection.execute(READING.plan_for_these_filters)
    rows = await connection.fetch(POLICIES.history, scope, limit)
    return [Judged(_candidate(row), row["is_accepted"]) for row in rows]


def _standing(row: asyncpg.Record) -> PolicyStanding:
    return PolicyStanding(
        id=id_of(row["id"]),
        scope=row["scope"],
        name=row["name"],
        version=row["version"],
        revision=row["revision"],
        state=PolicyState(row["state"]),
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
        enabled_at=row["enabled_at"],
        suspension=_suspension(row),
        deleted_at=row["deleted_at"],
    )


def _suspension(row: asyncpg.Record) -> Suspension | None:
    return None if row["suspension"] is None else Suspension.model_validate_json(row["suspension"])


def _policy(row: asyncpg.Record) -> Policy:
    try:
        document = PolicyDocument.model_validate_json(row["document"])
    except ValidationError as error:
        raise UnreadablePolicy(row["name"]) from error
    return Policy(
        id=id_of(row["id"]),
        scope=row["scope"],
        name=row["name"],
        version=row["version"],
        revision=row["revision"],
        state=row["state"],
        description=row["description"],
        document=document,
        created_by=row["created_by"],
        created_at=row["created_at"],
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
        enabled_at=row["enabled_at"],
        suspension=_suspension(row),
    )


def _version(row: asyncpg.Record) -> PolicyVersion:
    return PolicyVersion(
        policy_id=id_of(row["policy_id"]),
        version=row["version"],
        name=f"{row['name']}:{row['version']}",
        description=row["description"],
        document=PolicyDocument.model_validate_json(row["document"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
    )


def _acting(row: asyncpg.Record) -> Acting:
    document = PolicyDocument.model_validate_json(row["document"])
    subject = Subject(id_of(row["id"]), row["name"], row["version"], document)
    return Acting(row["scope"], subject, row["enabled_at"], row["is_walking"], frozenset(row["qualified"]))


async def _waiting(connection: Connection, locked: Sequence[asyncpg.Record]) -> list[Waiting]:
    candidates = await _candidates(connection, locked)
    return [
        Waiting(candidate, row["revision"], optional_id(row["held_out_by"]), row["held_out_version"])
        for candidate, row in zip(candidates, locked, strict=True)
    ]


async def _candidates(connection: Connection, rows: Sequence[asyncpg.Record]) -> list[Candidate]:
    if not rows:
        return []
    # Not in the statement that locks: that one reads as of before it waited.
    judged = await connection.fetch(POLICIES.judged, [row["id"] for row in rows])
    by_person = {row["suggestion_id"] for row in judged}
    return [_candidate(row, was_judged=row["id"] in by_person) for row in rows]


def _candidate(row: asyncpg.Record, *, was_judged: bool = False) -> Candidate:
    return Candidate(
        id=id_of(row["id"]),
        relationship_type=row["relationship_type"],
        confidence=row["confidence"],
        strength=row["strength"],
        strongest_source=row["source_model"],
        maxima=orjson.loads(row["maxima"]),
        was_judged=was_judged,
    )
