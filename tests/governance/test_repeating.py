"""Decisions sent twice with one Idempotency-Key."""

import asyncio
from pathlib import Path
from typing import Any

from tests.governance.api import Answer, Api, Json
from tests.governance.conftest import EventLog, StartInstance

import wayside_governance
from wayside_service.idempotency import KEYS_SQL, forget_keys


async def decide(api: Api, verb: str, suggestion: Json, key: str = "k1", **fields: Any) -> Answer:
    path = f"/v1/suggestions/{suggestion['id']}/{verb}"
    body = {"revision": suggestion["revision"], **fields}
    return await api.call("POST", path, json=body, headers={"Idempotency-Key": key})


async def test_a_repeat_gets_the_first_answer_and_decides_nothing(
    api: Api, reviewer: Api, start_instance: StartInstance, log: EventLog
) -> None:
    other = (await start_instance()).as_("rita", "reviewer")
    suggestion = await api.suggest()
    answers = await asyncio.gather(*(decide(one, "approve", suggestion) for one in (reviewer, other) * 3))
    assert {answer.status for answer in answers} == {200}
    assert len({str(answer.body) for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 5
    assert len((await api.suggestion(suggestion["id"]))["decisions"]) == 1
    assert await log.has(3)


async def test_what_a_key_belongs_to(api: Api, reviewer: Api, connection: Any) -> None:
    suggestion = await api.suggest()
    refused = await decide(reviewer, "reject", suggestion, reason_code="unheard_of")
    assert refused.status == 422
    decided = await decide(reviewer, "reject", suggestion, reason_code="other")
    assert decided.status == 200
    other_request = await decide(reviewer, "reject", suggestion, reason_code="duplicate")
    assert (other_request.status, other_request.body["code"]) == (409, "idempotency_key_reused")
    another = await decide(api.as_("rob", "reviewer"), "undo", decided.body["suggestion"])
    assert (another.status, another.body["decision"]["verdict"]) == (200, "undo")
    assert await forget_keys(connection, older_than_seconds=60, limit=10) == 0
    await connection.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    assert await forget_keys(connection, older_than_seconds=60, limit=10) == 2
    forgotten = await decide(reviewer, "reject", suggestion, reason_code="other")
    assert (forgotten.status, forgotten.body["code"]) == (409, "stale_revision")


def test_the_table_of_keys_is_that_of_the_library() -> None:
    migrations = Path(wayside_governance.__file__).parent / "migrations"
    assert (migrations / "0010_create_idempotency_keys.sql").read_text() == KEYS_SQL
