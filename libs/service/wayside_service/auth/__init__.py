"""Who calls, and what they may do."""

from wayside_service.auth.bearer import Authenticator, BearerAuthenticator
from wayside_service.auth.keys import JwksKeys, KeySource, PublicKey, SharedSecret
from wayside_service.auth.principal import ALL_SCOPES, Principal, Role, role_needed
from wayside_service.auth.tokens import TokenVerifier, mint_token, verifier_for

__all__ = [
    "ALL_SCOPES",
    "Authenticator",
    "BearerAuthenticator",
    "JwksKeys",
    "KeySource",
    "Principal",
    "PublicKey",
    "Role",
    "SharedSecret",
    "TokenVerifier",
    "mint_token",
    "role_needed",
    "verifier_for",
]
