"""Under row-level security, what lists and matching look up is found by index."""

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import matching
from domain.keys import search_patterns
from domain.tables import XeroContactFilter
from tests.domain.world import World

MANY = 30_000


@pytest.fixture
async def crowded(world: World, owner: AsyncConnection) -> World:
    """Many contacts on both sides, and statistics that know it."""
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
    await owner.exec_driver_sql("analyze contact")
    await owner.exec_driver_sql("analyze xero_contact")
    return world


async def scans(world: World, index: str) -> int:
    async with world.tx() as tx:
        await tx.rows("select pg_stat_force_next_flush()")
    async with world.tx() as tx:
        rows = await tx.rows(
            "select idx_scan from pg_stat_user_indexes where indexrelname = :index", index=index
        )
    count: int = rows[0]["idx_scan"]
    return count


async def whole_reads(world: World) -> int:
    async with world.tx() as tx:
        await tx.rows("select pg_stat_force_next_flush()")
    [row] = await world.rows("select seq_scan from pg_stat_user_tables where relname = 'contact'")
    count: int = row["seq_scan"]
    return count


async def test_a_search_uses_the_trigram_index(crowded: World) -> None:
    # One connection, as statistics are kept by each until it flushes them.
    before = await scans(crowded, "ix_contact_search")
    async with crowded.tx() as tx:
        found = await tx.rows(
            "select door.search_contacts(:patterns, 100)", patterns=search_patterns("n1234 word234")
        )
    assert len(found) == 1  # n12340 to n12349 have other words
    assert await scans(crowded, "ix_contact_search") > before


async def test_near_duplicates_are_found_by_trigrams_and_by_keys(crowded: World) -> None:
    indexes = ("ix_contact_match_name", "ix_contact_match_keys")
    before = [await scans(crowded, index) for index in indexes]
    whole = await whole_reads(crowded)
    async with crowded.tx() as tx:
        found = await tx.rows(
            "select place from door.similar_contacts(:organisation, array['n1234', 'x'], '[[], [\"=n5\", \"=n6\"]]')",
            organisation=crowded.organisation,
        )
    places = [row["place"] for row in found]
    assert (places.count(1), places.count(2)) == (20, 2)
    assert all([await scans(crowded, index) > n for index, n in zip(indexes, before, strict=True)])
    assert await whole_reads(crowded) == whole


async def test_a_page_of_the_match_reads_no_whole_table(crowded: World) -> None:
    plan = matching.plan(XeroContactFilter.ALL, "x.id = any(:ids)")
    async with crowded.tx() as tx:
        ids = [
            row["id"]
            for row in await tx.rows("select id from xero_contact where workspace_id = :ws limit 20")
        ]
        rows = await tx.rows(
            f"explain with {plan} select * from outcome", organisation=crowded.organisation, run=None, ids=ids
        )
    lines = [row["QUERY PLAN"] for row in rows]
    whole = [line for line in lines if "Seq Scan on contact" in line or "Seq Scan on xero_contact" in line]
    assert whole == []
