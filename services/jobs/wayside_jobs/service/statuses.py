"""Which status each error of this service has, over HTTP and over NATS."""

from http import HTTPStatus
from types import MappingProxyType

from wayside_events.contracts.problems import Problem
from wayside_jobs.domain import errors
from wayside_service.errors import ERROR_STATUSES, ErrorTable
from wayside_service.problems import internal_problem, problem_of

JOBS_STATUSES: ErrorTable = MappingProxyType(
    {
        errors.WrongState: HTTPStatus.CONFLICT,
        errors.CancelNotRequested: HTTPStatus.CONFLICT,
        errors.CancelNotSupported: HTTPStatus.CONFLICT,
        errors.RetryNotSupported: HTTPStatus.CONFLICT,
        errors.IdempotencyConflict: HTTPStatus.CONFLICT,
        errors.ParentEnded: HTTPStatus.CONFLICT,
        errors.ReservedQueue: HTTPStatus.CONFLICT,
        errors.JobNotFound: HTTPStatus.NOT_FOUND,
        errors.JobTypeNotFound: HTTPStatus.NOT_FOUND,
        errors.QueueNotFound: HTTPStatus.NOT_FOUND,
        errors.Fenced: HTTPStatus.FORBIDDEN,
        errors.InvalidReport: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.InvalidPage: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.InvalidBulk: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.InvalidFilter: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.ReservedName: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.InvalidJob: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.InvalidValue: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.StoreRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.ValueTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        errors.SimultaneousChange: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)

STATUSES: ErrorTable = MappingProxyType({**ERROR_STATUSES, **JOBS_STATUSES})


def problem_document(error: Exception) -> Problem:
    """Return what a caller is told about any error."""
    return problem_of(error, STATUSES) or internal_problem()
