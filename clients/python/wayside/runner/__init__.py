"""A runner: what a worker and a process with tracked operations have in common."""
