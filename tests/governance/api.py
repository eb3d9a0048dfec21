"""A governance instance as a test talks to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from pydantic import SecretStr
from yarl import URL

from wayside_events.identifiers import ScopeName
from wayside_governance.settings import GovernanceSettings
from wayside_service.auth import mint_token

Client: TypeAlias = TestClient[web.Request, web.Application]
Json = dict[str, Any]

SECRET = "a secret of thirty-two bytes or more"
SCOPE = ScopeName("acme")
EVERYTHING = ("admin",)


def settings_for(database_url: str, nats_url: str) -> GovernanceSettings:
    return GovernanceSettings(
        database_url=SecretStr(database_url),
        nats_url=nats_url,
        jwt_secret=SecretStr(SECRET),
        shutdown_timeout_seconds=2,
        audit_seal_seconds=3_600,
        sweep_seconds=3_600,
        bulk_slots=0,
    )


def proposal(number: int = 1, **fields: Any) -> Json:
    """A valid proposal; proposals with different numbers are different claims."""
    return {
        "from_node_id": "CWE-79",
        "to_node_id": f"CWE-{1000 + number}",
        "relationship_type": "relates_to",
        "confidence": 0.5,
        "source_model": "tfidf",
        "evidence": {"shared": ["script", "markup"]},
        **fields,
    }


@dataclass
class Answer:
    """Status and body of an answer."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Api:
    """One instance, as one caller sees it."""

    client: Client
    subject: str = "worker"
    roles: tuple[str, ...] = EVERYTHING
    scope: str = SCOPE
    grants: Mapping[str, tuple[str, ...]] | None = None

    def as_(self, subject: str, *roles: str, scope: str | None = None) -> "Api":
        """The same instance for another caller."""
        return Api(self.client, subject, roles or EVERYTHING, scope or self.scope)

    async def call(self, method: str, path: str | URL, **options: Any) -> Answer:
        token = mint_token(SECRET, subject=self.subject, grants=self.grants or {self.scope: self.roles})
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        async with self.client.request(method, path, headers=headers, **options) as response:
            return await self._read(response)

    async def _read(self, response: ClientResponse) -> Answer:
        body: Any = None
        match response.content_type:
            case "application/x-ndjson":
                body = await response.text()
            case "application/graphml+xml":
                body = await response.text()
            case "application/json" | "application/problem+json":
                body = await response.json(content_type=None)
        return Answer(response.status, body, dict(response.headers))

    async def get(self, path: str, **params: Any) -> Answer:
        return await self.call("GET", path, params=params)

    async def post(self, path: str, body: Any) -> Answer:
        return await self.call("POST", path, json=body)

    async def propose(self, *proposals: Any) -> list[Json]:
        """Propose a batch and return the outcomes."""
        answer = await self.post("/v1/suggestions", {"scope": self.scope, "proposals": list(proposals)})
        assert answer.status == 200, answer
        outcomes: list[Json] = answer.body["outcomes"]
        return outcomes

    async def suggest(self, number: int = 1, **fields: Any) -> Json:
        """Propose one claim and return the suggestion."""
        [outcome] = await self.propose(proposal(number, **fields))
        return await self.suggestion(outcome["suggestion_id"])

    async def suggestion(self, suggestion_id: str) -> Json:
        answer = await self.get(f"/v1/suggestions/{suggestion_id}")
        assert answer.status == 200, answer
        body: Json = answer.body
        return body

    async def decide(self, verb: str, suggestion: Json, **fields: Any) -> Answer:
        """Decide a suggestion as it was seen."""
        body = {"revision": suggestion["revision"], **fields}
        return await self.post(f"/v1/suggestions/{suggestion['id']}/{verb}", body)

    async def approve(self, suggestion: Json, **fields: Any) -> Answer:
        return await self.decide("approve", suggestion, **fields)

    async def reject(self, suggestion: Json, reason_code: str = "not_related", **fields: Any) -> Answer:
        return await self.decide("reject", suggestion, reason_code=reason_code, **fields)

    async def undo(self, suggestion: Json, **fields: Any) -> Answer:
        return await self.decide("undo", suggestion, **fields)
