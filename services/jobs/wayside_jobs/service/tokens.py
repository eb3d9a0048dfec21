"""The secrets that fence attempts."""

import secrets

from wayside_jobs.domain.job import hash_token

_TOKEN_BYTES = 24


def new_token() -> tuple[str, bytes]:
    """Return 192 random bits as text, and the hash that is stored in their place.

    Only the hash is kept, so that who reads the database or a backup of it cannot report; it costs a microsecond.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    return token, hash_token(token)
