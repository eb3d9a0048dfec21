"""NATS subjects of events: `<type>.<scope>.<id>`, built, parsed and filtered."""

from dataclasses import dataclass
from typing import NamedTuple

from wayside_events.identifiers import EntityId, ScopeName, parse_entity_id, parse_scope

TYPE_TOKENS = 3
"""Every event type has three tokens (`analysis.job.queued`), so one pattern covers all types of a scope."""

LIVE_PREFIX = "live."
"""The stream republishes every stored event as a core message below this prefix."""


class InvalidSubject(ValueError):
    """A subject does not have the form `<type>.<scope>.<id>`."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"{subject[:200]!r} is not an event subject")
        self.subject = subject


class EventSubject(NamedTuple):
    """The parts of an event's subject."""

    type: str
    scope: ScopeName
    entity_id: EntityId


def event_subject(event_type: str, scope: str, entity_id: str) -> str:
    """Return `<type>.<scope>.<id>`; raises `UnsafeToken` for a scope or id that is not one safe token."""
    return f"{event_type}.{parse_scope(scope)}.{parse_entity_id(entity_id)}"


def parse_subject(subject: str) -> EventSubject:
    """Split a stored or live subject into its parts; raises `InvalidSubject` or `UnsafeToken`."""
    tokens = subject.removeprefix(LIVE_PREFIX).split(".")
    if len(tokens) != TYPE_TOKENS + 2:
        raise InvalidSubject(subject)
    return EventSubject(".".join(tokens[:TYPE_TOKENS]), parse_scope(tokens[-2]), parse_entity_id(tokens[-1]))


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted: any of `types` (all when empty), of one scope and one entity (`None`: all).

    A type may end in `*` tokens (`analysis.job.*`).
    """

    types: tuple[str, ...] = ()
    scope: str | None = None
    entity_id: str | None = None

    def __post_init__(self) -> None:
        for event_type in self.types:
            if len(event_type.split(".")) != TYPE_TOKENS or not _is_type_pattern(event_type):
                raise InvalidSubject(event_type)
        if self.scope is not None:
            parse_scope(self.scope)
        if self.entity_id is not None:
            parse_entity_id(self.entity_id)

    def subjects(self) -> tuple[str, ...]:
        """Return the NATS subject patterns that match exactly the wanted events."""
        types = self.types or ("*.*.*",)
        return tuple(f"{event_type}.{self.scope or '*'}.{self.entity_id or '*'}" for event_type in types)

    def live_subjects(self) -> tuple[str, ...]:
        """Return the patterns of the republished, live copies of the wanted events."""
        return tuple(LIVE_PREFIX + subject for subject in self.subjects())


def _is_type_pattern(event_type: str) -> bool:
    return all(part == "*" or part.replace("_", "a").isalpha() for part in event_type.split("."))
