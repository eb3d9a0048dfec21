"""Withdrawing: who proposed takes it back."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from wayside_events.contracts.governance.suggestions import Suggestion
from wayside_events.contracts.model import Reply, Request
from wayside_events.contracts.problems import Problem
from wayside_events.identifiers import Id, Scope

WITHDRAW_LIMIT = 500
"""How many suggestions one request withdraws at most; for a larger run it names the next page."""


class WithdrawRequest(Request):
    """Taking one suggestion back, as it is, or only while it is at `revision`."""

    revision: int | None = Field(default=None, ge=1)
    note: str | None = Field(default=None, max_length=4_000)


class WithdrawManyRequest(Request):
    """Taking suggestions back: those named, or all that rest on nothing but the evidence of a run.

    `page` is the `next_page` of the answer before, for a run.
    """

    scope: Scope
    suggestion_ids: tuple[Id, ...] | None = Field(default=None, min_length=1, max_length=WITHDRAW_LIMIT)
    analysis_run_id: str | None = Field(default=None, min_length=1, max_length=200)
    page: Id | None = None
    note: str | None = Field(default=None, max_length=4_000)

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.suggestion_ids is None) == (self.analysis_run_id is None):
            raise ValueError("give suggestion_ids or analysis_run_id, not both")
        if self.page is not None and self.analysis_run_id is None:
            raise ValueError("only a run has pages")
        return self


class WithdrawAsRequest(WithdrawManyRequest):
    """The same over NATS, where a request says whose proposals it takes back."""

    proposed_by: str = Field(min_length=1, max_length=200)


class Withdrawal(StrEnum):
    """What became of one suggestion."""

    WITHDRAWN = "withdrawn"  # it left the queue
    REFUSED = "refused"  # see `problem`


class WithdrawalOutcome(Reply):
    """The answer about one suggestion."""

    suggestion_id: Id
    outcome: Withdrawal
    revision: int | None = None
    problem: Problem | None = None


class WithdrawManyReply(Reply):
    """One outcome per suggestion that was named, or that the run proposed; `next_page` is None when that was all."""

    outcomes: tuple[WithdrawalOutcome, ...]
    next_page: Id | None = None


class WithdrawReply(Reply):
    """The suggestion as it now is."""

    suggestion: Suggestion
