"""Write the documents that are made from code: event schemas, AsyncAPI, and the OpenAPI of each service.

`python docs/generate.py` writes them to `docs/schemas`; tests hold the committed copies to what this would write.
"""

from pathlib import Path

import orjson
from pydantic import SecretStr

import wayside_gateway.app
import wayside_governance.app
import wayside_jobs.app
from wayside_events.documents import documents
from wayside_gateway.settings import GatewaySettings
from wayside_governance.settings import GovernanceSettings
from wayside_jobs.settings import JobsSettings
from wayside_service.http import OPENAPI

SCHEMAS = Path(__file__).parent / "schemas"
_SECRET = SecretStr("not a secret: nothing is started here")
_DATABASE = SecretStr("postgresql://unused")


def generated() -> dict[str, bytes]:
    """Return every generated document by its file name."""
    jobs = JobsSettings(database_url=_DATABASE, jwt_secret=_SECRET)
    governance = GovernanceSettings(database_url=_DATABASE, jwt_secret=_SECRET)
    gateway = GatewaySettings(jwt_secret=_SECRET)
    apps = {
        "jobs": wayside_jobs.app.build(jobs),
        "governance": wayside_governance.app.build(governance),
        "gateway": wayside_gateway.app.build(gateway),
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    described = {
        f"{name}.openapi.json": orjson.dumps(orjson.loads(app[OPENAPI]()), option=options)
        for name, app in apps.items()
    }
    return documents() | described


def main() -> None:
    """Write them all, and remove what is no longer made."""
    made = generated()
    for path in SCHEMAS.glob("*.json"):
        if path.name not in made:
            path.unlink()
    for name, content in made.items():
        (SCHEMAS / name).write_bytes(content)


if __name__ == "__main__":
    main()
