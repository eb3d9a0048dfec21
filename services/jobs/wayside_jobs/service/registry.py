"""Job types: registered by workers, read at every creation."""

import asyncio
import re
import time
from collections.abc import Collection, Mapping, Sequence

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import JsonValue
from referencing.exceptions import Unresolvable

from wayside_events.contracts.jobs import JobTypeSpec
from wayside_events.contracts.problems import FieldError, pointer
from wayside_jobs.domain.errors import InputTooComplex, InvalidJob, JobTypeNotFound, UnknownJobType
from wayside_jobs.domain.links import check_message, check_template
from wayside_jobs.domain.values import DETAILS_LIMIT_BYTES, Json, json_text
from wayside_jobs.service.announcing import Announcer
from wayside_jobs.service.schemas import SECONDS_LIMIT, TooComplex, errors_in, schema_validator
from wayside_jobs.store import Store

MAX_AGE_SECONDS = 5.0
"""How old what is known of a type may be when the message about a newer registration was lost."""

_MAX_ERRORS = 20


class JobType:
    """A job type with its input schema, ready to validate."""

    def __init__(self, spec: JobTypeSpec) -> None:
        self.spec = spec
        self.has_schema = spec.input_schema is not None
        self._validator = schema_validator(spec.input_schema) if spec.input_schema is not None else None

    def check_input(self, value: JsonValue, *, seconds: float = SECONDS_LIMIT) -> None:
        """Raise `InvalidJob` with a path for each place where the input does not fit the schema.

        Also where the schema leads nowhere, or round in a circle, which shows only when it is applied; `InputTooComplex`
        where it takes more than `seconds` of processor time.
        """
        if self._validator is None:
            return
        try:
            found = errors_in(value, self._validator, limit=_MAX_ERRORS, seconds=seconds)
        except TooComplex:
            raise InputTooComplex(self.spec.name) from None
        except (Unresolvable, RecursionError, re.error):
            message = f"The input schema of {self.spec.name} cannot be applied."
            error = FieldError(field="/type", code="unusable_schema", message=message)
            raise InvalidJob(message, errors=[error]) from None
        errors = [
            FieldError(
                field=pointer(["input", *error.absolute_path]),
                code=str(error.validator),
                message=error.message[:500],
            )
            for error in sorted(found, key=lambda error: list(map(str, error.path)))
        ]
        if errors:
            raise InvalidJob(f"{errors[0].field}: {errors[0].message}", errors=errors)


class JobTypes:
    """The registry; what was read is kept for a few seconds, or until somebody registers."""

    def __init__(
        self, store: Store, announcer: Announcer, *, default_ttl_seconds: float | None = None
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._default_ttl_seconds = default_ttl_seconds
        self._known: dict[str, tuple[float, JobType]] = {}
        self._generation = 0
        self._reading: dict[str, asyncio.Task[JobType]] = {}
        announcer.on_types(self._forget)

    async def get(self, name: str) -> JobType:
        """Return a job type; raises `UnknownJobType`."""
        known = self._known.get(name)
        if known is not None and time.monotonic() - known[0] < MAX_AGE_SECONDS:
            return known[1]
        reading = self._reading.get(name)
        if reading is None:
            reading = self._reading[name] = asyncio.create_task(self._read(name), name="job-type")
            reading.add_done_callback(lambda _: self._reading.pop(name, None))
        return await asyncio.shield(reading)

    async def _read(self, name: str) -> JobType:
        started, generation = time.monotonic(), self._generation
        spec = (await self._store.job_types([name])).get(name)
        if spec is None:
            raise UnknownJobType(name)
        job_type = JobType(self._completed(JobTypeSpec.model_validate_json(spec)))
        if generation == self._generation:
            self._known[name] = (started, job_type)
        return job_type

    def _completed(self, spec: JobTypeSpec) -> JobTypeSpec:
        """Jobs of a type that does not say how long they are kept are kept as long as the service is told to."""
        if spec.ttl_seconds is not None:
            return spec
        return spec.model_copy(update={"ttl_seconds": self._default_ttl_seconds})

    def _forget(self) -> None:
        """Also what is being read right now may be old already."""
        self._generation += 1
        self._known.clear()
        self._reading.clear()

    async def specification(self, name: str) -> Json:
        """Return a type's registry entry; raises `JobTypeNotFound`."""
        spec = (await self._store.job_types([name])).get(name)
        if spec is None:
            raise JobTypeNotFound(name)
        return spec

    async def page(self, *, after: str, limit: int) -> bytes:
        """Return `contracts.jobs.JobTypePage`, by name."""
        entries = await self._store.list_job_types(after=after, limit=limit + 1)
        page = {
            "items": [orjson.Fragment(spec) for _, spec in entries[:limit]],
            "next_page": entries[limit - 1][0] if len(entries) > limit else None,
        }
        return orjson.dumps(page)

    async def register(self, spec: JobTypeSpec) -> None:
        """Write a registry entry; raises `InvalidJob` for a schema that is none."""
        await self._write({spec.name: _text(spec, "")})

    async def register_all(self, specs: Sequence[JobTypeSpec]) -> None:
        """Write the entries of all types a runner serves; raises `InvalidJob` for a schema that is none."""
        await self._write({spec.name: _text(spec, f"/job_types/{index}") for index, spec in enumerate(specs)})

    async def make_known(self, names: Collection[str]) -> None:
        """Write an entry for each type that has none: its jobs run where they were made, so nobody can try them again."""
        specs = [JobTypeSpec(name=name, max_attempts=1) for name in names]
        texts = {spec.name: _text(spec, "/tracked_types") for spec in specs}
        if texts and await self._store.add_job_types(texts):
            self._announcer.types_registered()

    async def _write(self, texts: Mapping[str, Json]) -> None:
        if texts:
            await self._store.register_job_types(texts)
            self._announcer.types_registered()


def _text(spec: JobTypeSpec, field: str) -> Json:
    text = json_text(spec.model_dump(mode="json", exclude_none=True), field, 4 * DETAILS_LIMIT_BYTES)
    if spec.resource_link is not None:
        check_template(spec.resource_link, f"{field}/resource_link")
    if spec.completed_message is not None:
        check_message(spec.completed_message, f"{field}/completed_message")
    if spec.failed_message is not None:
        check_message(spec.failed_message, f"{field}/failed_message", is_of_failure=True)
    for name in ("input_schema", "result_schema"):
        schema = getattr(spec, name)
        if schema is not None:
            _check_schema(schema, f"{field}/{name}")
    return text


def _check_schema(schema: dict[str, JsonValue], field: str) -> None:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise _invalid_schema(field, error.message) from None
    except RecursionError:
        raise _invalid_schema(field, "it is nested too deeply") from None
    foreign = [reference for reference in _references(schema) if not reference.startswith("#")]
    if foreign:
        raise _invalid_schema(field, f"{foreign[0]} points outside the schema")


def _references(schema: JsonValue) -> list[str]:
    match schema:
        case dict():
            own = [value for key in ("$ref", "$dynamicRef") if isinstance(value := schema.get(key), str)]
            return own + [found for item in schema.values() for found in _references(item)]
        case list():
            return [found for item in schema for found in _references(item)]
        case _:
            return []


def _invalid_schema(field: str, message: str) -> InvalidJob:
    errors = [FieldError(field=field, code="invalid_schema", message=message[:500])]
    return InvalidJob(f"{field} is no JSON Schema: {message[:500]}", errors=errors)
