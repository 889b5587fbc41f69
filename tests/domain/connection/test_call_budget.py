"""Xero's limits, counted in PostgreSQL over all callers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.connection.call_budget import HOLD, CallBudget, Limits, find_many
from domain.tx import TANDEM, Tx
from runtime.database import Database, connect
from tests.database import Place
from tests.domain.connection.clock import BEGAN, Clock
from xero.allowance import Priority, ReportedLimits

OK = ReportedLimits(200)


@pytest.fixture
async def database(clean: Place) -> AsyncIterator[Database]:
    made = connect(clean.app_url)
    yield made
    await made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(database: Database, clock: Clock) -> Limits:
    return Limits(database.call_door, clock)


@pytest.fixture
def tenant() -> UUID:
    return uuid4()


async def budgets(database: Database, clock: Clock, *tenants: UUID) -> dict[UUID, CallBudget]:
    async with database.door() as session:
        return await find_many(Tx(session, uuid4(), TANDEM, clock.now()), tenants)


async def taken(limits: Limits, tenant: UUID, priority: Priority = Priority.INTERACTIVE) -> UUID:
    slot = await limits.take(tenant, priority)
    assert isinstance(slot, UUID), f"no slot before {slot}"
    return slot


async def refused(limits: Limits, tenant: UUID, priority: Priority = Priority.INTERACTIVE) -> datetime:
    until = await limits.take(tenant, priority)
    assert isinstance(until, datetime), "a slot, though there should be none"
    return until


async def call(limits: Limits, tenant: UUID, times: int, told: ReportedLimits = OK) -> None:
    for _ in range(times):
        await limits.give(await taken(limits, tenant), told)


async def test_five_calls_run_at_once_and_the_sixth_waits_for_an_answer(
    limits: Limits, tenant: UUID, clock: Clock
) -> None:
    slots = [await taken(limits, tenant) for _ in range(5)]
    assert await refused(limits, tenant) > clock.now()
    await limits.give(slots[0], OK)
    await taken(limits, tenant)
    await refused(limits, tenant)


async def test_bulk_calls_leave_one_of_the_five_slots_free(limits: Limits, tenant: UUID) -> None:
    for _ in range(4):
        await taken(limits, tenant, Priority.BULK)
    await refused(limits, tenant, Priority.BULK)
    await taken(limits, tenant, Priority.INTERACTIVE)


async def test_the_slot_of_a_killed_worker_ends_with_its_hold(
    limits: Limits, tenant: UUID, clock: Clock
) -> None:
    for _ in range(5):
        await taken(limits, tenant)
    clock.move(HOLD.total_seconds() - 1)
    await refused(limits, tenant)
    clock.move(1)
    await taken(limits, tenant)


async def test_57_calls_a_minute_and_the_next_waits_until_the_first_is_a_minute_old(
    limits: Limits, tenant: UUID, clock: Clock
) -> None:
    await call(limits, tenant, 1)
    clock.move(10)
    await call(limits, tenant, 56)
    assert await refused(limits, tenant) == BEGAN + timedelta(seconds=60)
    clock.move(50)
    await call(limits, tenant, 1)
    assert await refused(limits, tenant) == BEGAN + timedelta(seconds=70)


async def test_the_minute_of_a_call_begins_with_its_answer(
    limits: Limits, tenant: UUID, clock: Clock
) -> None:
    slot = await taken(limits, tenant)
    clock.move(20)
    await limits.give(slot, OK)
    await call(limits, tenant, 56)
    assert await refused(limits, tenant) == BEGAN + timedelta(seconds=80)


async def test_a_call_stays_in_the_minute_for_60_seconds_after_its_answer(
    limits: Limits, tenant: UUID, clock: Clock
) -> None:
    slot = await taken(limits, tenant)
    clock.move(20)
    await limits.give(slot, OK)
    clock.move(41)  # 61 seconds after its start, 41 after its answer
    await call(limits, tenant, 56)
    await refused(limits, tenant)
    clock.move(19)
    await taken(limits, tenant)


async def test_a_call_without_an_answer_stays_in_the_minute_after_its_hold(
    limits: Limits, tenant: UUID, clock: Clock
) -> None:
    for _ in range(5):
        await taken(limits, tenant)  # their process is killed
    clock.move(HOLD.total_seconds())
    await call(limits, tenant, 52)
    assert await refused(limits, tenant) == BEGAN + HOLD + timedelta(seconds=60)


async def test_an_answer_that_is_stored_twice_counts_once_from_the_first(
    limits: Limits, tenant: UUID, clock: Clock
) -> None:
    slots = [await taken(limits, tenant) for _ in range(5)]
    for slot in slots:
        await limits.give(slot, OK)
    clock.move(30)
    for slot in slots:
        await limits.give(slot, OK)
    clock.move(30)
    await call(limits, tenant, 57)


async def test_calls_of_other_apps_stop_counting_after_their_minute(
    limits: Limits, tenant: UUID, clock: Clock
) -> None:
    await call(limits, tenant, 1, ReportedLimits(200, minute_remaining=0, day_remaining=4000))
    await refused(limits, tenant)
    clock.move(60)
    await call(limits, tenant, 57)


async def test_bulk_calls_leave_ten_calls_of_the_minute_free(limits: Limits, tenant: UUID) -> None:
    await call(limits, tenant, 47)
    await refused(limits, tenant, Priority.BULK)
    await call(limits, tenant, 10)
    await refused(limits, tenant)


async def test_calls_of_other_apps_count_for_the_minute(limits: Limits, tenant: UUID, clock: Clock) -> None:
    await call(
        limits, tenant, 1, ReportedLimits(200, minute_remaining=10, day_remaining=4000)
    )  # 49 by others
    clock.move(1)
    await call(limits, tenant, 7)
    await refused(limits, tenant)
    clock.move(61)
    await call(limits, tenant, 8)


async def test_calls_of_other_apps_count_for_the_day(limits: Limits, tenant: UUID, clock: Clock) -> None:
    """Xero reports that none of the day's 1,000 calls is left, and one of them was ours."""
    await call(limits, tenant, 1, ReportedLimits(200, minute_remaining=59, day_remaining=0))
    assert await refused(limits, tenant) == clock.now() + timedelta(hours=1)
    clock.move(24 * 3600)
    await taken(limits, tenant)


