"""How policies, calibration and the audit look in a terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wayside.cli.listings import WIDE, fields_table
from wayside.cli.times import age, local
from wayside_events.contracts.governance import (
    AuditEntry,
    AuditVerification,
    CalibrationGroup,
    CalibrationReport,
    Policy,
    PolicyDocument,
    PolicyState,
    Share,
    Simulation,
)

_STATE_STYLES = {
    PolicyState.ENABLED: "green",
    PolicyState.DISABLED: "dim",
    PolicyState.SUSPENDED: "red",
}
_BLOCKS = "▁▂▃▄▅▆▇█"
_SHOWN_WRONG = 10


def policies_table(policies: Sequence[Policy], width: int) -> Table:
    """A list of policies."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("policy", "state", "action"):
        table.add_column(column, no_wrap=True)
    table.add_column("conditions", overflow="fold", ratio=1)
    if width >= WIDE:
        table.add_column("changed", no_wrap=True, justify="right")
    for policy in policies:
        wide = (f"{age(policy.changed_at)} ago by {policy.changed_by}",) if width >= WIDE else ()
        table.add_row(
            Text(f"{policy.name}:{policy.version}"),
            Text(policy.state.value, style=_STATE_STYLES[policy.state]),
            policy.document.action.value,
            Text(", ".join(_conditions(policy.document)) or "none"),
            *wide,
        )
    return table


def policy_details(policy: Policy) -> Table:
    """One policy, field by field."""
    table = fields_table()
    document = policy.document
    table.add_row("policy", Text(f"{policy.name}:{policy.version}"))
    table.add_row("id", policy.id)
    table.add_row("state", Text(policy.state.value, style=_STATE_STYLES[policy.state]))
    if policy.suspension:
        table.add_row("suspended", Text(policy.suspension.detail, style="red"))
    if policy.description:
        table.add_row("for", Text(policy.description))
    reason = f" as {document.reason_code}" if document.reason_code else ""
    table.add_row("action", f"{document.action.value}{reason}")
    table.add_row("when", Text("\n".join(_conditions(document)) or "always"))
    table.add_row("hold-out", f"{_percent(document.hold_out)} % are left to people, to check it by")
    table.add_row("changed", f"{local(policy.changed_at)} by {policy.changed_by}")
    return table


def _conditions(document: PolicyDocument) -> Iterator[str]:
    if document.relationship_types:
        yield f"type {' or '.join(document.relationship_types)}"
    if document.source_models:
        yield f"source {' or '.join(document.source_models)}"
    if document.min_confidence > 0:
        yield f"confidence ≥ {document.min_confidence:g}"
    if document.max_confidence < 1:
        yield f"confidence ≤ {document.max_confidence:g}"
    if document.min_strength is not None:
        yield f"strength ≥ {document.min_strength:g}"
    if document.min_sources > 1:
        yield f"{document.min_sources} sources"
    if document.measured:
        measured = document.measured
        yield f"precision ≥ {measured.min_precision:g} on {measured.min_decisions} decisions"


def simulation(found: Simulation) -> RenderableType:
    """What a policy would have done."""
    table = fields_table()
    table.add_row(
        "judged", f"{found.judged:,} claims by people{', and there are more' if found.truncated else ''}"
    )
    table.add_row("precision", _share(found.precision) if found.precision else "it would have done nothing")
    table.add_row("recall", _share(found.recall) if found.recall else "people did nothing of the kind")
    confusion = found.confusion
    table.add_row(
        "agrees",
        f"{confusion.true_positive:,} it would have done, {confusion.true_negative:,} it would have left",
    )
    table.add_row(
        "differs",
        f"{confusion.false_positive:,} wrongly done, {confusion.false_negative:,} left that people did",
    )
    table.add_row(
        "now",
        f"of {found.pending:,} that wait it would decide {found.would_act:,} and hold out {found.would_hold_out:,}",
    )
    parts: list[RenderableType] = [table]
    if found.wrong:
        parts += ["", Text("people decided otherwise", style="bold")]
    for one in found.wrong[:_SHOWN_WRONG]:
        line = Text(f"{one.confidence:.2f} ", style="cyan").append(f"{one.decided}  ", style="default")
        parts.append(line.append(f"{one.relationship_type}  ").append(one.suggestion_id, style="dim"))
    return Group(*parts)


