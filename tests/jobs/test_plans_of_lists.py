"""Lists on a table with real statistics: every combination of filters reads a bounded part of one index, and sorts a page."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest
from tests.conftest import PostgresForTests
from tests.jobs.conftest import Connection
from tests.jobs.many_jobs import BUSY, FIRST_ID, fill

from wayside_events.identifiers import ScopeName
from wayside_events.jobs import JobStatus
from wayside_jobs.app import SCHEMA, SESSION
from wayside_jobs.domain.wanted import FIRST, Position, Wanted
from wayside_jobs.store.reading import arguments_of, statement_of, walk_once
from wayside_jobs.store.unit import SQL

LIMIT = 50
BOUND = 1_000
JOBS = 20_000
CHILDREN = 1_500
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
FAILED = (JobStatus.FAILED,)

Plan = dict[str, Any]


@pytest.fixture(scope="module")
def filled(postgres_server: PostgresForTests, jobs_template: str) -> Iterator[str]:
    with postgres_server.database(template=jobs_template) as dsn:

        async def fill_it() -> None:
            connection = await asyncpg.connect(dsn, server_settings={"search_path": f"{SCHEMA},public"})
            await fill(connection, JOBS, children=CHILDREN)
            await connection.close()

        asyncio.run(fill_it())
        yield dsn


@pytest.fixture
async def crowd(filled: str) -> AsyncIterator[Connection]:
    """A connection as the service has them, to a database with many jobs."""
    settings = {"search_path": f"{SCHEMA},public", **SESSION}
    connection = await asyncpg.connect(filled, server_settings=settings)
    yield connection
    await connection.close()


def wanted(**filters: Any) -> Wanted:
    return Wanted(scope=ScopeName("acme"), **filters)


LISTS: list[tuple[Wanted, set[str]]] = [
    (wanted(), {"jobs_by_status"}),
    (wanted(statuses=ACTIVE), {"jobs_by_status"}),
    (wanted(statuses=FAILED, created_before=datetime.now(UTC) - timedelta(days=9)), {"jobs_by_status"}),
    (wanted(created_by=BUSY), {"jobs_by_creator"}),
    (wanted(created_by=BUSY, statuses=(JobStatus.RUNNING,)), {"jobs_by_creator"}),
    (wanted(created_by=BUSY, type="demo.type-19", statuses=FAILED), {"jobs_by_creator"}),
    (wanted(created_by=BUSY, type="demo.none"), {"jobs_by_creator"}),
    (wanted(type="demo.type-0"), {"jobs_by_type", "jobs_by_status"}),
    (wanted(type="demo.none", statuses=ACTIVE), {"jobs_by_type", "jobs_by_status"}),
    (wanted(session_id="s-77"), {"jobs_by_session"}),
    (wanted(session_id="s-77", statuses=FAILED, created_by="nobody"), {"jobs_by_session"}),
    (wanted(related_type="report", related_id="r-9"), {"jobs_by_related"}),
    (wanted(parent_id=FIRST_ID), {"jobs_by_parent"}),
    (wanted(parent_id=FIRST_ID, statuses=FAILED, type="demo.none"), {"jobs_by_parent"}),
    (wanted(root_id=FIRST_ID, type="demo.none"), {"jobs_by_root"}),
    (wanted(unique_key="k-103"), {"jobs_by_unique_key"}),
    (wanted(job_id=FIRST_ID), {"jobs_pkey"}),
]


async def test_a_list_reads_a_bounded_part_of_its_index_whatever_the_filters(
    crowd: Connection, subtests: pytest.Subtests
) -> None:
    for each, indexes in LISTS:
        with subtests.test(str(each)):
            nodes = await explained(crowd, statement_of(each), *arguments_of(each, each.first, LIMIT))
            assert_bounded(nodes, indexes)


OTHERS: list[tuple[str, tuple[Any, ...], set[str]]] = [
    ("count_active", ("acme", BOUND), {"jobs_by_status"}),
    ("count_active_of_creator", ("acme", BUSY, BOUND), {"jobs_by_creator"}),
    ("list_by_end", ("acme", BUSY, NEVER, FIRST.created_at, FIRST.job_id, LIMIT), {"jobs_by_end"}),
    ("count_ended", ("acme", BUSY, NEVER, BOUND), {"jobs_by_end"}),
    ("read_retries", ([FIRST_ID],), {"jobs_by_retry"}),
    ("count_children", ([FIRST_ID],), {"jobs_by_parent"}),
    ("next_parents", (FIRST_ID, LIMIT), {"jobs_with_children"}),
    ("find_running_parents", ([FIRST_ID],), {"jobs_with_children"}),
    ("lock_parents_free", ([FIRST_ID],), {"jobs_pkey"}),
    ("read_ends", ([FIRST_ID], "acme"), {"jobs_pkey"}),
    ("read_results", ([FIRST_ID], "acme"), {"jobs_pkey"}),
    ("find_inactive", ([FIRST_ID],), {"jobs_pkey"}),
]


async def test_what_else_is_read_of_jobs_has_its_index(crowd: Connection, subtests: pytest.Subtests) -> None:
    for name, arguments, indexes in OTHERS:
        with subtests.test(name):
            assert_bounded(await explained(crowd, SQL[name], *arguments), indexes)


async def test_pages_of_a_rare_kind_are_short_but_add_up(crowd: Connection) -> None:
    each, steps = wanted(created_by=BUSY, type="demo.type-9"), 0
    found: list[Position] = []
    place: Position | None = FIRST
    while place is not None:
        walk = await walk_once(crowd, each, place, LIMIT)
        assert walk.next is None or walk.next < place
        found += walk.places
        place = walk.next
        steps += 1
    rows = await crowd.fetch(
        "SELECT id::text FROM jobs WHERE scope = 'acme' AND created_by = $1 AND type = 'demo.type-9' "
        "ORDER BY created_at DESC, jobs.id DESC",
        BUSY,
    )
    assert [place.job_id for place in found] == [row["id"] for row in rows]
    assert steps > len(rows) // LIMIT + 1


async def explained(connection: Connection, statement: str, *arguments: Any) -> list[Plan]:
    """The nodes of the plan of a statement that was run."""
    async with connection.transaction(readonly=False):
        text = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *arguments)
    return list(nodes_of(orjson.loads(text)[0]["Plan"]))


def nodes_of(plan: Plan) -> Iterator[Plan]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)


def assert_bounded(nodes: list[Plan], indexes: set[str]) -> None:
    """No scan of the table, no other index, and no sort of more than a page of each status."""
    of_jobs = [node for node in nodes if node.get("Relation Name") == "jobs"]
    assert {node["Node Type"] for node in of_jobs} <= {"Index Scan", "Index Only Scan", "LockRows"}
    assert {node["Index Name"] for node in of_jobs if "Index Name" in node} == indexes
    for node in of_jobs:
        assert rows_of(node) <= max(BOUND, CHILDREN)
    for node in nodes:
        if node["Node Type"] in ("Sort", "Incremental Sort"):
            assert sum(rows_of(part) for part in node["Plans"]) <= len(JobStatus) * (LIMIT + 1)


def rows_of(node: Plan) -> float:
    """How many rows a node read each time, those it then passed over too."""
    rows: float = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return rows * (node["Actual Loops"] if node["Node Type"] in ("Append", "Nested Loop") else 1)
