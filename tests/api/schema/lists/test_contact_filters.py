"""The filters of the list of contacts by link, type, kind and review: exact, and as cheap for few as for many contacts."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from api.relay import ids
from api.relay.paging import Asked, Direction, Listing
from api.schema.contacts import ContactFilter, ContactOrder, ContactOrderField, ContactRow, listing
from domain.tables import ContactKind, SyncState
from domain.tx import Tx
from runtime.database import written
from tests import make
from tests.database import plan_nodes, row_of

STATES = list(SyncState)


async def add_organisation(tx: Tx, first: UUID) -> UUID:
    second = uuid4()
    await tx.run(
        "insert into organisation select (jsonb_populate_record(o, jsonb_build_object('id', cast(:second as text), 'tenant_id',"
        " cast(gen_random_uuid() as text)))).* from organisation o where o.workspace_id = :ws and o.id = :first",
        first=first, second=str(second),
    )  # fmt: skip
    return second


async def link(tx: Tx, chance: random.Random, organisation: UUID, contact: UUID) -> None:
    """A link in a state drawn at random, unless it would be the second active one."""
    await tx.run(
        "insert into sync_link (workspace_id, id, organisation_id, contact_id, state, state_since, origin, linked_at, version,"
        " base_practice, base_xero, due_at) values (:ws, gen_random_uuid(), :organisation, :contact, :state, :now, 'FULL_MATCH', :now,"
        " 1, '{}', '{}', cast(:due as timestamptz)) on conflict do nothing",
        organisation=organisation, contact=contact, state=str(chance.choice(STATES)), due=chance.choice([tx.now, None]),
    )  # fmt: skip


async def change(tx: Tx, chance: random.Random, organisations: list[UUID]) -> None:
    """Something that moves a contact from one list to another."""
    contact = chance.choice(
        await tx.ids("select id from contact where workspace_id = :ws order by name_key, id")
    )
    link_id = chance.choice(
        await tx.ids("select id from sync_link where workspace_id = :ws order by state, contact_id, id")
    )
    match chance.randrange(7):
        case 0:
            await tx.run(
                "update contact set name_key = :name where workspace_id = :ws and id = :id",
                name=f"renamed {chance.randrange(9)}", id=contact,
            )  # fmt: skip
        case 1:
            await tx.run(
                "update contact set archived_at = case when archived_at is null then cast(:now as timestamptz) end"
                " where workspace_id = :ws and id = :id",
                id=contact,
            )
        case 2 | 3:
            state = chance.choice(STATES)
            await tx.run(
                "update sync_link l set state = :state where workspace_id = :ws and id = :id and not exists (select from sync_link m"
                " where m.workspace_id = :ws and m.contact_id = l.contact_id and m.organisation_id = l.organisation_id and m.id <> l.id)",
                state=str(state), id=link_id,
            )  # fmt: skip
        case 4:
            await tx.run("delete from sync_link where workspace_id = :ws and id = :id", id=link_id)
        case 5:
            await link(tx, chance, chance.choice(organisations), contact)
        case _:
            await tx.run("delete from contact where workspace_id = :ws and id = :id", id=contact)


def by_link(organisations: list[UUID]) -> Iterator[Listing[ContactRow]]:
    """Every filter that reads ranges, in both directions."""
    wanted = [ContactFilter(linked=linked) for linked in (True, False)]
    sets = [[state] for state in STATES] + [[], STATES, [SyncState.FAILING, SyncState.PENDING]]
    wanted += [ContactFilter(sync_state=states) for states in sets]
    wanted += [
        ContactFilter(organisation_id=ids.encode("XeroOrganisation", one), **more)
        for one in organisations
        for more in ({}, {"linked": True}, {"linked": False}, {"sync_state": [SyncState.FAILING]})
    ]
    for each in wanted:
        for direction in Direction:
            found = listing(each, ContactOrder(field=ContactOrderField.NAME, direction=direction))
            assert found.ranges is not None
            yield found


async def pages(tx: Tx, wanted: Listing[ContactRow], *, backward: bool) -> list[UUID]:
    found: list[UUID] = []
    place = Asked(3, backward)
    while True:
        page = await wanted.read(tx, place)
        rows = [row.id for _, row in page.rows]
        found = rows + found if backward else found + rows
        if not (page.info.has_previous_page if backward else page.info.has_next_page):
            return found
        place = (
            replace(place, before=page.info.start_cursor)
            if backward
            else replace(place, after=page.info.end_cursor)
        )


@pytest.mark.parametrize("seed", range(2))
async def test_lists_by_link_equal_a_scan_of_all_contacts(ada: make.Client, seed: int) -> None:
    """Also while names, states and links change, with two organisations of which one holds up what waits."""
    chance = random.Random(seed)
    async with ada.world.tx() as tx:
        organisations = [ada.world.organisation, await add_organisation(tx, ada.world.organisation)]
        await tx.run(
            "update organisation set health = 'NEEDS_RECONNECT' where workspace_id = :ws and id = :id",
            id=organisations[1],
        )
        for n in range(14):
            await tx.run(
                "insert into contact (workspace_id, id, name, kind, needs_review, created_at, updated_at, version, name_key,"
                " search_key, key_version, field_times, archived_at) values (:ws, gen_random_uuid(), 'C', 'PERSON', false, :now, :now, 1,"
                " :key, ' c', 1, '{}', cast(:archived as timestamptz))",
                key=f"c {n // 2}", archived=tx.now if n % 5 == 4 else None,
            )  # fmt: skip
        for contact in await tx.ids("select id from contact where workspace_id = :ws order by name_key, id"):
            for organisation in organisations:
                for _ in range(chance.randrange(3)):
                    await link(tx, chance, organisation, contact)
        for turn in range(25):
            await change(tx, chance, organisations)
            if turn % 8 == 0:
                for wanted in by_link(organisations):
                    scanned = replace(wanted, ranges=None)
                    everything = [row.id for _, row in (await scanned.read(tx, Asked(100))).rows]
                    assert await pages(tx, wanted, backward=chance.random() < 0.5) == everything
                    assert await wanted.count(tx) == len(everything)


async def blocks(tx: Tx, sql: str, wanted: Listing[ContactRow]) -> int:
    """Blocks that the statement reads by the plan that PostgreSQL keeps for a prepared statement."""
    given = {"ws": tx.workspace, "now": tx.now, **wanted.values}
    asyncpg_sql, names = written(sql, given)
    await tx.run("set local plan_cache_mode = force_generic_plan")
    await tx.run(f"prepare asked as {asyncpg_sql.replace(':', chr(92) + ':')}")
    bound = ", ".join(
        f"'{{{','.join(value)}}}'" if isinstance(value, list) else f"'{value}'"
        for value in (given[name] for name in names)
    )
    told = await row_of(
        tx, f"explain (analyze, buffers, format json) execute asked({bound.replace(':', chr(92) + ':')})"
    )
    await tx.run("deallocate asked")
    assert told is not None
    plan = told["QUERY PLAN"]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    scans = {(node["Node Type"], node.get("Relation Name")) for node in plan_nodes(plan[0]["Plan"])}
    assert ("Seq Scan", "contact") not in scans
    return int(plan[0]["Plan"]["Shared Hit Blocks"]) + int(plan[0]["Plan"]["Shared Read Blocks"])


async def test_a_page_by_filter_reads_few_blocks_whether_few_or_many_fit(
    ada: make.Client, owner: AsyncConnection
) -> None:
    """Of 10,000 contacts: in 51 rows each may cost some blocks, but no filter reads all contacts or all links.

    The tables are as autovacuum leaves them. Else a page reads the entries of rows that are gone, also those of other tests.
    """
    await make.many_contacts(ada.world, 10_000)
    organisation = ids.encode("XeroOrganisation", ada.world.organisation)
    async with ada.world.tx() as tx:
        await tx.run(
            "insert into sync_link (workspace_id, id, organisation_id, contact_id, state, state_since, origin, linked_at, version,"
            " base_practice, base_xero) select workspace_id, gen_random_uuid(), :organisation, id, case when name_key ~ '77$' then"
            " 'FAILING' else 'SYNCED' end, :now, 'FULL_MATCH', :now, 1, '{}', '{}' from contact where workspace_id = :ws",
            organisation=ada.world.organisation,
        )
        await tx.run(
            "update contact set kind = 'ORGANISATION', needs_review = true, contact_type_id = :type where workspace_id = :ws and name_key ~ '55$'",
            type=ada.world.contact_type,
        )
    for table in ("contact", "sync_link", "listed_link", "unlinked_contact", "organisation"):
        await owner.exec_driver_sql(f"vacuum (analyze) {table}")
    async with ada.world.tx() as tx:
        for wanted in (
            *(ContactFilter(sync_state=[state]) for state in STATES),
            ContactFilter(sync_state=[SyncState.FAILING], organisation_id=organisation),
            ContactFilter(linked=True),
            ContactFilter(linked=False),
            ContactFilter(kind=ContactKind.ORGANISATION),
            ContactFilter(contact_type_id=ids.encode("ContactType", ada.world.contact_type)),
            ContactFilter(needs_review=True),
        ):
            found = listing(wanted, None)
            page, _ = found.statement(Asked(), found.columns)
            assert await blocks(tx, page, found) < 450, wanted
