"""The hub: who gets which event and when. Pure asyncio; it knows neither NATS nor HTTP."""
