"""What `tandem doctor` reads in the database: gaps between the workspaces, and what fails in each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from runtime.commands.protection import find_failing, find_gaps
from runtime.database import connect
from tests import make
from tests.database import Place, Server, fresh_database
from tests.domain.world import make_world


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, poolclass=sa.NullPool)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def test_a_migrated_database_has_no_gap_in_its_protection(place: Place) -> None:
    async with connected(place.app_url) as connection:
        assert await find_gaps(connection) == []


async def test_each_gap_between_the_workspaces_is_named(server: Server, template: Place) -> None:
    statements = (
        "alter table contact disable row level security",
        "create policy everybody on invoice using (true)",
        f"revoke update on contact_type from {server.app_role}",
        f"revoke execute on function door.every_workspace() from {server.app_role}",
        "grant execute on function door.find_token(bytea, timestamptz) to public",
    )
    async with fresh_database(server, template) as place:
        async with connected(place.admin_url) as connection:
            for statement in statements:
                await connection.execute(sa.text(statement))
            await connection.commit()
        async with connected(place.app_url) as connection:
            assert await find_gaps(connection) == [
                "row-level security is off for contact",
                "a policy without the workspace is on invoice",
                "the role lacks rights on contact_type",
                "the role may not call door.every_workspace",
                "every role may call door.find_token",
            ]


async def test_failing_links_and_organisations_are_reported_by_workspace(clean: Place) -> None:
    database = connect(clean.app_url)
    world, quiet = await make_world(database), await make_world(database)
    for name in ("Kauri Ltd", "Rimu Ltd"):
        await make.linked(world, name, f"{name[:4]}@x.example")
    await world.rows(
        """update sync_link set state = 'FAILING', failure = '{"code": "XERO_REFUSED"}' where workspace_id = :ws returning id"""
    )
    await world.rows(
        "update organisation set health = 'NEEDS_RECONNECT' where workspace_id = :ws returning id"
    )
    async with connected(clean.app_url) as connection:
        [failing] = await find_failing(connection)
    assert str(world.workspace) in failing.workspace
    assert str(quiet.workspace) not in failing.workspace
    assert "is NEEDS_RECONNECT" in failing.what
    assert "links, XERO_REFUSED: 2" in failing.what
    await database.close()
