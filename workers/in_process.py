"""The second carrier: it runs all jobs in this process while Redis is away."""

import asyncio
from collections import Counter
from collections.abc import Callable

import structlog

from workers.jobs import KINDS, Job, lane_of, run
from workers.process import Process

log = structlog.get_logger()


class InProcess:
    """`ended`: is called after each job with whether it did something."""

    def __init__(self, process: Process, stop: asyncio.Event, ended: Callable[[str, bool], None]) -> None:
        self._process, self._stop, self._ended = process, stop, ended
        self._running: dict[str, asyncio.Task[None]] = {}

    def outstanding(self) -> set[str]:
        return set(self._running)

    def carry(self, job: Job) -> None:
        """Begin the job, unless it runs already or its lane is at its limit."""
        lanes = Counter(map(lane_of, self._running))
        if job.name not in self._running and lanes[lane_of(job.name)] < KINDS[job.kind].limit:
            self._running[job.name] = asyncio.create_task(self._run(job))

    async def finish(self) -> None:
        """Wait for the running jobs."""
        await asyncio.gather(*self._running.values())

    async def _run(self, job: Job) -> None:
        did = False
        try:
            did = await run(self._process, job, self._stop)
        except Exception:
            # The work stays due. A fault of one job must not stop the others.
            log.exception("job_failed", kind=job.kind, key=str(job.key))
        finally:
            del self._running[job.name]
            self._ended(job.name, did)
