"""Server-sent events: the wire format and the response that carries it."""
