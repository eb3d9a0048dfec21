"""Lines of an import: each read alone, so that one that is not valid harms no other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from pydantic import JsonValue, TypeAdapter

from wayside_events.contracts.governance import DecisionToImport, Verdict
from wayside_events.contracts.problems import FieldError
from wayside_events.identifiers import EntityId, ScopeName, new_id
from wayside_governance.domain.errors import InvalidProposal
from wayside_governance.domain.evidence import Claim
from wayside_governance.domain.intake import Step, create, receive
from wayside_governance.domain.verdicts import PolicyVersion, Wanted
from wayside_governance.service.proposals import Received, Sender, read_proposal
from wayside_service.http import parse_json

_LINE: Final = TypeAdapter(DecisionToImport)
_FOREIGN: Final = UUID("7a1f7cbd-4f0e-4a55-9a0c-0d8c1d6f3f6e")


@dataclass(frozen=True, slots=True)
class ImportLine:
    """A valid line: the decision, and what its sources stated. `position` is its place in the batch."""

    position: int
    claim: Claim
    decision: DecisionToImport
    received: tuple[Received, ...]

    @property
    def is_undo(self) -> bool:
        """Whether it takes back another decision: it makes no suggestion."""
        return self.decision.verdict is Verdict.UNDO

    def steps(self) -> list[Step]:
        """Return the steps by which its suggestion comes into being."""
        first, *more = self.received
        steps = [create(new_id(), self.claim, first.evidence)]
        for one in more:
            steps.append(receive(steps[-1].after, one.evidence, known=frozenset(), fingerprint=b""))
        return steps

    def wanted(self, suggestion_id: EntityId, *, undoes: EntityId | None) -> Wanted:
        """Return the verdict on the suggestion."""
        said = self.decision
        return Wanted(
            suggestion_id=suggestion_id,
            verdict=said.verdict,
            reviewed_by=said.reviewed_by,
            scope=self.claim.scope,
            reason_code=said.reason_code,
            note=said.note,
            time_taken_seconds=said.time_taken_seconds,
            policy=self._policy(),
            bulk_id=self._here(said.bulk_id),
            undoes=undoes,
            reviewed_at=said.reviewed_at,
        )

    def _policy(self) -> PolicyVersion | None:
        policy_id, version = self._here(self.decision.policy_id), self.decision.policy_version
        return None if policy_id is None or version is None else PolicyVersion(policy_id, version)

    def _here(self, foreign: EntityId | None) -> EntityId | None:
        """Return what stands here for a policy or bulk of elsewhere; should it be of here, it is another one."""
        return None if foreign is None else EntityId(str(uuid5(_FOREIGN, f"{self.claim.scope} {foreign}")))


class Limits(NamedTuple):
    """In which scope lines are taken, and the latest moment at which something can have been decided."""

    scope: ScopeName
    now: datetime


def read_line(raw: bytes, position: int, limits: Limits) -> ImportLine:
    """Validate one line; raises `MalformedJson`, `InvalidInput` or `InvalidProposal`."""
    decision: DecisionToImport = parse_json(_LINE, raw)
    if errors := tuple(_offences(decision, limits.now)):
        raise InvalidProposal(errors)
    received = tuple(_statements(decision, position, limits))
    return ImportLine(position, received[0].claim, decision, received)


def _offences(decision: DecisionToImport, now: datetime) -> Iterator[FieldError]:
    if decision.reviewed_at > now:
        yield FieldError(field="/reviewed_at", code="in_future", message="This has not come yet.")
    if (decision.verdict is Verdict.UNDO) != (decision.undoes is not None):
        yield FieldError(
            field="/undoes", code="missing", message="An undo, and nothing else, names what it undoes."
        )
    if decision.verdict is Verdict.REJECT and decision.reason_code is None:
        yield FieldError(field="/reason_code", code="missing", message="A rejection needs a reason.")


def _statements(decision: DecisionToImport, position: int, limits: Limits) -> Iterator[Received]:
    """Yield what each source stated, the strongest first; what is said of the strongest evidence is said of that."""
    sources = decision.sources_shown
    strongest = (
        decision.source_model if decision.source_model in sources else max(sources, key=sources.__getitem__)
    )
    for source_model in sorted(sources, key=lambda name: (name != strongest, name)):
        proposal: dict[str, JsonValue] = {
            "from_node_id": decision.from_node_id,
            "to_node_id": decision.to_node_id,
            "relationship_type": decision.relationship_type,
            "confidence": sources[source_model],
            "source_model": source_model,
        }
        if source_model == strongest:
            proposal["strength"] = decision.strength
            proposal["reasoning"] = decision.reasoning
            proposal["analysis_run_id"] = decision.analysis_run_id
        yield read_proposal(
            proposal, position, Sender(limits.scope, decision.proposed_by or source_model, limits.now)
        )


def batches_of_one_kind(lines: Iterable[ImportLine]) -> list[list[ImportLine]]:
    """Divide lines, in order, so that in none a claim comes twice, and undos are among themselves."""
    batches: list[list[ImportLine]] = []
    claims: set[Claim] = set()
    for line in lines:
        if not batches or line.claim in claims or batches[-1][0].is_undo is not line.is_undo:
            batches.append([])
            claims = set()
        batches[-1].append(line)
        claims.add(line.claim)
    return batches
