"""Every event type against its golden file: what was published once must stay readable and unchanged."""

from typing import Any

import orjson
import pytest
from tests.events.samples import GOLDEN, SAMPLES, golden_path

from wayside_events.catalogue import EVENT_CLASSES, MalformedEvent, parse_event
from wayside_events.envelope import Event
from wayside_events.subjects import parse_subject


def name(sample: Event[Any]) -> str:
    return sample.type


def test_every_type_of_the_catalogue_has_a_golden_file_and_no_other_has() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(EVENT_CLASSES)
    assert {sample.type for sample in SAMPLES} == set(EVENT_CLASSES)


@pytest.mark.parametrize("sample", SAMPLES, ids=name)
def test_an_event_is_published_exactly_as_its_golden_file(sample: Event[Any]) -> None:
    assert orjson.loads(sample.to_json()) == orjson.loads(golden_path(sample.type).read_bytes())


@pytest.mark.parametrize("sample", SAMPLES, ids=name)
def test_a_golden_file_is_read_as_the_event_it_was(sample: Event[Any]) -> None:
    assert parse_event(golden_path(sample.type).read_bytes()) == sample


@pytest.mark.parametrize("sample", SAMPLES, ids=name)
def test_a_field_of_a_newer_version_is_passed_over(sample: Event[Any]) -> None:
    newer = orjson.loads(sample.to_json())
    newer["data"]["added_later"] = newer["addedlater"] = 1
    assert parse_event(orjson.dumps(newer)) == sample


@pytest.mark.parametrize("sample", SAMPLES, ids=name)
def test_the_subject_says_type_scope_and_entity(sample: Event[Any]) -> None:
    assert parse_subject(sample.nats_subject) == (sample.type, sample.scope, sample.data.entity_id)


@pytest.mark.parametrize("sample", SAMPLES, ids=name)
def test_the_id_is_entity_and_revision(sample: Event[Any]) -> None:
    assert sample.id == f"{sample.subject}:{sample.revision}"


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"{}", b'{"type": "analysis.job.unheard"}', b'{"type": "analysis.job.queued"}', b"\xff"],
)
def test_anything_else_is_refused_with_a_sentence(payload: bytes) -> None:
    with pytest.raises(MalformedEvent, match="not an event: "):
        parse_event(payload)
