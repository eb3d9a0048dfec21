"""The command's root, and the commands that other distributions bring."""

from importlib.metadata import entry_points

import typer

from wayside.cli import events, job_types, jobs, policies, queues, records, suggestions, workers

COMMANDS = "wayside.commands"
"""The entry-point group of further commands: each is a function `register(app: typer.Typer) -> None`."""


def main() -> None:
    """Run the `wayside` command."""
    new_app()()


def new_app() -> typer.Typer:
    """Return the application with every command that is installed."""
    app = typer.Typer(
        name="wayside",
        help="Nothing falls by the wayside: long-running jobs, suggestions to review, and their events.",
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
    )
    app.add_typer(jobs.app, name="jobs")
    app.add_typer(queues.app, name="queues")
    app.add_typer(workers.app, name="workers")
    app.add_typer(job_types.app, name="job-types")
    app.add_typer(suggestions.app, name="suggestions")
    app.command(name="review")(suggestions.review)
    app.add_typer(policies.app, name="policies")
    app.add_typer(records.graph, name="graph")
    app.add_typer(records.decisions, name="decisions")
    app.command(name="calibration")(records.calibration)
    app.add_typer(records.audit, name="audit")
    app.command(name="events")(events.follow)
    for entry_point in sorted(entry_points(group=COMMANDS), key=lambda one: one.name):
        try:
            entry_point.load()(app)
        except Exception as error:  # noqa: BLE001 - one broken distribution leaves the other commands usable
            typer.echo(f"wayside: the commands of {entry_point.value} are not available: {error}", err=True)
    return app
