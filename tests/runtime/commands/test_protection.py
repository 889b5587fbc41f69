"""What `tandem doctor` reads in the database: gaps between the workspaces, and what fails in each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from runtime.commands.doctor import examine_database
from runtime.commands.protection import MIGRATE, find_failing, find_gaps, find_missing
from runtime.database import connect
from runtime.embedded.services import Services
from runtime.migrations import migrate
from runtime.settings import load
from tests import make
from tests.database import Place, Server, fresh_database
from tests.domain.world import make_world


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, poolclass=sa.NullPool)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def alter(place: Place, *statements: str) -> None:
    """Change the database as its owner does."""
    async with connected(place.admin_url) as connection:
        for statement in statements:
            await connection.execute(sa.text(statement))
        await connection.commit()


async def test_a_migrated_database_has_no_gap_in_its_protection(place: Place) -> None:
    async with connected(place.app_url) as connection:
        assert await find_gaps(connection) == []


async def test_each_gap_between_the_workspaces_is_named_with_its_remedy(
    server: Server, template: Place
) -> None:
    statements = (
        "alter table contact disable row level security",
        "create policy everybody on invoice using (true)",
        "drop policy own_workspace on service_type",
        f"revoke update on contact_type from {server.app_role}",
        f"revoke select on alembic_version from {server.app_role}",
        f"revoke execute on function door.every_workspace() from {server.app_role}",
        "grant execute on function door.find_token(bytea, timestamptz) to public",
    )
    async with fresh_database(server, template) as place:
        await alter(place, *statements)
        async with connected(place.app_url) as connection:
            gaps = await find_gaps(connection)
    assert [gap.fault for gap in gaps] == [
        "row-level security is off for contact",
        "no policy lets the role see rows of service_type",
        "a policy shows rows of every workspace: everybody on invoice",
        "the role lacks rights on contact_type",
        "the role may not read alembic_version",
        "the role may not call door.every_workspace",
        "every role may call door.find_token",
    ]
    assert [gap.remedy.split("`")[1].split(" ")[0] for gap in gaps] == ["alter", "create", "drop"] + [
        "tandem"
    ] * 4


async def test_tandem_migrate_closes_the_gaps_for_which_it_is_the_remedy(
    server: Server, template: Place
) -> None:
    role = server.app_role
    async with fresh_database(server, template) as place:
        await alter(
            place,
            f"revoke usage on schema door, public from {role}, public",
            f"revoke all on all tables in schema public from {role}",
            f"revoke all on all functions in schema door from {role}",
            "grant execute on function door.find_token(bytea, timestamptz) to public",
        )
        async with connected(place.app_url) as connection:
            gaps = await find_gaps(connection)
        assert {gap.remedy for gap in gaps} == {MIGRATE}
        assert len(gaps) == 5
        await migrate(place.admin_url, role)
        async with connected(place.app_url) as connection:
            assert await find_gaps(connection) == []


async def test_what_the_newest_revision_has_and_the_database_lacks_is_named(
    server: Server, template: Place
) -> None:
    async with fresh_database(server, template) as place:
        async with connected(place.app_url) as connection:
            assert await find_missing(connection) == []
        await alter(
            place,
            "drop table trace_mark cascade",
            "alter table invoice drop column sync_state cascade",
            "drop function door.due_jobs cascade",
            "drop extension btree_gin cascade",
        )
        async with connected(place.app_url) as connection:
            assert await find_missing(connection) == [
                "table trace_mark",
                "column invoice.sync_state",
                "function door.due_jobs",
                "extension btree_gin",
            ]


BROKEN = {
    "the schemas are closed": (
        "revoke usage on schema door, public from {role}, public",
        [
            ("Rights", "run `tandem migrate`"),
            ("Migrations", "this check failed: permission denied for schema public"),
        ],
    ),
    "a function may not be called": (
        "revoke execute on function door.keys_behind from {role}",
        [
            ("Rights", "may not call door.keys_behind: run `tandem migrate`"),
            ("Migrations", "permission denied"),
        ],
    ),
    "a table is gone": (
        "drop table contact cascade",
        [("Migrations", "lacks table contact: somebody has changed the database by hand")],
    ),
    "a schema is gone": (
        "drop schema door cascade",
        [("Migrations", "others: somebody has changed the database by hand"), ("Keys", "")],
    ),
    "the revision is gone": (
        "delete from alembic_version",
        [("Migrations", "has 0 rows and should have one")],
    ),
    "there are two revisions": (
        "insert into alembic_version values ('0001')",
        [("Migrations", "has 2 rows and should have one")],
    ),
    "nothing can be written": (
        "alter database {database} set default_transaction_read_only = on",
        [("Writes", "default_transaction_read_only is on")],
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_doctor_says_what_is_broken_and_examines_the_rest(
    server: Server, template: Place, services: Services, broken: str
) -> None:
    statement, told = BROKEN[broken]
    async with fresh_database(server, template) as place:
        await alter(place, statement.format(role=server.app_role, database=place.name))
        settings = load().joined(services).model_copy(update={"database_url": place.app_url})
        found = [each async for each in examine_database(settings)]
    for subject, says in told:
        assert [each for each in found if each.subject == subject and not each.ok and says in each.says], (
            found
        )
    assert {"PostgreSQL", "Role", "Rights", "Migrations", "Worker", "Keys"} <= {
        each.subject for each in found
    }
    assert [each.subject for each in found].count("PostgreSQL") == 1


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
