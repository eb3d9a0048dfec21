"""Review in the terminal: one card at a time, decided by single keys."""

import asyncio
import sys
from collections import Counter, deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import typer
from rich.console import Console
from rich.text import Text

from wayside.cli import claims
from wayside.cli.gateway import client_for, fail, run, said
from wayside.cli.options import Claims, Talk
from wayside.client.client import Client
from wayside.errors import Conflict, Forbidden, NotFound, WaysideError
from wayside_events.contracts.governance import ReasonCode, ReviewBatch, ReviewCard, Suggestion

TTL_SECONDS: Final = 600
RENEW_SECONDS: Final = 200

_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {"a": "approve", "r": "reject", "s": "skip", "u": "undo", "q": "quit"}
)
_GONE: Final = frozenset({"stale_revision", "illegal_transition", "content_changed"})
"""Problems that say that a card is not what it shows any more."""

_REASON_KEYS: Final = "123456789abcdefghijklmnoprstuvwxyz"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cards are reviewed."""

    scope: str
    filter: Mapping[str, str | float]
    order: str
    batch: int


@dataclass(slots=True)
class Session:
    """One person at one terminal. `claim_ids` are by card; `decided` are those that may be taken back, the last one last."""

    client: Client
    wanted: Wanted
    reasons: Sequence[ReasonCode]
    console: Console = field(default_factory=Console)
    cards: deque[ReviewCard] = field(default_factory=deque)
    decided: list[tuple[ReviewCard, Suggestion]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    claim_ids: dict[str, str] = field(default_factory=dict)
    is_over: bool = False
    last: Text = field(default_factory=Text)

    async def run(self) -> None:
        """Show card after card until none is left, or the person has had enough."""
        try:
            while not self.is_over and (self.cards or await self._claim()):
                await self._ask(self.cards[0])
        finally:
            await self._give_back()
            self.console.print(self._summary(), highlight=False)

    async def _claim(self) -> bool:
        wanted = self.wanted
        batch = await self.client.reviews.claim(
            scope=wanted.scope,
            count=wanted.batch,
            order=wanted.order,
            filter=wanted.filter,
            ttl_seconds=TTL_SECONDS,
        )
        self.cards.extend(self._taken(batch))
        if not batch.items:
            self.console.print(_why_empty(batch), highlight=False)
        return bool(batch.items)

    def _taken(self, batch: ReviewBatch) -> Sequence[ReviewCard]:
        if batch.claim_id is not None:
            self.claim_ids |= {card.id: str(batch.claim_id) for card in batch.items}
        return batch.items

    async def _ask(self, card: ReviewCard) -> None:
        if self.console.is_terminal:
            self.console.clear()
        self.console.print(self.last)
        self.console.rule(style="dim")
        self.last = Text()
        self.console.print(claims.card(card, f"{len(self.cards)} in this batch"), highlight=False)
        key = await self._key(_KEYS)
        try:
            match _KEYS[key]:
                case "approve":
                    await self._decide(card, None)
                case "reject":
                    await self._reject(card)
                case "skip":
                    await self._skip(card)
                case "undo":
                    await self._undo()
                case _:
                    self.is_over = True
        except (Conflict, Forbidden) as error:
            self.last = Text(said(error.problem), style="red")
            if error.problem.code in _GONE and _KEYS[key] != "undo":
                self.cards.popleft()

    async def _reject(self, card: ReviewCard) -> None:
        keys = dict(zip(_REASON_KEYS, self.reasons, strict=False))
        choices = {key: reason.label or reason.code for key, reason in keys.items()}
        key = await self._key({**choices, "q": "back"})
        if key != "q":
            await self._decide(card, keys[key].code)

    async def _decide(self, card: ReviewCard, reason: str | None) -> None:
        if reason is None:
            reply = await self.client.suggestions.approve(card)
        else:
            reply = await self.client.suggestions.reject(card, reason_code=reason)
        self.cards.popleft()
        self.counts[reply.decision.verdict.value] += 1
        self.decided.append((card, reply.suggestion))
        self.last = (
            claims.status_text(reply.suggestion.status).append("  ").append_text(claims.claim_text(card))
        )

    async def _skip(self, card: ReviewCard) -> None:
        with suppress(NotFound):
            await self.client.reviews.skip(self.claim_ids[card.id], [card.id])
        self.cards.popleft()
        self.counts["skip"] += 1

    async def _undo(self) -> None:
        if not self.decided:
            self.last = Text("There is nothing to take back.", style="yellow")
            return
        card, suggestion = self.decided.pop()
        await self.client.suggestions.undo(suggestion)
        self.counts["undo"] += 1
        # The decision ended its lease: it is as free as any other card.
        claim = {name: getattr(card, name) for name in ("from_node_id", "to_node_id", "relationship_type")}
        batch = await self.client.reviews.claim(
            scope=self.wanted.scope, count=1, filter=claim, ttl_seconds=TTL_SECONDS
        )
        self.cards.extendleft(self._taken(batch))
        if not batch.items:
            self.last = Text("It was taken back, and somebody else has it before them now.", style="yellow")

    async def _key(self, choices: Mapping[str, str]) -> str:
        """Ask for one of the keys, of which one is `q`; Ctrl-C and the end of the input are that, and end the review."""
        gap = "\n" if len(choices) > len(_KEYS) else "  "
        shown = [
            Text(f" {key} ", style="reverse").append(f" {what}", style="not reverse")
            for key, what in choices.items()
        ]
        self.console.print(Text(gap).join(shown), highlight=False)
        while True:
            pressed = (await asyncio.to_thread(_pressed)).lower()
            if pressed in choices:
                return pressed
            if pressed in ("", "\x03", "\x04"):
                self.is_over = True
                return "q"

    @property
    def held(self) -> set[str]:
        """The claims that cards before the person are of."""
        return {self.claim_ids[card.id] for card in self.cards}

    async def _give_back(self) -> None:
        for claim_id in self.held:
            with suppress(WaysideError):
                await self.client.reviews.release(claim_id)

    def _summary(self) -> str:
        names = {
            "approve": "approved",
            "endorse": "endorsed",
            "reject": "rejected",
            "skip": "skipped",
            "undo": "undone",
        }
        told = [f"{self.counts[key]} {name}" for key, name in names.items() if self.counts[key]]
        return ", ".join(told) + "." if told else "Nothing was decided."


def review(talk: Talk, chosen: Claims, *, order: str, batch: int) -> None:
    """Review until nothing waits or the person quits."""
    if talk.as_json:
        fail("a review is for people: there is no --json")
    scope = chosen.scope
    if scope is None:
        fail("name the --scope")

    async def work() -> None:
        async with client_for(talk.url, talk.token) as client:
            settings = await client.governance_settings.get(scope=scope)
            session = Session(client, Wanted(scope, chosen.filter, order, batch), settings.reason_codes)
            async with _kept(session):
                await session.run()

    run(work())


@asynccontextmanager
async def _kept(session: Session) -> AsyncGenerator[None, None]:
    """Keep the cards from others while the person thinks."""
    task = asyncio.create_task(_renew(session))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _renew(session: Session) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        for claim_id in session.held:
            with suppress(WaysideError):
                await session.client.reviews.renew(claim_id, ttl_seconds=TTL_SECONDS)


def _why_empty(batch: ReviewBatch) -> str:
    if batch.held_by_others:
        return f"Nothing is free: others have {batch.held_by_others:,} before them."
    return "Nothing waits for you."


def _pressed() -> str:
    """Return a key, or a character of an input that is no terminal."""
    if sys.stdin.isatty():
        try:
            pressed: str = typer.getchar()
        except (KeyboardInterrupt, EOFError):
            return ""
        return pressed
    while (character := sys.stdin.read(1)).isspace():
        pass
    return character
