"""JSON Web Tokens: verified for services, minted for the command line and tests."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from wayside_events.identifiers import UnsafeToken, parse_scope
from wayside_service.auth.keys import JwksKeys, KeySource, PublicKey, SharedSecret
from wayside_service.auth.principal import ALL_SCOPES, Principal, Role
from wayside_service.errors import InvalidToken, TokenExpired
from wayside_service.settings import ServiceSettings

GRANTS_CLAIM = "wayside"
LEEWAY_SECONDS = 5
"""How far the clocks of issuer and service may differ."""


class TokenVerifier:
    """Turns a token into a `Principal`; raises `InvalidToken` or `TokenExpired`."""

    def __init__(self, keys: KeySource, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    async def verify(self, token: str) -> Principal:
        """Check signature, issuer, audience and expiry, and read who it is."""
        if not token.isascii():
            msg = "The token cannot be read."
            raise InvalidToken(msg)
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = await self._keys.key_for(key_id)
            claims = jwt.decode(
                token,
                key.key,
                algorithms=list(key.algorithms),
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except jwt.PyJWTError as error:
            raise InvalidToken(_reason(error)) from None
        return _principal(claims)


def _reason(error: jwt.PyJWTError) -> str:
    match error:
        case jwt.MissingRequiredClaimError():
            return f"The claim {error.claim} is missing."
        case jwt.InvalidAudienceError():
            return "The token is for another audience."
        case jwt.InvalidIssuerError():
            return "The token is from another issuer."
        case jwt.InvalidAlgorithmError():
            return "The token is signed with another algorithm."
        case jwt.InvalidSignatureError():
            return "The signature is wrong."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet."
        case _:
            return "The token cannot be read."


def _principal(claims: Mapping[str, Any]) -> Principal:
    return Principal(
        subject=claims["sub"],
        grants=_grants(claims.get(GRANTS_CLAIM)),
        expires_at=_moment(claims["exp"]),
    )


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        msg = "The token expires at no time there is."
        raise InvalidToken(msg) from None


def _grants(claim: object) -> Mapping[str, frozenset[Role]]:
    """Read `{"<scope>" or "*": [roles]}`; a role this version does not know grants nothing."""
    if not isinstance(claim, dict):
        msg = f"The claim {GRANTS_CLAIM} is missing or not an object."
        raise InvalidToken(msg)
    return {_scope(scope): _roles(roles) for scope, roles in claim.items()}


def _scope(value: str) -> str:
    if value == ALL_SCOPES:
        return value
    try:
        return parse_scope(value)
    except UnsafeToken as error:
        msg = f"The claim {GRANTS_CLAIM} names a scope that cannot exist."
        raise InvalidToken(msg) from error


def _roles(value: object) -> frozenset[Role]:
    if not isinstance(value, list) or not all(isinstance(role, str) for role in value):
        msg = f"The claim {GRANTS_CLAIM} does not give lists of roles."
        raise InvalidToken(msg)
    return frozenset(role for role in Role if role in value)


def verifier_for(settings: ServiceSettings) -> TokenVerifier:
    """Return the verifier the settings describe."""
    return TokenVerifier(_keys(settings), issuer=settings.jwt_issuer, audience=settings.jwt_audience)


def _keys(settings: ServiceSettings) -> KeySource:
    if settings.jwt_secret is not None:
        return SharedSecret(settings.jwt_secret.get_secret_value())
    if settings.jwt_public_key is not None:
        return PublicKey(settings.jwt_public_key)
    assert settings.jwt_jwks_url is not None
    return JwksKeys(settings.jwt_jwks_url)


def mint_token(
    secret: str,
    *,
    subject: str,
    grants: Mapping[str, Sequence[str]],
    lifetime: timedelta = timedelta(hours=12),
    issuer: str = "wayside",
    audience: str = "wayside",
) -> str:
    """Return an HS256 token; `grants` maps a scope or `*` to role names."""
    now = datetime.now(UTC)
    claims = {
        "sub": subject,
        "iss": issuer,
        "aud": audience,
        "iat": now,
        "exp": now + lifetime,
        GRANTS_CLAIM: {scope: [str(role) for role in roles] for scope, roles in grants.items()},
    }
    return jwt.encode(claims, secret, algorithm="HS256")
