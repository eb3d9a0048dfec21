"""The error classes, their table, and what a caller is told."""

import json
from collections.abc import Iterator

import pytest

from wayside_events.bus import BusUnavailable as BusIsDown
from wayside_service import errors
from wayside_service.auth import keys
from wayside_service.errors import ERROR_STATUSES, ServiceError, status_of
from wayside_service.problems import (
    encode_problem,
    internal_problem,
    problem_headers,
    problem_of,
    rpc_problems,
)


def classes(root: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    yield root
    for child in root.__subclasses__():
        yield from classes(child)


OURS = [cls for cls in classes() if cls.__module__ in (errors.__name__, keys.__name__)]


def test_every_error_has_a_code_and_title_of_its_own() -> None:
    assert len({cls.code for cls in OURS}) == len(OURS)
    assert len({cls.title for cls in OURS}) == len(OURS)


@pytest.mark.parametrize("cls", [cls for cls in OURS if cls is not ServiceError])
def test_every_error_has_a_status_and_a_document(cls: type[ServiceError]) -> None:
    problem = problem_of(cls(), ERROR_STATUSES, "r1")
    assert problem is not None
    assert 400 <= problem.status < 500 or problem.status == 503
    document = json.loads(encode_problem(problem))
    assert all(error["message"] for error in document.pop("errors", []))
    assert document == {
        "type": f"urn:wayside:problem:{cls.code}",
        "title": cls.title,
        "status": problem.status,
        "code": cls.code,
        "detail": f"{cls.title}.",
        "instance": "r1",
    }


@pytest.mark.parametrize(
    "cls, status",
    [
        (errors.MalformedJson, 400),
        (errors.InvalidToken, 401),
        (errors.Forbidden, 403),
        (errors.RouteNotFound, 404),
        (errors.MethodNotAllowed, 405),
        (errors.Conflict, 409),
        (errors.BodyTooLarge, 413),
        (errors.UnsupportedMediaType, 415),
        (errors.InvalidInput, 422),
        (errors.TooManyRequests, 429),
        (errors.DatabaseUnavailable, 503),
    ],
)
def test_a_class_has_the_status_of_its_nearest_ancestor_in_the_table(
    cls: type[ServiceError], status: int
) -> None:
    assert status_of(cls, ERROR_STATUSES) == status


def test_what_no_table_names_is_unexpected() -> None:
    assert problem_of(KeyError("secret"), ERROR_STATUSES) is None
    assert problem_of(ServiceError("secret"), ERROR_STATUSES) is None
    assert "secret" not in internal_problem().detail


def test_a_bus_that_is_away_is_a_503_that_names_no_address() -> None:
    error = BusIsDown("NATS cannot be reached at nats://user:hunter2@host")
    problem = problem_of(error, ERROR_STATUSES)
    assert problem is not None
    assert (problem.status, problem.code) == (503, "bus_unavailable")
    assert "hunter2" not in problem.model_dump_json()
    assert problem_headers(error) == {"Retry-After": "2"}


def test_callers_over_nats_are_told_the_same() -> None:
    problem = rpc_problems(ERROR_STATUSES)(errors.Conflict("Ended.", current={"status": "failed"}))
    assert problem is not None
    assert (problem.status, problem.code, problem.current) == (409, "conflict", {"status": "failed"})


def test_only_a_token_that_was_sent_is_called_invalid() -> None:
    assert "error=" not in problem_headers(errors.Unauthorized())["WWW-Authenticate"]
    assert 'error="invalid_token"' in problem_headers(errors.TokenExpired())["WWW-Authenticate"]
