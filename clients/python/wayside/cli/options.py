"""Options that several commands have."""

from typing import Annotated

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
