"""PostgreSQL's notifications wake readers, also after the connection broke."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.notifications import DUE, Notifications
from tests.database import Place, cut
from tests.patience import patience
from tests.workers.connected import until


@pytest.fixture
async def notifications(place: Place) -> AsyncIterator[Notifications]:
    made = Notifications(place.app_url, probe_seconds=0.05)
    listening = asyncio.create_task(made.listen())
    await until(lambda: is_hearing(made))
    yield made
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def is_hearing(notifications: Notifications) -> bool:
    return not notifications.interrupted


async def test_a_notification_wakes_readers_of_its_workspace_and_of_all_workspaces(
    notifications: Notifications, owner: AsyncConnection
) -> None:
    mine, other = uuid4(), uuid4()
    async with (
        notifications.wake_on(DUE, mine) as one,
        notifications.wake_on(DUE) as every,
        notifications.wake_on(DUE, other) as another,
    ):
        await owner.exec_driver_sql(f"select pg_notify('{DUE}', '{mine}')")
        async with patience(20):
            await one.wait()
            await every.wait()
        assert not another.is_set()


async def test_a_broken_connection_is_opened_again_and_wakes_all_readers(
    notifications: Notifications, place: Place
) -> None:
    async with notifications.wake_on(DUE) as woken:
        await cut(place)
        async with patience(20):
            await woken.wait()
        await until(lambda: is_hearing(notifications))
