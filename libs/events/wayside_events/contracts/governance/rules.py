"""What a scope lays down: settings, and its types of relationships."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from wayside_events.contracts.model import Reply, Request
from wayside_events.edges import RelationshipType, SuggestionStatus
from wayside_events.envelope import Timestamp
from wayside_events.identifiers import Scope

A_CENTURY_IN_SECONDS = 100 * 365 * 24 * 3600

Seconds = Annotated[int, Field(ge=1, le=A_CENTURY_IN_SECONDS)]
UnknownNodes = Literal["accept", "refuse"]
Settled = Literal[
    SuggestionStatus.APPROVED,
    SuggestionStatus.REJECTED,
    SuggestionStatus.SUPERSEDED,
    SuggestionStatus.EXPIRED,
    SuggestionStatus.WITHDRAWN,
]


class ReasonCode(Request):
    """A reason that a rejection may give, and how it is shown to reviewers."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    label: str | None = Field(default=None, max_length=200)


class PutSettingsRequest(Request):
    """All settings of a scope; what is left out is as if never set.

    `reason_codes`: None stands for the service's own. `unknown_nodes`: whether a proposal may name nodes that nothing is
    known of. `pending_ttl_seconds`: how long a suggestion waits for a decision before it expires. `retention`: how long
    after its latest change a suggestion of each status keeps evidence, reasoning and notes; their hashes stay.
    `if_revision`: refuse (409) when the settings are at another revision; 0 is that of settings never put.
    """

    reason_codes: tuple[ReasonCode, ...] | None = Field(default=None, min_length=1, max_length=100)
    unknown_nodes: UnknownNodes = "accept"
    pending_ttl_seconds: Seconds | None = None
    retention: dict[Settled, Seconds | None] = Field(default_factory=dict)
    if_revision: int | None = Field(default=None, ge=0)

    @field_validator("reason_codes")
    @classmethod
    def _are_distinct(cls, value: tuple[ReasonCode, ...] | None) -> tuple[ReasonCode, ...] | None:
        codes = [reason.code for reason in value or ()]
        if len(set(codes)) < len(codes):
            raise ValueError("a reason code is there twice")
        return value


class ScopeSettings(Reply):
    """The settings of a scope as they hold; `revision` is 0 and nobody changed them until they are put."""

    scope: Scope
    revision: int
    reason_codes: tuple[ReasonCode, ...]
    unknown_nodes: UnknownNodes = "accept"
    pending_ttl_seconds: int | None = None
    retention: dict[SuggestionStatus, int | None] = Field(default_factory=dict)
    changed_by: str | None = None
    changed_at: Timestamp | None = None


class PutTypeRequest(Request):
    """What holds for a type of relationship.

    `is_functional`: a node has at most one edge of it, so suggestions from one node are rivals. `required_approvals`: 2 asks
    for two distinct reviewers, of whom at most one may be a policy.
    """

    is_functional: bool = False
    required_approvals: Literal[1, 2] = 1


class RelationshipTypeRules(Reply):
    """A declared type of relationship; one that is not declared is not functional and needs one approval."""

    scope: Scope
    name: RelationshipType
    is_functional: bool
    required_approvals: int
    revision: int
    changed_by: str
    changed_at: Timestamp


class RelationshipTypePage(Reply):
    """Part of a list of declared types; `next_page` is None on the last one."""

    items: tuple[RelationshipTypeRules, ...]
    next_page: str | None = None
