"""Which jobs fit under limits; pure."""

import pytest
from tests.jobs.samples import JOB_ID

from wayside_jobs.domain.claims import ReadyJob
from wayside_jobs.domain.flow import Limits, Pairs, Room, Running

PAIRS = Pairs(["q", "q", "r"], ["t", "u", "t"])


def job(scope: str = "acme", queue: str = "q", job_type: str = "t") -> ReadyJob:
    return ReadyJob(JOB_ID, queue, job_type, scope, 2)


def scopes(jobs: list[ReadyJob]) -> list[str]:
    return [job.scope for job in jobs]


@pytest.mark.parametrize("key", ["queue q", "type t"])
def test_no_more_are_admitted_than_the_limit_leaves(key: str) -> None:
    room = Room(Limits({key: 3}), [Running("q", "t", "acme", 1)])
    assert scopes(room.admit([job("a"), job("b"), job("c")])) == ["a", "b"]


@pytest.mark.parametrize("key", ["queue q", "type t"])
def test_each_scope_has_its_own_room(key: str) -> None:
    room = Room(Limits({}, {key: 2}), [Running("q", "t", "a", 1)])
    assert scopes(room.admit([job("a"), job("a"), job("b"), job("b"), job("b")])) == ["a", "b", "b"]


def test_what_is_not_limited_is_always_admitted() -> None:
    room = Room(Limits({"queue q": 1}), [Running("q", "t", "a", 9)])
    assert scopes(room.admit([job("a"), job("b", queue="r")])) == ["b"]


def test_a_limit_of_a_type_counts_in_every_queue() -> None:
    room = Room(Limits({"type t": 2}), [Running("elsewhere", "t", "a", 1)])
    assert scopes(room.admit([job("a", queue="q"), job("b", queue="r")])) == ["a"]


def test_more_may_run_than_a_limit_that_was_lowered() -> None:
    room = Room(Limits({"queue q": 2}), [Running("q", "t", "a", 5)])
    assert room.admit([job()]) == []
    assert room.search(PAIRS, 10).pairs == Pairs(["r"], ["t"])


def test_a_claim_looks_only_where_there_is_room_and_for_no_more_than_fits() -> None:
    limits = Limits({"queue q": 4, "type t": 3}, {"queue q": 2, "queue r": 1})
    room = Room(limits, [Running("q", "u", "a", 2), Running("r", "t", "b", 1)])
    search = room.search(PAIRS, 100)
    assert search.pairs == PAIRS
    assert (search.limit, search.limit_per_place) == (4, 2)
    assert sorted(search.full) == ["queue q a", "queue r b"]


def test_without_room_a_claim_looks_nowhere() -> None:
    search = Room(Limits({"type t": 1, "type u": 1}), [Running("q", "t", "a", 1), Running("q", "u", "a", 1)])
    assert search.search(PAIRS, 5).pairs == Pairs([], [])


def test_limits_are_named_in_one_order_for_all() -> None:
    limits = Limits({"type t": 1, "queue q": 1}, {"queue q": 1, "type other": 3})
    assert limits.keys_of(["r", "q"], ["t"]) == ["queue q", "type t"]
