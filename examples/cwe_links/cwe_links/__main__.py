"""`python -m cwe_links` runs the worker until it is told to stop; WAYSIDE_NATS_URL and so on say where."""

import logging

from cwe_links.worker import new_worker

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    new_worker().run()
