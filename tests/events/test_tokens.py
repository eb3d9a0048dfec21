"""Scopes, ids, subjects, filters and cursors: what is refused, and that everything else survives a round trip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayside_events.cursor import Cursor, InvalidCursor
from wayside_events.identifiers import UnsafeToken, new_id, parse_entity_id, parse_scope
from wayside_events.subjects import EventFilter, InvalidSubject, event_subject, parse_subject

scopes = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
entity_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", fullmatch=True)


@given(scope=scopes, entity_id=entity_ids)
def test_a_subject_survives_the_round_trip(scope: str, entity_id: str) -> None:
    subject = event_subject("analysis.job.queued", scope, entity_id)
    assert (
        parse_subject(subject)
        == parse_subject("live." + subject)
        == ("analysis.job.queued", scope, entity_id)
    )


@given(st.text())
def test_what_is_taken_as_a_scope_is_one_safe_token(text: str) -> None:
    try:
        scope = parse_scope(text)
    except UnsafeToken:
        return
    assert not set(scope) & set(". *>\r\n\t")
    assert 1 <= len(scope) <= 63


@pytest.mark.parametrize(
    "scope", ["", "Acme", "a.b", "a b", "*", ">", "-a", "_a", "a" * 64, "ä", "a\n", "a\r\n"]
)
def test_an_unsafe_scope_is_refused(scope: str) -> None:
    with pytest.raises(UnsafeToken):
        event_subject("analysis.job.queued", scope, "1")


@pytest.mark.parametrize("entity_id", ["", "a.b", "*", ">", "a b", "a" * 129, "a\n"])
def test_an_unsafe_id_is_refused(entity_id: str) -> None:
    with pytest.raises(UnsafeToken):
        parse_entity_id(entity_id)


@pytest.mark.parametrize(
    "subject", ["", "a", "analysis.job.queued.acme", "analysis.job.queued.acme.1.2", "live.a.b"]
)
def test_something_else_than_an_event_subject_is_refused(subject: str) -> None:
    with pytest.raises(InvalidSubject):
        parse_subject(subject)


def test_ids_sort_by_creation() -> None:
    ids = [new_id() for _ in range(1_000)]
    assert ids == sorted(ids)


@given(epoch=st.integers(0, 2**64 - 1), sequence=st.integers(0, 2**63 - 1))
def test_a_cursor_survives_the_round_trip(epoch: int, sequence: int) -> None:
    cursor = Cursor(f"{epoch:x}", sequence)
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "-", "a", "a-", "-1", "a--1", "a-01", "g-1", "a-1 ", "a-1\n", "A-1", "a-" + "9" * 20]
)
def test_something_else_than_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursor.parse(text)


def test_a_filter_covers_all_types_of_a_scope_with_one_pattern() -> None:
    assert EventFilter(scope="acme").subjects() == ("*.*.*.acme.*",)


def test_a_filter_names_its_types_and_entity() -> None:
    wanted = EventFilter(("analysis.job.*", "edges.edge.created"), "acme", "1")
    assert wanted.live_subjects() == ("live.analysis.job.*.acme.1", "live.edges.edge.created.acme.1")


@pytest.mark.parametrize(
    "event_type", ["", "analysis", "analysis.job", "analysis.job.>", "a.b.c.d", "analysis.job.a b"]
)
def test_a_filter_refuses_what_is_no_event_type(event_type: str) -> None:
    with pytest.raises(InvalidSubject):
        EventFilter((event_type,))
