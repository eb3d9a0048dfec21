"""Calls of the services' instances: which to try, when to try another, and what to say when all fail."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import structlog
from yarl import URL

from wayside_gateway.errors import UpstreamTimedOut, UpstreamUnavailable
from wayside_gateway.upstream.instances import Instances
from wayside_service.errors import ServiceError

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods whose requests may be sent twice; not with a body, of which a part may be gone already."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def answer_of(
    session: aiohttp.ClientSession,
    instances: Instances,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str],
    body: AsyncIterator[bytes] | None = None,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Send a request to the first instance that takes it; give the answer, its body not read.

    Another instance is tried when nothing was sent, or when the request may be repeated. `path` is encoded, with
    the query. Raises `UpstreamUnavailable`, `UpstreamTimedOut`, and what `body` raises of the `ServiceError`s.
    """
    response = await _first_answer(session, instances, method, path, headers=headers, body=body)
    try:
        yield response
    finally:
        response.release()


async def _first_answer(
    session: aiohttp.ClientSession,
    instances: Instances,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str],
    body: AsyncIterator[bytes] | None,
) -> aiohttp.ClientResponse:
    for url in instances.in_turn():
        try:
            response = await session.request(
                method, URL(url + path, encoded=True), headers=headers, data=body, allow_redirects=False
            )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            _note_failure(instances, url, error)
        except TimeoutError:
            log.warning("upstream_timed_out", service=instances.service, url=url)
            raise UpstreamTimedOut(f"The {instances.service} service did not answer in time.") from None
        except aiohttp.ClientError as error:
            if isinstance(error.__cause__, ServiceError):
                raise error.__cause__ from None
            _note_failure(instances, url, error)
            if method not in IDEMPOTENT or body is not None:
                break
        else:
            instances.answered(url)
            return response
    raise UpstreamUnavailable(f"The {instances.service} service cannot be reached.")


def _note_failure(instances: Instances, url: str, error: Exception) -> None:
    instances.failed(url)
    log.warning("upstream_failed", service=instances.service, url=url, error=repr(error))
