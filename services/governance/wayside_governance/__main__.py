"""Runs governance with settings from the environment: `python -m wayside_governance`."""

from wayside_governance.app import build
from wayside_governance.settings import GovernanceSettings
from wayside_service.app import run_service


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = GovernanceSettings()
    run_service("governance", settings, lambda: build(settings))


if __name__ == "__main__":
    main()
