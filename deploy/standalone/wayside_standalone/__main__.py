"""The standalone commands by themselves: `python -m wayside_standalone up`."""

import typer

from wayside_standalone.cli import register


def main() -> None:
    """Run the command line."""
    app = typer.Typer(
        name="wayside", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )
    register(app)
    app()


if __name__ == "__main__":
    main()
