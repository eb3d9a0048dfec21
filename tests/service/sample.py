"""What tests of wayside_service share beside fixtures."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient
from pydantic import SecretStr

from wayside_service.auth import mint_token
from wayside_service.database import Database
from wayside_service.settings import DatabaseSettings

SECRET = "a secret of more than thirty-two bytes"

Client = TestClient[web.Request, web.Application]
Serve = Callable[..., AbstractAsyncContextManager[Client]]
OpenDatabase = Callable[..., AbstractAsyncContextManager[Database]]


def settings_for(dsn: str, **values: Any) -> DatabaseSettings:
    return DatabaseSettings(database_url=SecretStr(dsn), jwt_secret=SecretStr(SECRET), **values)


def headers_for(**grants: Sequence[str]) -> dict[str, str]:
    """A bearer token with roles by scope; the scope `everywhere` stands for `*`."""
    named = {"*" if scope == "everywhere" else scope: roles for scope, roles in grants.items()}
    return {"Authorization": f"Bearer {mint_token(SECRET, subject='ada', grants=named)}"}


@dataclass(frozen=True)
class Written:
    """An event for the outbox; `note` is a number that stands for the entity's id."""

    note: int
    revision: int
    type: str = "analysis.job.log"
    padding: int = 0

    @property
    def subject(self) -> str:
        return str(UUID(int=self.note))

    @property
    def id(self) -> str:
        return f"{self.subject}:{self.revision}"

    @property
    def nats_subject(self) -> str:
        return f"{self.type}.acme.{self.subject}"

    def to_json(self) -> bytes:
        return orjson.dumps({"id": self.id, "padding": "x" * self.padding})
