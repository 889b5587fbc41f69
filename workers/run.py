"""`tandem worker`: the listener and arq, in one process, each restarted when it falls.

The listener is woken by PostgreSQL's bells and looks by itself besides. It hands imports to arq, and does an import
itself where arq is away, or where one has been due for longer than a healthy arq would leave it.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import sqlalchemy as sa
import structlog
from arq.connections import ArqRedis, RedisSettings, create_pool
from redis.exceptions import RedisError

from domain import organisations
from domain.tables import RunPurpose
from domain.tx import TANDEM
from runtime.bells import DUE, FALLBACK, wait
from runtime.settings import Settings
from workers import importing, jobs, rereads, sending
from workers.parts import Parts, opened

log = structlog.get_logger()
OVERDUE = timedelta(seconds=3)
AT_ONCE = 4


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


async def listen(parts: Parts, stop: asyncio.Event) -> None:
    running: dict[UUID, asyncio.Task[None]] = {}
    async with _redis(parts) as redis, parts.bells.heard(DUE) as bell:
        stopped = asyncio.create_task(stop.wait())
        stopped.add_done_callback(lambda _: bell.set())
        while not stop.is_set():
            bell.clear()
            try:
                await _look(parts)
                for workspace, run_id, due_at in await _due(parts):
                    if run_id not in running and not await _handed_over(
                        parts, redis(), workspace, run_id, due_at
                    ):
                        running[run_id] = asyncio.create_task(_run(parts, stop, workspace, run_id))
            except (sa.exc.SQLAlchemyError, OSError) as error:
                log.warning("listener_failed", error=type(error).__name__)
            running = {key: task for key, task in running.items() if not task.done()}
            # What a person changed goes out at once, by the listener itself: no queue stands before it.
            for key, job in [*await _due_sends(parts), *await _due_reads(parts)]:
                if key not in running:
                    running[key] = asyncio.create_task(_guarded(job, key))
            await wait(bell, FALLBACK)
        stopped.cancel()
    await asyncio.gather(*running.values())


async def _look(parts: Parts) -> None:
    """Begin the deltas and scans whose time has come."""
    async with parts.database.door() as session:
        found = await session.execute(
            sa.text("select workspace_id, organisation_id, scan from door.due_polls(:now, :most)"),
            {"now": parts.database.clock.now(), "most": AT_ONCE},
        )
        due = found.all()
    for workspace, organisation, scan in due:
        async with parts.database.transaction(workspace, TANDEM) as tx:
            await organisations.look(tx, organisation, RunPurpose.SCAN if scan else RunPurpose.DELTA)


async def _due_sends(parts: Parts) -> list[tuple[UUID, Callable[[], Coroutine[None, None, None]]]]:
    """Organisations with something to send, and deliveries without an answer, each with what does it."""
    now = parts.database.clock.now()
    async with parts.database.door() as session:
        sends = (
            await session.execute(
                sa.text("select workspace_id, organisation_id from door.due_sends(:now, :most)"),
                {"now": now, "most": AT_ONCE},
            )
        ).all()
        lost = (
            await session.execute(
                sa.text("select workspace_id, delivery_id from door.due_deliveries(:now, :most)"),
                {"now": now, "most": AT_ONCE},
            )
        ).all()
    sending_jobs = [
        (row.organisation_id, partial(_send_all, parts, row.workspace_id, row.organisation_id))
        for row in sends
    ]
    recovering = [
        (row.delivery_id, partial(sending.recover, parts, row.workspace_id, row.delivery_id)) for row in lost
    ]
    return [*sending_jobs, *recovering]


async def _due_reads(parts: Parts) -> list[tuple[UUID, Callable[[], Coroutine[None, None, None]]]]:
    """Organisations of which contacts are to be read by themselves. What is sent waits for that, so they take turns."""
    async with parts.database.door() as session:
        found = await session.execute(
            sa.text("select workspace_id, organisation_id from door.due_reads(:now, :most)"),
            {"now": parts.database.clock.now(), "most": AT_ONCE},
        )
        due = found.all()
    return [
        (row.organisation_id, partial(_read_all, parts, row.workspace_id, row.organisation_id)) for row in due
    ]


async def _read_all(parts: Parts, workspace: UUID, organisation: UUID) -> None:
    while await rereads.read_due(parts, workspace, organisation):
        pass


async def _send_all(parts: Parts, workspace: UUID, organisation: UUID) -> None:
    while await sending.send_due(parts, workspace, organisation):
        pass


async def _guarded(job: Callable[[], Coroutine[None, None, None]], key: UUID) -> None:
    """What is due stays due; a fault of one must not stop the others."""
    try:
        await job()
    except Exception:
        log.exception("sending_failed", what=str(key))


async def _due(parts: Parts) -> list[tuple[UUID, UUID, datetime]]:
    async with parts.database.door() as session:
        found = await session.execute(
            sa.text("select workspace_id, run_id, due_at from door.due_runs(:now, :most)"),
            {"now": parts.database.clock.now(), "most": AT_ONCE},
        )
        return [(row.workspace_id, row.run_id, row.due_at) for row in found]


async def _handed_over(
    parts: Parts, redis: ArqRedis | None, workspace: UUID, run_id: UUID, due_at: datetime
) -> bool:
    """Whether arq has it. Not where it should have begun by now: its worker may be dead, and its key still there."""
    if redis is None or parts.database.clock.now() - due_at > OVERDUE:
        return False
    try:
        await jobs.enqueue_import(redis, workspace, run_id)
    except (RedisError, OSError):
        return False
    return True


async def _run(parts: Parts, stop: asyncio.Event, workspace: UUID, run_id: UUID) -> None:
    try:
        while not stop.is_set() and await importing.advance(parts, workspace, run_id):
            pass
    except Exception:
        # The import stays due; a fault of one must not stop the others.
        log.exception("import_failed", run=str(run_id))


@asynccontextmanager
async def _redis(parts: Parts) -> AsyncIterator[Callable[[], ArqRedis | None]]:
    """Gives what gives the connection, or None while Redis is away."""
    pool: ArqRedis | None = None

    async def connect() -> None:
        nonlocal pool
        while pool is None:
            with suppress(RedisError, OSError):
                pool = await create_pool(_patient(parts))
            await asyncio.sleep(FALLBACK)

    task = asyncio.create_task(connect())
    try:
        yield lambda: pool
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if pool is not None:
            with suppress(RedisError, OSError):
                await pool.aclose()


def _patient(parts: Parts) -> RedisSettings:
    settings = RedisSettings.from_dsn(parts.settings.redis_url or "")
    settings.conn_retries = 0
    return settings


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
    worker = jobs.make_worker(parts, _patient(parts), stop)
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
