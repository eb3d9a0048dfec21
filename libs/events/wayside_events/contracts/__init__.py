"""Shapes of requests and replies that services, SDK and other clients share, over NATS and HTTP alike."""
