"""An instance of the jobs service as tests talk to it: over HTTP, and over NATS as a runner."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeAlias

import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient
from pydantic import BaseModel, SecretStr

from wayside_events.bus import Bus
from wayside_events.contracts import jobs as contracts
from wayside_events.contracts.jobs import Assignment, Job, JobTypeSpec, ReportOutcome
from wayside_events.identifiers import ScopeName
from wayside_jobs.settings import JobsSettings
from wayside_service.auth import mint_token

Client: TypeAlias = TestClient[web.Request, web.Application]

SECRET = "a secret of thirty-two bytes or more"
SCOPE = ScopeName("acme")
TYPE = "demo.add"


def settings_for(database_url: str, nats_url: str, **options: Any) -> JobsSettings:
    return JobsSettings(
        database_url=SecretStr(database_url),
        nats_url=nats_url,
        jwt_secret=SecretStr(SECRET),
        shutdown_timeout_seconds=2,
        **{"sweep_interval_seconds": 0.2, **options},
    )


def spec(name: str = TYPE, **fields: Any) -> JobTypeSpec:
    """A job type that retries at once."""
    backoff = {"initial_seconds": 0, "jitter": 0}
    return JobTypeSpec.model_validate({"name": name, "backoff": backoff, **fields})


@dataclass
class Answer:
    """Status and body of an answer."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def codes(self) -> dict[str, str]:
        """The field errors of a problem: field -> code."""
        return {error["field"]: error["code"] for error in self.body.get("errors", ())}


@dataclass
class Api:
    """One instance over HTTP, as one caller sees it."""

    client: Client
    subject: str = "ada"
    roles: tuple[str, ...] = ("admin",)
    scope: str = SCOPE

    def as_(self, subject: str, *roles: str, scope: str | None = None) -> "Api":
        """The same instance for another caller."""
        return Api(self.client, subject, roles or self.roles, scope or self.scope)

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        token = mint_token(SECRET, subject=self.subject, grants={self.scope: self.roles})
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        async with self.client.request(method, path, headers=headers, **options) as response:
            body = await response.json(content_type=None) if "json" in response.content_type else None
            return Answer(response.status, body, dict(response.headers))

    async def get(self, path: str, **params: Any) -> Answer:
        return await self.call("GET", path, params=params)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.call("POST", path, json=body, **options)

    async def create(self, **fields: Any) -> Job:
        """Create a job and return it."""
        answer = await self.post("/v1/jobs", {"type": TYPE, "scope": self.scope, **fields})
        assert answer.status == 201, answer.body
        return Job.model_validate(answer.body)

    async def job(self, job_id: str) -> Job:
        answer = await self.get(f"/v1/jobs/{job_id}")
        assert answer.status == 200, answer.body
        return Job.model_validate(answer.body)

    async def cancel(self, job_id: str, reason: str | None = None) -> Answer:
        return await self.post(f"/v1/jobs/{job_id}/cancel", {"reason": reason})


@dataclass
class RunnerForTests:
    """A runner that speaks the protocol by hand; it numbers its reports."""

    bus: Bus
    name: str = "runner-1"
    seqs: "count[int]" = field(default_factory=lambda: count(1))

    async def register(self, *specs: JobTypeSpec) -> None:
        body = contracts.RegisterRequest(runner=self.name, job_types=specs or (spec(),))
        await self.bus.request(contracts.REGISTER_SUBJECT, body, contracts.RegisterReply)

    async def claim(self, slots: int = 1, wait_ms: int = 0, **fields: Any) -> tuple[Assignment, ...]:
        body = contracts.ClaimRequest.model_validate(
            {
                "runner": self.name,
                "queues": ["default"],
                "job_types": [TYPE],
                "slots": slots,
                "wait_ms": wait_ms,
                **fields,
            }
        )
        reply = await self.bus.request(
            contracts.CLAIM_SUBJECT, body, contracts.ClaimReply, timeout_seconds=wait_ms / 1000 + 5
        )
        return reply.assignments

    async def claim_one(self, wait_ms: int = 2_000, **fields: Any) -> Assignment:
        [assignment] = await self.claim(1, wait_ms, **fields)
        return assignment

    def said(self, assignment: Assignment, kind: str, **fields: Any) -> dict[str, Any]:
        """One report, ready to be sent."""
        return {
            "kind": kind,
            "job_id": assignment.job.id,
            "attempt": assignment.attempt,
            "token": assignment.token,
            "seq": next(self.seqs),
            **fields,
        }

    async def send(self, *reports: Any) -> tuple[ReportOutcome, ...]:
        body = contracts.ReportRequest(runner=self.name, reports=reports)
        return (await self.bus.request(contracts.REPORT_SUBJECT, body, contracts.ReportReply)).outcomes

    async def report(self, assignment: Assignment, kind: str, **fields: Any) -> ReportOutcome:
        [outcome] = await self.send(self.said(assignment, kind, **fields))
        return outcome

    async def create(self, created_by: str = "ada", key: str | None = None, **fields: Any) -> Any:
        body = contracts.CreateRequest.model_validate(
            {
                "job": {"type": TYPE, "scope": SCOPE, **fields},
                "created_by": created_by,
                "idempotency_key": key,
            }
        )
        return await self.bus.request(contracts.CREATE_SUBJECT, body, contracts.CreateReply)


class Raw(BaseModel):
    """A request that is sent as it is, however wrong."""

    payload: bytes

    def model_dump_json(self, **_options: object) -> str:
        return self.payload.decode()

    @classmethod
    def of(cls, document: Any) -> "Raw":
        return cls(payload=orjson.dumps(document))
