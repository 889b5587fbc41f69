"""`tandem restored`, and what `tandem doctor` says after it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from api.event_feed import read_news
from domain.connection import restored
from domain.connection.oauth_grants import Grants
from runtime.commands import restore
from runtime.database import Database
from tests.database import Place
from tests.domain.world import World


@pytest.fixture
async def grant(world: World, matching_database: Database) -> UUID:
    """The consent by which the world's organisation is connected."""
    expires = matching_database.clock.now() + timedelta(minutes=30)
    made = await Grants(matching_database.call_door, matching_database.clock).keep(
        "app", uuid4(), b"sealed", expires
    )
    async with world.tx() as tx:
        await tx.run("update organisation set grant_id = :grant where workspace_id = :ws", grant=made)
    return made


@pytest.fixture
async def says(clean: Place) -> AsyncIterator[object]:
    engine = create_async_engine(clean.app_url, poolclass=sa.NullPool)

    async def ask() -> list[tuple[bool | None, str]]:
        async with engine.connect() as connection:
            return await restore.describe(connection)

    yield ask
    await engine.dispose()


async def change(world: World, setting: str) -> None:
    async with world.tx() as tx:
        await tx.run(f"update organisation set {setting} where workspace_id = :ws")


async def test_consents_end_and_a_repeat_changes_nothing(
    world: World, matching_database: Database, grant: UUID
) -> None:
    for _ in range(2):
        assert [one.id for one in await restore.begin(matching_database)] == [world.organisation]
        found = await Grants(matching_database.call_door, matching_database.clock).find(grant)
        assert found is not None
        assert (found.failed, found.version) == (restored.REASON, 2)


async def test_a_cursor_from_before_the_restore_is_answered_with_a_resync(
    world: World, matching_database: Database
) -> None:
    await world.contact("Acme")
    async with world.tx() as tx:
        before = (await read_news(tx, 0)).position
    await restore.begin(matching_database)
    for number in range(5):  # new events take the positions of the lost ones
        await world.contact(f"New {number}")
    async with world.tx() as tx:
        assert (await read_news(tx, before + 2)).resync


async def test_doctor_names_what_waits_and_what_the_restored_database_lacks(
    world: World, matching_database: Database, says: object
) -> None:
    assert callable(says)
    assert await says() == []
    await restore.begin(matching_database)
    assert await says() == [(False, "Demo Company: connect it again, and wait until all contacts are read")]
    await change(world, "health = 'HEALTHY', invoice_sync = true")
    assert await says() == [(False, "Demo Company: Tandem has not read the numbers of Xero's invoices yet")]
    await change(world, "invoices_polled_at = restored_at + interval '1 second'")
    assert await says() == [(None, "Demo Company: nothing is missing. `tandem restored --done` ends this")]
    await change(world, "lost_invoices = '{TI-00007}'")
    says_lost = (
        "Demo Company: Xero has invoices that this database lacks: TI-00007. docs/BACKUP.md says what to do"
    )
    assert await says() == [(None, says_lost)]
    assert await restore.finish(matching_database) == 1
    assert await says() == []
