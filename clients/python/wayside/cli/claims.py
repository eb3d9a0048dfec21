"""How suggestions and the graph look in a terminal."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wayside.cli.listings import WIDE, fields_table
from wayside.cli.times import age, local, seconds_text
from wayside_events.contracts.governance import (
    Decision,
    Edge,
    Evidence,
    Explanation,
    Neighborhood,
    Node,
    NodeDetails,
    PolicyExplanation,
    PolicyOutcome,
    ReviewCard,
    SimilarClaims,
    Suggestion,
    SuggestionDetails,
)
from wayside_events.edges import SuggestionStatus

ID_WIDTH = 36
CONTENT_LIMIT = 600
"""Characters of a node's content that a card shows."""

_STATUS_STYLES = {
    SuggestionStatus.PENDING: "yellow",
    SuggestionStatus.APPROVED: "green",
    SuggestionStatus.REJECTED: "red",
    SuggestionStatus.SUPERSEDED: "magenta",
    SuggestionStatus.EXPIRED: "dim",
    SuggestionStatus.WITHDRAWN: "dim",
}
_OUTCOME_STYLES = {
    PolicyOutcome.FIRED: "green",
    PolicyOutcome.HELD_OUT: "yellow",
    PolicyOutcome.NOT_FIRED: "dim",
}


def suggestions_table(suggestions: Sequence[Suggestion], width: int) -> Table:
    """A list of suggestions, each in one line in a wide terminal."""
    is_wide = width >= WIDE
    table = Table(box=None, header_style="bold", pad_edge=False)
    # An id that was cut off could not be copied.
    table.add_column("id", no_wrap=True, min_width=ID_WIDTH)
    table.add_column("status", no_wrap=True)
    table.add_column("sure", no_wrap=True, justify="right")
    table.add_column("claim", overflow="fold", ratio=1)
    if is_wide:
        table.add_column("source", no_wrap=True, overflow="ellipsis", max_width=16)
        table.add_column("age", no_wrap=True, justify="right")
    for one in suggestions:
        wide = (Text(one.source_model), age(one.created_at)) if is_wide else ()
        table.add_row(one.id, status_text(one.status), f"{one.confidence:.2f}", claim_text(one), *wide)
    return table


def suggestion_details(suggestion: SuggestionDetails) -> RenderableType:
    """One suggestion with its evidence and decisions."""
    table = fields_table()
    table.add_row("id", suggestion.id)
    table.add_row("claim", claim_text(suggestion))
    table.add_row(
        "status", status_text(suggestion.status).append(f", revision {suggestion.revision}", style="")
    )
    table.add_row("confidence", f"{suggestion.confidence:.2f}")
    for name, said in _told(suggestion):
        if said:
            table.add_row(name, Text(said))
    parts: list[RenderableType] = [table, *evidence_lines(suggestion.all_evidence, suggestion.evidence_count)]
    if suggestion.decisions:
        parts += ["", Text("decisions", style="bold"), *map(_decision_line, suggestion.decisions)]
    return Group(*parts)


def _told(suggestion: SuggestionDetails) -> Iterator[tuple[str, str]]:
    yield "scope", suggestion.scope
    yield "proposed", f"{local(suggestion.created_at)} by {suggestion.proposed_by}"
    yield "endorsed", ", ".join(suggestion.endorsed_by)
    if suggestion.suppressed_count:
        yield "suppressed", f"proposed again {suggestion.suppressed_count} times since"
    yield "edge", suggestion.edge_id or ""


def evidence_lines(evidence: Sequence[Evidence], count: int) -> Iterator[RenderableType]:
    """What machines said, the surest first, and how much of it there is in all."""
    yield ""
    more = f", {len(evidence)} of {count}" if count > len(evidence) else ""
    yield Text("evidence", style="bold").append(more, style="dim")
    for one in sorted(evidence, key=lambda piece: -piece.confidence):
        line = Text(f"{one.confidence:.2f} ", style="cyan").append(one.source_model, style="default")
        run = f" in {one.analysis_run_id}" if one.analysis_run_id else ""
        yield line.append(f"  by {one.proposed_by}{run}, {age(one.proposed_at)} ago", style="dim")
        if one.reasoning:
            yield Padding(Text(one.reasoning), (0, 0, 0, 5))


