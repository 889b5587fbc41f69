"""A filter that is narrowed while a run matches is obeyed once the change is committed."""

import pytest

from domain.connection import organisations
from domain.matching import issues
from domain.tables import MatchPass, XeroContactFilter
from tests.domain.world import World, seen


async def narrow(world: World) -> None:
    """As updateContactSync does it."""
    async with world.tx() as tx:
        await organisations.update_sync(
            tx, world.organisation, contact_filter=XeroContactFilter.CUSTOMERS_ONLY
        )
        await issues.evaluate_filter(tx, world.organisation)


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
