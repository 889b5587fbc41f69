"""Under row-level security, lists and matching use their indexes."""

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.matching import plan as matching_plan
from domain.names.text_keys import search_patterns
from domain.tables import XeroContactFilter
from domain.tx import Tx
from tests.database import rows_of
from tests.domain.world import World

MANY = 30_000


@pytest.fixture
async def crowded(world: World, owner: AsyncConnection) -> World:
    """Many contacts on both sides, as autovacuum leaves them: with statistics, and with no entry of a trigram index pending.

    A read by the index reads all pending entries, so the planner may prefer the whole table.
    """
    async with world.tx() as tx:
        await tx.run(
            "insert into contact (workspace_id, id, name, kind, needs_review, created_at, updated_at, version, name_key,"
            " email_key, search_key, match_name, match_keys, key_version, field_times)"
            " select :ws, gen_random_uuid(), 'N' || n, 'PERSON', false,"
            " :now, :now, 1, 'n' || n, n || '@x.nz', ' n' || n || ' word' || (n % 1000), 'n' || n, array['=n' || n], 1,"
            " '{}'"
            f" from generate_series(1, {MANY}) n"
        )
        await tx.run(
            "insert into xero_contact (workspace_id, id, organisation_id, xero_contact_id, name, is_customer, is_supplier,"
            " status, updated_at, seen_at, name_key, email_key, search_key, key_version) select :ws, gen_random_uuid(),"
            " :organisation, gen_random_uuid(), 'N' || n, true, false, 'ACTIVE', :now, :now, 'n' || n, n || '@y.nz',"
            f" ' n' || n, 1 from generate_series(1, {MANY}) n",
            organisation=world.organisation,
        )
    await owner.exec_driver_sql("vacuum (analyze) contact")
    await owner.exec_driver_sql("vacuum (analyze) xero_contact")
    return world


async def scans(tx: Tx, *relations: str) -> list[int]:
    """Of an index, or of a table as a whole: how often this connection has read it, by counts that are not yet told to
    the others; so two of one transaction are compared."""
    return [
        row["n"]
        for row in await rows_of(
            tx,
            "select pg_stat_get_xact_numscans(cast(cast(r.name as text) as regclass)) as n"
            " from unnest(cast(:relations as text[])) with ordinality r(name, place) order by place",
            relations=list(relations),
        )
    ]


async def test_a_search_uses_the_trigram_index(crowded: World) -> None:
    async with crowded.tx() as tx:
        before = await scans(tx, "ix_contact_search", "contact")
        found = await rows_of(
            tx, "select door.search_contacts(:patterns, 100)", patterns=search_patterns("n1234 word234")
        )
        by_index, whole = await scans(tx, "ix_contact_search", "contact")
    assert len(found) == 1  # n12340 to n12349 have other words
    assert (by_index > before[0], whole) == (True, before[1])


async def test_near_duplicates_are_found_by_trigrams_and_by_keys(crowded: World) -> None:
    relations = ("ix_contact_match_name", "ix_contact_match_keys", "contact")
    async with crowded.tx() as tx:
        before = await scans(tx, *relations)
        found = await rows_of(
            tx,
            "select place from door.similar_contacts(:organisation, array['n1234', 'x'], '[[], [\"=n5\", \"=n6\"]]')",
            organisation=crowded.organisation,
        )
        by_name, by_keys, whole = await scans(tx, *relations)
    places = [row["place"] for row in found]
    assert (places.count(1), places.count(2)) == (20, 2)
    assert (by_name > before[0], by_keys > before[1], whole) == (True, True, before[2])


async def test_matching_a_page_reads_no_whole_table(crowded: World) -> None:
    plan = matching_plan.plan(XeroContactFilter.ALL, "x.id = any(:ids)")
    async with crowded.tx() as tx:
        ids = [
            row["id"]
            for row in await rows_of(tx, "select id from xero_contact where workspace_id = :ws limit 20")
        ]
        rows = await rows_of(
            tx,
            f"explain with {plan} select * from outcome",
            organisation=crowded.organisation,
            run=None,
            ids=ids,
        )
    lines = [row["QUERY PLAN"] for row in rows]
    whole = [line for line in lines if "Seq Scan on contact" in line or "Seq Scan on xero_contact" in line]
    assert whole == []
