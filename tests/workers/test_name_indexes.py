"""A large import looks up near-duplicates in the name index, and finds the same as PostgreSQL."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.matching.name_index import MIN_CONTACTS
from domain.names.text_keys import VERSION
from domain.tables import MatchPass
from domain.tx import Tx
from runtime.embedded import services as embedded_services
from tests.database import Place
from tests.domain.world import World
from tests.workers.connected import Connected, connected
from workers import importing
from workers.name_indexes import NameIndexes


async def fill(world: World) -> None:
    async with world.tx() as tx:
        await tx.run(
            "insert into contact (workspace_id, id, name, kind, needs_review, created_at, updated_at, version, name_key,"
            " search_key, match_name, match_keys, key_version, field_times) select :ws, gen_random_uuid(), 'Filler ' || n,"
            " 'PERSON', false, :now, :now, 1, 'filler ' || n, 'filler ' || n, 'filler ' || n, array['+filler', '+' || n],"
            f" {VERSION}, '{{}}' from generate_series(1, {MIN_CONTACTS}) n"
        )


async def fail_in_a_look(owner: AsyncConnection, here: Connected, run_id: UUID) -> None:
    await owner.exec_driver_sql("alter table sync_link rename to away")
    try:
        with pytest.raises(ExceptionGroup):
            await importing.advance(here.process, here.world.workspace, run_id)
    finally:
        await owner.exec_driver_sql("alter table away rename to sync_link")
    await here.world.rows("update import_run set lease_until = null returning 1")


async def test_a_contact_added_during_a_large_import_is_a_candidate_of_later_look_ups(
    clean: Place, services: embedded_services.Services, owner: AsyncConnection
) -> None:
    async with connected(clean, services, 1600) as here:
        await fill(here.world)
        run_id = await here.start_import()
        workspace, indexes = here.world.workspace, here.process.name_indexes
        while not indexes.held(run_id):
            assert await importing.advance(here.process, workspace, run_id)
        # What failed may have left a thread at it.
        await fail_in_a_look(owner, here, run_id)
        assert not indexes.held(run_id)
        assert await importing.advance(here.process, workspace, run_id)
        assert indexes.held(run_id)
        run = await here.run(run_id)
        assert (run.match_pass, run.position is None) == (MatchPass.SIMILAR, False)
        # Two that no key brings together.
        [later] = await here.world.rows(
            "update xero_contact x set name = 'Wharekauripounamu', name_key = 'wharekauripounamu', email = null,"
            " email_key = null, phone = null, billing_address = null where id = (select max(m.id::text)::uuid"
            " from xero_contact m where m.status = 'ACTIVE' and m.looked_at is null and m.id > :position) returning id",
            position=run.position,
        )
        contact = await here.world.contact("Wherekauripounamu")
        while await importing.advance(here.process, workspace, run_id):
            pass
        assert not indexes.held(run_id)
        candidates = await here.world.rows(
            "select i.reason, m.contact_id from match_issue i join match_candidate m on m.issue_id = i.id"
            " where i.xero_contact_id = :id",
            id=later["id"],
        )
        assert candidates == [{"reason": "SIMILAR", "contact_id": contact.id}]
        assert await here.world.rows("select 1 from match_issue having count(*) > 1") == []


async def test_one_run_at_a_time_has_a_name_index(clean: Place, services: embedded_services.Services) -> None:
    async with connected(clean, services, 1) as here:
        await here.world.contact("Kauri Joinery")
        indexes, first, second, small = NameIndexes(), uuid4(), uuid4(), uuid4()
        asked = 0

        async def worth() -> bool:
            nonlocal asked
            asked += 1
            await asyncio.sleep(0)
            return True

        async def not_worth() -> bool:
            return not await worth()

        async def find(run: UUID) -> bool:
            async with here.world.tx() as tx:
                return await indexes.find(tx, run, worth) is not None

        async def find_small(tx: Tx) -> bool:
            return await indexes.find(tx, small, not_worth) is not None

        async with here.world.tx() as tx:
            assert not await find_small(tx)
            assert not await find_small(tx)
        assert asked == 1
        # Which run asks first depends on which connection PostgreSQL answers first.
        found = [*await asyncio.gather(find(first), find(second), find(first))]
        assert found in ([True, False, True], [False, True, False])
        if found[1]:
            first, second = second, first
        assert asked == 2
        indexes.drop(second)
        assert not await find(second)
        indexes.drop(first)
        assert await find(second)
        assert not await find(first)
        async with here.world.tx() as tx:
            await tx.run("update contact set key_version = 0 where workspace_id = :ws")
        assert not await find(second)
        assert not indexes.held(second)
