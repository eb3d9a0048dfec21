"""Runs the gateway: `python -m wayside_gateway`."""

from wayside_gateway.app import build
from wayside_gateway.settings import GatewaySettings
from wayside_service.app import run_service


def main() -> None:
    """Read the environment and serve until told to stop."""
    settings = GatewaySettings()
    run_service("gateway", settings, lambda: build(settings), cancel_on_disconnect=True)


if __name__ == "__main__":
    main()
