"""arq's functions and schedules. No truth hangs on them: what they carry is due in PostgreSQL, and the listener
does it where arq cannot."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from arq import cron
from arq.connections import ArqRedis, RedisSettings
from arq.cron import CronJob
from arq.worker import Function, Worker, func

from runtime import retention
from runtime.commands.migrate import renew_keys
from workers import importing
from workers.disconnecting import end_connections
from workers.process import Parts

EVENTS_KEPT = timedelta(days=7)
INBOX_KEPT = timedelta(days=14)  # longer than between two scans
DELIVERIES_KEPT = timedelta(days=1)
IMPORT_JOB = "import_pages"
JOB_SECONDS = 45  # under a minute; the rest is another job's

_KEPT = {
    "select door.forget_events(:before)": EVENTS_KEPT,
    "select door.forget_inbox(:before)": INBOX_KEPT,
    "select door.forget_deliveries(:before)": DELIVERIES_KEPT,
}


async def import_pages(ctx: dict[str, Any], workspace: str, run_id: str) -> int:
    """Pages of one import until there is none due or the time is over; gives how many."""
    parts: Parts = ctx["parts"]
    stop: asyncio.Event = ctx["stop"]
    deadline = asyncio.get_running_loop().time() + JOB_SECONDS
    done = 0
    while asyncio.get_running_loop().time() < deadline and not stop.is_set():
        if not await importing.advance(parts, UUID(workspace), UUID(run_id)):
            break
        done += 1
    return done


async def keep_house(ctx: dict[str, Any]) -> None:
    """Forget what is only kept for a while: live events, calls that no limit counts any more, what was sent to Xero,
    and what nobody reads of the inbox. Make anew the keys that a process of an older version still wrote."""
    parts: Parts = ctx["parts"]
    await renew_keys(parts.database)
    await retention.sweep(parts.database, parts.settings)
    now = parts.database.clock.now()
    for statement, kept in _KEPT.items():
        async with parts.database.door() as session:
            await session.execute(sa.text(statement), {"before": now - kept})


async def refresh_stale_grants(ctx: dict[str, Any]) -> None:
    """A consent that nobody uses dies after 60 days; each is refreshed weekly at least."""
    parts: Parts = ctx["parts"]
    for grant_id in await parts.grants.stale():
        await parts.tokens({"grant_id": grant_id}).keep_alive()


def make_worker(parts: Parts, redis: RedisSettings, stop: asyncio.Event) -> Worker:
    schedules: list[CronJob] = [
        cron(keep_house, minute={7}, unique=True),
        cron(end_connections, minute=set(range(4, 60, 10)), unique=True),
        cron(refresh_stale_grants, hour={3}, minute={21}, unique=True),
    ]
    functions: list[Function] = [func(import_pages, name=IMPORT_JOB, timeout=60, keep_result=0, max_tries=1)]
    return Worker(
        functions,
        cron_jobs=schedules,
        redis_settings=redis,
        ctx={"parts": parts, "stop": stop},
        handle_signals=False,
        poll_delay=0.1,
        max_jobs=4,
    )


async def enqueue_import(redis: ArqRedis, workspace: UUID, run_id: UUID) -> None:
    """One job an import: while one waits or runs, this does nothing."""
    await redis.enqueue_job(IMPORT_JOB, str(workspace), str(run_id), _job_id=f"import:{run_id}")
