"""The registry of job types, over HTTP and NATS."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import nullcontext
from typing import Any

import pytest
from tests.jobs.api import TYPE, Api, RunnerForTests, spec
from tests.jobs.conftest import StartInstance

from wayside_events.bus import Bus, RequestRefused
from wayside_events.contracts.jobs import BULK_TYPE
from wayside_jobs.domain.errors import InvalidJob
from wayside_jobs.service.inputs import GivenInput, InputChecker
from wayside_jobs.service.registry import JobType


async def test_a_registered_type_can_be_read_and_is_listed(api: Api, runner: RunnerForTests) -> None:
    await runner.register(spec("demo.a", label="A", phases=["load", "add"]), spec("demo.b"))
    one = (await api.get("/v1/job-types/demo.a")).body
    assert (one["label"], one["phases"]) == ("A", ["load", "add"])
    page = (await api.get("/v1/job-types", limit=2)).body
    assert [item["name"] for item in page["items"]] == ["demo.a", TYPE]
    rest = (await api.get("/v1/job-types", page=page["next_page"])).body
    assert ([item["name"] for item in rest["items"]], rest["next_page"]) == (["demo.b", BULK_TYPE], None)


async def test_who_shows_jobs_is_told_what_to_say_of_them(api: Api, runner: RunnerForTests) -> None:
    shown = {
        "related_type": "report",
        "has_children": True,
        "completed_message": "{label} of {related.id} is there",
        "failed_message": "{label} failed: {error.message}",
    }
    await runner.register(spec("demo.a", **shown))
    assert (await api.get("/v1/job-types/demo.a")).body.items() >= shown.items()
    for field, text in (("completed_message", "{error.message}"), ("failed_message", "{label")):
        with pytest.raises(RequestRefused) as refused:
            await runner.register(spec("demo.a", **{field: text}))
        assert refused.value.problem.errors[0].field == f"/job_types/0/{field}"


async def test_the_last_registration_counts_at_every_instance(
    start_instance: StartInstance, bus: Bus
) -> None:
    one, other = [await start_instance() for _ in range(2)]
    runner = RunnerForTests(bus)
    await runner.register(spec(queue="old"))
    assert {(await api.create()).queue for api in (one, other)} == {"old"}
    everywhere = one.as_("root", "admin", scope="*")
    body = spec(queue="new").model_dump(mode="json", exclude_none=True)
    assert (await everywhere.call("PUT", f"/v1/job-types/{TYPE}", json=body)).status == 200
    assert (await one.create()).queue == "new"
    for _ in range(100):
        if (await other.create()).queue == "new":
            break
    else:
        pytest.fail("the other instance did not hear of it")


async def test_an_unknown_type_is_not_found(api: Api) -> None:
    assert (await api.get("/v1/job-types/demo.none")).status == 404


NO_SCHEMAS: list[Any] = [
    ({"input_schema": {"type": "nonsense"}}, "/job_types/0/input_schema"),
    ({"input_schema": {"$ref": "http://127.0.0.1:1/x"}}, "/job_types/0/input_schema"),
    ({"result_schema": {"properties": []}}, "/job_types/0/result_schema"),
]


async def test_a_schema_that_is_none_is_refused(runner: RunnerForTests, subtests: pytest.Subtests) -> None:
    for fields, place in NO_SCHEMAS:
        with subtests.test(place):
            with pytest.raises(RequestRefused) as refused:
                await runner.register(spec(**fields))
            assert refused.value.problem.errors[0].field == place


@pytest.mark.parametrize("reference", ["#", "#/$defs/missing"])
async def test_a_schema_that_leads_nowhere_is_a_refusal_and_no_failure(
    api: Api, runner: RunnerForTests, reference: str
) -> None:
    await runner.register(spec(input_schema={"$ref": reference}))
    answer = await api.post("/v1/jobs", {"type": TYPE, "scope": "acme", "input": {}})
    assert (answer.status, answer.codes) == (422, {"/type": "unusable_schema"})


async def test_a_schema_that_is_nested_too_deeply_is_refused(runner: RunnerForTests) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(150):
        schema = {"not": schema}
    with pytest.raises(RequestRefused) as refused:
        await runner.register(spec(input_schema=schema))
    assert refused.value.problem.status == 422


@pytest.mark.parametrize(
    ("items", "are_unique"),
    [
        ([1, 2.5, "1", None], True),
        ([1, 1.0], False),
        ([True, 1], True),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], False),
    ],
)
def test_items_are_unique_as_json_schema_has_it(items: list[Any], are_unique: bool) -> None:
    job_type = JobType(spec(input_schema={"uniqueItems": True}))
    with nullcontext() if are_unique else pytest.raises(InvalidJob):
        job_type.check_input(items)


def test_thousands_of_unique_objects_do_not_stop_the_service() -> None:
    job_type = JobType(spec(input_schema={"uniqueItems": True}))
    begun = time.process_time()
    job_type.check_input([{"a": number} for number in range(5_000)])
    assert time.process_time() - begun < 5


PATTERNS: list[tuple[dict[str, Any], Any]] = [
    ({"pattern": "^(a+)+$"}, "a" * 40 + "!"),
    ({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {"a" * 40 + "!": 1}),
    ({"patternProperties": {"^(a+)+!$": {"type": "string"}}}, {"a" * 40 + "!": 1}),
    (
        {"patternProperties": {"^(a+)+$": {}}, "unevaluatedProperties": False, "required": ["b"]},
        {"a" * 40 + "!": 1},
    ),
]


@pytest.mark.parametrize(("schema", "value"), PATTERNS)
def test_no_text_takes_long_to_be_compared_with_a_pattern(schema: dict[str, Any], value: Any) -> None:
    begun = time.process_time()
    with pytest.raises(InvalidJob):
        JobType(spec(input_schema=schema)).check_input(value)
    assert time.process_time() - begun < 1


ALLOWED: list[tuple[dict[str, Any], Any]] = [
    ({"pattern": r"^\p{L}+$"}, "café"),
    ({"pattern": "(?=ahead)"}, "whatever: this is for the worker to check"),
    ({"pattern": "a"}, 1),
    ({"patternProperties": {"^a": {"type": "string"}}, "additionalProperties": False}, {"ab": "x"}),
    ({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}, {"a": 1, "b": "x"}),
]


@pytest.mark.parametrize(("schema", "value"), ALLOWED)
def test_a_pattern_means_what_it_means_to_the_worker(schema: dict[str, Any], value: Any) -> None:
    JobType(spec(input_schema=schema)).check_input(value)


def hard_to_check() -> tuple[dict[str, Any], Any]:
    """A schema and a small input: each level of it doubles the time."""
    either = {"anyOf": [{"$ref": "#/$defs/one"}, {"$ref": "#/$defs/other"}]}
    node = {"properties": {"of": either}}
    schema = {"$defs": {"one": node | {"required": ["x"]}, "other": node | {"required": ["y"]}}, **either}
    value: dict[str, Any] = {}
    for _ in range(90):
        value = {"of": value, "x": 1, "y": 1}
    return schema, value


def test_alternatives_within_alternatives_are_refused_before_they_stop_the_service() -> None:
    schema, value = hard_to_check()
    with pytest.raises(InvalidJob, match="too long") as refused:
        JobType(spec(input_schema=schema)).check_input(value, seconds=0.1)
    assert [error.code for error in refused.value.errors] == ["too_complex"]


async def turns_during(check: Awaitable[Any]) -> int:
    """How often the event loop goes round until a check is done."""
    checking = asyncio.ensure_future(check)
    turns = 0
    while not checking.done():
        await asyncio.sleep(0.001)
        turns += 1
    return turns


async def test_others_are_served_while_a_large_input_is_checked() -> None:
    job_type = JobType(spec(input_schema={"type": "array", "items": {"type": "integer"}}))
    given = GivenInput(job_type, list(range(20_000)), 109_000)
    assert await turns_during(InputChecker().refusals([given])) > 5


async def test_all_inputs_of_a_request_have_one_time_between_them_and_the_event_loop_little_of_it() -> None:
    schema, value = hard_to_check()
    given = [GivenInput(JobType(spec(input_schema=schema)), value, 1_000)] * 5
    begun = time.process_time()
    checking = asyncio.ensure_future(InputChecker(request_seconds=0.3).refusals(given))
    assert await turns_during(checking) > 5
    assert time.process_time() - begun < 1
    refusals = [refusal for refusal in await checking if refusal is not None]
    assert [error.code for refusal in refusals for error in refusal.errors] == ["too_complex"] * 5


async def test_in_a_batch_only_the_job_with_a_wrong_input_is_refused(
    api: Api, runner: RunnerForTests
) -> None:
    await runner.register(spec(input_schema={"type": "array", "items": {"type": "integer"}}))
    inputs = [[1], ["no"], [2], list(range(5_000))]
    jobs = [{"type": TYPE, "scope": "acme", "input": value} for value in inputs]
    outcomes = (await api.post("/v1/jobs/batch", {"jobs": jobs})).body["outcomes"]
    assert [outcome["created"] for outcome in outcomes] == [True, False, True, True]
    assert outcomes[1]["problem"]["errors"][0]["field"] == "/jobs/1/input/0"


async def test_only_an_admin_of_all_scopes_registers_over_http(api: Api) -> None:
    body = {"name": "demo.x"}
    assert (await api.call("PUT", "/v1/job-types/demo.x", json=body)).status == 403
    everywhere = api.as_("root", "admin", scope="*")
    wrong = await everywhere.call("PUT", "/v1/job-types/demo.y", json=body)
    assert (wrong.status, wrong.codes) == (422, {"/name": "mismatch"})
