"""Lists that come in pages."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from wayside.client.transport import Answer, Call, Transport, reading
from wayside.errors import WaysideError

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class UnexpectedAnswer(WaysideError):
    """The gateway answered something that is not the expected shape; it may be of another version."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list. Stream on from `cursor` to miss nothing that happened after the page was read."""

    items: tuple[T, ...]
    next_page: str | None
    cursor: str | None


class _PageBody(BaseModel, Generic[T]):
    model_config = ConfigDict(extra="ignore")

    items: tuple[T, ...]
    next_page: str | None = None


class Listing(Generic[M]):
    """A list at one path, of items of one kind."""

    def __init__(self, transport: Transport, path: str, item: type[M]) -> None:
        self._transport = transport
        self._path = path
        self._body: TypeAdapter[_PageBody[M]] = TypeAdapter(_PageBody[item])  # type: ignore[valid-type]

    async def page(self, query: Mapping[str, Any]) -> Page[M]:
        """Read one page."""
        answer = await self._transport.send(reading(self._path, query))
        try:
            body = self._body.validate_json(answer.body)
        except ValidationError as error:
            msg = f"{self._path}: {error}"
            raise UnexpectedAnswer(msg) from error
        return Page(body.items, body.next_page, answer.cursor)

    async def items(self, query: Mapping[str, Any]) -> AsyncGenerator[M, None]:
        """Read page after page and yield the items."""
        next_page: str | None = None
        while True:
            page = await self.page({**query, "page": next_page} if next_page else query)
            for item in page.items:
                yield item
            next_page = page.next_page
            if next_page is None:
                return


def parsed(answer: Answer, model: type[M]) -> M:
    """Read an answer; raises `UnexpectedAnswer`."""
    try:
        return model.model_validate_json(answer.body)
    except ValidationError as error:
        msg = f"expected {model.__name__}: {error}"
        raise UnexpectedAnswer(msg) from error


async def once(
    transport: Transport, path: str, model: type[M], *, body: BaseModel | None = None, key: str | None = None
) -> M:
    """Post what has its effect once, however often it has to be sent, and read the answer."""
    call = Call("POST", path, body=body, idempotency_key=key or str(uuid4()), may_be_repeated=True)
    return parsed(await transport.send(call), model)
