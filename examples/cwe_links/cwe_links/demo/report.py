"""What the demo found, as lines and table rows."""

from collections import Counter
from collections.abc import Iterable, Sequence

from cwe_links.demo.review import Decided
from cwe_links.evaluate import Band
from wayside_events.contracts.governance import Edge, Suggestion

NOTE_WIDTH = 70

BAND_COLUMNS = ("confidence", "decided", "approved", "acceptance")
EDGE_COLUMNS = ("edge", "status", "confidence")


def claim(item: Suggestion | Edge) -> str:
    """A claim in words: "CWE-79 ChildOf CWE-74"."""
    return f"{item.from_node_id} {item.relationship_type} {item.to_node_id}"


def decision(decided: Decided) -> str:
    """One decision in a line."""
    mark = "✓" if decided.is_approved else "✗"
    return f"{mark} {decided.shown.confidence:.3f}  {claim(decided.shown):<32} {decided.decision.note}"


def decisions(decided: Sequence[Decided]) -> str:
    """All decisions in a sentence."""
    reasons = Counter(one.decision.reason_code for one in decided if not one.is_approved)
    rejected = reasons.total()
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f"{len(decided) - rejected} approved, {rejected} rejected{f' ({why})' if why else ''}"


def verdicts(decided: Iterable[Decided]) -> list[tuple[float, bool]]:
    """Confidence as shown, and whether it was approved."""
    return [(one.shown.confidence, one.is_approved) for one in decided]


def band_rows(bands: Iterable[Band]) -> list[tuple[str, ...]]:
    """A row for each band."""
    return [
        (
            f"{band.low:.3f} to {band.high:.3f}",
            f"{band.decided:,}",
            f"{band.approved:,}",
            "-" if band.acceptance is None else f"{band.acceptance:.0%}",
        )
        for band in bands
    ]


def edge_rows(edges: Iterable[Edge]) -> list[tuple[str, ...]]:
    """A row for each edge, approved ones first, then the surest."""
    ordered = sorted(edges, key=lambda edge: (edge.status != "approved", -edge.confidence, edge.id))
    return [(claim(edge), edge.status, f"{edge.confidence:.3f}") for edge in ordered]
