"""Wayside on one machine: real PostgreSQL and NATS from wheels, and the three services, under one supervisor."""
