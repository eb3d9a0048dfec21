"""Suggestions and the graph over HTTP: propose, list, decide, query."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, TypedDict, Unpack
from urllib.parse import quote

from wayside.client.pages import Listing, Page, parsed
from wayside.client.transport import Call, Transport, reading
from wayside_events.contracts.governance import (
    DecisionReply,
    DecisionRequest,
    Edge,
    Neighborhood,
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


class EdgeFilter(TypedDict, total=False):
    """Which edges to list; what is left out matches all. `limit` is the size of a page."""

    scope: str
    node_id: str
    from_node_id: str
    to_node_id: str
    relationship_type: str
    include: Literal["suggested"]
    limit: int


class DecisionOptions(TypedDict, total=False):
    """What may be said of a decision beside the verdict."""

    reason_code: str
    note: str
    time_taken_seconds: float


class ProposeBody(Request):
    """What `POST /v1/suggestions` takes; who proposes is in the token."""

    scope: Scope
    proposals: tuple[Proposal, ...]


class Suggestions:
    """Suggestions of the caller's scopes; `Client.suggestions`.

    Decisions are not repeated by themselves when their answer is lost: read the suggestion and decide again.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._listing = Listing(transport, "/v1/suggestions", Suggestion)

    async def get(self, suggestion_id: str) -> SuggestionDetails:
        """Read a suggestion with its evidence and decisions; raises `NotFound`."""
        answer = await self._transport.send(reading(f"/v1/suggestions/{suggestion_id}"))
        return parsed(answer, SuggestionDetails)

    def list(self, **wanted: Unpack[SuggestionFilter]) -> AsyncGenerator[Suggestion, None]:
        """Yield suggestions, reading page after page."""
        return self._listing.items(wanted)

    async def page(self, *, page: str | None = None, **wanted: Unpack[SuggestionFilter]) -> Page[Suggestion]:
        """Read one page of suggestions, with the cursor to stream on from."""
        return await self._listing.page({**wanted, "page": page})

    async def approve(self, suggestion: Suggestion, **options: Unpack[DecisionOptions]) -> DecisionReply:
        """Approve a suggestion as you saw it: its edge exists from now on. Raises `Conflict` when it changed."""
        return await self._decide(suggestion, "approve", options)

    async def reject(self, suggestion: Suggestion, **options: Unpack[DecisionOptions]) -> DecisionReply:
        """Reject a suggestion as you saw it. Raises `Conflict` when it changed."""
        return await self._decide(suggestion, "reject", options)

    async def undo(self, suggestion: Suggestion, **options: Unpack[DecisionOptions]) -> DecisionReply:
        """Take back the latest decision: the suggestion waits again, the edge of an approval is retracted."""
        return await self._decide(suggestion, "undo", options)

    async def propose(self, proposals: Sequence[Proposal], *, scope: str) -> tuple[ProposalOutcome, ...]:
        """Propose up to 1,000 claims and return one outcome for each; a handler has `ctx.propose` for it."""
        body = ProposeBody(scope=parse_scope(scope), proposals=tuple(proposals))
        call = Call("POST", "/v1/suggestions", body=body, may_be_repeated=True)
        return parsed(await self._transport.send(call), ProposeReply).outcomes

    async def _decide(self, suggestion: Suggestion, verdict: str, options: DecisionOptions) -> DecisionReply:
        body = DecisionRequest(revision=suggestion.revision, **options)
        path = f"/v1/suggestions/{suggestion.id}/{verdict}"
        return parsed(await self._transport.send(Call("POST", path, body=body)), DecisionReply)


class Edges:
    """Edges of the graph; `Client.edges`."""

    def __init__(self, transport: Transport) -> None:
        self._listing = Listing(transport, "/v1/edges", Edge)

    def list(self, **wanted: Unpack[EdgeFilter]) -> AsyncGenerator[Edge, None]:
        """Yield edges, reading page after page; with `include="suggested"` pending ones too, flagged."""
        return self._listing.items(wanted)

    async def page(self, *, page: str | None = None, **wanted: Unpack[EdgeFilter]) -> Page[Edge]:
        """Read one page of edges, with the cursor to stream on from."""
        return await self._listing.page({**wanted, "page": page})


class Graph:
    """Questions to the graph; `Client.graph`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def neighborhood(
        self,
        node_id: str,
        *,
        scope: str | None = None,
        depth: int | None = None,
        limit: int | None = None,
        include: Literal["suggested"] | None = None,
    ) -> Neighborhood:
        """Return what lies within `depth` steps of a node, at most `limit` nodes.

        With `include="suggested"` there are ghost edges too, flagged by their status.
        """
        query = {"scope": scope, "depth": depth, "limit": limit, "include": include}
        path = f"/v1/graph/neighborhood/{quote(node_id, safe='')}"
        return parsed(await self._transport.send(reading(path, query)), Neighborhood)
