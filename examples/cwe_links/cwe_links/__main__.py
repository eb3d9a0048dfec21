"""`python -m cwe_links` runs the worker until it is told to stop; WAYSIDE_NATS_URL and so on say where."""

from cwe_links.worker import new_worker

if __name__ == "__main__":
    new_worker().run()
