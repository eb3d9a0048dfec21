"""Slots of parked claims, kept for jobs that are about to be created."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from wayside_events.identifiers import EntityId
from wayside_jobs.domain.claims import Claimed, ReadyJob
from wayside_jobs.service.claiming.gifts import Gift
from wayside_jobs.service.claiming.lane import Lane
from wayside_jobs.store import Attempt, Gate


class Share(NamedTuple):
    """What one lane promised, of jobs in their order."""

    lane: Lane
    gifts: Sequence[Gift]
    ready: Sequence[ReadyJob]


class Promise:
    """Parked claims that wait for jobs to be committed: `keep` it then; `put_back` those that were not answered.

    `attempts` are the promised attempts by job; they may begin if the gate is open.
    """

    def __init__(self, shares: Sequence[Share] = ()) -> None:
        self._shares = shares
        self.attempts: Mapping[EntityId, Attempt] = {
            EntityId(attempt.job_id): attempt
            for share in shares
            for gift in share.gifts
            for attempt in gift.attempts
        }

    @property
    def gate(self) -> Gate:
        """What has to hold in the transaction."""
        pairs = {pair for share in self._shares for pair in zip(*share.lane.pairs, strict=True)}
        wanted = {item.queue for share in self._shares for item in share.ready if item.id in self.attempts}
        return Gate([queue for queue, _ in pairs], [job_type for _, job_type in pairs], list(wanted))

    def keep(self, claimed: Iterable[Claimed]) -> bool:
        """Answer the claims with the jobs that were committed, once; returns whether there were any."""
        known = {job.id: job for job in claimed}
        shares, self._shares = self._shares, ()
        for lane, gifts, ready in shares:
            lane.keep(gifts, ready, known)
        return bool(shares)

    def put_back(self) -> None:
        """Let the claims wait on."""
        for lane, gifts, _ in self._shares:
            lane.put_back(gifts)
        self._shares = ()
