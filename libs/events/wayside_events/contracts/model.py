"""What all contract models have in common."""

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    """Something a client sends: unknown fields are refused, so that a typing mistake is not lost silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reply(BaseModel):
    """Something a service answers: unknown fields are ignored, so that a service may be newer than its client."""

    model_config = ConfigDict(frozen=True, extra="ignore")
