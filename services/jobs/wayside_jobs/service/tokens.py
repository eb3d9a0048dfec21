"""The secrets that fence attempts."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator

from wayside_jobs.domain.job import hash_token

_TOKEN_BYTES = 24
_TOKEN_CHARACTERS = 32


def new_token() -> tuple[str, bytes]:
    """Return 192 random bits as text, and the hash that is stored in their place.

    Only the hash is kept, so that who reads the database or a backup of it cannot report; it costs a microsecond.
    """
    return next(new_tokens(1))


def new_tokens(count: int) -> Iterator[tuple[str, bytes]]:
    """Return so many tokens with their hashes; the operating system is asked once."""
    text = urlsafe_b64encode(os.urandom(count * _TOKEN_BYTES)).decode()
    for start in range(0, len(text), _TOKEN_CHARACTERS):
        token = text[start : start + _TOKEN_CHARACTERS]
        yield token, hash_token(token)
