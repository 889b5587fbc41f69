"""Webhook events in a world without a Xero: what is announced, read and settled."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.fields.values import SeenContact
from domain.inbound import webhook_inbox
from domain.inbound.webhook_inbox import GATHER, Announced, Category, Claimed
from tests.domain.world import Clock, World
from tests.patience import patience


async def announce(
    world: World, *events: tuple[UUID, datetime], category: Category = Category.CONTACT
) -> None:
    """Each object with its time. The events are in the inbox, and gathered."""
    [row] = await world.rows("select tenant_id from organisation")
    told = [Announced(row["tenant_id"], category, resource, at) for resource, at in events]
    async with world.database.door() as session:
        await webhook_inbox.receive(session, told, world.database.clock.now())
    later(world, GATHER)


def later(world: World, by: timedelta) -> None:
    clock = world.database.clock
    assert isinstance(clock, Clock)
    clock.time += by


async def claim(world: World, only: Sequence[UUID] | None = None) -> Claimed | None:
    async with world.tx() as tx:
        return await webhook_inbox.claim(tx, world.organisation, only)


async def read(world: World, *shown: SeenContact) -> bool:
    """What is due in the inbox is read. False if nothing needs a read."""
    claimed = await claim(world)
    if claimed is None:
        return False
    async with world.tx() as tx:
        await webhook_inbox.settle(tx, world.organisation, claimed.events, shown)
    return True


async def unread(world: World, category: Category = Category.CONTACT) -> set[UUID]:
    async with world.tx() as tx:
        found = await tx.ids(
            "select door.unread_webhooks(:organisation, :category) as id",
            organisation=world.organisation, category=category,
        )  # fmt: skip
    return set(found)


async def blocked(world: World, count: int = 1) -> None:
    """So many other transactions wait for a lock."""
    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with patience(10):
        while len(await world.rows(waiting)) < count:  # noqa: ASYNC110 - other transactions begin to wait
            await asyncio.sleep(0.01)