async def test_our_own_calls_in_xeros_headers_are_not_counted_twice(limits: Limits, tenant: UUID) -> None:
    for used in range(1, 58):
        await call(
            limits, tenant, 1, ReportedLimits(200, minute_remaining=60 - used, day_remaining=5000 - used)
        )
    await refused(limits, tenant)


async def test_retry_after_stops_that_organisation_alone(limits: Limits, tenant: UUID, clock: Clock) -> None:
    until = clock.now() + timedelta(seconds=90)
    await call(limits, tenant, 1, ReportedLimits(429, until=until))
    assert await refused(limits, tenant) == until
    await taken(limits, uuid4())
    clock.move(90)
    await taken(limits, tenant)


async def test_an_answer_of_another_call_does_not_end_a_pause(
    limits: Limits, tenant: UUID, clock: Clock
) -> None:
    """Xero answered 429 to one of two calls in flight, and then 200 to the other."""
    until = clock.now() + timedelta(seconds=90)
    one, other = await taken(limits, tenant), await taken(limits, tenant)
    await limits.give(one, ReportedLimits(429, until=until))
    await limits.give(other, OK)
    assert await refused(limits, tenant) == until


async def test_a_call_that_never_left_does_not_count(limits: Limits, tenant: UUID) -> None:
    await call(limits, tenant, 56)
    await limits.give(await taken(limits, tenant), None)
    await call(limits, tenant, 1)
    await refused(limits, tenant)


async def used_today(owner: AsyncConnection, tenant: UUID, count: int) -> None:
    """So many answered calls, ten hours before the clock's beginning."""
    await owner.exec_driver_sql(
        "insert into xero_call (id, tenant_id, bulk, taken_at, expires_at, ended_at, status)"
        " select gen_random_uuid(), $1, true, $2, $2, $2, 200 from generate_series(1, $3)",
        (tenant, BEGAN - timedelta(hours=10), count),
    )