def calibration(report: CalibrationReport, width: int) -> RenderableType:
    """How often people accept what machines are so and so sure of."""
    is_wide = width >= WIDE
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("type", overflow="ellipsis", no_wrap=True)
    table.add_column("source", overflow="ellipsis", no_wrap=True)
    table.add_column("accepted", no_wrap=True, justify="right")
    table.add_column("95 %", no_wrap=True, justify="right")
    if is_wide:
        table.add_column("error", no_wrap=True, justify="right")
        table.add_column("boundary", no_wrap=True, justify="right")
    table.add_column("0 … 1", no_wrap=True)
    for group in report.groups:
        accepted = group.accepted
        wide = (f"{group.expected_calibration_error:.2f}", f"{group.boundary:.2f}") if is_wide else ()
        table.add_row(
            Text(group.relationship_type),
            Text(group.source_model) if group.source_model else Text("all together", style="dim"),
            f"{accepted.count:,} of {accepted.total:,}",
            f"{_percent(accepted.low)}–{_percent(accepted.high)}",
            *wide,
            _bars(group),
        )
    parts: list[RenderableType] = [table]
    parts += _agreements(report)
    if report.truncated:
        parts += ["", Text("Only the latest decisions were read.", style="yellow")]
    return Group(*parts)


def _bars(group: CalibrationGroup) -> Text:
    """Draw acceptance by confidence, a tenth a character; a dot where nothing was judged."""
    line = Text()
    shares = {round(one.low_confidence * 10): one.accepted.share for one in group.bins}
    for tenth in range(10):
        share = shares.get(tenth)
        if share is None:
            line.append("·", style="dim")
        else:
            line.append(_BLOCKS[min(int(share * len(_BLOCKS)), len(_BLOCKS) - 1)], style="cyan")
    return line


def _agreements(report: CalibrationReport) -> Iterator[RenderableType]:
    if report.reviewers:
        yield ""
        yield Text("reviewers who judged what another judged", style="bold")
    for reviewer in report.reviewers:
        yield Text(f"{reviewer.reviewer}: agreed on {_share(reviewer.agreed)}")
    if report.policies:
        yield ""
        yield Text("policies, checked by people", style="bold")
    for policy in report.policies:
        yield Text(f"{policy.policy}: agreed on {_share(policy.agreed)}; {policy.undone:,} undone")


def entries_table(entries: Sequence[AuditEntry], width: int) -> Table:
    """A list of what was done."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("position", no_wrap=True, justify="right")
    for column in ("at", "action"):
        table.add_column(column, no_wrap=True)
    table.add_column("by", overflow="ellipsis", no_wrap=True)
    if width >= WIDE:
        table.add_column("subject", no_wrap=True, overflow="ellipsis")
    for entry in entries:
        wide = (Text(entry.subject),) if width >= WIDE else ()
        table.add_row(str(entry.position), local(entry.at), entry.action, Text(entry.actor), *wide)
    return table


def verification(found: AuditVerification) -> RenderableType:
    """Whether a chain holds, and the head to keep outside."""
    table = fields_table()
    table.add_row("scope", found.scope)
    if found.broken is not None:
        table.add_row("chain", Text(f"broken at {found.broken.position}: {found.broken.reason}", style="red"))
    else:
        table.add_row("chain", Text(f"holds, {found.checked_to - found.after:,} entries", style="green"))
    match found.has_known_head:
        case True:
            table.add_row("your head", Text("is in it", style="green"))
        case False:
            table.add_row("your head", Text("is not in it: entries are gone or were changed", style="red"))
        case None:
            pass
    # In a line of its own: what is folded cannot be copied.
    return Group(table, Text("keep outside, to ask for it another time:", style="dim"), Text(_head(found)))


def _head(found: AuditVerification) -> str:
    return f"--position {found.head.position} --hash {found.head.hash}"


def _share(share: Share) -> str:
    return f"{share.count:,} of {share.total:,}, {_percent(share.low)}–{_percent(share.high)} %"


def _percent(share: float) -> str:
    return f"{share * 100:.0f}"
