"""Scopes and entity ids: the tokens that name things in subjects, events and URLs."""

import re
from types import MappingProxyType
from typing import Annotated, Final, NewType
from uuid import UUID

import uuid_utils
from pydantic import AfterValidator

ScopeName = NewType("ScopeName", str)
EntityId = NewType("EntityId", str)

_SCOPE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ENTITY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_RUNNER = _ENTITY_ID
_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_ALLOWED: Final = MappingProxyType(
    {
        "scope": "lower-case letters, digits, - and _, at most 63",
        "id": "letters, digits, - and _, at most 128",
        "runner": "letters, digits, - and _, at most 128",
    }
)


class UnsafeToken(ValueError):
    """A scope, id or runner name cannot be one token of a NATS subject."""

    def __init__(self, kind: str, value: str) -> None:
        allowed = f": {_ALLOWED[kind]}" if kind in _ALLOWED else ""
        super().__init__(f"{value[:80]!r} is not a valid {kind}{allowed}")
        self.kind = kind
        self.value = value


def parse_scope(value: str) -> ScopeName:
    """Return `value` as a scope: `[a-z0-9][a-z0-9_-]{0,62}`; raises `UnsafeToken`."""
    if not _SCOPE.fullmatch(value):
        raise UnsafeToken("scope", value)
    return ScopeName(value)


def parse_entity_id(value: str) -> EntityId:
    """Return `value` as an entity id, one NATS-safe token of at most 128 characters; raises `UnsafeToken`."""
    if not _ENTITY_ID.fullmatch(value):
        raise UnsafeToken("id", value)
    return EntityId(value)


def parse_runner(value: str) -> str:
    """Return `value` as a runner name, one NATS-safe token of at most 128 characters; raises `UnsafeToken`."""
    if not _RUNNER.fullmatch(value):
        raise UnsafeToken("runner", value)
    return value


def _canonical_uuid(value: str) -> str:
    # Reading it as a `UUID` takes five times as long, and all but all ids are written so.
    if _CANONICAL_UUID.fullmatch(value):
        return value
    try:
        return str(UUID(value))
    except ValueError:
        raise UnsafeToken("UUID", value) from None


def new_id() -> EntityId:
    """Return a new UUIDv7 (RFC 9562) as lowercase text: ids sort by creation time."""
    return EntityId(str(uuid_utils.uuid7()))


Scope = Annotated[ScopeName, AfterValidator(parse_scope)]
"""A pydantic field type for scopes."""

Id = Annotated[EntityId, AfterValidator(_canonical_uuid)]
"""A pydantic field type for UUIDs of jobs, suggestions, edges and decisions, as lowercase text."""

Runner = Annotated[str, AfterValidator(parse_runner)]
"""A pydantic field type for the name of a runner: a worker process or a process that tracks its own jobs."""
