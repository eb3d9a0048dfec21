"""The closed union of all events, and how bytes become one of them."""

from types import MappingProxyType
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError

from wayside_events.edges import (
    AuditSealed,
    EdgeCreated,
    EdgeRemoved,
    PolicySuspended,
    SuggestionApproved,
    SuggestionCreated,
    SuggestionEndorsed,
    SuggestionExpired,
    SuggestionRejected,
    SuggestionReopened,
    SuggestionUpdated,
)
from wayside_events.envelope import Event
from wayside_events.jobs import (
    JobCanceled,
    JobCancelRequested,
    JobCompleted,
    JobExpired,
    JobFailed,
    JobLogged,
    JobProgressed,
    JobQueued,
    JobStarted,
)

AnyEvent = (
    JobQueued
    | JobStarted
    | JobProgressed
    | JobLogged
    | JobCancelRequested
    | JobCompleted
    | JobFailed
    | JobCanceled
    | JobExpired
    | AuditSealed
    | SuggestionCreated
    | SuggestionUpdated
    | SuggestionApproved
    | SuggestionEndorsed
    | SuggestionRejected
    | SuggestionReopened
    | SuggestionExpired
    | EdgeCreated
    | EdgeRemoved
    | PolicySuspended
)

EVENT_CLASSES: MappingProxyType[str, type[Event[Any]]] = MappingProxyType(
    {event_class.event_type(): event_class for event_class in get_args(AnyEvent)}
)
"""Every event class by its type name."""

PROGRESS_TYPE = JobProgressed.event_type()

TERMINAL_TYPES = frozenset(event.event_type() for event in (JobCompleted, JobFailed, JobCanceled))
"""A job has exactly one event of these types, and only `analysis.job.expired` after it."""

_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(Annotated[AnyEvent, Field(discriminator="type")])


class MalformedEvent(ValueError):
    """Bytes are not an event of the catalogue; the message names the fields at fault."""

    def __init__(self, error: ValidationError) -> None:
        places = [".".join(map(str, item["loc"])) + ": " + item["msg"] for item in error.errors()[:5]]
        super().__init__("not an event: " + "; ".join(places))


def parse_event(payload: bytes | str) -> AnyEvent:
    """Read one event in CloudEvents structured JSON; raises `MalformedEvent`."""
    try:
        return _ADAPTER.validate_json(payload)
    except ValidationError as error:
        raise MalformedEvent(error) from error
