"""Handlers of job types: their signature read once, their input parsed, their result encoded."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypedDict, get_type_hints

import orjson
from pydantic import JsonValue, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

from wayside.context import Context
from wayside.errors import InvalidHandler, NonRetryable
from wayside.reporting.encoding import NotJson, json_value
from wayside_events.contracts.jobs import Backoff, Capabilities, JobTypeSpec
from wayside_events.contracts.problems import FieldError, field_errors, field_errors_in

Handler = Callable[..., Awaitable[Any]] | Callable[..., Any]

_FIELD_ERRORS_LIMIT = 20


class JobTypeOptions(TypedDict, total=False):
    """What may be said of a job type where its handler is; see `JobTypeSpec`."""

    label: str
    icon: str
    color: str
    description: str
    queue: str
    phases: list[str] | tuple[str, ...]
    capabilities: Capabilities
    timeout_seconds: float
    lease_seconds: float
    cancel_grace_seconds: float
    max_attempts: int
    backoff: Backoff
    concurrency_limit: int
    concurrency_limit_per_scope: int
    ttl_seconds: float
    resource_link: str
    related_type: str
    has_children: bool
    completed_message: str
    failed_message: str


class InvalidInput(NonRetryable):
    """The job's input is not what the handler takes."""

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        summary = "; ".join(f"{error.field}: {error.message}" for error in errors)
        details: dict[str, JsonValue] = {"errors": [error.model_dump() for error in errors]}
        super().__init__(f"the input is invalid: {summary}", code="invalid_input", details=details)


@dataclass(frozen=True, slots=True)
class JobHandler:
    """A function that serves one job type, and what is known of it."""

    spec: JobTypeSpec
    function: Handler
    is_async: bool
    input: TypeAdapter[Any] | None
    result: TypeAdapter[Any]
    non_retryable: tuple[type[Exception], ...]

    def arguments(self, ctx: Context, raw: JsonValue) -> tuple[Any, ...]:
        """Return what to call the function with; raises `InvalidInput`."""
        if self.input is None:
            return (ctx,)
        try:
            return ctx, self.input.validate_json(orjson.dumps(raw))
        except ValidationError as error:
            raise InvalidInput(field_errors_in(raw, error, ("input",))[:_FIELD_ERRORS_LIMIT]) from None

    def encode(self, value: object) -> JsonValue:
        """Return the result as JSON values; raises `NotJson` or `TooLarge`."""
        if value is None:
            return None
        try:
            validated = self.result.validate_python(value)
        except ValidationError as error:
            msg = f"the result is not what the handler's annotation says: {_listed(error)}"
            raise NotJson(msg) from None
        return json_value(validated, "result", self.result)


def job_handler(
    name: str, function: Handler, options: JobTypeOptions, *, non_retryable: tuple[type[Exception], ...] = ()
) -> JobHandler:
    """Read a handler's signature `(ctx)` or `(ctx, input: Model) -> Result`; raises `InvalidHandler`."""
    hints = _hints(name, function)
    parameters = list(inspect.signature(function).parameters.values())
    if not 1 <= len(parameters) <= 2 or any(parameter.kind not in _POSITIONAL for parameter in parameters):
        msg = f"the handler of {name} takes (ctx) or (ctx, input), not {inspect.signature(function)}"
        raise InvalidHandler(msg)
    wanted = hints.get(parameters[1].name, JsonValue) if len(parameters) == 2 else None
    taken = None if wanted is None else _adapter(name, wanted)
    result = _adapter(name, hints.get("return", Any))
    try:
        spec = JobTypeSpec(
            name=name,
            input_schema=taken.json_schema() if taken else None,
            result_schema=_result_schema(result),
            **_described(function, options),
        )
    except (ValidationError, PydanticUserError) as error:
        msg = f"the job type {name!r} is not valid: {error}"
        raise InvalidHandler(msg) from error
    return JobHandler(spec, function, inspect.iscoroutinefunction(function), taken, result, non_retryable)


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _hints(name: str, function: Handler) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        msg = f"an annotation of the handler of {name} cannot be resolved: {error}"
        raise InvalidHandler(msg) from error


def _adapter(name: str, annotation: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - any type
    try:
        return TypeAdapter(annotation)
    except PydanticSchemaGenerationError as error:
        msg = f"the handler of {name} takes or returns {annotation}, which pydantic does not know"
        raise InvalidHandler(msg) from error


def _result_schema(adapter: TypeAdapter[Any]) -> dict[str, JsonValue] | None:
    """The schema of the result as JSON; `None` where nothing is known of it."""
    return adapter.json_schema(mode="serialization") or None


def _described(function: Handler, options: JobTypeOptions) -> dict[str, Any]:
    """The options, with the handler's docstring as description unless one is given."""
    documentation = inspect.getdoc(function)
    described: dict[str, Any] = {"description": documentation[:2_000]} if documentation else {}
    return described | dict(options)


def _listed(error: ValidationError) -> str:
    found = field_errors(error, ("result",))[:_FIELD_ERRORS_LIMIT]
    return "; ".join(f"{item.field}: {item.message}" for item in found)
