"""Policies as a test talks of them."""

import re
from typing import Any

from tests.eventually import eventually
from tests.governance.api import Api, Json


def document(**fields: Any) -> Json:
    """A valid document that approves what is 0.8 sure, and holds nothing out."""
    return {"action": "approve", "min_confidence": 0.8, "hold_out": 0, **fields}


async def put_policy(api: Api, name: str = "sure", **fields: Any) -> Json:
    """Put a policy and return it."""
    body = {"scope": api.scope, "name": name, "document": document(**fields)}
    answer = await api.call("PUT", "/v1/policies", json=body)
    assert answer.status in (200, 201), answer
    policy: Json = answer.body
    return policy


async def enable_policy(api: Api, policy: Json, **body: Any) -> Json:
    """Enable a policy and return it."""
    answer = await api.post(f"/v1/policies/{policy['id']}/enable", body)
    assert answer.status == 200, answer
    enabled: Json = answer.body
    return enabled


async def is_decided(api: Api, suggestion: Json, status: str = "approved") -> bool:
    """Wait for a suggestion to have a status."""

    async def has_status() -> bool:
        return bool((await api.suggestion(suggestion["id"]))["status"] == status)

    return await eventually(has_status)


async def is_looked_at(api: Api, outcome: str, count: int = 1) -> bool:
    """Wait until so many looks at suggestions had an outcome, by the metrics of one instance."""
    line = re.compile(rf'wayside_policy_evaluations_total{{outcome="{outcome}"}} (\d+)')

    async def counted() -> bool:
        async with api.client.get("/metrics") as response:
            found = line.search(await response.text())
        return found is not None and int(found[1]) >= count

    return await eventually(counted)
