"""Decides suggestions through the API as an expert would who knows the catalogue."""

from dataclasses import dataclass

from cwe_links.evaluate import ExpertDecision, Verdict, decide
from cwe_links.gold import Gold
from wayside import Client
from wayside_events.contracts.governance import Suggestion


@dataclass(frozen=True)
class Decided:
    """A suggestion as it was shown, what the expert said of it, and the suggestion as it now is."""

    shown: Suggestion
    decision: ExpertDecision
    after: Suggestion

    @property
    def is_approved(self) -> bool:
        """Whether the verdict was to approve."""
        return self.decision.verdict is Verdict.APPROVE


class Reviewer:
    """A reviewer with a token of their own, for whoever proposed never approves."""

    def __init__(self, client: Client, gold: Gold) -> None:
        self._client = client
        self._gold = gold

    async def decide(self, suggestion: Suggestion) -> Decided:
        """Decide one suggestion as it was shown."""
        decision = decide(suggestion.from_node_id, suggestion.to_node_id, self._gold)
        suggestions = self._client.suggestions
        if decision.reason_code is None:
            reply = await suggestions.approve(suggestion, note=decision.note)
        else:
            reply = await suggestions.reject(suggestion, reason_code=decision.reason_code, note=decision.note)
        return Decided(suggestion, decision, reply.suggestion)
