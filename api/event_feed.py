"""Live events: one reader for each process and workspace feeds all subscriptions of that workspace.

PostgreSQL's notification wakes the reader. The reader reads the new `event` rows once, keeps the last `KEPT` of them
in memory and wakes its followers. An idle subscription costs no statement of its own: every `POLL_SECONDS` one
statement asks for the positions of all workspaces that the process follows, in case a notification was lost.

While PostgreSQL cannot be reached the reader tries again with back-off, and its followers wait. No event is lost:
each follower goes on from its own position, and the rows stay in the table for days.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
import structlog

from api.errors import log_fault
from domain.tables import EventKind
from domain.tx import TANDEM, Tx
from runtime.database import Database, DatabaseUnavailable
from runtime.notifications import EVENT, Notifications, wait
from runtime.shared_tasks import create_shared_task

BEHIND = 1000  # a client that has missed more events reads its lists again
KEPT = 200  # rows that a reader keeps for followers that have not read them yet; it always keeps the rows of its last read
POLL_SECONDS = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0  # seconds between two tries while PostgreSQL cannot be reached
READS_AT_ONCE = 4  # connections that all readers of a process use at most; the others are for queries
SHARED_SECONDS = 1.0  # how long the objects that one follower has loaded serve the others
log = structlog.get_logger()

_READ = """
select c.position as present, e.position, e.at, e.kind, e.subject, e.organisation_id, e.activity_id
  from event_counter c
  left join event e on e.workspace_id = c.workspace_id and e.position > :after and e.position <= c.position
                   and c.position - :after <= :behind
 where c.workspace_id = :ws order by e.position
"""
_PRESENT = "select position from event_counter where workspace_id = :ws"
_POSITIONS = sa.text("select workspace_id, position from door.event_positions(:workspaces)")


@dataclass(frozen=True, slots=True)
class EventRow:
    position: int
    at: datetime
    kind: EventKind
    subject: str
    organisation_id: UUID | None
    activity_id: UUID | None


class _Read(NamedTuple):
    """A row of `_READ`. All but `present` are null if no event follows."""

    present: int
    position: int | None
    at: datetime | None
    kind: str | None
    subject: str | None
    organisation_id: UUID | None
    activity_id: UUID | None

    def row(self) -> EventRow | None:
        if self.position is None or self.at is None or self.kind is None or self.subject is None:
            return None
        kind = EventKind(self.kind)
        return EventRow(self.position, self.at, kind, self.subject, self.organisation_id, self.activity_id)


class _Position(NamedTuple):
    position: int


@dataclass(frozen=True, slots=True)
class News:
    """The events after a position, in their order. With `resync`: the reason why they cannot be delivered one by one.
    `position`: the client's position afterwards."""

    position: int
    at: datetime
    rows: Sequence[EventRow] = ()
    resync: str | None = None


async def present_position(tx: Tx) -> int:
    """The position of the workspace's last event; 0 if it has none."""
    found = await tx.read_one(_Position, _PRESENT)
    return found.position if found else 0


async def read_news(tx: Tx, after: int) -> News:
    found = await tx.read(_Read, _READ, after=after, behind=BEHIND)
    present = found[0].present if found else 0
    if present < after:
        return News(present, tx.now, resync="This cursor is unknown here.")
    if present - after > BEHIND:
        return News(present, tx.now, resync=f"More than {BEHIND} events were missed.")
    rows = [row for one in found if (row := one.row())]
    # Positions have no gaps. Fewer rows than steps means that retention has deleted the oldest.
    if len(rows) < present - after:
        return News(present, tx.now, resync="This cursor is too old.")
    return News(present, tx.now, rows)


