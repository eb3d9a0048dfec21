"""Where related things are found: paths of the API, and a page of the product made from the job type's template."""

import re
import string
from collections.abc import Sequence
from typing import Final

from wayside_events.contracts.problems import FieldError
from wayside_jobs.domain.errors import InvalidJob
from wayside_jobs.domain.job import Job

PLACEHOLDERS: Final = (
    "id",
    "scope",
    "type",
    "session_id",
    "related.type",
    "related.id",
    "parent_id",
    "root_id",
    "created_by",
    "unique_key",
    "origin",
)
"""What a template may have in braces. Nothing of input or result, which lists leave out."""

_PLACEHOLDER = re.compile(r"{([^{}]*)}")
_BEGINNING = re.compile(r"/(?!/)|https?://[^/{}]")
_UNRESERVED = frozenset((string.ascii_letters + string.digits + "-._~").encode())
"""RFC 3986: all others are escaped, the slash too."""

_NOWHERE = frozenset({"", ".", ".."})
"""As a part of a path these lead to another page."""


def check_template(template: str, field: str) -> None:
    """Raise `InvalidJob` unless a link can be made of `template`: a path, or an address of the web."""
    _check_braces(template, field, PLACEHOLDERS)
    if _BEGINNING.match(template) is None or not template.isprintable() or " " in template:
        raise _invalid(field, "invalid_template", "A link begins with / or http:// or https://.")


def check_message(template: str, field: str, *, is_of_failure: bool = False) -> None:
    """Raise `InvalidJob` unless who shows that a job has ended can make a text of `template`."""
    _check_braces(template, field, (*PLACEHOLDERS, "label", *(("error.message",) if is_of_failure else ())))


def _check_braces(template: str, field: str, known: Sequence[str]) -> None:
    unknown = [name for name in _PLACEHOLDER.findall(template) if name not in known]
    if unknown:
        raise _invalid(field, "unknown_placeholder", f"{{{unknown[0]}}} is none of {', '.join(known)}.")
    rest = _PLACEHOLDER.sub("", template)
    if "{" in rest or "}" in rest:
        raise _invalid(field, "invalid_template", "A brace is open or too many.")


def resource_link(template: str | None, job: Job) -> str | None:
    """Return the page that shows what a job is about; `None` when it lacks something the template names."""
    if template is None:
        return None
    values = {name: _value(job, name) for name in _PLACEHOLDER.findall(template)}
    if any(value is None or value in _NOWHERE for value in values.values()):
        return None
    return _PLACEHOLDER.sub(lambda match: _quoted(values[match[1]] or ""), template)


def job_links(job: Job, *, retried_by: str | None = None, resource: str | None = None) -> dict[str, str]:
    """Return the paths of a job and of the jobs it belongs to, by what they are."""
    path = f"/v1/jobs/{job.id}"
    links = {"self": path, "events": f"{path}/events", "logs": f"{path}/logs"}
    if job.child_count:
        links["children"] = f"{path}/children"
    others = {
        "parent": job.parent_id,
        "root": job.root_id,
        "retry_of": job.retry_of,
        "retried_by": retried_by,
    }
    for name, job_id in others.items():
        if job_id is not None:
            links[name] = f"/v1/jobs/{job_id}"
    if resource is not None:
        links["resource"] = resource
    return links


def _quoted(value: str) -> str:
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in value.encode())


def _value(job: Job, name: str) -> str | None:
    match name:
        case "related.type":
            return job.related.type if job.related else None
        case "related.id":
            return job.related.id if job.related else None
        case _:
            value: str | None = getattr(job, name, None) if name in PLACEHOLDERS else None
            return value


def _invalid(field: str, code: str, message: str) -> InvalidJob:
    return InvalidJob(f"{field}: {message}", errors=[FieldError(field=field, code=code, message=message)])
