"""Events that have happened, page by page, for who does not stream."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, JsonValue

from wayside.client.pages import parsed
from wayside.client.transport import Transport, reading
from wayside_events.catalogue import AnyEvent, MalformedEvent, parse_event

logger = logging.getLogger("wayside.client")


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events after a cursor, oldest first, and the cursor after them; with `more` there are more of them already.

    With `reset`, which says why, events before them are gone: fetch the state again.
    """

    events: tuple[AnyEvent, ...]
    cursor: str
    more: bool
    reset: str | None


class _PageBody(BaseModel):
    model_config = ConfigDict(extra="ignore")

    events: tuple[JsonValue, ...]
    cursor: str
    more: bool = False
    reset: str | None = None


async def read_history(transport: Transport, query: Mapping[str, Any]) -> EventPage:
    """Read one page."""
    body = parsed(await transport.send(reading("/v1/events", query)), _PageBody)
    return EventPage(_known(body.events), body.cursor, body.more, body.reset)


def _known(raws: Sequence[JsonValue]) -> tuple[AnyEvent, ...]:
    events = []
    for raw in raws:
        try:
            events.append(parse_event(orjson.dumps(raw)))
        except MalformedEvent as error:
            logger.info("an event of a newer version is left out: %s", error)
    return tuple(events)
