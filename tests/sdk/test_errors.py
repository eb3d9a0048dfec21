"""What the errors of the SDK say."""

import pytest

from wayside.errors import error_of
from wayside_events.contracts.problems import FieldError, Problem

SCOPE = FieldError(field="?scope", code="missing", message="Name a scope.")


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        ("?scope: Name a scope.", "invalid_input: ?scope: Name a scope."),
        ("The query is wrong.", "invalid_input: The query is wrong. ?scope: Name a scope."),
    ],
)
def test_a_refusal_says_each_thing_once(detail: str, text: str) -> None:
    problem = Problem(title="Invalid", status=422, code="invalid_input", detail=detail, errors=(SCOPE,))
    assert str(error_of(problem)) == text