def _decision_line(decision: Decision) -> Text:
    line = Text(f"{local(decision.reviewed_at)}  ", style="dim").append(
        f"{decision.verdict.value:<9}", style="bold"
    )
    line.append(f"by {decision.reviewed_by}")
    said = [decision.reason_code or "", decision.note or "", decision.policy_version or ""]
    said.append(f"took {seconds_text(decision.time_taken_seconds)}" if decision.time_taken_seconds else "")
    return line.append("".join(f"  {text}" for text in said if text), style="dim")


def explanation(explained: Explanation) -> RenderableType:
    """What speaks for or against a suggestion."""
    suggestion = explained.suggestion
    head = Text.assemble(claim_text(suggestion), "  ", status_text(suggestion.status))
    ends = [
        (end.id, end.details, f"{_counted(end.degree)}") for end in (explained.from_node, explained.to_node)
    ]
    parts: list[RenderableType] = [head, _sureness(suggestion, explained.boundary), "", _side_by_side(ends)]
    parts += evidence_lines(suggestion.all_evidence, suggestion.evidence_count)
    for name, found in (
        ("the same two nodes", explained.same_nodes),
        (f"other {suggestion.relationship_type} from {suggestion.from_node_id}", explained.same_from),
        (f"other {suggestion.relationship_type} to {suggestion.to_node_id}", explained.same_to),
    ):
        parts += _similar(name, found)
    if explained.rivals:
        parts += ["", Text("rivals: at most one can hold", style="bold")]
        parts += [_rival_line(rival) for rival in explained.rivals]
    if explained.policies:
        parts += ["", Text("policies", style="bold"), *map(_policy_line, explained.policies)]
    if explained.held_by:
        parts += ["", Text(f"{explained.held_by.reviewer} has it before them now.", style="yellow")]
    return Group(*parts)


def card(found: ReviewCard, place: str) -> RenderableType:
    """A card to decide: the claim, both nodes side by side, and the evidence."""
    head = Text(place, style="dim").append("  by chance" if found.by_chance else "", style="magenta")
    ends = [(found.from_node_id, found.from_node, ""), (found.to_node_id, found.to_node, "")]
    return Group(
        head,
        claim_text(found, style="bold"),
        _sureness(found, None),
        "",
        _side_by_side(ends),
        *evidence_lines(found.all_evidence, found.evidence_count),
        "",
    )


def _sureness(suggestion: Suggestion, boundary: float | None) -> Text:
    filled = round(suggestion.confidence * 20)
    line = Text("█" * filled, style="cyan").append("░" * (20 - filled), style="dim")
    line.append(f" {suggestion.confidence:.2f}", style="default")
    return line.append(_judged(boundary), style="dim")


def _judged(boundary: float | None) -> str:
    """What people do with claims of a type, by how sure the machines are."""
    if boundary is None:
        return ""
    if 0 < boundary < 1:
        return f"; people accept as often as they reject at {boundary:.2f}"
    return f"; people {'reject' if boundary else 'accept'} this type more often than not, however sure"


def _side_by_side(ends: Iterable[tuple[str, NodeDetails | None, str]]) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    table.add_row(*(_node(node_id, details, more) for node_id, details, more in ends))
    return table


def _node(node_id: str, details: NodeDetails | None, more: str) -> RenderableType:
    kind = details.kind if details else None
    head = Text(node_id, style="bold").append(
        "".join(f"  {text}" for text in (kind, more) if text), style="dim not bold"
    )
    if details is None:
        return Group(head, Text("nothing is known of it", style="dim"))
    parts = [head]
    if details.label:
        parts.append(Text(details.label))
    if details.content:
        content = details.content
        cut = "…" if len(content) > CONTENT_LIMIT else ""
        parts.append(Text(content[:CONTENT_LIMIT] + cut, style="dim"))
    return Group(*parts)


