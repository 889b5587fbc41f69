"""PostgreSQL's bells: heard, and heard again after whatever broke the connection."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.bells import DUE, Bells
from tests.database import Place, cut
from tests.patience import patience
from tests.workers.connected import until


@pytest.fixture
async def bells(place: Place) -> AsyncIterator[Bells]:
    made = Bells(place.app_url, probe_seconds=0.05)
    listening = asyncio.create_task(made.listen())
    await until(lambda: is_hearing(made))
    yield made
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def is_hearing(bells: Bells) -> bool:
    return not bells.deaf


async def test_a_bell_wakes_its_workspace_and_who_hears_all(bells: Bells, owner: AsyncConnection) -> None:
    mine, other = uuid4(), uuid4()
    async with bells.heard(DUE, mine) as one, bells.heard(DUE) as every, bells.heard(DUE, other) as another:
        await owner.exec_driver_sql(f"select pg_notify('{DUE}', '{mine}')")
        async with patience(20):
            await one.wait()
            await every.wait()
        assert not another.is_set()


async def test_a_connection_that_was_ended_is_made_again_and_all_are_woken(
    bells: Bells, place: Place
) -> None:
    async with bells.heard(DUE) as bell:
        await cut(place)
        async with patience(20):
            await bell.wait()
        await until(lambda: is_hearing(bells))
