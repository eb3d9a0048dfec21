import asyncio
import random
from collections import defaultdict

import asyncpg
from tests.service.sample import OpenDatabase, Written

from wayside_service.database import Connection, Database
from wayside_service.outbox import add_events
from wayside_service.outbox.frame import unpack


async def message_ids(database: Database) -> list[str]:
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT events, messages FROM outbox ORDER BY id")
    return [message.message_id for row in rows for message in unpack(row["messages"], row["events"])]


async def test_events_are_kept_in_the_order_they_were_given(open_database: OpenDatabase) -> None:
    events = [Written(1, revision) for revision in range(1, 200)]
    async with open_database() as database:
        async with database.transaction() as connection:
            await add_events(connection, events)
        assert await message_ids(database) == [event.id for event in events]


async def test_the_events_of_a_transaction_are_one_row(open_database: OpenDatabase) -> None:
    async with open_database() as database:
        async with database.transaction() as connection:
            await add_events(connection, [Written(note, 1) for note in range(300)])
        async with database.acquire() as connection:
            assert await connection.fetchval("SELECT array_agg(events) FROM outbox") == [300]


async def test_many_or_large_events_are_several_rows_in_order(open_database: OpenDatabase) -> None:
    sizes = [10] * 600 + [300_000, 300_000, 3_000_000, 10]
    events = [Written(1, revision, padding=size) for revision, size in enumerate(sizes, 1)]
    async with open_database() as database:
        async with database.transaction() as connection:
            await add_events(connection, events)
        async with database.acquire() as connection:
            rows = await connection.fetchval("SELECT array_agg(events ORDER BY id) FROM outbox")
        assert rows == [500, 101, 1, 1, 1]
        assert await message_ids(database) == [event.id for event in events]


async def test_no_events_are_no_row(open_database: OpenDatabase) -> None:
    async with open_database() as database:
        async with database.transaction() as connection:
            await add_events(connection, [])
        assert await message_ids(database) == []


async def test_events_of_a_transaction_that_is_rolled_back_never_were(open_database: OpenDatabase) -> None:
    async with open_database() as database:
        try:
            async with database.transaction() as connection:
                await add_events(connection, [Written(1, 1)])
                await connection.execute("SELECT 1 / 0")
        except asyncpg.DivisionByZeroError:
            pass
        assert await message_ids(database) == []


async def write_once(database: Database, note: int) -> None:
    """Grow a note's revision by one and tell of it, as a use case does."""
    async with database.transaction() as connection:
        revision = await grow(connection, note)
        await asyncio.sleep(random.random() / 500)
        await add_events(connection, [Written(note, revision)])


async def grow(connection: Connection, note: int) -> int:
    revision: int = await connection.fetchval(
        "INSERT INTO notes VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET revision = notes.revision + 1"
        " RETURNING revision",
        note,
    )
    return revision


async def test_an_entitys_events_are_in_order_whoever_wrote_them(open_database: OpenDatabase) -> None:
    notes = [random.Random(7).randrange(5) for _ in range(200)]
    async with open_database() as database:
        async with database.acquire() as connection:
            await connection.execute("CREATE TABLE notes (id int PRIMARY KEY, revision int NOT NULL)")
        await asyncio.gather(*(write_once(database, note) for note in notes))
        by_note: dict[str, list[int]] = defaultdict(list)
        for message_id in await message_ids(database):
            entity, _, revision = message_id.partition(":")
            by_note[entity].append(int(revision))
    assert sum(map(len, by_note.values())) == 200
    assert all(revisions == list(range(1, len(revisions) + 1)) for revisions in by_note.values())
