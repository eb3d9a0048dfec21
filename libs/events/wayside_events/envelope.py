"""The envelope of every event: CloudEvents 1.0 in structured JSON, with Wayside's extensions."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Generic, Literal, Self, TypeVar, cast

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from wayside_events.identifiers import EntityId, Id, Scope, ScopeName
from wayside_events.subjects import event_subject

_INFINITIES = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
"""What asyncpg stores as PostgreSQL's infinities, and reads back without a time zone."""


def _to_utc(value: datetime) -> datetime:
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the moment is before year 1 or after year 9999 in UTC") from None
    if moment in _INFINITIES:
        raise ValueError("the moment is the first or the last there is")
    return moment


def _rfc3339(value: datetime) -> str:
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


Timestamp = Annotated[
    AwareDatetime,
    AfterValidator(_to_utc),
    PlainSerializer(_rfc3339, return_type=str, when_used="json"),
]
"""A moment in UTC; in JSON RFC 3339 with microseconds and `Z`."""

Revision = Annotated[int, Field(ge=1)]
"""Grows by one with every visible change of one job, suggestion or edge."""


class Data(BaseModel):
    """What one event says. Readers ignore fields they do not know, so adding an optional one is compatible."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @property
    def entity_id(self) -> EntityId:
        """The job, suggestion or edge that changed."""
        raise NotImplementedError


D = TypeVar("D", bound=Data)


class Event(BaseModel, Generic[D]):
    """One past fact about one entity.

    `id` is `<entity id>:<revision>`: it is the same on every delivery, and the stream drops a repeat by it.
    `scope`, `revision` and `traceparent` are CloudEvents extension attributes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    SOURCE: ClassVar[str]

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: Id
    time: Timestamp
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: str
    scope: Scope
    revision: Revision
    traceparent: str | None = None
    data: D

    @classmethod
    def event_type(cls) -> str:
        """The name of this kind of event, for example `analysis.job.completed`."""
        name: str = cls.model_fields["type"].default
        return name

    @classmethod
    def of(
        cls, data: D, *, scope: ScopeName, revision: int, time: datetime, traceparent: str | None = None
    ) -> Self:
        """Put `data` into its envelope; `revision` is the entity's after the change, `time` when it happened.

        Raises `ValueError` for a time without zone or a revision below 1.
        """
        if time.tzinfo is None or revision < 1:
            raise ValueError("an event needs a time with a zone and a revision from 1 on")
        entity_id, event_type = data.entity_id, cls.event_type()
        # All parts are valid by their types; validating the envelope again would cost more than the rest.
        event = cls.model_construct(
            id=f"{entity_id}:{revision}",
            source=cls.SOURCE,
            type=event_type,
            subject=entity_id,
            time=time.astimezone(UTC),
            dataschema=schema_uri(event_type),
            scope=scope,
            revision=revision,
            traceparent=traceparent,
            data=data,
        )
        return cast("Self", event)

    @property
    def nats_subject(self) -> str:
        """The NATS subject this event is published on."""
        return event_subject(self.type, self.scope, self.subject)

    def to_json(self) -> bytes:
        """Encode as CloudEvents structured JSON (UTF-8); absent optional values are left out."""
        return self.model_dump_json(exclude_none=True).encode()


def schema_uri(event_type: str) -> str:
    """Return the URI that names the JSON Schema of one event type."""
    return f"urn:wayside:schema:{event_type}"
