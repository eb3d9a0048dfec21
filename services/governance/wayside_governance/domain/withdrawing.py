"""What is refused to those who take proposals back."""

from wayside_governance.domain.errors import DecisionConflict, GovernanceError


class NotOwnProposal(GovernanceError):
    """Only who proposed takes back."""

    code = "not_own_proposal"
    title = "Only who proposed may withdraw"

    def __init__(self, who: str) -> None:
        super().__init__(f"{who} proposed none of the evidence.")


class ProposedByOthers(DecisionConflict):
    """Others stand by the claim: another proposer, or another run."""

    code = "proposed_by_others"
    title = "There is other evidence for it"

    def __init__(self) -> None:
        super().__init__("The suggestion also rests on evidence by another proposer or of another run.")
