"""Which transactions of a process go first: those of jobs that a person waits for, then those of patient jobs.

All jobs of a process share one event loop, and an edit waits for it at each of its statements. So a patient job takes a turn of its
lane for each transaction. While an urgent transaction is open, no patient transaction begins, and those that are open send no
statement. The exception is an open transaction in the workspace of the urgent one, which may hold a row that the urgent one
needs.

A patient transaction waits for GIVES_WAY_SECONDS before it begins, and for as long in all while it is open: it goes on while people
edit without a pause, and holds its rows for little longer.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

GIVES_WAY_SECONDS = 0.25


@dataclass
class Turns:
    """Of one process. `lanes`: how many transactions of a patient lane are open at once; lanes may share a semaphore. `waiting`:
    how many patient transactions wait for urgent ones now."""

    lanes: Mapping[str, asyncio.Semaphore]
    gives_way_seconds: float = GIVES_WAY_SECONDS
    waiting: int = field(default=0, init=False)
    _urgent: Counter[UUID | None] = field(default_factory=Counter, init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @contextmanager
    def taken_by(self, lane: str, *, urgent: bool) -> Iterator[None]:
        """Inside, and in the tasks that are begun inside, transactions are patient if the lane is, and else urgent if `urgent`."""
        is_known = lane in self.lanes or urgent
        mark = _job.set(_Job(self, self.lanes.get(lane)) if is_known else None)
        try:
            yield
        finally:
            _job.reset(mark)

    @contextmanager
    def urgent(self, workspace: UUID | None) -> Iterator[None]:
        """Inside, an urgent transaction of the workspace is open."""
        self._count(workspace, 1)
        try:
            yield
        finally:
            self._count(workspace, -1)

    def _count(self, workspace: UUID | None, by: int) -> None:
        self._urgent[workspace] += by
        if not self._urgent[workspace]:
            del self._urgent[workspace]
        self._changed.set()
        self._changed = asyncio.Event()

    def is_blocked(self, own: frozenset[UUID | None]) -> bool:
        """Whether an urgent transaction is open, and none of the workspaces `own`."""
        return bool(self._urgent) and not own & self._urgent.keys()

    async def give_way(self, own: frozenset[UUID | None], seconds: float) -> float:
        """Wait while `is_blocked`. Returns what is left of the seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        self.waiting += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    while self.is_blocked(own):
                        await self._changed.wait()
        finally:
            self.waiting -= 1
        return until - loop.time()


@dataclass(frozen=True)
class _Job:
    """`lane`: None for an urgent job."""

    turns: Turns
    lane: asyncio.Semaphore | None


@dataclass
class _Patient:
    """An open patient transaction, and the seconds for which it still gives way."""

    turns: Turns
    own: frozenset[UUID | None]
    left: float

    async def give_way(self) -> None:
        self.left = await self.turns.give_way(self.own, self.left)


_job: ContextVar[_Job | None] = ContextVar("job", default=None)
_patient: ContextVar[_Patient | None] = ContextVar("patient", default=None)


@asynccontextmanager
async def turn(workspace: UUID | None) -> AsyncIterator[None]:
    """Put this around a transaction."""
    job = _job.get()
    if job is None:
        yield
    elif job.lane is None:
        with job.turns.urgent(workspace):
            yield
    else:
        await job.turns.give_way(frozenset(), job.turns.gives_way_seconds)
        async with job.lane:
            mark = _patient.set(_Patient(job.turns, frozenset({workspace}), job.turns.gives_way_seconds))
            try:
                yield
            finally:
                _patient.reset(mark)


def waits() -> Callable[[], Awaitable[None]] | None:
    """What this task has to wait for before its next statement; None if it goes on."""
    mine = _patient.get()
    if mine is None or mine.left <= 0 or not mine.turns.is_blocked(mine.own):
        return None
    return mine.give_way
