"""`tandem worker`: the listener and arq, in one process; arq is begun again when it falls."""

import asyncio
import signal
from contextlib import suppress

import structlog
from redis.exceptions import RedisError

from runtime.settings import Settings
from workers import jobs
from workers.dispatcher import listen, redis_settings
from workers.process import Parts, opened

log = structlog.get_logger()


async def work_until_told(settings: Settings) -> None:
    """`tandem worker`: until SIGTERM or SIGINT, which let the page in hand be finished."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with opened(settings) as parts:
        await work(parts, stop)


async def work(parts: Parts, stop: asyncio.Event) -> None:
    """Until `stop`; then what was begun is finished, and nothing new is."""
    bells = asyncio.create_task(parts.bells.listen())
    arq = asyncio.create_task(_supervise(parts, stop))
    try:
        await listen(parts, stop)
        await arq
    finally:
        for task in (arq, bells):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _supervise(parts: Parts, stop: asyncio.Event) -> None:
    """arq's worker ends when Redis goes away; it is begun again, with back-off."""
    pause = 1.0
    while not stop.is_set():
        try:
            await _arq(parts, stop)
        except (RedisError, OSError) as error:
            log.warning("arq_away", error=type(error).__name__, again_in=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(pause * 2, 30)


async def _arq(parts: Parts, stop: asyncio.Event) -> None:
    """Until `stop` or Redis's end. Jobs in hand are let finish their page, as arq's own end would cancel them."""
    worker = jobs.make_worker(parts, redis_settings(parts), stop)
    running = asyncio.create_task(worker.async_run())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        worker.allow_pick_jobs = False
        if worker.tasks:
            await asyncio.wait(worker.tasks.values(), timeout=jobs.JOB_SECONDS)
        if running.done():
            running.result()
    finally:
        stopped.cancel()
        running.cancel()
        with suppress(asyncio.CancelledError, RedisError, OSError):
            await running
        with suppress(RedisError, OSError):
            await worker.close()
