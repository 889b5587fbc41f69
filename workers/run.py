"""`tandem worker`: arq and the dispatcher in one process. The process outlives the end of Redis and of PostgreSQL."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime import garbage, tracing
from runtime.settings import Settings
from workers.arq_engine import ArqEngine, redis_settings
from workers.dispatcher import Dispatcher, Queue
from workers.metering import metering
from workers.process import Process, opened

SWITCH_SECONDS = (
    0.001  # Python's own 5 ms would be added to each wake-up of the event loop while a thread compares names
)


async def work_until_stopped(settings: Settings) -> None:
    """Run `tandem worker` until SIGTERM or SIGINT. The step in progress is finished first."""
    stop = asyncio.Event()
    sys.setswitchinterval(SWITCH_SECONDS)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tracing.start(settings, "worker")
    garbage.spare_imported()
    try:
        async with opened(settings) as process:
            await work(process, stop)
    finally:
        tracing.stop()


async def work(process: Process, stop: asyncio.Event) -> None:
    """Work until `stop`. Then finish the running jobs, and begin no new ones."""
    dispatcher = Dispatcher(process, stop)
    engine = ArqEngine(redis_settings(process.settings.redis_url or ""), process, dispatcher, stop)
    carrying = asyncio.create_task(engine.run())
    try:
        await engine.connected()
        async with metering(process.meter):
            async with dispatching(process, dispatcher, engine.queue, stop):
                await stop.wait()
            await carrying
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)


@asynccontextmanager
async def dispatching(
    process: Process, dispatcher: Dispatcher, queue: Queue, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Inside, PostgreSQL's notifications are heard, and due work is handed over. At the end, `stop` is set."""
    listening = asyncio.create_task(process.notifications.listen())
    running = asyncio.create_task(dispatcher.run(queue))
    try:
        yield
        stop.set()
        await running
    finally:
        stop.set()
        running.cancel()
        listening.cancel()
        await asyncio.gather(running, listening, return_exceptions=True)
