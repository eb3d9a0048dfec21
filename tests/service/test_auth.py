"""Tokens: which are accepted, from whose key, and what they allow."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError
from tests.service.sample import SECRET

from wayside_service.auth import (
    JwksKeys,
    KeySource,
    Principal,
    PublicKey,
    Role,
    SharedSecret,
    TokenVerifier,
    mint_token,
    verifier_for,
)
from wayside_service.auth.keys import JwksUnavailable
from wayside_service.errors import Forbidden, InvalidToken, TokenExpired
from wayside_service.settings import ServiceSettings

Claims = dict[str, Any]


def claims(**changes: Any) -> Claims:
    """Claims that are accepted, with changes; `None` leaves one out."""
    now = datetime.now(UTC)
    whole: Claims = {
        "sub": "ada",
        "iss": "wayside",
        "aud": "wayside",
        "exp": now + timedelta(minutes=5),
        "wayside": {"acme": ["viewer"]},
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def verifier(keys: KeySource | None = None) -> TokenVerifier:
    return TokenVerifier(keys or SharedSecret(SECRET), issuer="wayside", audience="wayside")


def signed(**changes: Any) -> str:
    return jwt.encode(claims(**changes), SECRET, algorithm="HS256")


async def test_a_good_token_says_who_it_is_and_what_they_may_do() -> None:
    token = mint_token(SECRET, subject="ada", grants={"acme": [Role.OPERATOR], "*": ["viewer"]})
    principal = await verifier().verify(token)
    assert principal.subject == "ada"
    assert principal.grants == {"acme": {Role.OPERATOR}, "*": {Role.VIEWER}}
    assert principal.expires_at > datetime.now(UTC)


async def test_an_expired_token_says_so() -> None:
    with pytest.raises(TokenExpired):
        await verifier().verify(signed(exp=datetime.now(UTC) - timedelta(minutes=1)))


async def test_clocks_may_differ_by_seconds() -> None:
    await verifier().verify(signed(exp=datetime.now(UTC) - timedelta(seconds=2)))


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"aud": "another"}, "another audience"),
        ({"iss": "another"}, "another issuer"),
        ({"nbf": datetime.now(UTC) + timedelta(hours=1)}, "not valid yet"),
        ({"exp": None}, "exp is missing"),
        ({"iss": None}, "iss is missing"),
        ({"aud": None}, "aud is missing"),
        ({"sub": None}, "sub is missing"),
        ({"wayside": None}, "missing or not an object"),
        ({"wayside": ["viewer"]}, "missing or not an object"),
        ({"wayside": {"acme": "viewer"}}, "lists of roles"),
        ({"wayside": {"acme": [1]}}, "lists of roles"),
        ({"wayside": {"a.b": ["viewer"]}}, "scope that cannot exist"),
        ({"wayside": {"": ["viewer"]}}, "scope that cannot exist"),
        ({"sub": 7}, "cannot be read"),
        ({"exp": 10**30}, "expires at no time there is"),
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused_with_the_reason(changes: Claims, reason: str) -> None:
    with pytest.raises(InvalidToken, match=reason):
        await verifier().verify(signed(**changes))


@pytest.mark.parametrize(
    "token", ["", "a", "a.b.c", "a.b.c.d", "é.é.é", "e30.e30.", "." * 5000, "\udcff.a.b"]
)
async def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        await verifier().verify(token)


async def test_the_algorithm_none_is_refused() -> None:
    with pytest.raises(InvalidToken):
        await verifier().verify(jwt.encode(claims(), "", algorithm="none"))


async def test_another_secret_is_refused() -> None:
    with pytest.raises(InvalidToken, match="signature"):
        await verifier().verify(jwt.encode(claims(), "another" + SECRET, algorithm="HS256"))


async def test_a_role_this_version_does_not_know_grants_nothing() -> None:
    principal = await verifier().verify(signed(wayside={"acme": ["astronaut", "viewer"]}))
    assert principal.grants == {"acme": {Role.VIEWER}}


PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def pem(key: PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("key, algorithm", [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA")])
async def test_a_public_key_verifies_with_the_algorithms_of_its_kind(key: PrivateKey, algorithm: str) -> None:
    principal = await verifier(PublicKey(pem(key))).verify(jwt.encode(claims(), key, algorithm=algorithm))
    assert principal.subject == "ada"


async def test_a_public_key_cannot_be_used_as_a_secret() -> None:
    """The classic confusion: sign with HS256 and the public key's text."""
    header, body = (
        base64.urlsafe_b64encode(
            json.dumps(part, default=lambda moment: int(moment.timestamp())).encode()
        ).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "JWT"}, claims())
    )
    digest = hmac.digest(pem(RSA).encode(), header + b"." + body, hashlib.sha256)
    forged = b".".join([header, body, base64.urlsafe_b64encode(digest).rstrip(b"=")]).decode()
    with pytest.raises(InvalidToken, match="another algorithm"):
        await verifier(PublicKey(pem(RSA))).verify(forged)


async def test_another_key_of_the_same_kind_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(InvalidToken, match="signature"):
        await verifier(PublicKey(pem(EC))).verify(jwt.encode(claims(), other, algorithm="ES256"))


