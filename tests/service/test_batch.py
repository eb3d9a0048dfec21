from hypothesis import given
from hypothesis import strategies as st

from wayside_service.outbox.batch import Row, without_stored, without_superseded

PROGRESS, LOG = "analysis.job.progress", "analysis.job.log"


def row(number: int, entity: str, revision: int, event_type: str = LOG) -> Row:
    return Row(
        number, entity, revision, event_type, f"{event_type}.acme.{entity}", f"{entity}:{revision}", b"{}", 0
    )


def revisions(rows: list[Row]) -> list[int]:
    return [row.revision for row in rows]


def test_progress_is_superseded_by_the_next_progress_of_the_same_entity() -> None:
    rows = [row(1, "a", 1, PROGRESS), row(2, "b", 1, PROGRESS), row(3, "a", 2, PROGRESS)]
    assert without_superseded(rows, {PROGRESS}) == rows[1:]


def test_progress_with_something_else_after_it_is_kept() -> None:
    rows = [row(1, "a", 1, PROGRESS), row(2, "a", 2), row(3, "a", 3, PROGRESS)]
    assert without_superseded(rows, {PROGRESS}) == rows


def test_other_types_are_never_superseded() -> None:
    rows = [row(1, "a", 1), row(2, "a", 2)]
    assert without_superseded(rows, {PROGRESS}) == rows


def test_rows_the_stream_has_are_left_out_by_subject() -> None:
    rows = [row(1, "a", 4), row(2, "b", 4), row(3, "a", 5, PROGRESS), row(4, "a", 9), row(5, "a", 10)]
    assert without_stored(rows, {f"{LOG}.acme.a": "a:9"}) == [rows[1], rows[2], rows[4]]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([PROGRESS, LOG])), max_size=30))
def test_what_is_left_is_in_order_and_ends_with_the_newest_of_each_entity(
    spec: list[tuple[str, str]],
) -> None:
    rows = [row(number, entity, number, event_type) for number, (entity, event_type) in enumerate(spec, 1)]
    kept = without_superseded(rows, {PROGRESS})
    assert revisions(kept) == sorted(revisions(kept))
    assert {r.entity: r.revision for r in kept} == {r.entity: r.revision for r in rows}
    assert [r for r in kept if r.type == LOG] == [r for r in rows if r.type == LOG]
