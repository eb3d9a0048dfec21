"""What review sessions refuse."""

from wayside_governance.domain.errors import GovernanceError


class ClaimNotFound(GovernanceError):
    """The caller has no such claim."""

    code = "claim_not_found"
    title = "No such claim"


class TooManyHeld(GovernanceError):
    """The reviewer has so many cards already that others would find none."""

    code = "too_many_held"
    title = "Too many cards are held"

    def __init__(self, limit: int) -> None:
        super().__init__(f"A reviewer may hold {limit} cards of a scope; decide or release some first.")
