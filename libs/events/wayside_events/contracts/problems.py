"""Problem details (RFC 9457): the one shape of every error answer, and the one way to name a field at fault."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic_core import ErrorDetails

Location = tuple[str | int, ...]

_SAID: Final = MappingProxyType(
    {
        "Field required": "This is required.",
        "Extra inputs are not permitted": "There is no such field.",
        "String should match pattern '^[a-z][a-z0-9_.-]{0,99}$'": (
            "This must begin with a lower-case letter, with lower-case letters, digits, - _ and . behind it, at most 100."
        ),
        "String should match pattern '^[a-z0-9][a-z0-9_-]{0,62}$'": (
            "This must be lower-case letters, digits, - and _, at most 63."
        ),
    }
)
"""What some of pydantic's messages mean; the patterns are those of job types and of queues."""

_KIND = re.compile(r"^(Value error|Assertion failed), ")
_SUBJECT = re.compile(r"^(Input|String|List|Tuple|Set|Dictionary|Data|Value|Object) should ")

_NAME_LIMIT = 100
"""Characters of a field's name that are repeated: callers choose it."""


class FieldError(BaseModel):
    """One field at fault. `field` says where it is.

    In the body: an RFC 6901 pointer such as `/input/depth` or `/reports/3/token`, and `/` for the body itself;
    for a proposal of a batch relative to that proposal, `/evidence`. Elsewhere: `?name` is a query parameter,
    `{name}` a path parameter, and a plain name a header.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    field: str
    code: str
    message: str


class Problem(BaseModel):
    """An error answer; `code` is stable, `detail` is a sentence for people.

    `current` is the entity's present state where a conflict was refused; `instance` is the request id.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    instance: str | None = None
    errors: tuple[FieldError, ...] = ()
    current: JsonValue = None


def problem_type(code: str) -> str:
    """Return the `type` of the problems that have this code."""
    return f"urn:wayside:problem:{code}"


def pointer(location: Sequence[str | int]) -> str:
    """Return the RFC 6901 pointer to a place in a body; the whole body is `/`."""
    names = (str(part)[:_NAME_LIMIT].replace("~", "~0").replace("/", "~1") for part in location)
    return "/" + "/".join(names)


def field_errors(error: ValidationError, under: Location = (), *, tags: int = 0) -> tuple[FieldError, ...]:
    """Return what pydantic found wrong with the value at `under`.

    Each of its locations begins with `tags` tags of a discriminated union, which are no part of the value.
    """
    return tuple(
        FieldError(
            field=pointer((*under, *fault["loc"][tags:])), code=fault["type"], message=in_words(fault["msg"])
        )
        for fault in _faults(error)
    )


def field_errors_in(value: JsonValue, error: ValidationError, under: Location = ()) -> tuple[FieldError, ...]:
    """Return what pydantic found wrong with `value`, whose model may have unions anywhere.

    What pydantic puts into a location beside keys and indices leads nowhere in the value, and is left out.
    """
    return tuple(
        FieldError(
            field=pointer((*under, *_followed(value, fault))),
            code=fault["type"],
            message=in_words(fault["msg"]),
        )
        for fault in _faults(error)
    )


def summary(errors: Sequence[FieldError]) -> str:
    """Return the first of some errors, and how many more there are."""
    first = f"{errors[0].field}: {errors[0].message}"
    match len(errors) - 1:
        case 0:
            return first
        case 1:
            return f"{first} There is one more mistake."
        case more:
            return f"{first} There are {more} more mistakes."


def in_words(message: str) -> str:
    """Return what pydantic says of a field as a sentence about that field."""
    plain = _KIND.sub("", message).replace(" after validation", "")
    return _SAID.get(plain) or sentence(_SUBJECT.sub("This must ", plain))


def sentence(text: str) -> str:
    """Return a text with a full stop at its end."""
    return text if text.endswith((".", "!", "?", "…")) or not text else f"{text}."


def _faults(error: ValidationError) -> Iterator[ErrorDetails]:
    found = error.errors(include_url=False, include_input=False)
    bad_items = _bad_items(found)
    return (fault for fault in found if not _is_short_of_bad_items(fault, bad_items))


def _followed(value: JsonValue, fault: ErrorDetails) -> Location:
    """Return the parts of a location that are there in the value, and the one that is missing."""
    place: list[str | int] = []
    for part in fault["loc"]:
        if isinstance(value, dict) and isinstance(part, str) and part in value:  # noqa: SIM114 - for mypy
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            continue
        place.append(part)
    if fault["type"] == "missing":
        place.append(fault["loc"][-1])
    return tuple(place)


def _bad_items(found: Sequence[ErrorDetails]) -> Counter[Location]:
    """Return how many items of each list are at fault."""
    places = {fault["loc"][: depth + 1] for fault in found for depth in range(len(fault["loc"]))}
    return Counter(place[:-1] for place in places if isinstance(place[-1], int))


def _is_short_of_bad_items(fault: ErrorDetails, bad_items: Counter[Location]) -> bool:
    """Whether a list is too short only because pydantic does not count the items that are at fault."""
    if fault["type"] != "too_short":
        return False
    context = fault["ctx"]
    return bool(context["actual_length"] + bad_items[fault["loc"]] >= context["min_length"])
