"""Other queues with the same work, each in an environment of its own."""
