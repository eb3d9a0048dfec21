"""The chain of what was done: canonical bytes, and whatever was done to them shows."""

from datetime import timedelta

import pytest
from tests.governance.samples import CLAIM, START, pending

from wayside_events.contracts.governance import Verdict
from wayside_governance.domain.audit import GENESIS, Entry, Link, entry_of, find_break, link_hash
from wayside_governance.domain.verdicts import Facts, Wanted, plan


def entry(number: int) -> Entry:
    return Entry(
        CLAIM.scope, START + timedelta(seconds=number), "rita", "settings.put", "settings", {"n": number}
    )


def chain(length: int) -> list[Link]:
    links: list[Link] = []
    previous = GENESIS
    for number in range(1, length + 1):
        one = entry(number)
        encoded = one.canonical()
        hashed = link_hash(previous, encoded)
        links.append(Link(number, one.at, one.actor, one.action, one.subject, encoded, previous, hashed))
        previous = hashed
    return links


def broken_at(links: list[Link]) -> int | None:
    found = find_break(links, position=0, previous=GENESIS, scope=CLAIM.scope)
    return None if found is None else found.position


def test_the_order_of_what_is_said_is_of_no_concern() -> None:
    one = entry(1)
    assert one.canonical() == one._replace(details=dict(reversed(list(one.details.items())))).canonical()
    assert one.canonical() != one._replace(actor="rob").canonical()


def test_a_chain_that_nobody_touched_holds() -> None:
    assert broken_at(chain(5)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"entry": entry(9).canonical()},
        {"hash": bytes(32)},
        {"previous": bytes(31) + b"1"},
        {"actor": "rob"},
        {"at": START},
        {"subject": "other"},
        {"action": "other"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_changed_entry_shows(changes: dict[str, object]) -> None:
    links = chain(5)
    links[2] = links[2]._replace(**changes)  # type: ignore[arg-type]
    assert broken_at(links) == 3


def test_entries_left_out_or_put_in_another_order_show() -> None:
    links = chain(5)
    assert broken_at([*links[:2], *links[3:]]) == 3
    assert broken_at([links[0], links[2], links[1], *links[3:]]) == 2


def test_an_entry_written_anew_shows_at_the_next_one() -> None:
    links = chain(5)
    forged = entry(9)
    encoded = forged.canonical()
    links[2] = links[2]._replace(entry=encoded, at=forged.at, hash=link_hash(links[2].previous, encoded))
    assert broken_at(links) == 4


def test_the_chain_keeps_what_was_decided_and_only_the_hash_of_a_note() -> None:
    seen = pending()
    outcome = plan(seen, Wanted(seen.id, Verdict.EXPIRE, "rita", note="private"), Facts(START))
    said = entry_of(outcome)
    assert (said.action, said.actor, said.subject) == ("suggestion.expire", "rita", seen.id)
    assert (said.details["revision"], said.details["status"]) == (2, "expired")
    assert b"private" not in said.canonical()
    assert len(said.details["note_hash"]) == 64
