"""The jobs that run in this process now: one a key, so many of a kind at once, so that a slow one holds up no other."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

log = structlog.get_logger()
AT_ONCE = 8
REST = 1.0  # seconds in which what could not be done is not tried again
Job = Callable[[], Awaitable[bool]]
"""Whether it did anything; safe to run twice, at once and late."""


class Crew:
    """`bell` is set when a job has ended that did something: what had no room may have it now."""

    def __init__(self, bell: asyncio.Event) -> None:
        self._bell = bell
        self._running: dict[tuple[str, UUID], asyncio.Task[None]] = {}
        self._resting: dict[tuple[str, UUID], float] = {}

    def busy(self, kind: str) -> list[UUID]:
        """What is not to be begun now: it runs, or had nothing to do a moment ago."""
        now = asyncio.get_running_loop().time()
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        return [key for of, key in (*self._running, *self._resting) if of == kind]

    def room(self, kind: str) -> int:
        return AT_ONCE - sum(of == kind for of, _ in self._running)

    def start(self, kind: str, key: UUID, job: Job) -> None:
        if self.room(kind) > 0 and key not in self.busy(kind):
            self._running[kind, key] = asyncio.create_task(self._do(kind, key, job))

    async def finish(self) -> None:
        """Wait for what runs."""
        await asyncio.gather(*self._running.values())

    async def _do(self, kind: str, key: UUID, job: Job) -> None:
        did = False
        try:
            did = await job()
        except Exception:
            # What is due stays due; a fault of one must not stop the others.
            log.exception("job_failed", kind=kind, key=str(key))
        finally:
            del self._running[kind, key]
        if did:
            self._bell.set()
        else:
            self._resting[kind, key] = asyncio.get_running_loop().time() + REST
