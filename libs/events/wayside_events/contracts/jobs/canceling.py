"""Requests to end a job."""

from pydantic import Field

from wayside_events.contracts.model import Request
from wayside_events.identifiers import Id, Scope


class CancelRequest(Request):
    """Ask for a job to end."""

    scope: Scope
    job_id: Id
    requested_by: str = Field(min_length=1, max_length=200)
    reason: str | None = Field(default=None, max_length=1_000)


class CancelBody(Request):
    """What `POST /v1/jobs/{id}/cancel` takes."""

    reason: str | None = Field(default=None, max_length=1_000)
