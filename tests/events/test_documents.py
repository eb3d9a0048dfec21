"""The generated JSON Schemas and AsyncAPI document."""

from typing import Any

import jsonschema
import orjson
import pytest
from tests.events.samples import SAMPLES

from wayside_events.catalogue import EVENT_CLASSES
from wayside_events.documents import asyncapi_document, event_schema
from wayside_events.envelope import Event


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.type)
def test_what_is_published_satisfies_its_schema(sample: Event[Any]) -> None:
    schema = event_schema(EVENT_CLASSES[sample.type])
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(orjson.loads(sample.to_json()), schema)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.type)
def test_an_event_without_its_data_violates_the_schema(sample: Event[Any]) -> None:
    event = orjson.loads(sample.to_json()) | {"data": {}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event, event_schema(EVENT_CLASSES[sample.type]))


def references(node: object) -> list[str]:
    match node:
        case dict():
            own = [str(node["$ref"])] if "$ref" in node else []
            return own + [found for value in node.values() for found in references(value)]
        case list():
            return [found for value in node for found in references(value)]
        case _:
            return []


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi_document()
    for reference in references(document):
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_the_asyncapi_document_describes_every_event() -> None:
    document = asyncapi_document()
    assert set(document["channels"]) == set(document["components"]["messages"]) == set(EVENT_CLASSES)
