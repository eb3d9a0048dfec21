"""The worker of the demo: infers relationships between CWE weaknesses from their prose alone."""
