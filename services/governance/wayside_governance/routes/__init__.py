"""HTTP: parse, call, render."""

from typing import Final

from wayside_governance.routes import (
    audit,
    bulk,
    decisions,
    explain,
    graph,
    intake,
    moving,
    nodes,
    policies,
    reports,
    reviews,
    rules,
    suggestions,
    withdrawing,
)

ROUTES: Final = (
    *intake.routes,
    *bulk.routes,
    *suggestions.routes,
    *decisions.routes,
    *withdrawing.routes,
    *moving.routes,
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
