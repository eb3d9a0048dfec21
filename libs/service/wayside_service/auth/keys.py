"""Where the keys that verify tokens come from. The kind of key decides the algorithms, never the token."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from wayside_service.errors import InvalidToken, Unavailable

_EC_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key and the algorithms it may be used with."""

    key: Any
    algorithms: Sequence[str]


class KeySource(Protocol):
    """Finds the key for a token."""

    async def key_for(self, key_id: str | None) -> VerificationKey:
        """Return the key; raises `InvalidToken` when there is none of that id."""
        ...


class SharedSecret:
    """One HS256 secret for all tokens."""

    def __init__(self, secret: str) -> None:
        self._key = VerificationKey(secret, ("HS256",))

    async def key_for(self, key_id: str | None) -> VerificationKey:  # noqa: ARG002 - one key for all
        """Return the secret."""
        return self._key


class PublicKey:
    """One public key in PEM: RSA, EC or Ed25519."""

    def __init__(self, pem: str) -> None:
        key = load_pem_public_key(pem.encode())
        self._key = VerificationKey(key, _algorithms(key))

    async def key_for(self, key_id: str | None) -> VerificationKey:  # noqa: ARG002 - one key for all
        """Return the key."""
        return self._key


def _algorithms(key: object) -> Sequence[str]:
    match key:
        case rsa.RSAPublicKey():
            return _RSA_ALGORITHMS
        case ec.EllipticCurvePublicKey() if key.curve.name in _EC_ALGORITHMS:
            return (_EC_ALGORITHMS[key.curve.name],)
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            return ("EdDSA",)
        case _:
            msg = f"{type(key).__name__} cannot verify tokens"
            raise ValueError(msg)


class JwksUnavailable(Unavailable):
    """The issuer's key set cannot be fetched, and none was fetched before."""

    code = "keys_unavailable"
    title = "The token keys are unavailable"


class JwksKeys:
    """The key set of an issuer, by URL.

    Kept for `max_age_seconds`; an unknown key id fetches it again, at most every `min_interval_seconds`, so
    that made-up ids cannot be used to flood the issuer. An old set is used on while the issuer is slow or down.
    """

    def __init__(
        self, url: str, *, max_age_seconds: float = 300.0, min_interval_seconds: float = 10.0
    ) -> None:
        self._url = url
        self._max_age = max_age_seconds
        self._min_interval = min_interval_seconds
        self._keys: dict[str | None, VerificationKey] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def key_for(self, key_id: str | None) -> VerificationKey:
        """Return the key with `key_id`, from the cache when it is there and fresh."""
        if key_id not in self._keys or (not self._is_fresh() and not self._lock.locked()):
            async with self._lock:
                if not self._is_fresh() or key_id not in self._keys:
                    await self._refresh()
        if not self._keys:
            raise JwksUnavailable
        if key_id not in self._keys:
            msg = "The token is signed with an unknown key."
            raise InvalidToken(msg)
        return self._keys[key_id]

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._fetched_at < self._max_age

    async def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._tried_at < self._min_interval:
            return
        self._tried_at = now
        try:
            self._keys = _parse_key_set(await self._fetch())
            self._fetched_at = now
        except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as error:
            log.warning("key_set_not_fetched", url=self._url, error=repr(error))

    async def _fetch(self) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(self._url) as answer:
            answer.raise_for_status()
            document = await answer.json(content_type=None)
            if not isinstance(document, dict):
                msg = "The key set is not a JSON object"
                raise ValueError(msg)  # noqa: TRY004 - of the content, as malformed JSON is
            return document


def _parse_key_set(document: dict[str, Any]) -> dict[str | None, VerificationKey]:
    """Return the signing keys by id, as far as they are of a kind we know.

    With only one key, tokens without an id use it too.
    """
    keys: dict[str | None, VerificationKey] = {}
    for jwk in jwt.PyJWKSet.from_dict(document).keys:
        if jwk.public_key_use in (None, "sig") and jwk.key_type != "oct":
            with suppress(ValueError):
                keys[jwk.key_id] = VerificationKey(jwk.key, _algorithms(jwk.key))
    if len(keys) == 1:
        keys[None] = next(iter(keys.values()))
    return keys