@pytest.mark.parametrize(("used", "bulk"), [(4499, True), (4500, False)])
async def test_bulk_calls_leave_a_tenth_of_the_day_free(
    limits: Limits, tenant: UUID, owner: AsyncConnection, used: int, bulk: bool
) -> None:
    await used_today(owner, tenant, used)
    assert isinstance(await limits.take(tenant, Priority.BULK), UUID) is bulk
    await taken(limits, tenant, Priority.INTERACTIVE)


async def test_the_day_is_a_sliding_window(
    limits: Limits, tenant: UUID, owner: AsyncConnection, clock: Clock
) -> None:
    await used_today(owner, tenant, 5000)
    assert await refused(limits, tenant) == BEGAN + timedelta(hours=1)  # looks again, at the latest
    clock.move(14 * 3600 - 60)
    assert await refused(limits, tenant) == BEGAN + timedelta(hours=14)
    clock.move(60)
    await taken(limits, tenant)


async def test_the_day_limit_follows_xeros_headers(
    limits: Limits, tenant: UUID, owner: AsyncConnection, database: Database, clock: Clock
) -> None:
    await used_today(owner, tenant, 899)
    await call(limits, tenant, 1, ReportedLimits(200, minute_remaining=59, day_remaining=100))
    assert await budgets(database, clock, tenant, uuid4()) == {
        tenant: CallBudget(tenant, 59, 100, 1000, None)
    }
    await refused(limits, tenant, Priority.BULK)
    await taken(limits, tenant)


async def test_an_answer_without_headers_keeps_the_known_limits(
    limits: Limits, tenant: UUID, database: Database, clock: Clock
) -> None:
    await call(limits, tenant, 1, ReportedLimits(200, minute_remaining=59, day_remaining=999))
    await call(limits, tenant, 1, ReportedLimits(429, until=clock.now() + timedelta(seconds=5)))
    budget = (await budgets(database, clock, tenant))[tenant]
    assert (budget.minute_remaining, budget.day_remaining, budget.day_limit) == (59, 999, 1000)
    assert budget.limited_until == clock.now() + timedelta(seconds=5)


async def test_the_apps_minute_limit_counts_all_organisations(
    limits: Limits, owner: AsyncConnection, clock: Clock
) -> None:
    await owner.exec_driver_sql(
        "insert into xero_call (id, tenant_id, bulk, taken_at, expires_at, ended_at, status)"
        " select gen_random_uuid(), gen_random_uuid(), true, $1, $1, $1, 200 from generate_series(1, 9500)",
        (BEGAN,),
    )
    await refused(limits, uuid4())
    clock.move(61)
    await taken(limits, uuid4())


async def test_many_callers_at_once_get_no_more_slots_than_are_free(
    clean: Place, tenant: UUID, clock: Clock
) -> None:
    """Two pools stand for two processes: nothing is shared but PostgreSQL."""
    databases = [connect(clean.app_url, pool_size=5) for _ in range(2)]
    asked = [Limits(databases[n % 2].call_door, clock).take(tenant, Priority.INTERACTIVE) for n in range(40)]
    answers = await asyncio.gather(*asked)
    assert sum(isinstance(answer, UUID) for answer in answers) == 5
    for database in databases:
        await database.close()


async def test_after_a_minute_and_a_day_all_calls_are_allowed_again(
    limits: Limits, tenant: UUID, database: Database, clock: Clock
) -> None:
    await call(limits, tenant, 1, ReportedLimits(200, minute_remaining=3, day_remaining=4))
    clock.move(60)
    budget = (await budgets(database, clock, tenant))[tenant]
    assert (budget.minute_remaining, budget.day_remaining) == (60, 4)
    clock.move(24 * 3600 - 60)
    budget = (await budgets(database, clock, tenant))[tenant]
    assert (budget.minute_remaining, budget.day_remaining) == (60, budget.day_limit)
