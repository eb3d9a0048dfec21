"""Credentials of an HTTP request: `Authorization: Bearer …` and nothing else."""

from typing import Final, Protocol

from aiohttp import web

from wayside_service.auth.principal import Principal
from wayside_service.auth.tokens import TokenVerifier
from wayside_service.errors import InvalidToken, Unauthorized


class Authenticator(Protocol):
    """Finds out who sent a request. The gateway adds stream tickets by its own implementation."""

    async def principal(self, request: web.Request) -> Principal:
        """Return the caller; raises `Unauthorized`, `InvalidToken` or `TokenExpired`."""
        ...


class BearerAuthenticator:
    """Reads the bearer token."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def principal(self, request: web.Request) -> Principal:
        """Return the caller named by the token."""
        return await self._verifier.verify(bearer_token(request))


def bearer_token(request: web.Request) -> str:
    """Return the token of the `Authorization` header."""
    header = request.headers.get("Authorization")
    if header is None:
        raise Unauthorized
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        msg = "The Authorization header is not of the form Bearer <token>."
        raise InvalidToken(msg)
    return token.strip()


AUTHENTICATOR: Final = web.AppKey("wayside_authenticator", Authenticator)
