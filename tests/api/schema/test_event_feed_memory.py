"""The events that a reader keeps in memory. An event that is written during a read is not lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from api import event_feed
from api.context import Process
from api.event_feed import KEPT
from domain import activity
from domain.tables import ActivityKind, EventKind
from domain.tx import Actor, Tx
from runtime.database import Database
from runtime.notifications import EVENT
from tests import make
from tests.patience import patience

LIVE = """subscription($after: String) { syncStatus(after: $after) { cursor
  update { __typename ... on LinkUpdate { link { id } changes { field before after } } } } }"""


class Interrupted:
    """A database in which something happens after a transaction has seen a new event and before its reader goes on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.known = 0
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def transaction(self, workspace: UUID, actor: Actor) -> AsyncIterator[Tx]:
        act = None
        async with self._database.transaction(workspace, actor) as tx:
            yield tx
            position = sa.text("select position from event_counter where workspace_id = :ws")
            if (await tx.session.scalar(position, {"ws": workspace}) or 0) > self.known:
                act, self.meanwhile = self.meanwhile, None
        if act is not None:
            await act()


async def published(client: make.Client, count: int = 1) -> None:
    async with client.world.tx() as tx:
        for _ in range(count):
            tx.publish(EventKind.CONTACT, uuid4())


async def test_an_event_written_during_a_read_is_delivered(ada: make.Client) -> None:
    """Its notification must not be taken for that of the event which is being read. No poll runs here."""
    workspace, notifications = ada.world.workspace, ada.process.notifications
    database = Interrupted(ada.process.database)
    feed = event_feed._Feed(cast(Database, database), notifications, workspace, asyncio.Semaphore(1), 1.0)
    woken = asyncio.Event()
    feed.followers.add(woken)
    await feed.started
    follower = event_feed.Follower(feed, woken, feed.position)
    async with notifications.wake_on(EVENT, workspace) as woken:

        async def another() -> None:
            woken.clear()
            await published(ada)
            await woken.wait()

        database.known, database.meanwhile = feed.position, another
        await published(ada)
        told = 0
        async with patience(30):
            while told < 2:
                told += len((await follower.next()).rows)
    feed.task.cancel()
    await asyncio.gather(feed.task, return_exceptions=True)


async def test_a_reader_keeps_few_events_and_delivers_older_ones_from_the_table(
    ada: make.Client, process: Process
) -> None:
    workspace = ada.world.workspace
    async with process.feeds.follow(workspace, None) as slow, process.feeds.follow(workspace, None) as quick:
        for _ in range(2):
            await published(ada, KEPT - 50)
            async with patience(30):
                await quick.next()
        [feed] = process.feeds._feeds.values()
        assert len(feed._rows) == KEPT
        async with patience(30):
            news = await slow.next()
    assert (news.resync, len(news.rows)) == (None, 2 * (KEPT - 50))


@pytest.mark.parametrize(("seconds", "shared"), [(3600.0, True), (-1.0, False)])
async def test_objects_that_were_loaded_for_an_event_are_shared_for_a_while(
    ada: make.Client, seconds: float, shared: bool
) -> None:
    process, workspace = ada.process, ada.world.workspace
    feeds = event_feed.EventFeeds(process.database, process.notifications, shared_seconds=seconds)
    async with feeds.follow(workspace, None) as one, feeds.follow(workspace, None) as other:
        assert (one.round() is other.round()) is shared


async def test_two_events_of_one_link_deliver_the_changes_of_the_first(ada: make.Client) -> None:
    await make.imported(ada.world, ("Kauri", None))
    [link] = await ada.world.rows("select id from sync_link")
    start = (await ada.ask("{ syncCursor }"))["syncCursor"]
    async with ada.world.tx() as tx:
        entry = activity.record(
            tx, ActivityKind.CONTACT_CHANGED, "Changed.", link=link["id"],
            changes=[activity.Change("NAME", "Kauri", "Rimu")],
        )  # fmt: skip
        tx.publish(EventKind.LINK, link["id"], activity=entry)
    async with ada.world.tx() as tx:
        tx.publish(EventKind.LINK, link["id"])
    async with ada.follow(LIVE, after=start) as stream:
        update = (await stream.next())["update"]
    assert update["changes"] == [{"field": "NAME", "before": "Kauri", "after": "Rimu"}]
