"""Requests to end a job."""

from pydantic import Field

from wayside_events.contracts.model import Request
from wayside_events.identifiers import Id, Scope


class CancelBody(Request):
    """What `POST /v1/jobs/{id}/cancel` takes. With `cascade` all that is below the job is asked to end too."""

    reason: str | None = Field(default=None, max_length=1_000)
    cascade: bool = True


class CancelRequest(CancelBody):
    """Ask for a job to end."""

    scope: Scope
    job_id: Id
    requested_by: str = Field(min_length=1, max_length=200)
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)
