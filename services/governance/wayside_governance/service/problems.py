"""The one table that gives an error of governance its HTTP status."""

from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from wayside_events.contracts.problems import Problem
from wayside_governance.domain import bulk, errors, policy_errors, review_errors, rules, withdrawing
from wayside_service.errors import ErrorTable
from wayside_service.problems import problem_of

ERROR_STATUSES: Final[ErrorTable] = MappingProxyType(
    {
        errors.SuggestionNotFound: HTTPStatus.NOT_FOUND,
        errors.NodeNotFound: HTTPStatus.NOT_FOUND,
        errors.DecisionConflict: HTTPStatus.CONFLICT,
        errors.OwnProposal: HTTPStatus.FORBIDDEN,
        withdrawing.NotOwnProposal: HTTPStatus.FORBIDDEN,
        errors.UnknownReason: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.InvalidProposal: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.InvalidPage: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.NotStorable: HTTPStatus.UNPROCESSABLE_ENTITY,
        rules.TypeNotFound: HTTPStatus.NOT_FOUND,
        review_errors.ClaimNotFound: HTTPStatus.NOT_FOUND,
        review_errors.TooManyHeld: HTTPStatus.CONFLICT,
        bulk.BulkNotFound: HTTPStatus.NOT_FOUND,
        bulk.StaleSnapshot: HTTPStatus.CONFLICT,
        bulk.BulkNotOver: HTTPStatus.CONFLICT,
        bulk.InvalidBulk: HTTPStatus.UNPROCESSABLE_ENTITY,
        policy_errors.PolicyNotFound: HTTPStatus.NOT_FOUND,
        policy_errors.InvalidPolicy: HTTPStatus.UNPROCESSABLE_ENTITY,
        policy_errors.TooManyPolicies: HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


def item_problem(error: errors.GovernanceError) -> Problem:
    """Return what is said of one item of a batch."""
    problem = problem_of(error, ERROR_STATUSES)
    assert problem is not None, f"{type(error).__name__} has no status"
    return problem
