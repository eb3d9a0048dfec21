from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from wayside_events.bus import OutgoingMessage
from wayside_service.outbox.batch import Row, messages_of, without_stored, without_superseded

PROGRESS, LOG = "analysis.job.progress", "analysis.job.log"


def message(entity: str, revision: int, event_type: str = LOG) -> OutgoingMessage:
    return OutgoingMessage(f"{event_type}.acme.{entity}", f"{entity}:{revision}", b"{}")


def revisions(messages: Sequence[OutgoingMessage]) -> list[int]:
    return [int(each.message_id.partition(":")[2]) for each in messages]


def test_progress_is_superseded_by_the_next_progress_of_the_same_entity() -> None:
    messages = [message("a", 1, PROGRESS), message("b", 1, PROGRESS), message("a", 2, PROGRESS)]
    assert without_superseded(messages, {PROGRESS}) == messages[1:]


def test_progress_is_superseded_by_progress_in_a_later_row() -> None:
    rows = [Row(1, [message("a", 1, PROGRESS)]), Row(2, [message("b", 7), message("a", 2, PROGRESS)])]
    assert revisions(without_superseded(messages_of(rows), {PROGRESS})) == [7, 2]


def test_progress_with_something_else_after_it_is_kept() -> None:
    messages = [message("a", 1, PROGRESS), message("a", 2), message("a", 3, PROGRESS)]
    assert without_superseded(messages, {PROGRESS}) == messages


def test_other_types_are_never_superseded() -> None:
    messages = [message("a", 1), message("a", 2), message("b", 1, PROGRESS)]
    assert without_superseded(messages, {PROGRESS}) == messages
    assert without_superseded(messages, ()) == messages


def test_messages_the_stream_has_are_left_out_by_subject() -> None:
    messages = [
        message("a", 4),
        message("b", 4),
        message("a", 5, PROGRESS),
        message("a", 9),
        message("a", 10),
    ]
    assert without_stored(messages, {f"{LOG}.acme.a": "a:9"}) == [messages[1], messages[2], messages[4]]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([PROGRESS, LOG])), max_size=30))
def test_what_is_left_is_in_order_and_ends_with_the_newest_of_each_entity(
    spec: list[tuple[str, str]],
) -> None:
    messages = [message(entity, number, event_type) for number, (entity, event_type) in enumerate(spec, 1)]
    kept = without_superseded(messages, {PROGRESS})
    assert revisions(kept) == sorted(revisions(kept))
    newest, left = ({each.message_id[0]: each for each in found} for found in (messages, kept))
    assert left == newest
    logs = [each for each in messages if each.subject.startswith(LOG)]
    assert [each for each in kept if each.subject.startswith(LOG)] == logs
