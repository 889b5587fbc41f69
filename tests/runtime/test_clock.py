"""The production clock: PostgreSQL's time, carried on by the monotonic clock."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from runtime.clock import ServerClock, monotonic
from runtime.database import connect, on_time
from tests.database import Place
from tests.domain.world import Clock


def test_the_clock_goes_on_from_the_time_that_was_set() -> None:
    clock = ServerClock()
    far = datetime(2031, 5, 1, tzinfo=UTC)
    clock.set(far, monotonic(), monotonic())
    first, second = clock.now(), clock.now()
    assert far <= first <= second < far + timedelta(minutes=5)


async def test_a_process_uses_the_time_of_postgresql(place: Place) -> None:
    database = connect(place.app_url)
    assert isinstance(database.clock, ServerClock)
    database.clock.set(datetime(1999, 1, 1, tzinfo=UTC), monotonic(), monotonic())
    async with on_time(database), database.door() as session:
        told = await session.scalar(sa.text("select clock_timestamp()"))
        assert abs(database.clock.now() - told) < timedelta(minutes=1)
    await database.close()


async def test_without_postgresql_the_machines_time_is_used(place: Place) -> None:
    database = connect(place.app_url.replace(place.name, "nowhere"))
    before = database.clock.now()
    async with on_time(database):
        assert database.clock.now() - before < timedelta(minutes=5)
    await database.close()


async def test_a_given_clock_is_not_replaced(place: Place) -> None:
    clock = Clock()
    database = connect(place.app_url, clock=clock)
    async with on_time(database):
        assert database.clock is clock
    await database.close()
