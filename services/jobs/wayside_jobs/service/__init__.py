"""The use cases: load, decide, save with events; and who is told afterwards."""
