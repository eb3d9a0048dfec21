"""Options that several commands have, and how a command takes them together."""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

Url = Annotated[
    str | None,
    typer.Option("--url", envvar="WAYSIDE_URL", help="The gateway. Default: the stack that runs here."),
]
Token = Annotated[
    str | None,
    typer.Option("--token", envvar="WAYSIDE_TOKEN", help="A bearer token, see `wayside token`."),
]
Scope = Annotated[
    str | None,
    typer.Option("--scope", "-s", envvar="WAYSIDE_SCOPE", help="Needed when the token is good for several."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one document a line.")]
JobId = Annotated[str, typer.Argument(help="The job's id.")]
Confident = Annotated[float | None, typer.Option(min=0, max=1, help="From 0 to 1.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Which gateway is asked, as whom, and how the answer is printed."""

    as_json: AsJson = False
    url: Url = None
    token: Token = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which jobs a command is about: those named, or those of a filter."""

    job_ids: Annotated[list[str] | None, typer.Argument(help="The ids of jobs; or say by options which.")] = (
        None
    )
    scope: Scope = None
    status: Annotated[list[str] | None, typer.Option(help="Only these, repeatable.")] = None
    type: Annotated[str | None, typer.Option("--type", help="Only this job type.")] = None
    session: Annotated[str | None, typer.Option("--session", help="Only this session.")] = None
    parent: Annotated[str | None, typer.Option("--parent", help="Only the children of this job.")] = None
    created_by: Annotated[
        str | None, typer.Option("--created-by", help="Only those of this user or service.")
    ] = None
    all_jobs: Annotated[bool, typer.Option("--all", help="All jobs of the scope.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them, and show some.")] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False

    @property
    def filter(self) -> dict[str, str | list[str]]:
        """The filters that were given, by the names the API has for them."""
        given = {
            "status": self.status,
            "type": self.type,
            "session_id": self.session,
            "parent_id": self.parent,
            "created_by": self.created_by,
        }
        return {name: value for name, value in given.items() if value}

    @property
    def only_id(self) -> str | None:
        """The id, when the command is a plain request about one job."""
        is_plain = not (self.filter or self.all_jobs or self.dry_run)
        return self.job_ids[0] if self.job_ids is not None and len(self.job_ids) == 1 and is_plain else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Which claims a command is about."""

    scope: Scope = None
    type: Annotated[str | None, typer.Option("--type", help="Only this type of relationship.")] = None
    node: Annotated[str | None, typer.Option("--node", help="Only claims about this node.")] = None
    source: Annotated[str | None, typer.Option("--source", help="Only what this source model stated.")] = None
    run: Annotated[str | None, typer.Option("--run", help="Only what this analysis run stated.")] = None
    min_confidence: Confident = None
    max_confidence: Confident = None

    @property
    def filter(self) -> dict[str, str | float]:
        """The filters that were given, by the names the API has for them; the scope is none of them."""
        given = {
            "relationship_type": self.type,
            "node_id": self.node,
            "source_model": self.source,
            "analysis_run_id": self.run,
            "min_confidence": self.min_confidence,
            "max_confidence": self.max_confidence,
        }
        return {name: value for name, value in given.items() if value is not None}


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command that takes dataclasses have their fields as its options, so that each is said once."""
    groups: dict[str, Any] = {}
    parameters: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        if is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation
            parameters += _options_of(parameter.annotation)
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))

    @wraps(command)
    def called(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    called.__annotations__ = {}
    called.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return called


def _options_of(group: Any) -> list[Parameter]:  # noqa: ANN401 - any dataclass
    return [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=field.type,
        )
        for field in fields(group)
    ]
