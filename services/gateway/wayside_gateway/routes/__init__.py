"""The routes the gateway serves itself."""

from wayside_gateway.routes.events import routes

__all__ = ["routes"]
