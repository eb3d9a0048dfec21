"""What governance refuses: a class, a sentence, its data."""

from collections.abc import Collection
from typing import Any, ClassVar

from wayside_events.contracts.problems import FieldError, summary


class GovernanceError(Exception):
    """Base of what a caller is told. `code` is stable; the text is the detail."""

    code: ClassVar[str] = "governance_error"
    title: ClassVar[str] = "Governance refused"
    errors: tuple[FieldError, ...] = ()


class SuggestionNotFound(GovernanceError):
    """There is no such suggestion in a scope the caller may see."""

    code = "suggestion_not_found"
    title = "No such suggestion"


class NodeNotFound(GovernanceError):
    """Nothing is known of the node."""

    code = "node_not_found"
    title = "No such node"


class DecisionConflict(GovernanceError):
    """The suggestion is not as the decision assumes; `current` is how it is, for the answer."""

    code = "conflict"
    title = "The suggestion is in another state"
    current: Any = None


class StaleRevision(DecisionConflict):
    """Somebody was faster: the suggestion changed since the caller saw it."""

    code = "stale_revision"
    title = "The suggestion has changed"

    def __init__(self, seen: int, current: int) -> None:
        super().__init__(f"The decision is about revision {seen}; the suggestion is at revision {current}.")


class DecidedElsewhere(StaleRevision):
    """What is to be decided was decided by something else meanwhile, or by the same request."""

    def __init__(self, message: str) -> None:
        DecisionConflict.__init__(self, message)


class IllegalTransition(DecisionConflict):
    """The verb means nothing in this status."""

    code = "illegal_transition"
    title = "The suggestion cannot be decided so now"

    def __init__(self, status: str, verb: str) -> None:
        super().__init__(f"A suggestion that is {status} cannot take {verb}.")


class EdgeChanged(DecisionConflict):
    """The edge is not the one the approval made any more, so undoing would destroy other work."""

    code = "edge_changed"
    title = "The edge has changed since the approval"


class EdgeExists(DecisionConflict):
    """The claim's edge exists already, by another way than this suggestion."""

    code = "edge_exists"
    title = "The edge exists already"


class RivalExists(DecisionConflict):
    """The type is functional, and another edge of it leaves the node already."""

    code = "rival_exists"
    title = "A rival has been approved"

    def __init__(self, edge_id: str | None) -> None:
        named = f": {edge_id}" if edge_id else " by another item of this request"
        super().__init__(f"The node has its one edge of this type already{named}. Undo that approval first.")
        self.edge_id = edge_id


class TooManyRivals(DecisionConflict):
    """More rivals wait than one approval may supersede."""

    code = "too_many_rivals"
    title = "Too many rivals to supersede at once"

    def __init__(self, limit: int) -> None:
        super().__init__(f"More than {limit:,} rivals wait. Reject some in bulk first, by node and type.")


class AlreadyEndorsed(DecisionConflict):
    """Two have to approve, and this reviewer is one of them."""

    code = "already_endorsed"
    title = "Somebody else has to approve too"

    def __init__(self, reviewer: str) -> None:
        super().__init__(f"{reviewer} has approved this already; it takes a second reviewer.")


class ContentChanged(DecisionConflict):
    """A node's content is not what the reviewer was shown."""

    code = "content_changed"
    title = "The content of a node has changed"

    def __init__(self, node_id: str) -> None:
        super().__init__(f"The content of the node {node_id} has changed since it was shown.")


class OwnProposal(GovernanceError):
    """Whoever proposed never approves."""

    code = "own_proposal"
    title = "Whoever proposed may not approve"


class UnknownReason(GovernanceError):
    """A rejection needs one of the known reasons."""

    code = "unknown_reason_code"
    title = "A rejection needs a known reason"

    def __init__(self, given: str | None, allowed: Collection[str]) -> None:
        codes = ", ".join(sorted(allowed))
        super().__init__(
            f"{given!r} is no reason code; use one of: {codes}." if given else f"Give one of: {codes}."
        )
        self.errors = (FieldError(field="/reason_code", code=self.code, message=f"One of: {codes}"),)


class InvalidPage(GovernanceError):
    """A page token is not one this service gave out, or not for this list."""

    code = "invalid_page"
    title = "The page is not known"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.errors = (FieldError(field="?page", code=self.code, message=message),)


class NotStorable(GovernanceError):
    """The database refuses a value that passed every check before it."""

    code = "not_storable"
    title = "The proposal cannot be stored"

    def __init__(self) -> None:
        super().__init__("The database refuses a value of this proposal; the service's log says which.")


class InvalidProposal(GovernanceError):
    """A proposal breaks the contract; `errors` names the fields, relative to the proposal."""

    code = "invalid_proposal"
    title = "The proposal is not valid"

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__(summary(errors))
        self.errors = errors
