"""Limits on waiting that count work, not seconds: no test fails because other processes use the CPU.

A limit of 60 is 60 seconds on a quiet machine. If more processes want to run than there are cores, a second counts less:
at a load of 20 on 2 cores it counts as a tenth. A test that hangs on a quiet machine ends after the same time as before.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

TICK = 1.0  # seconds between two looks at the clock


def pace() -> float:
    """The share that a second counts now, by the load of the last minute: 1 on a quiet machine."""
    return pace_at(os.getloadavg()[0], os.cpu_count() or 1)


def pace_at(load: float, cores: int) -> float:
    return min(1.0, cores / max(load, 0.01))


class Patience:
    """So many seconds of a quiet machine, which begin now. Ask `is_over` every TICK, as the load changes."""

    def __init__(self, seconds: float, pace: Callable[[], float] = pace) -> None:
        self._left = seconds
        self._pace = pace
        self._looked = time.monotonic()

    def is_over(self) -> bool:
        now = time.monotonic()
        self._left -= (now - self._looked) * self._pace()
        self._looked = now
        return self._left <= 0


@asynccontextmanager
async def patience(seconds: float, pace: Callable[[], float] = pace) -> AsyncIterator[None]:
    """Raises TimeoutError in the block after so many seconds of a quiet machine."""
    loop, limit = asyncio.get_running_loop(), Patience(seconds, pace)
    timer: asyncio.TimerHandle
    async with asyncio.timeout(None) as timeout:

        def look() -> None:
            nonlocal timer
            if limit.is_over():
                timeout.reschedule(loop.time())
            else:
                timer = loop.call_later(TICK, look)

        timer = loop.call_later(min(TICK, seconds), look)
        try:
            yield
        finally:
            timer.cancel()


async def until(check: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until the check holds. Raises TimeoutError after so many seconds of a quiet machine."""
    async with patience(seconds):
        while not check():  # noqa: ASYNC110 - other tasks change the answer
            await asyncio.sleep(0.01)
