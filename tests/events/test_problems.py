"""How a field at fault is named, and what is said of it."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from wayside_events.contracts.jobs import REPORT, JobTypeName, QueueName
from wayside_events.contracts.problems import FieldError, field_errors, field_errors_in, pointer, summary
from wayside_events.identifiers import Scope, ScopeName

REPORTED: dict[str, Any] = {
    "job_id": "0198f000-0000-7000-8000-000000000000",
    "attempt": 1,
    "token": "t",
    "seq": 1,
}
LINE = {"time": "2026-01-01T00:00:00Z", "message": "x"}


class Circle(BaseModel):
    shape: Literal["circle"]
    radius: float


class Square(BaseModel):
    shape: Literal["square"]
    side: float


class Drawing(BaseModel):
    tagged: list[Annotated[Circle | Square, Field(discriminator="shape")]] = []
    size: float | Literal["full"] = 1.0


def found(adapter: TypeAdapter[Any], value: Any, *, tags: int = 0) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(value)
    return [(error.field, error.code) for error in field_errors(refused.value, tags=tags)]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ((), "/"),
        (("input", "depth"), "/input/depth"),
        (("reports", 3, "token"), "/reports/3/token"),
        (("a/b", "~c"), "/a~1b/~0c"),
        (("k" * 500,), "/" + "k" * 100),
    ],
)
def test_a_place_in_a_body_is_a_json_pointer(location: Any, expected: str) -> None:
    assert pointer(location) == expected


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"kind": "progress", "progress": {"percent": 101}}, "/progress/percent"),
        ({"kind": "progress"}, "/progress"),
        ({"kind": "progress", "progress": {}, "token": 1}, "/token"),
        ({"kind": "log", "entries": [LINE, {**LINE, "message": 1}]}, "/entries/1/message"),
        ({"kind": "dance"}, "/"),
    ],
)
def test_the_kind_of_a_report_is_no_part_of_the_place(fields: Any, place: str) -> None:
    assert [field for field, _ in found(REPORT, {**REPORTED, **fields}, tags=1)] == [place]


def test_a_list_of_bad_items_is_not_too_short_as_well() -> None:
    report = {**REPORTED, "kind": "log", "entries": [{**LINE, "message": 1, "level": "loud"}]}
    assert found(REPORT, report, tags=1) == [
        ("/entries/0/level", "enum"),
        ("/entries/0/message", "string_type"),
    ]


def test_a_list_that_is_too_short_is_said_to_be_so() -> None:
    assert found(REPORT, {**REPORTED, "kind": "log", "entries": []}, tags=1) == [("/entries", "too_short")]
    three = TypeAdapter(Annotated[tuple[int, ...], Field(min_length=3)])
    assert found(three, [1, "x"]) == [("/1", "int_parsing"), ("/", "too_short")]


def test_the_places_of_a_part_are_those_of_the_whole() -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(dict[str, int]).validate_python({"a": "x"})
    assert [error.field for error in field_errors(refused.value, ("reports", 3))] == ["/reports/3/a"]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"tagged": [{"shape": "circle"}]}, "/input/tagged/0/radius"),
        ({"tagged": [{"shape": "square", "side": "x"}]}, "/input/tagged/0/side"),
        ({"size": "large"}, "/input/size"),
        (7, "/input"),
    ],
)
def test_members_of_unions_are_no_part_of_the_place_in_a_value(value: Any, place: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Drawing | None).validate_python(value)
    assert {error.field for error in field_errors_in(value, refused.value, ("input",))} == {place}


class Spoken(BaseModel):
    model_config = ConfigDict(extra="forbid")

    needed: int
    scope: Scope = ScopeName("acme")
    number: Annotated[int, Field(ge=1)] = 1
    names: tuple[str, ...] = Field(default=(), max_length=1)
    queue: QueueName = "default"
    type: JobTypeName = "demo.add"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "This is required."),
        ({"needed": 1, "x": 1}, "There is no such field."),
        ({"needed": "no"}, "This must be a valid integer, unable to parse string as an integer."),
        ({"needed": 1, "number": 0}, "This must be greater than or equal to 1."),
        ({"needed": 1, "names": ["a", "b"]}, "This must have at most 1 item, not 2."),
        ({"needed": 1, "queue": "A.b"}, "This must be lower-case letters, digits, - and _, at most 63."),
        (
            {"needed": 1, "type": "A.b"},
            "This must begin with a lower-case letter, with lower-case letters, digits, - _ and . behind it, at most 100.",
        ),
        (
            {"needed": 1, "scope": "A.b"},
            "'A.b' is not a valid scope: lower-case letters, digits, - and _, at most 63.",
        ),
    ],
)
def test_what_is_wrong_with_a_field_is_a_sentence(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Spoken.model_validate(fields)
    assert [error.message for error in field_errors(refused.value)] == [message]


def test_a_summary_says_how_many_mistakes_there_are() -> None:
    errors = [FieldError(field=f"/{name}", code="c", message="This is required.") for name in "abc"]
    assert [summary(errors[:number]) for number in (1, 2, 3)] == [
        "/a: This is required.",
        "/a: This is required. There is one more mistake.",
        "/a: This is required. There are 2 more mistakes.",
    ]
