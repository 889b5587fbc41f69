"""Asks PostgreSQL what is due and hands it to arq, or runs it in this process while arq's Redis is away.

The dispatcher is woken by PostgreSQL's notification, by the end of each job of this process, and every 2 s.
"""

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from runtime.database import DatabaseUnavailable
from runtime.notifications import DUE, POLL_SECONDS, wait
from workers import due
from workers.due import Due
from workers.heartbeat import Heartbeat
from workers.in_process import InProcess
from workers.jobs import KINDS, Job, lane_of
from workers.process import Process

log = structlog.get_logger()
SOON = timedelta(seconds=POLL_SECONDS)
PAUSE_SECONDS = (
    0.02  # after a search that a notification caused, however many come; a sweep delays no notification
)
AGAIN_SECONDS = 0.05  # more than the clocks of two processes differ
HANDED_KEPT = timedelta(minutes=15)


def pause_after(until_due: float, *, was_woken: bool) -> float:
    """Seconds until the next search, unless a notification comes. A search that a notification caused is repeated soon: a due
    mark has the time of another process's clock, which may be some milliseconds ahead of this one's. Without the repetition
    such a mark would wait for the sweep."""
    return max(min(until_due, AGAIN_SECONDS) if was_woken else until_due, PAUSE_SECONDS)


class QueueAwayError(Exception):
    """The queue cannot be reached just now."""


class Queue(Protocol):
    """The carrier of jobs to a free worker. Its two methods raise QueueAwayError."""

    async def outstanding(self) -> Collection[str]:
        """The names of the jobs that wait or run."""
        ...

    async def carry(self, jobs: Collection[Job]) -> None:
        """Hand the jobs over. After the return, a free worker has been woken for them."""
        ...


@dataclass(frozen=True)
class _Handed:
    """A job that was handed over at `at`. `newest`: the due time of its newest piece then."""

    newest: datetime
    at: datetime


class Dispatcher:
    def __init__(self, process: Process, stop: asyncio.Event) -> None:
        self._process, self._stop = process, stop
        self._woken = asyncio.Event()
        self.heartbeat = Heartbeat(process.database, self.wake)
        self._here = InProcess(process, stop, self.ended)
        self._resting: dict[str, datetime] = {}
        self._handed: dict[str, _Handed] = {}
        self._queue_is_away = False

    def wake(self) -> None:
        self._woken.set()

    def ended(self, name: str, did: bool) -> None:
        """Search again, because a job has ended and its lane may have room. A job that found nothing to do rests."""
        if not did:
            rest = timedelta(seconds=KINDS[name.partition(":")[0]].rest)
            self._resting[name] = self._process.database.clock.now() + rest
        self.wake()

    async def run(self, queue: Queue) -> None:
        """Run until `stop`. Then finish the jobs of this process, and begin no new ones."""
        async with self._process.notifications.wake_on(DUE) as self._woken:
            beating = asyncio.create_task(self.heartbeat.run())
            stopped = asyncio.create_task(self._stop.wait())
            stopped.add_done_callback(lambda _: self.wake())
            try:
                await self._dispatch_until_stopped(queue)
                await self.finish()
            finally:
                stopped.cancel()
                beating.cancel()
                await asyncio.gather(beating, stopped, return_exceptions=True)

    async def finish(self) -> None:
        """Wait for the jobs that run here."""
        await self._here.finish()

    async def _dispatch_until_stopped(self, queue: Queue) -> None:
        while not self._stop.is_set():
            was_woken = self._woken.is_set()
            self._woken.clear()
            pause = POLL_SECONDS
            try:
                pause = await self.dispatch(queue)
            except Exception as error:  # the next search must follow any error
                away = isinstance(error, DatabaseUnavailable)
                log.warning("dispatch_failed", error=type(error).__name__, exc_info=not away)
            if was_woken:
                await asyncio.sleep(PAUSE_SECONDS)
            await wait(self._woken, pause_after(pause, was_woken=was_woken))

    async def dispatch(self, queue: Queue) -> float:
        """Hand over the due jobs. Returns the seconds until the next known job is due, at most POLL_SECONDS."""
        queued = await self._queued(queue)
        now = self._process.database.clock.now()
        busy = self._here.outstanding() | set(queued or ())
        found = await due.find(self._process.database, now, busy, soon=SOON)
        self._forget(now)
        chosen = self._choose([one for one in found if one.since <= now and not self._rests(one)], busy, now)
        if queued is None:
            for job in chosen:
                self._here.carry(job)
        elif chosen:
            try:
                await queue.carry(chosen)
            except QueueAwayError:
                for job in chosen:
                    self._here.carry(job)
        coming = [(one.since - now).total_seconds() for one in found if one.since > now]
        return min([POLL_SECONDS, *coming])

    async def _queued(self, queue: Queue) -> Collection[str] | None:
        """The names of the jobs that wait or run anywhere; None while the queue is away."""
        try:
            queued = await queue.outstanding()
        except QueueAwayError as error:
            if not self._queue_is_away:
                log.warning("redis_unavailable", reason=str(error), effect="jobs run in this process")
            self._queue_is_away = True
            return None
        if self._queue_is_away:
            log.info("redis_available")
        self._queue_is_away = False
        return queued

    def _choose(self, found: Collection[Due], busy: Collection[str], now: datetime) -> list[Job]:
        """Fill each lane up to its limit times the number of live workers, so that queued jobs delay no others."""
        lanes = Counter(map(lane_of, busy))
        chosen = []
        for one in found:
            lane = lane_of(one.job.name)
            if lanes[lane] < KINDS[one.job.kind].limit * self.heartbeat.workers:
                lanes[lane] += 1
                self._handed[one.job.name] = _Handed(one.newest, now)
                chosen.append(one.job)
        return chosen

    def _rests(self, one: Due) -> bool:
        """Whether the job found nothing to do a moment ago, and nothing newer has become due since it was handed over."""
        handed = self._handed.get(one.job.name)
        return one.job.name in self._resting and handed is not None and one.newest <= handed.newest

    def _forget(self, now: datetime) -> None:
        self._resting = {name: until for name, until in self._resting.items() if until > now}
        self._handed = {name: one for name, one in self._handed.items() if one.at > now - HANDED_KEPT}
