"""The Wayside SDK: run handlers as a worker, track operations of your own process, follow their events."""
