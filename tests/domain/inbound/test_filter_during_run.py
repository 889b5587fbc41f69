"""A filter that is narrowed while a run matches is obeyed once the change is committed."""

from uuid import uuid4

import pytest

from domain.connection import organisations
from domain.matching import issues
from domain.tables import MatchPass, RunPurpose, XeroContactFilter
from tests.domain.world import World, seen


async def choose(world: World, contact_filter: XeroContactFilter) -> None:
    """As updateContactSync does it."""
    async with world.tx() as tx:
        await organisations.update_sync(tx, world.organisation, contact_filter=contact_filter)
        await issues.evaluate_filter(tx, world.organisation)


async def narrow(world: World) -> None:
    await choose(world, XeroContactFilter.CUSTOMERS_ONLY)


async def names(world: World) -> set[str]:
    return {row["name"] for row in await world.rows("select name from contact")}


@pytest.mark.parametrize("reached", list(MatchPass))
async def test_nothing_is_made_or_asked_that_the_present_filter_excludes(
    world: World, reached: MatchPass
) -> None:
    """The filter is narrowed when the run has come to the pass `reached`."""
    await world.contact("Both Ltd", "both@x.nz")
    await world.contact("Fits by name Ltd", "ours@x.nz")
    await world.shown(
        seen("Both Ltd", "both@x.nz", customer=False),
        seen("Fits by name Ltd", "theirs@x.nz", customer=False),
        seen("Supplier Ltd", "supplier@x.nz", customer=False),
        seen("Customer Ltd", "customer@x.nz"),
    )
    run = await world.start_import()
    await world.read(run, [])
    narrowed = False
    while True:
        [row] = await world.rows("select match_pass from import_run where id = :id", id=run)
        if not narrowed and row["match_pass"] == reached:
            await narrow(world)
            narrowed, before = True, await names(world)
            linked = await world.rows("select 1 from sync_link where state = 'SYNCED'")
            assert await world.rows("select 1 from match_issue where state = 'OPEN'") == []
        if not await world.match(run):
            break
    assert narrowed
    assert await names(world) - before <= {"Customer Ltd"}
    assert "Customer Ltd" in await names(world)
    added = len(await world.rows("select 1 from sync_link where state = 'SYNCED'")) - len(linked)
    assert added == len(await names(world) - before)
    assert await world.rows("select 1 from match_issue where state = 'OPEN'") == []
    ended = await world.rows("select resolution from match_issue")
    assert {row["resolution"] for row in ended} <= {"OBSOLETE"}
    assert bool(ended) is (reached in (MatchPass.CREATIONS, MatchPass.CHANGES))


async def finish(world: World) -> None:
    """The run that is under way goes on to its end, and so do the runs that it begins."""
    for _ in range(4):
        runs = await world.rows("select id, phase from import_run where finished_at is null")
        if not runs:
            return
        if runs[0]["phase"] == "READING":
            await world.read(runs[0]["id"], [])
        while await world.match(runs[0]["id"]):
            pass
    raise AssertionError("there is no end of runs")


@pytest.mark.parametrize("purpose", [RunPurpose.IMPORT, RunPurpose.DELTA])
@pytest.mark.parametrize("reached", [MatchPass.SIMILAR, MatchPass.CHANGES])
async def test_a_filter_that_is_narrowed_and_widened_again_leaves_nobody_out(
    world: World, purpose: RunPurpose, reached: MatchPass
) -> None:
    """The passes between the two changes left contacts out, and the issues about others ended with the first change."""
    await world.contact("Fits by name Ltd", "ours@x.nz")
    await world.shown(seen("Fits by name Ltd", "theirs@x.nz", customer=False))
    await world.import_mirror()
    async with world.tx() as tx:
        assert await organisations.begin_run(tx, world.organisation, purpose)
    [run] = await world.rows("select id from import_run where finished_at is null")
    await world.shown(seen("Supplier Ltd", "supplier@x.nz", customer=False))
    await world.read(run["id"], [])
    await narrow(world)
    while not await world.rows(
        "select 1 from import_run where finished_at is null and match_pass = :reached", reached=reached
    ):
        assert await world.match(run["id"])
    async with world.tx() as tx:  # what changed has been matched with the narrow filter
        await tx.run("update xero_contact set dirty = false")
    await choose(world, XeroContactFilter.ALL)
    await finish(world)
    assert "Supplier Ltd" in await names(world)
    assert len(await world.rows("select 1 from match_issue where state = 'OPEN'")) == 1


@pytest.mark.parametrize("phase", ["READING", "MATCHING"])
async def test_a_filter_that_is_widened_before_a_reconnect_matches_what_it_adds(
    world: World, phase: str
) -> None:
    async with world.tx() as tx:
        await tx.run("update organisation set contact_filter = 'CUSTOMERS_ONLY'")
    await world.shown(seen("Supplier Ltd", "supplier@x.nz", customer=False))
    await world.import_mirror()
    async with world.tx() as tx:
        assert await organisations.begin_run(tx, world.organisation, RunPurpose.DELTA)
    [run] = await world.rows("select id from import_run where finished_at is null")
    if phase == "MATCHING":
        await world.read(run["id"], [])
    async with world.tx() as tx:
        await organisations.disconnect(tx, world.organisation)
    await choose(world, XeroContactFilter.ALL)
    [row] = await world.rows("select tenant_id, grant_id from organisation")
    async with world.tx() as tx:
        tenant = organisations.Tenant(row["tenant_id"], uuid4(), "Here Ltd")
        await organisations.connect(tx, tenant, row["grant_id"])
    await finish(world)
    assert "Supplier Ltd" in await names(world)
