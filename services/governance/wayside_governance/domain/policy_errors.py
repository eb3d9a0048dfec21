"""What is refused of policies."""

from collections.abc import Sequence

from wayside_events.contracts.problems import FieldError, summary
from wayside_governance.domain.errors import DecisionConflict, GovernanceError


class PolicyNotFound(GovernanceError):
    """There is no such policy, or version of one, in a scope the caller may see."""

    code = "policy_not_found"
    title = "No such policy"


class InvalidPolicy(GovernanceError):
    """A policy contradicts itself; `errors` names the fields."""

    code = "invalid_policy"
    title = "The policy contradicts itself"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(summary(errors))
        self.errors = tuple(errors)


class TooManyPolicies(GovernanceError):
    """A scope has as many policies as it may have."""

    code = "too_many_policies"
    title = "The scope has too many policies"


class StaleVersion(DecisionConflict):
    """Somebody was faster: the policy has another version than the caller saw."""

    code = "stale_version"
    title = "The policy has another version"

    def __init__(self, seen: int, current: int) -> None:
        super().__init__(f"The change is about version {seen}; the policy has version {current}.")


class PolicyIsSuspended(DecisionConflict):
    """A policy that its breaker stopped is not enabled without a reason."""

    code = "policy_suspended"
    title = "The policy is suspended"

    def __init__(self) -> None:
        super().__init__("People disagreed with this version. Put a new one, or give a reason to enable it.")
