"""The services behind the gateway: their instances, the proxy to them, and what the gateway asks them itself."""
