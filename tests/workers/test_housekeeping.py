"""What the hourly job deletes, and what it keeps."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.outbound import contact_deliveries
from domain.outbound.deliveries import Claimed
from runtime.embedded import services as embedded_services
from tests.database import Place
from tests.domain.conftest import clock, matching_database, world
from tests.domain.linked import change, linked
from tests.domain.world import Clock, World
from tests.workers.connected import settings_for
from workers import housekeeping
from workers.process import Process, opened

__all__ = ["clock", "matching_database", "world"]
MOMENT = timedelta(minutes=1)
NOBODY = "http://127.0.0.1:1"


@pytest.fixture
async def process(clean: Place, services: embedded_services.Services, clock: Clock) -> AsyncIterator[Process]:
    async with opened(settings_for(clean, services, NOBODY), clock) as made:
        yield made


async def count(owner: AsyncConnection, table: str) -> int:
    return int(await owner.scalar(sa.text(f"select count(*) from {table}")) or 0)


async def test_a_live_event_is_kept_for_7_days(
    process: Process, world: World, owner: AsyncConnection, clock: Clock
) -> None:
    """A client that was away for a week catches up from its cursor."""
    await world.contact("Acme")
    assert await count(owner, "event") > 0
    clock.time += timedelta(days=7) - MOMENT
    await housekeeping.keep_house(process)
    assert await count(owner, "event") > 0
    clock.time += 2 * MOMENT
    await housekeeping.keep_house(process)
    assert await count(owner, "event") == 0


async def test_an_unread_webhook_event_is_kept_for_14_days(
    process: Process, world: World, owner: AsyncConnection, clock: Clock
) -> None:
    await owner.execute(
        sa.text(
            "insert into webhook_event (tenant_id, category, resource_id, event_at, received_at, due_at)"
            " values (:tenant, 'CONTACT', :tenant, :at, :at, :at)"
        ),
        {"tenant": uuid4(), "at": clock.time},
    )
    clock.time += timedelta(days=14) - MOMENT
    await housekeeping.keep_house(process)
    assert await count(owner, "webhook_event") == 1
    clock.time += 2 * MOMENT
    await housekeeping.keep_house(process)
    assert await count(owner, "webhook_event") == 0


async def delivery(world: World) -> Claimed:
    contact, _ = await linked(world)
    await change(world, contact, name="Sent")
    async with world.tx() as tx:
        claimed = await contact_deliveries.claim(
            tx, await world.read_organisation(tx), lambda *_: (b"Sent", {})
        )
    assert claimed is not None
    return claimed


async def test_an_ended_delivery_is_kept_for_a_day(
    process: Process, world: World, owner: AsyncConnection, clock: Clock
) -> None:
    claimed = await delivery(world)
    async with world.tx() as tx:
        await contact_deliveries.free(tx, claimed)
    clock.time += timedelta(days=1) - MOMENT
    await housekeeping.keep_house(process)
    assert await count(owner, "delivery") == 1
    clock.time += 2 * MOMENT
    await housekeeping.keep_house(process)
    assert await count(owner, "delivery") == 0


async def test_the_bytes_of_an_open_delivery_are_deleted_after_a_day_by_housekeeping(
    process: Process, world: World, owner: AsyncConnection, clock: Clock
) -> None:
    """They are personal data. The delivery itself stays, as its members are not settled."""
    await delivery(world)
    clock.time += timedelta(days=1) - MOMENT
    await housekeeping.keep_house(process)
    assert await count(owner, "delivery where body is not null") == 1
    clock.time += 2 * MOMENT
    await housekeeping.keep_house(process)
    assert await count(owner, "delivery where body is not null") == 0
    assert await count(owner, "delivery where ended_at is null") == 1
