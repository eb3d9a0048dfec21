"""Documents made from the event classes: JSON Schemas and an AsyncAPI 3 description.

`python -m wayside_events.documents DIRECTORY` writes them; the copies in the repository are checked to be current.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from wayside_events.catalogue import EVENT_CLASSES
from wayside_events.envelope import Event, schema_uri
from wayside_events.stream import STREAM_NAME
from wayside_events.subjects import LIVE_PREFIX

JSON_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Json = dict[str, Any]


def event_schema(event_class: type[Event[Any]]) -> Json:
    """Return the JSON Schema of one event as it is published."""
    schema = event_class.model_json_schema(mode="serialization")
    required = [name for name in schema["required"] if name != "traceparent"]
    constants = ["specversion", "type", "datacontenttype"]
    return {
        "$schema": JSON_SCHEMA_DIALECT,
        "$id": schema_uri(event_class.event_type()),
        **schema,
        "title": event_class.event_type(),
        "required": sorted({*required, *constants}),
    }


def asyncapi_document(version: str = "0.1.0") -> Json:
    """Return the AsyncAPI 3 description of everything that is published on the event stream."""
    names = list(EVENT_CLASSES)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Wayside events",
            "version": version,
            "description": (
                f"CloudEvents 1.0 in structured JSON on the JetStream stream {STREAM_NAME}. "
                f"Every stored event is also sent as a core message on its subject below `{LIVE_PREFIX}`. "
                "`id` is `<entity id>:<revision>` and stays the same on every delivery."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {name: _channel(name) for name in names},
        "operations": {f"receive.{name}": _operation(name) for name in names},
        "components": {"messages": {name: _message(name, EVENT_CLASSES[name]) for name in names}},
    }


def _channel(name: str) -> Json:
    return {
        "address": f"{name}.{{scope}}.{{id}}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "parameters": {
            "scope": {"description": "The tenant, `[a-z0-9][a-z0-9_-]{0,62}`."},
            "id": {"description": "The job, suggestion or edge."},
        },
    }


def _operation(name: str) -> Json:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
    }


def _message(name: str, event_class: type[Event[Any]]) -> Json:
    headers = {
        "type": "object",
        "properties": {"Nats-Msg-Id": {"type": "string", "description": "`<entity id>:<revision>`"}},
        "required": ["Nats-Msg-Id"],
    }
    return {
        "name": name,
        "summary": (event_class.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/cloudevents+json",
        "headers": headers,
        "payload": _self_contained(event_schema(event_class)),
    }


def _self_contained(schema: Mapping[str, Any]) -> Json:
    """Put definitions where they are used, because a reference inside a payload is read from the document's root."""
    definitions = schema.get("$defs", {})

    def inline(node: Any, seen: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(node, list):
            return [inline(item, seen) for item in node]
        if not isinstance(node, dict):
            return node
        name = str(node.get("$ref", "")).removeprefix("#/$defs/")
        if name in definitions:
            rest = {key: value for key, value in node.items() if key != "$ref"}
            return {} if name in seen else inline({**definitions[name], **rest}, (*seen, name))
        return {key: inline(value, seen) for key, value in node.items() if key != "$defs"}

    result: Json = inline(dict(schema), ())
    return result


def documents() -> dict[str, bytes]:
    """Return every generated document by its file name."""
    made: dict[str, Json] = {
        f"{name}.schema.json": event_schema(kind) for name, kind in EVENT_CLASSES.items()
    }
    made["asyncapi.json"] = asyncapi_document()
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return {name: orjson.dumps(document, option=options) for name, document in made.items()}


def main(directory: str) -> None:
    """Write all documents into `directory`."""
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in documents().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1])