def _counted(degree: int) -> str:
    return f"{degree:,}{' or more' if degree >= 1_000 else ''} {'edge' if degree == 1 else 'edges'}"


def _similar(name: str, found: SimilarClaims) -> Iterator[RenderableType]:
    if not found.items:
        return
    yield ""
    counts = f"  {found.approved:,} approved, {found.rejected:,} rejected"
    yield Text(name, style="bold").append(counts, style="dim not bold")
    for one in found.items[:5]:
        line = Text(f"{one.confidence:.2f} ", style="cyan").append_text(status_text(one.status)).append("  ")
        line.append_text(_arrow((one.from_node_id, one.relationship_type, one.to_node_id)))
        yield line.append(f"  {one.reason_code}" if one.reason_code else "", style="dim")


def _rival_line(rival: Suggestion) -> Text:
    line = Text(f"{rival.confidence:.2f} ", style="cyan").append_text(status_text(rival.status))
    return line.append(f"  {rival.to_node_id}").append(f"  {rival.id}", style="dim")


def _policy_line(policy: PolicyExplanation) -> Text:
    line = Text(f"{policy.name}:{policy.version}", style="default")
    line.append(f" ({policy.state.value}) ", style="dim")
    line.append(policy.outcome.value.replace("_", " "), style=_OUTCOME_STYLES[policy.outcome])
    return line.append(f": {'; '.join(policy.reasons)}" if policy.reasons else "", style="default")


def surroundings(found: Neighborhood) -> RenderableType:
    """The edges around a node, those nearest to it first."""
    labels = {node.id: _named(node) for node in found.nodes}
    table = Table(box=None, header_style="bold", pad_edge=False, expand=True)
    table.add_column("from", overflow="ellipsis", no_wrap=True, ratio=3)
    table.add_column("type", overflow="ellipsis", no_wrap=True, ratio=2)
    table.add_column("to", overflow="ellipsis", no_wrap=True, ratio=3)
    table.add_column("sure", justify="right", no_wrap=True)
    table.add_column("by", overflow="ellipsis", no_wrap=True, width=len("suggested"))
    for edge in found.edges:
        table.add_row(*_edge_cells(edge, labels))
    count = f"{len(found.nodes):,} nodes, {_counted(len(found.edges))}"
    cut = Text(count, style="dim").append(
        "; there are more: see --limit" if found.truncated else "", style="yellow"
    )
    return Group(table, cut) if found.edges else cut


def _edge_cells(edge: Edge, labels: dict[str, str]) -> tuple[RenderableType, ...]:
    is_ghost = edge.status == "suggested"
    style = "yellow" if is_ghost else "default"
    return (
        Text(labels.get(edge.from_node_id, edge.from_node_id), style=style),
        Text(edge.relationship_type, style=style),
        Text(labels.get(edge.to_node_id, edge.to_node_id), style=style),
        f"{edge.confidence:.2f}",
        Text("suggested" if is_ghost else edge.created_by, style=style),
    )


def _named(node: Node) -> str:
    return f"{node.id} {node.label}" if node.label else node.id


def claim_text(one: Suggestion, *, style: str = "default") -> Text:
    """A claim in one line."""
    return _arrow((one.from_node_id, one.relationship_type, one.to_node_id), style=style)


def _arrow(claim: tuple[str, str, str], *, style: str = "default") -> Text:
    from_node_id, relationship_type, to_node_id = claim
    line = Text(from_node_id, style=style).append(f" –{relationship_type}→ ", style="blue not bold")
    return line.append(to_node_id)


def status_text(status: SuggestionStatus) -> Text:
    """A status in its colour."""
    return Text(status.value, style=_STATUS_STYLES[status])
