"""Two transactions that need the same rows at once: each locks them in the order of the ids, so none waits in a circle."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from domain.inbound import webhook_inbox
from domain.inbound.webhook_inbox import LAG_AGAIN
from domain.links.failures import Failure
from domain.mirror import status_requests
from domain.outbound import status_deliveries
from domain.outbound.contact_deliveries import Answered
from domain.outbound.deliveries import Claimed
from domain.tables import XeroContactStatus
from tests.domain.announced import announce, blocked, claim, later, unread
from tests.domain.linked import LATER
from tests.domain.world import World, seen

SOON = LATER + timedelta(seconds=60)


async def linked(world: World) -> None:
    await world.shown(*(seen(f"Client {n}", f"c{n}@x.nz") for n in range(2)))
    await world.import_mirror()


async def lock(world: World, held: asyncio.Event, go: asyncio.Event, *rows: tuple[str, UUID]) -> None:
    """Another transaction: it locks the first row, and the others from `go` on."""
    async with world.tx() as tx:
        for number, (statement, key) in enumerate(rows):
            await tx.ids(statement, id=key)
            if not number:
                held.set()
                await go.wait()


async def settle(world: World, claimed: webhook_inbox.Claimed) -> None:
    """Xero answers and shows none of the contacts."""
    async with world.tx() as tx:
        await webhook_inbox.settle(tx, world.organisation, claimed.events, [])


async def test_events_that_come_while_the_read_of_former_ones_is_settled_make_no_deadlock(
    world: World,
) -> None:
    await linked(world)
    rows = await world.rows("select xero_contact_id from xero_contact order by xero_contact_id")
    first, second = [row["xero_contact_id"] for row in rows]
    await announce(world, (first, LATER))
    taken = await claim(world)
    assert taken is not None
    await settle(world, taken)
    later(world, LAG_AGAIN)
    await announce(world, (second, LATER))
    taken = await claim(world)
    assert taken is not None
    assert {one.resource_id: one.late for one in taken.events} == {first: True, second: False}
    row = "select id from xero_contact where workspace_id = :ws and xero_contact_id = :id for update"
    held, go = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as both:
        both.create_task(lock(world, held, go, (row, first)))
        await held.wait()
        # The events are settled in two statements. The transaction waits for the row of the first between the two.
        both.create_task(settle(world, taken))
        await blocked(world)
        both.create_task(announce(world, (first, SOON), (second, SOON)))
        await blocked(world, 2)
        go.set()
    assert await unread(world) == {first, second}


async def refuse(world: World, claimed: Claimed, members: Sequence[UUID]) -> None:
    async with world.tx() as tx:
        refused = Failure("INVALID_IN_XERO", "Xero says no.")
        await status_deliveries.settle(tx, claimed, [Answered(one, failure=refused) for one in members])


async def test_refused_archivings_and_a_claim_of_the_same_contacts_make_no_deadlock(world: World) -> None:
    await linked(world)
    rows = await world.rows("select xero_contact_id, contact_id from sync_link order by contact_id")
    for row in rows:
        async with world.tx() as tx:
            await status_requests.request(
                tx, world.organisation, row["xero_contact_id"], XeroContactStatus.ARCHIVED
            )
    async with world.tx() as tx:
        claimed = await status_deliveries.claim(tx, await world.read_organisation(tx), lambda _: b"...")
    assert claimed is not None
    contact = "select id from contact where workspace_id = :ws and id = :id for update"
    held, go = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as both:
        both.create_task(lock(world, held, go, *((contact, row["contact_id"]) for row in rows)))
        await held.wait()
        both.create_task(refuse(world, claimed, [row["xero_contact_id"] for row in reversed(rows)]))
        await blocked(world)
        go.set()
    states = await world.rows("select distinct state from sync_link")
    assert states == [{"state": "FAILING"}]
