"""The shared vocabulary of Wayside: events, their subjects and stream, cursors, contracts and the bus."""
