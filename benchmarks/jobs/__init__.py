"""Measures the jobs service and its SDK on real processes: `python -m benchmarks.jobs`."""
