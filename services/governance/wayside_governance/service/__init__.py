"""The use cases: load, decide, save, and tell of it in the same transaction."""
