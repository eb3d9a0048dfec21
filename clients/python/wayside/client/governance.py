"""Suggestions over HTTP: propose, list, explain, decide."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, TypedDict, Unpack

from wayside.client.pages import Listing, Page, once, parsed
from wayside.client.transport import Call, Transport, path_of, reading
from wayside_events.contracts.governance import (
    ApproveRequest,
    DecisionReply,
    DecisionRequest,
    Explanation,
    JudgeRequest,
    Proposal,
    ProposalOutcome,
    ProposeReply,
    Suggestion,
    SuggestionDetails,
)
from wayside_events.contracts.model import Request
from wayside_events.edges import SuggestionStatus
from wayside_events.identifiers import Scope, parse_scope


class SuggestionFilter(TypedDict, total=False):
    """Which suggestions to list; what is left out matches all. `limit` is the size of a page."""

    scope: str
    status: SuggestionStatus | str | Sequence[SuggestionStatus | str]
    from_node_id: str
    to_node_id: str
    node_id: str
    relationship_type: str
    source_model: str
    analysis_run_id: str
    min_confidence: float
    max_confidence: float
    order: str
    limit: int


class DecisionOptions(TypedDict, total=False):
    """What may be said of a decision beside the verdict."""

    reason_code: str | None
    note: str | None
    time_taken_seconds: float | None


class JudgeOptions(DecisionOptions, total=False):
    """And the hashes of the nodes' content as it was shown: `Conflict` when it is another by now."""

    from_content_hash: str | None
    to_content_hash: str | None


class ApproveOptions(JudgeOptions, total=False):
    """And what becomes of rivals that wait, where a node has one edge of the type."""

    rivals: Literal["keep", "supersede"]


class ProposeBody(Request):
    """What `POST /v1/suggestions` takes; who proposes is in the token."""

    scope: Scope
    proposals: tuple[Proposal, ...]


class Suggestions:
    """Suggestions of the caller's scopes; `Client.suggestions`.

    A decision is made once, even when the request has to be sent again. Give the suggestion as it was read: another revision
    meanwhile is a `Conflict`, with the suggestion as it is in `problem.current`.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._listing = Listing(transport, "/v1/suggestions", Suggestion)

    async def get(self, suggestion_id: str) -> SuggestionDetails:
        """Read a suggestion with its evidence and decisions; raises `NotFound`."""
        answer = await self._transport.send(reading(path_of("suggestions", suggestion_id)))
        return parsed(answer, SuggestionDetails)

    async def explain(self, suggestion_id: str) -> Explanation:
        """Read what speaks for or against a suggestion: nodes, similar claims, rivals, what policies make of it."""
        answer = await self._transport.send(reading(path_of("suggestions", suggestion_id, "explain")))
        return parsed(answer, Explanation)

    def rivals(self, suggestion_id: str, *, limit: int | None = None) -> AsyncGenerator[Suggestion, None]:
        """Yield the suggestions that exclude this one, reading page after page; none where its type is not functional."""
        path = path_of("suggestions", suggestion_id, "rivals")
        return Listing(self._transport, path, Suggestion).items({"limit": limit})

    def list(self, **wanted: Unpack[SuggestionFilter]) -> AsyncGenerator[Suggestion, None]:
        """Yield suggestions, reading page after page."""
        return self._listing.items(wanted)

    async def page(self, *, page: str | None = None, **wanted: Unpack[SuggestionFilter]) -> Page[Suggestion]:
        """Read one page of suggestions, with the cursor to stream on from."""
        return await self._listing.page({**wanted, "page": page})

    async def approve(
        self, suggestion: Suggestion, *, idempotency_key: str | None = None, **options: Unpack[ApproveOptions]
    ) -> DecisionReply:
        """Approve a suggestion as you saw it: its edge exists from now on.

        Where its type needs two approvals, the first one is an endorsement, and the suggestion goes on waiting.
        """
        body = ApproveRequest(revision=suggestion.revision, **options)
        return await self._decide(suggestion, "approve", body, idempotency_key)

    async def reject(
        self, suggestion: Suggestion, *, idempotency_key: str | None = None, **options: Unpack[JudgeOptions]
    ) -> DecisionReply:
        """Reject a suggestion as you saw it, for a `reason_code` of its scope."""
        body = JudgeRequest(revision=suggestion.revision, **options)
        return await self._decide(suggestion, "reject", body, idempotency_key)

    async def undo(
        self,
        suggestion: Suggestion,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[DecisionOptions],
    ) -> DecisionReply:
        """Take back the latest decision: the suggestion waits again, the edge of an approval is retracted."""
        body = DecisionRequest(revision=suggestion.revision, **options)
        return await self._decide(suggestion, "undo", body, idempotency_key)

    async def propose(self, proposals: Sequence[Proposal], *, scope: str) -> tuple[ProposalOutcome, ...]:
        """Propose up to 1,000 claims and return one outcome for each; a handler has `ctx.propose` for it."""
        body = ProposeBody(scope=parse_scope(scope), proposals=tuple(proposals))
        call = Call("POST", "/v1/suggestions", body=body, may_be_repeated=True)
        return parsed(await self._transport.send(call), ProposeReply).outcomes

    async def _decide(
        self, suggestion: Suggestion, verdict: str, body: DecisionRequest, key: str | None
    ) -> DecisionReply:
        path = path_of("suggestions", suggestion.id, verdict)
        return await once(self._transport, path, DecisionReply, body=body, key=key)
