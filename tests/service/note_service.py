"""A whole service of one file, run as a process by `test_app.py`."""

from aiohttp import web
from tests.service.sample import Written

from wayside_service.app import create_app, run_service
from wayside_service.auth import BearerAuthenticator, verifier_for
from wayside_service.bus import BUS, bus_for, bus_resource
from wayside_service.database import DATABASE, Database, database_resource
from wayside_service.database.migrations import Migration
from wayside_service.http import ApiInfo, RouteTable
from wayside_service.metrics import METRICS
from wayside_service.outbox import OUTBOX_SQL, Relay, add_events, outbox_resource
from wayside_service.settings import DatabaseSettings

CREATE = "CREATE TABLE notes (id int PRIMARY KEY);" + OUTBOX_SQL

routes = RouteTable()
RELAY = web.AppKey("relay", Relay)


@routes.post("/v1/notes/{note}", summary="Write", answers={201: None}, role=None)
async def create_note(request: web.Request, note: int) -> None:
    async with request.app[DATABASE].transaction() as connection:
        await connection.execute("INSERT INTO notes VALUES ($1)", note)
        await add_events(connection, [Written(note, 1)])
    request.app[RELAY].wake()


@routes.get("/v1/notes", summary="Count", answers={200: int}, role=None)
async def count_notes(request: web.Request) -> int:
    async with request.app[DATABASE].acquire() as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM notes")
        return count


@routes.get("/v1/position", summary="Ask the bus", answers={200: str}, role=None)
async def ask_bus(request: web.Request) -> str:
    return str(await request.app[BUS].position())


def build(settings: DatabaseSettings) -> web.Application:
    """Compose the service."""
    database = Database(settings, schema="notes", migrations=[Migration(1, "create", CREATE)])
    bus = bus_for(settings, name="notes")
    app = create_app(
        ApiInfo("Notes", "1.0.0"),
        routes=routes,
        authenticator=BearerAuthenticator(verifier_for(settings)),
        resources=[database_resource(database), bus_resource(bus)],
    )
    app[RELAY] = Relay(database, bus, wake_subject="wayside.notes.wake", registry=app[METRICS].registry)
    app.cleanup_ctx.append(outbox_resource(app[RELAY]))
    return app


if __name__ == "__main__":
    found = DatabaseSettings()
    run_service("notes", found, lambda: build(found))