class Issuer:
    """An issuer's key set over HTTP."""

    def __init__(self) -> None:
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.requests = 0
        self.is_down = False
        self.is_slow = False
        self.asked = asyncio.Event()

    def sign(self, key_id: str | None) -> str:
        key = self.keys.get(key_id or "", EC)
        return jwt.encode(claims(), key, algorithm="ES256", headers={"kid": key_id} if key_id else {})

    async def serve(self, _request: web.Request) -> web.Response:
        self.requests += 1
        if self.is_down:
            raise web.HTTPBadGateway
        if self.is_slow:
            self.asked.set()
            await asyncio.sleep(3)
        algorithm = jwt.algorithms.ECAlgorithm
        keys = [
            json.loads(algorithm.to_jwk(key.public_key())) | {"kid": name} for name, key in self.keys.items()
        ]
        return web.json_response({"keys": keys})


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def key_set_url(issuer: Issuer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/keys", issuer.serve)
    async with TestServer(app) as server:
        yield str(server.make_url("/keys"))


def add_key(issuer: Issuer, name: str) -> None:
    issuer.keys[name] = ec.generate_private_key(ec.SECP256R1())


async def test_a_key_set_is_fetched_once_for_many_tokens(issuer: Issuer, key_set_url: str) -> None:
    add_key(issuer, "one")
    check = verifier(JwksKeys(key_set_url))
    await asyncio.gather(*(check.verify(issuer.sign("one")) for _ in range(20)))
    assert issuer.requests == 1


async def test_a_new_key_is_found_by_its_unknown_id(issuer: Issuer, key_set_url: str) -> None:
    add_key(issuer, "one")
    check = verifier(JwksKeys(key_set_url, min_interval_seconds=0))
    await check.verify(issuer.sign("one"))
    add_key(issuer, "two")
    assert (await check.verify(issuer.sign("two"))).subject == "ada"
    assert issuer.requests == 2


async def test_made_up_ids_do_not_flood_the_issuer(issuer: Issuer, key_set_url: str) -> None:
    add_key(issuer, "one")
    check = verifier(JwksKeys(key_set_url))
    for number in range(10):
        with pytest.raises(InvalidToken, match="unknown key"):
            await check.verify(issuer.sign(f"made up {number}"))
    assert issuer.requests == 1


async def test_a_token_without_an_id_uses_the_only_key(issuer: Issuer, key_set_url: str) -> None:
    issuer.keys["only"] = EC
    assert (await verifier(JwksKeys(key_set_url)).verify(issuer.sign(None))).subject == "ada"


async def test_an_old_key_set_is_used_while_the_issuer_is_down(issuer: Issuer, key_set_url: str) -> None:
    add_key(issuer, "one")
    check = verifier(JwksKeys(key_set_url, max_age_seconds=0, min_interval_seconds=0))
    await check.verify(issuer.sign("one"))
    issuer.is_down = True
    assert (await check.verify(issuer.sign("one"))).subject == "ada"


async def test_a_key_of_an_unknown_kind_does_not_spoil_the_others(issuer: Issuer, key_set_url: str) -> None:
    issuer.keys["strange"] = ec.generate_private_key(ec.SECP256K1())
    add_key(issuer, "one")
    assert (await verifier(JwksKeys(key_set_url)).verify(issuer.sign("one"))).subject == "ada"


async def test_known_keys_serve_while_the_issuer_is_slow(issuer: Issuer, key_set_url: str) -> None:
    add_key(issuer, "one")
    keys = JwksKeys(key_set_url, max_age_seconds=0, min_interval_seconds=0)
    await keys.key_for("one")
    issuer.is_slow = True
    refreshing = asyncio.create_task(keys.key_for("one"))
    async with asyncio.timeout(2):
        await issuer.asked.wait()
        await keys.key_for("one")
    refreshing.cancel()


async def test_without_any_key_set_tokens_cannot_be_judged(issuer: Issuer, key_set_url: str) -> None:
    issuer.is_down = True
    with pytest.raises(JwksUnavailable):
        await verifier(JwksKeys(key_set_url)).verify(issuer.sign("one"))


def principal(**grants: list[Role]) -> Principal:
    named = {scope.replace("everywhere", "*"): frozenset(roles) for scope, roles in grants.items()}
    return Principal("ada", named, datetime.now(UTC))


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.REVIEWER, Role.RUNNER])
def test_every_role_may_read_and_none_may_do_anothers_work(role: Role) -> None:
    ada = principal(acme=[role])
    assert {wanted for wanted in Role if ada.may(wanted, "acme")} == {role, Role.VIEWER}
    assert not ada.may(Role.VIEWER, "other")


def test_admin_may_do_everything_in_its_scope() -> None:
    assert all(principal(acme=[Role.ADMIN]).may(role, "acme") for role in Role)
    assert not any(principal(acme=[Role.ADMIN]).may(role, "other") for role in Role)


def test_roles_for_all_scopes_hold_in_each() -> None:
    ada = principal(everywhere=[Role.VIEWER], acme=[Role.OPERATOR])
    assert ada.may(Role.VIEWER, "other")
    assert ada.scopes(Role.VIEWER) == {"*", "acme"}
    assert ada.scopes(Role.OPERATOR) == {"acme"}


def test_a_missing_role_is_named_with_the_scope() -> None:
    with pytest.raises(Forbidden, match="the role operator in the scope acme"):
        principal(acme=[Role.VIEWER]).require(Role.OPERATOR, "acme")
    with pytest.raises(Forbidden, match="You need the role"):
        principal().require(Role.VIEWER)


def test_settings_want_exactly_one_kind_of_key() -> None:
    for keys in ({}, {"jwt_secret": SECRET, "jwt_jwks_url": "https://issuer/keys"}):
        with pytest.raises(ValidationError, match="exactly one of"):
            ServiceSettings(**keys)  # type: ignore[arg-type]


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValidationError, match="shorter than 32 bytes"):
        ServiceSettings(jwt_secret="short")  # type: ignore[arg-type]


async def test_settings_choose_the_verifier() -> None:
    check = verifier_for(ServiceSettings(jwt_public_key=pem(EC)))
    assert (await check.verify(jwt.encode(claims(), EC, algorithm="ES256"))).subject == "ada"
