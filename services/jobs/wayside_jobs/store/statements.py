"""Every named statement of this service."""

from importlib.resources import files
from typing import Final

from wayside_service.database import load_queries

SQL: Final = load_queries(files("wayside_jobs") / "queries")
