"""The client: one gateway, one token."""

from typing import Self

from wayside.client.bulks import Bulks
from wayside.client.governance import Suggestions
from wayside.client.graph import Edges, Graph
from wayside.client.jobs import Jobs
from wayside.client.operating import JobTypes, Queues, Workers
from wayside.client.policies import Policies
from wayside.client.records import Audit, Decisions, Reports
from wayside.client.reviews import Reviews
from wayside.client.rules import GovernanceSettings, RelationshipTypes
from wayside.client.streams import Events
from wayside.client.transport import RETRY_SECONDS, Token, Transport
from wayside.errors import WaysideError
from wayside.settings import gateway_from_environment


class Client:
    """Talks to a gateway; use it as a context manager, and one for all your tasks.

    Without `url` it reads `WAYSIDE_URL` and `WAYSIDE_TOKEN`. `token` may be a function that returns a current one.
    Requests that may be repeated are, for up to `retry_seconds`, while the gateway or a service cannot be reached.
    """

    def __init__(
        self, url: str | None = None, *, token: Token | None = None, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        if url is None:
            settings = gateway_from_environment()
            if settings is None:
                msg = "where is the gateway? Give the client a url, or set WAYSIDE_URL"
                raise WaysideError(msg)
            url, token = settings.url, token or settings.token
        self._transport = Transport(url, token, retry_seconds=retry_seconds)
        self.events = Events(self._transport)
        self.jobs = Jobs(self._transport, self.events)
        self.job_types = JobTypes(self._transport)
        self.queues = Queues(self._transport)
        self.workers = Workers(self._transport)
        self.suggestions = Suggestions(self._transport)
        self.bulks = Bulks(self._transport)
        self.reviews = Reviews(self._transport)
        self.policies = Policies(self._transport)
        self.decisions = Decisions(self._transport)
        self.reports = Reports(self._transport)
        self.audit = Audit(self._transport)
        self.governance_settings = GovernanceSettings(self._transport)
        self.relationship_types = RelationshipTypes(self._transport)
        self.edges = Edges(self._transport)
        self.graph = Graph(self._transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.__aexit__()
