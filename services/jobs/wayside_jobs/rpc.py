"""The verbs over NATS (`wayside.jobs.v1.*`): parse, call, reply."""

from collections.abc import Sequence
from http import HTTPStatus

import orjson
from pydantic import BaseModel

from wayside_events.bus import Endpoint
from wayside_events.contracts.jobs import (
    AWAIT_SUBJECT,
    BEAT_SUBJECT,
    CANCEL_SUBJECT,
    CLAIM_SUBJECT,
    CREATE_MANY_SUBJECT,
    CREATE_SUBJECT,
    GET_SUBJECT,
    REGISTER_SUBJECT,
    REPORT_SUBJECT,
    RETRY_SUBJECT,
    WITHDRAW_SUBJECT,
    AwaitRequest,
    BeatReply,
    BeatRequest,
    CancelBody,
    CancelRequest,
    ClaimRequest,
    CreateManyRequest,
    CreateRequest,
    GetRequest,
    RegisterRequest,
    ReportRequest,
    RetryRequest,
    WithdrawReply,
    WithdrawRequest,
)
from wayside_jobs.domain.creation import Origin
from wayside_jobs.domain.errors import JobsError
from wayside_jobs.domain.reserved import check_claim
from wayside_jobs.domain.values import plain_text
from wayside_jobs.service.batching import Orderer
from wayside_jobs.service.handover import assignments_in
from wayside_jobs.service.jobs import Jobs
from wayside_jobs.service.repeating import Caller
from wayside_service.tracing import current_traceparent


class Encoded(BaseModel):
    """A reply that is JSON already; the models of `contracts.jobs` say which."""

    body: bytes

    def model_dump_json(self, **_options: object) -> str:
        """Return the reply as it is."""
        return self.body.decode()


class Rpc:
    """The endpoints of one instance."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def endpoints(self) -> Sequence[Endpoint]:
        """All verbs."""
        return (
            Endpoint(REGISTER_SUBJECT, RegisterRequest, self._jobs.workers.register),
            Endpoint(BEAT_SUBJECT, BeatRequest, self._beat),
            Endpoint(CLAIM_SUBJECT, ClaimRequest, self._claim, undelivered=self._take_back),
            Endpoint(WITHDRAW_SUBJECT, WithdrawRequest, self._withdraw),
            Endpoint(REPORT_SUBJECT, ReportRequest, self._report),
            Endpoint(CREATE_SUBJECT, CreateRequest, self._create),
            Endpoint(CREATE_MANY_SUBJECT, CreateManyRequest, self._create_many),
            Endpoint(GET_SUBJECT, GetRequest, self._get),
            Endpoint(CANCEL_SUBJECT, CancelRequest, self._cancel),
            Endpoint(RETRY_SUBJECT, RetryRequest, self._retry),
            Endpoint(AWAIT_SUBJECT, AwaitRequest, self._await),
        )

    async def _beat(self, request: BeatRequest) -> BeatReply:
        return await self._jobs.workers.beat(request.runner, request)

    async def _claim(self, request: ClaimRequest) -> Encoded:
        check_claim(request)
        assignments = await self._jobs.desk.claim(request)
        return Encoded(body=b'{"assignments":[%b]}' % b",".join(assignments))

    async def _take_back(self, reply: Encoded) -> None:
        await self._jobs.handover.take_back(assignments_in(reply.body))

    async def _report(self, request: ReportRequest) -> Encoded:
        return Encoded(body=await self._jobs.reporter.report(request))

    async def _withdraw(self, request: WithdrawRequest) -> WithdrawReply:
        self._jobs.announcer.withdrawn(request.runner)
        if request.held is not None:
            held = {(attempt.job_id, attempt.attempt) for attempt in request.held}
            await self._jobs.handover.take_unheard(request.runner, held)
        return WithdrawReply()

    async def _create(self, request: CreateRequest) -> Encoded:
        plain_text(request.created_by, "/created_by")
        plain_text(request.traceparent, "/traceparent")
        traceparent = request.traceparent or current_traceparent()
        origin = Origin(created_by=request.created_by, traceparent=traceparent)
        plain_text(request.idempotency_key, "/idempotency_key")
        try:
            created = await self._jobs.creator.create(request.job, origin, request.idempotency_key)
        except JobsError as error:
            raise error.within("/job") from error
        reply = {
            "job": orjson.Fragment(created.document),
            "created": created.is_new,
            "replayed": created.is_replay,
        }
        if created.assignment is not None:
            reply["assignment"] = created.assignment
        return Encoded(body=orjson.dumps(reply))

    async def _create_many(self, request: CreateManyRequest) -> Encoded:
        plain_text(request.created_by, "/created_by")
        plain_text(request.traceparent, "/traceparent")
        traceparent = request.traceparent or current_traceparent()
        orderer = Orderer(
            origin=Origin(created_by=request.created_by, traceparent=traceparent),
            idempotency_key=request.idempotency_key,
            may_create=lambda _scope: True,
        )
        return Encoded(body=await self._jobs.batches.create(request.jobs, orderer))

    async def _get(self, request: GetRequest) -> Encoded:
        return _job(await self._jobs.reader.get(request.job_id, lambda scope: scope == request.scope))

    async def _await(self, request: AwaitRequest) -> Encoded:
        return Encoded(body=await self._jobs.awaits.wait(request))

    async def _cancel(self, request: CancelRequest) -> Encoded:
        caller = Caller(scope=request.scope, subject=request.requested_by, key=request.idempotency_key)
        wanted = CancelBody(reason=request.reason, cascade=request.cascade)
        return _job((await self._jobs.canceler.cancel(caller, request.job_id, wanted)).body)

    async def _retry(self, request: RetryRequest) -> Encoded:
        caller = Caller(scope=request.scope, subject=request.requested_by, key=request.idempotency_key)
        plain_text(request.traceparent, "/traceparent")
        traceparent = request.traceparent or current_traceparent()
        answer = await self._jobs.retrier.retry(caller, request.job_id, traceparent=traceparent)
        reply = {
            "job": orjson.Fragment(answer.body),
            "created": answer.status == HTTPStatus.CREATED,
            "replayed": answer.is_replay,
        }
        return Encoded(body=orjson.dumps(reply))


def _job(document: bytes) -> Encoded:
    return Encoded(body=orjson.dumps({"job": orjson.Fragment(document)}))
