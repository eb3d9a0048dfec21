"""The governance service: what machines suggest, what people decide, and the edges that follow."""
