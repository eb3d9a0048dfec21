"""Runs the jobs service with settings from the environment: `python -m wayside_jobs`."""

from wayside_jobs.app import build
from wayside_jobs.settings import JobsSettings
from wayside_service.app import run_service


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = JobsSettings()
    run_service("jobs", settings, lambda: build(settings))


if __name__ == "__main__":
    main()
