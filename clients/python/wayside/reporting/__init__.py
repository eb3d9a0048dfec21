"""What a runner says about its attempts, from the synchronous call in a handler to the answered batch."""
