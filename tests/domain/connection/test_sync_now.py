"""syncNow: a change in Xero is read soon, and repeated requests waste no calls."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from domain.connection import organisations, poll_schedule
from domain.connection.call_budget import Limits
from domain.connection.poll_schedule import BY_HAND
from domain.invoices import xero_catalogue
from domain.invoices.xero_catalogue import Catalogue
from domain.tables import RunPurpose
from tests.database import rows_of
from tests.domain.world import Clock, World

SECOND = timedelta(seconds=1)
NOTHING = Catalogue((), (), None, None)
MINUTE = 60


@dataclass(frozen=True)
class ReportedLimits:
    day_remaining: int
    status: int = 200
    minute_remaining: int = 50
    until: datetime | None = None


async def press(world: World) -> None:
    async with world.tx() as tx:
        await organisations.sync_now(tx, world.organisation)


_DUE = "select key from door.due_jobs(:now, :now, '{}', 9) where kind = :kind"


async def begin_polls(world: World) -> None:
    """As a worker does."""
    async with world.tx() as tx:
        for row in await rows_of(tx, _DUE, kind="poll_contacts"):
            await organisations.begin_run(tx, row["key"], RunPurpose.DELTA)


async def read_contacts(world: World) -> int:
    """Do the due reads, and return the number of calls to Xero."""
    await begin_polls(world)
    async with world.tx() as tx:
        runs = await rows_of(tx, "select id from import_run where finished_at is null and due_at <= :now")
    for run in runs:
        await world.read(run["id"], [])
        while await world.match(run["id"]):
            pass
    return len(runs)


async def read_accounts(world: World) -> int:
    async with world.tx() as tx:
        due = await rows_of(tx, _DUE, kind="read_catalogue")
        for row in due:
            await xero_catalogue.show(tx, row["key"], NOTHING)
    return len(due)


async def test_sync_now_every_second_reads_every_ten_seconds(world: World, clock: Clock) -> None:
    contacts = accounts = 0
    for _ in range(MINUTE):
        await press(world)
        contacts += await read_contacts(world)
        accounts += await read_accounts(world)
        clock.time += SECOND
    assert 6 <= contacts <= 7
    assert 6 <= accounts <= 7


@pytest.mark.parametrize("after", [1, 9, 10, 30])
async def test_a_second_sync_now_reads_within_ten_seconds(world: World, clock: Clock, after: int) -> None:
    await press(world)
    assert (await read_contacts(world), await read_accounts(world)) == (1, 1)
    clock.time += after * SECOND
    await press(world)
    clock.time += max(BY_HAND - after * SECOND, timedelta())
    assert (await read_contacts(world), await read_accounts(world)) == (1, 1)
    clock.time += timedelta(seconds=30)
    assert (await read_contacts(world), await read_accounts(world)) == (0, 0)


async def test_a_change_in_xero_during_a_read_is_read_soon_after(world: World, clock: Clock) -> None:
    await press(world)
    [run] = await world.rows("select id from import_run where finished_at is null")
    async with world.tx() as tx:
        asked = tx.now
    await world.read(run["id"], [])
    await press(world)  # what was changed since is in no page of that run
    while await world.match(run["id"]):
        pass
    async with world.tx() as tx:
        await xero_catalogue.show(tx, world.organisation, NOTHING, asked)
    clock.time += BY_HAND
    assert (await read_contacts(world), await read_accounts(world)) == (1, 1)


async def test_sync_now_reads_at_the_interval_of_polls_once_half_the_calls_are_used(
    world: World, clock: Clock
) -> None:
    await press(world)
    assert (await read_contacts(world), await read_accounts(world)) == (1, 1)
    await tell_the_day(world, 2000)
    clock.time += BY_HAND
    await press(world)
    assert (await read_contacts(world), await read_accounts(world)) == (0, 0)
    clock.time += poll_schedule.poll_interval(2000, webhooks_healthy=False) - BY_HAND
    assert (await read_contacts(world), await read_accounts(world)) == (1, 1)


async def tell_the_day(world: World, remaining: int) -> None:
    """An answer of Xero says how many of the day's 5,000 calls are left."""
    limiter = Limits(world.database.call_door, world.database.clock)
    [row] = await world.rows("select tenant_id from organisation")
    slot = await limiter.take(row["tenant_id"], "BULK")
    assert not isinstance(slot, datetime)
    await limiter.give(slot, ReportedLimits(remaining))