def pauses() -> Iterator[float]:
    """Seconds between tries while PostgreSQL cannot be reached: back-off with an upper bound, without end."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


@dataclass
class Round:
    """Loaders that the followers of one workspace share while they deliver the same events. So an object is read once for
    all subscriptions."""

    position: int
    until: float
    loaders: dict[Callable[..., Any], Any] = field(default_factory=dict)


class _Feed:
    """The reader of one workspace. `rows` are the events from `base` (exclusive) to `position` (inclusive)."""

    def __init__(
        self,
        database: Database,
        notifications: Notifications,
        workspace: UUID,
        slots: asyncio.Semaphore,
        shared_seconds: float,
    ) -> None:
        self._database, self._notifications, self._workspace, self._slots = (
            database,
            notifications,
            workspace,
            slots,
        )
        self._shared_seconds = shared_seconds
        self._rows: deque[EventRow] = deque()
        self._round: Round | None = None
        self.base = self.position = 0
        self.at: datetime | None = None
        self.woken = asyncio.Event()
        self.followers: set[asyncio.Event] = set()
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task = create_shared_task(self._run())
        self.task.add_done_callback(self._ended)

    async def read(self, after: int) -> News:
        async with self._slots, self._database.transaction(self._workspace, TANDEM) as tx:
            return await read_news(tx, after)

    def since(self, after: int) -> News | None:
        """Return the events after this position from memory. None if memory cannot answer: `after` is older or newer than its
        rows."""
        if self.at is None or not self.base <= after <= self.position:
            return None
        missed = self.position - after
        rows = list(islice(self._rows, len(self._rows) - missed, None))
        return News(self.position, self.at, rows)

    def round(self, position: int) -> Round:
        """Loaders for events up to `position`: made after the events were committed, so that no object is older."""
        now = asyncio.get_running_loop().time()
        if position > self.position:
            return Round(position, now)
        if self._round is None or self._round.position != self.position or self._round.until < now:
            self._round = Round(self.position, now + self._shared_seconds)
        return self._round

    def forget_round(self, failed: Round) -> None:
        """Loaders keep a failure as they keep a row; the next try needs new ones."""
        if self._round is failed:
            self._round = None

    async def _run(self) -> None:
        async with self._notifications.wake_on(EVENT, self._workspace) as self.woken:
            async with self._slots, self._database.transaction(self._workspace, TANDEM) as tx:
                self.base = self.position = await present_position(tx)
                self.at = tx.now
            self.started.set_result(None)
            while True:
                await self.woken.wait()
                await self._catch_up()

    async def _catch_up(self) -> None:
        for pause in pauses():
            self.woken.clear()
            try:
                self._append(await self.read(self.position))
            except DatabaseUnavailable as error:
                log.warning("event_feed_waits_for_database", error=str(error), retry_in_seconds=pause)
                await wait(self.woken, pause)
            else:
                return

    def _append(self, news: News) -> None:
        if news.position == self.position and news.resync is None:
            return
        if news.resync is not None:
            self._rows.clear()
        self._rows.extend(news.rows)
        while len(self._rows) > max(KEPT, len(news.rows)):
            self._rows.popleft()
        self.position, self.at = news.position, news.at
        self.base = self.position - len(self._rows)
        self.wake()

    def wake(self) -> None:
        for woken in self.followers:
            woken.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Wakes the followers where the reader has failed, so that none waits for ever."""
        if task.cancelled():
            self.started.cancel()
            return
        error = task.exception()
        assert error is not None, "the reader ends by cancellation or failure only"
        if not self.started.done():
            self.started.set_exception(error)
            self.started.exception()  # retrieved here, because no follower may be left to await it
        self.wake()


class Follower:
    """The position of one subscription in the events of its workspace."""

    def __init__(self, feed: _Feed, woken: asyncio.Event, position: int) -> None:
        self._feed, self._woken = feed, woken
        self.position = position

    async def next(self) -> News:
        """Wait for events after the position, and move the position behind them."""
        while True:
            self._woken.clear()
            news = self._feed.since(self.position) or await self._read()
            if news.position != self.position or news.resync is not None:
                self.position = news.position
                return news
            if self._feed.task.done():
                await self._feed.task  # raises what ended the reader
            await self._woken.wait()

    async def _read(self) -> News:
        for pause in pauses():
            try:
                return await self._feed.read(self.position)
            except DatabaseUnavailable:
                await asyncio.sleep(pause)
        raise AssertionError("pauses never end")

    def round(self) -> Round:
        return self._feed.round(self.position)

    def forget_round(self, failed: Round) -> None:
        self._feed.forget_round(failed)


class EventFeeds:
    """The readers of a process. A reader begins with its first follower and ends with the last."""

    def __init__(
        self,
        database: Database,
        notifications: Notifications,
        *,
        poll_seconds: float = POLL_SECONDS,
        shared_seconds: float = SHARED_SECONDS,
    ) -> None:
        self._database, self._notifications = database, notifications
        self._poll_seconds, self._shared_seconds = poll_seconds, shared_seconds
        self._feeds: dict[UUID, _Feed] = {}
        self._slots = asyncio.Semaphore(READS_AT_ONCE)
        self._polling: asyncio.Task[None] | None = None

    @property
    def workspaces(self) -> int:
        return len(self._feeds)

    @property
    def followers(self) -> int:
        return sum(len(feed.followers) for feed in self._feeds.values())

    @property
    def starting(self) -> bool:
        return not all(feed.started.done() for feed in self._feeds.values())

    @asynccontextmanager
    async def follow(self, workspace: UUID, after: int | None) -> AsyncIterator[Follower]:
        """Follow the events from `after`, or from now on. Raises DatabaseUnavailable if the reader cannot begin."""
        feed = self._feeds.get(workspace)
        if feed is None or feed.task.done():
            feed = self._feeds[workspace] = _Feed(
                self._database, self._notifications, workspace, self._slots, self._shared_seconds
            )
        if self._polling is None or self._polling.done():
            self._polling = create_shared_task(self._poll())
        woken = asyncio.Event()
        feed.followers.add(woken)
        try:
            await asyncio.shield(feed.started)
            yield Follower(feed, woken, feed.position if after is None else after)
        finally:
            feed.followers.discard(woken)
            await self._leave(workspace, feed)

    async def _leave(self, workspace: UUID, feed: _Feed) -> None:
        if feed.followers:
            return
        if self._feeds.get(workspace) is feed:
            del self._feeds[workspace]
        ending: list[asyncio.Task[None]] = [feed.task]
        if not self._feeds and self._polling is not None:
            ending.append(self._polling)
            self._polling = None
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            known = {
                workspace: feed.position for workspace, feed in self._feeds.items() if feed.started.done()
            }
            try:
                async with self._database.door() as session:
                    found = await session.execute(_POSITIONS, {"workspaces": list(known)})
                    positions = {row.workspace_id: row.position for row in found}
            except DatabaseUnavailable:
                continue  # the readers say so in the log
            except Exception as error:  # the next poll must come in any case
                log_fault(error)
                continue
            for workspace, before in known.items():
                feed = self._feeds.get(workspace)
                if feed is not None and feed.position == before != positions.get(workspace, 0):
                    feed.woken.set()
