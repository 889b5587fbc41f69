"""Steps of tests about the names that Xero's contacts hold, and about contacts that Xero does not show."""

from dataclasses import replace
from uuid import UUID

from domain.actions import push
from domain.actions.push import Wish
from domain.fields.values import SeenContact
from domain.links.failures import Failure
from domain.matching import issues
from domain.tables import RunPurpose, SyncedField
from tests.domain.world import World

TAKEN = Failure("NAME_TAKEN_IN_XERO", "The contact name Kea is already assigned.", SyncedField.NAME)


async def pushed(world: World, contact: UUID, *, anyway: bool = False) -> None:
    async with world.tx() as tx, issues.evaluating(tx):
        await push.push(tx, Wish(contact, world.organisation, create_anyway=anyway))


async def own_link(world: World) -> dict[str, object]:
    """The link of the push, if there is one."""
    [link] = await world.rows("select * from sync_link order by contact_number limit 1")
    return link


async def scan(world: World, *shown: SeenContact) -> None:
    run = await world.begin_run(RunPurpose.SCAN)
    await world.finish(run.id, [replace(one, seen_at=run.started_at) for one in shown])
