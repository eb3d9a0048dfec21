"""What claims are given."""

from collections.abc import Mapping

from wayside_events.identifiers import EntityId
from wayside_jobs.domain.claims import Claimed, assignment
from wayside_jobs.service.claiming.dealing import Hand
from wayside_jobs.service.tokens import new_tokens
from wayside_jobs.store import Attempt


class Gift:
    """The attempts one claim is given, each with its token."""

    def __init__(self, hand: Hand) -> None:
        self.waiter = hand.waiter
        self.attempts: list[Attempt] = []
        self._tokens: list[tuple[EntityId, str]] = []
        for item, (token, token_hash) in zip(hand.jobs, new_tokens(len(hand.jobs)), strict=True):
            self.attempts.append(Attempt(item.id, hand.waiter.request.runner, token_hash))
            self._tokens.append((item.id, token))

    def assignments(self, claimed: Mapping[EntityId, Claimed]) -> list[bytes]:
        """Write what was claimed in fact, most urgent first."""
        return [assignment(claimed[job_id], token) for job_id, token in self._tokens if job_id in claimed]
