"""The Wayside worker of the job type `cwe_links`: the inference, phase by phase, with progress and proposals."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from pydantic import JsonValue

from cwe_links.contract import JOB_TYPE, PHASES, CweLinksInput, CweLinksResult
from cwe_links.explain import Evidence
from cwe_links.inference import NEAREST
from cwe_links.links import Candidates, Link, LinkOptions, links_in_chunks
from cwe_links.nearness import Comparison, Nearness, compare
from cwe_links.prose import Section, Weakness, load_weaknesses
from cwe_links.vectors import Vectors, vectorise
from wayside import Proposal, ThreadContext, Worker
from wayside_events.contracts.governance import Intake, NodeContent

T = TypeVar("T")

SOURCE_MODEL = "cwe-links/tf-idf-1"

# The part of the job that each phase ends at, in per cent; measured on the whole catalogue.
LOADED, VECTORISED, COMPARED, PROPOSED = 8, 45, 60, 99
COMPARE_ROWS, PROPOSE_LINKS = 32, 50


def new_worker() -> Worker:
    """A worker that serves this one job type, connected as the environment says."""
    worker = Worker(name="cwe-links", slots=1)
    serve = worker.job(JOB_TYPE, label="CWE links", icon="share-2", color="teal", phases=PHASES)
    serve(link_weaknesses)
    return worker


def link_weaknesses(ctx: ThreadContext, request: CweLinksInput) -> CweLinksResult:
    """Infer links from the catalogue's prose and propose them.

    Reports for every chunk of work; that is also where a cancel comes in.
    """
    weaknesses = _load(ctx, request)
    vectors = _vectorise(ctx, weaknesses)
    comparison = _compare(ctx, vectors, request.chunk_delay_seconds)
    candidates = Candidates.of(
        comparison,
        LinkOptions(links_per_weakness=request.links_per_weakness, min_confidence=request.min_confidence),
    )
    chunks = links_in_chunks(weaknesses, vectors, comparison, candidates, PROPOSE_LINKS)
    prose = {weakness.id: weakness for weakness in weaknesses}
    outcomes = _propose(ctx, _paced(chunks, request.chunk_delay_seconds), len(candidates), prose)
    return CweLinksResult(
        weaknesses=len(weaknesses),
        links=len(candidates),
        outcomes=outcomes,
        nearest=_nearest_numbers(weaknesses, comparison.whole),
    )


def proposal(link: Link, prose: Mapping[str, Weakness]) -> Proposal:
    """A link as governance takes it, with what a reviewer needs to know of both ends."""
    return Proposal(
        from_node_id=link.source,
        to_node_id=link.target,
        relationship_type=link.relationship.value,
        confidence=link.confidence,
        strength=link.strength,
        reasoning=link.reasoning,
        evidence=evidence_json(link.evidence),
        source_model=SOURCE_MODEL,
        from_node=_content(prose[link.source]),
        to_node=_content(prose[link.target]),
    )


def evidence_json(evidence: Evidence) -> dict[str, JsonValue]:
    """The evidence as JSON; equal evidence is equal JSON."""
    return {
        "cosine": evidence.cosine,
        "score": evidence.score,
        "ranks": {"from": evidence.rank_from, "to": evidence.rank_to},
        "terms": [{"term": term.term, "share": term.share} for term in evidence.terms],
        "sections": {section.value: share for section, share in evidence.sections.items()},
    }


def _load(ctx: ThreadContext, request: CweLinksInput) -> tuple[Weakness, ...]:
    ctx.phase("load", percent=0)
    weaknesses = load_weaknesses()[: request.subset]
    ctx.progress(LOADED, current=len(weaknesses), total=len(weaknesses), unit="weaknesses")
    ctx.log.info("catalogue read", weaknesses=len(weaknesses))
    return weaknesses


def _vectorise(ctx: ThreadContext, weaknesses: Sequence[Weakness]) -> Vectors:
    ctx.phase("vectorise")
    vectors = vectorise(ctx.iterate(weaknesses, unit="weaknesses", percent=(LOADED, VECTORISED)))
    ctx.log.info("prose vectorised", terms=len(vectors.vocabulary))
    return vectors


def _compare(ctx: ThreadContext, vectors: Vectors, delay_seconds: float) -> Comparison:
    total = vectors.whole.shape[0]
    ctx.progress(phase="compare", current=0, total=total, unit="weaknesses")
    compared = []
    for rows in _paced(compare(vectors, COMPARE_ROWS), delay_seconds):
        compared.append(rows)
        percent = VECTORISED + (COMPARED - VECTORISED) * rows.stop / total
        ctx.progress(percent, current=rows.stop)
    comparison = Comparison.of(compared)
    ctx.log.info("weaknesses compared", pairs=total * (total - 1) // 2)
    return comparison


def _propose(
    ctx: ThreadContext, chunks: Iterable[Sequence[Link]], total: int, prose: Mapping[str, Weakness]
) -> dict[Intake, int]:
    ctx.progress(phase="propose", current=0, total=total, unit="links")
    outcomes: Counter[Intake] = Counter()
    for chunk in chunks:
        answers = ctx.run(ctx.propose([proposal(link, prose) for link in chunk]))
        outcomes.update(answer.outcome for answer in answers)
        done = outcomes.total()
        percent = COMPARED + (PROPOSED - COMPARED) * done / total
        ctx.progress(percent, current=done)
    ctx.log.info("links proposed", **{outcome.value: count for outcome, count in outcomes.items()})
    return dict(outcomes)


def _paced(items: Iterable[T], delay_seconds: float) -> Iterator[T]:
    """The items, each after a pause, so that people can watch."""
    for item in items:
        time.sleep(delay_seconds)
        yield item


def _content(weakness: Weakness) -> NodeContent:
    return NodeContent(label=weakness.name, kind="weakness", content=weakness.text(Section.DESCRIPTION))


def _nearest_numbers(weaknesses: Sequence[Weakness], nearness: Nearness) -> dict[int, list[int]]:
    numbers = [int(weakness.id.removeprefix("CWE-")) for weakness in weaknesses]
    rows = nearness.nearest(NEAREST).tolist()
    return {number: [numbers[place] for place in row] for number, row in zip(numbers, rows, strict=True)}
