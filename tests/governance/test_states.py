"""The table of statuses and verbs."""

from itertools import product

import pytest

from wayside_events.edges import SuggestionStatus
from wayside_governance.domain.errors import IllegalTransition
from wayside_governance.domain.states import TRANSITIONS, Verb, next_status

ILLEGAL = sorted(set(product(SuggestionStatus, Verb)) - TRANSITIONS.keys())


@pytest.mark.parametrize(("status", "verb"), ILLEGAL)
def test_what_the_table_does_not_have_is_refused(status: SuggestionStatus, verb: Verb) -> None:
    with pytest.raises(IllegalTransition, match=rf"{status} cannot take {verb}"):
        next_status(status, verb)


def test_only_a_pending_suggestion_is_decided() -> None:
    decided = {status for status, verb in TRANSITIONS if verb in (Verb.APPROVE, Verb.REJECT)}
    assert decided == {SuggestionStatus.PENDING}


def test_from_every_status_an_undo_leads_back_to_pending() -> None:
    undone = {status for (status, verb), after in TRANSITIONS.items() if verb is Verb.UNDO}
    assert undone == set(SuggestionStatus) - {SuggestionStatus.PENDING}


def test_a_superseded_suggestion_waits_again_only_by_an_undo() -> None:
    verbs = {verb for status, verb in TRANSITIONS if status is SuggestionStatus.SUPERSEDED}
    assert verbs == {Verb.UNDO}
