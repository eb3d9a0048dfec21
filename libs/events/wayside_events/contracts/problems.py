"""Problem details (RFC 9457): the one shape of every error answer."""

from pydantic import BaseModel, ConfigDict, JsonValue


class FieldError(BaseModel):
    """One field at fault: `field` is a path such as `input.depth` or `reports.3.token`."""

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
