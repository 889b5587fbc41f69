"""`arq workers.main.WorkerSettings`: the jobs of `tandem worker` under plain arq, for as long as Redis is up.

arq looks for jobs every 0.5 s then, as nothing wakes it, and ends when Redis ends. `arq --check workers.main.WorkerSettings`
fails within 15 s after the last worker was killed, whichever way it was started.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from runtime.settings import load
from workers.arq_engine import WORKER_OPTIONS, ArqQueue, redis_settings
from workers.dispatcher import Dispatcher
from workers.process import opened
from workers.run import dispatching

_settings = load()


async def _start(ctx: dict[str, Any]) -> None:
    stack, stop = AsyncExitStack(), asyncio.Event()
    process = await stack.enter_async_context(opened(_settings))
    dispatcher = Dispatcher(process, stop)
    queue = ArqQueue(dispatcher.heartbeat)
    queue.pool = ctx["redis"]
    await stack.enter_async_context(dispatching(process, dispatcher, queue, stop))
    ctx.update(process=process, dispatcher=dispatcher, stop=stop, stack=stack)


async def _end(ctx: dict[str, Any]) -> None:
    await ctx["stack"].aclose()


class WorkerSettings:
    """The settings that arq reads; see `workers.arq_engine.WORKER_OPTIONS`."""

    redis_settings = redis_settings(_settings.redis_url or "redis://localhost:6379")
    functions = WORKER_OPTIONS["functions"]
    cron_jobs = WORKER_OPTIONS["cron_jobs"]
    job_serializer = WORKER_OPTIONS["job_serializer"]
    job_deserializer = WORKER_OPTIONS["job_deserializer"]
    keep_result = WORKER_OPTIONS["keep_result"]
    max_jobs = WORKER_OPTIONS["max_jobs"]
    queue_read_limit = WORKER_OPTIONS["queue_read_limit"]
    health_check_interval = WORKER_OPTIONS["health_check_interval"]
    after_job_end = WORKER_OPTIONS["after_job_end"]
    job_completion_wait = 30  # seconds: a job in hand finishes
    on_startup = _start
    on_shutdown = _end
