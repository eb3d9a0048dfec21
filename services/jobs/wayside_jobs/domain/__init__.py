"""States, transitions, errors and the JSON of jobs; pure."""
