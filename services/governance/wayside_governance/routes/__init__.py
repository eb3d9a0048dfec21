"""HTTP: parse, call, render."""

from typing import Final

from wayside_governance.routes import (
    audit,
    decisions,
    explain,
    graph,
    intake,
    nodes,
    policies,
    reports,
    reviews,
    rules,
    suggestions,
)

ROUTES: Final = (
    *intake.routes,
    *suggestions.routes,
    *decisions.routes,
    *graph.routes,
    *nodes.routes,
    *policies.routes,
    *reports.routes,
    *reviews.routes,
    *explain.routes,
    *rules.routes,
    *audit.routes,
)
"""Every route of governance."""
