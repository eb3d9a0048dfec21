"""Benchmarks of governance: intake, lists, decisions, bulk and the graph."""
