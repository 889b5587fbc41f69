"""Finds what is due and has it done: woken by PostgreSQL's bells, and looking by itself besides.

Imports are handed to arq; one is done here where arq is away, or where it has been due for longer than a healthy arq
would leave it. All else is done here at once: no queue stands before what a person changed, or Xero announced.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from arq.connections import ArqRedis, RedisSettings, create_pool
from redis.exceptions import RedisError

from domain.connection import health as connection_health
from domain.connection import organisations
from domain.tables import Cargo, RunPurpose
from domain.tx import TANDEM
from runtime.bells import DUE, FALLBACK, wait
from workers import catalogues, importing, invoice_reads, invoicing, jobs, sending, single_reads, webhooks
from workers.crew import AT_ONCE, Crew
from workers.process import Parts

log = structlog.get_logger()
OVERDUE = timedelta(seconds=3)
LEAST = 0.05  # seconds between two looks, however often the bell rings
SOON = timedelta(seconds=FALLBACK)
REDIS_SECONDS = 1.0
# Two batches of one organisation may be under way at once: what a person waits for is not behind a slow one.
LANES = ("send", "send beside")

_DUE = {
    "limit over": sa.text("select workspace_id, organisation_id as key from door.limits_over(:now, :most)"),
    "poll": sa.text(
        "select workspace_id, organisation_id as key, scan from door.due_polls(:now, cast(:busy as uuid[]), :most)"
    ),
    "import": sa.text(
        "select workspace_id, run_id as key, due_at from door.due_runs(:now, cast(:busy as uuid[]), :most)"
    ),
    "webhooks": sa.text(
        "select workspace_id, organisation_id as key, due_at"
        " from door.due_webhooks('CONTACT', :soon, cast(:busy as uuid[]), :most)"
    ),
    "send": sa.text(
        "select workspace_id, organisation_id as key from door.due_sends(:now, cast(:busy as uuid[]), :most)"
    ),
    "reread": sa.text(
        "select workspace_id, organisation_id as key from door.due_reads(:now, cast(:busy as uuid[]), :most)"
    ),
    "send invoices": sa.text(
        "select workspace_id, organisation_id as key from door.due_invoices(:now, cast(:busy as uuid[]), :most)"
    ),
    "invoice webhooks": sa.text(
        "select workspace_id, organisation_id as key, due_at"
        " from door.due_webhooks('INVOICE', :soon, cast(:busy as uuid[]), :most)"
    ),
    "invoice poll": sa.text(
        "select workspace_id, organisation_id as key from door.due_invoice_polls(:now, cast(:busy as uuid[]), :most)"
    ),
    "catalogue": sa.text(
        "select workspace_id, organisation_id as key from door.due_catalogues(:now, cast(:busy as uuid[]), :most)"
    ),
    "recover": sa.text(
        "select workspace_id, delivery_id as key, cargo from door.due_deliveries(:now, cast(:busy as uuid[]), :most)"
    ),
}


async def listen(parts: Parts, stop: asyncio.Event) -> None:
    """Until `stop`; then what was begun is finished, and nothing new is."""
    async with _redis(parts) as redis, parts.bells.heard(DUE) as bell:
        crew = Crew(bell)
        stopped = asyncio.create_task(stop.wait())
        stopped.add_done_callback(lambda _: bell.set())
        while not stop.is_set():
            bell.clear()
            pause = FALLBACK
            try:
                pause = await _look(parts, stop, crew, redis())
            except Exception as error:  # PostgreSQL is away, or worse: whatever it is, look again
                log.warning("listener_failed", error=type(error).__name__, exc_info=not _away(error))
            await asyncio.sleep(LEAST)
            await wait(bell, pause)
        stopped.cancel()
        await crew.finish()


def _away(error: Exception) -> bool:
    return isinstance(error, (sa.exc.SQLAlchemyError, OSError)) or type(error).__module__.startswith(
        "asyncpg"
    )


async def _look(parts: Parts, stop: asyncio.Event, crew: Crew, redis: ArqRedis | None) -> float:
    """Begin what is due; gives the seconds after which something is, as far as is known."""
    now = parts.database.clock.now()
    due = await _due(parts, crew, now)
    for row in due["limit over"]:
        crew.start("limit over", row.key, partial(_limit_over, parts, row.workspace_id, row.key))
    for row in due["poll"]:
        purpose = RunPurpose.SCAN if row.scan else RunPurpose.DELTA
        crew.start("poll", row.key, partial(_poll, parts, row.workspace_id, row.key, purpose))
    for row in due["webhooks"]:
        if row.due_at <= now:
            job = partial(webhooks.read_due, parts, row.workspace_id, row.key)
            crew.start("webhooks", row.key, partial(_again, stop, job))
    for row in due["send"]:
        job = partial(sending.send_due, parts, row.workspace_id, row.key)
        lane = next((lane for lane in LANES if row.key not in crew.busy(lane)), None)
        if lane is not None:
            crew.start(lane, row.key, partial(_again, stop, job))
    for row in due["reread"]:
        job = partial(single_reads.read_due, parts, row.workspace_id, row.key)
        crew.start("reread", row.key, partial(_again, stop, job))
    _begin_invoices(parts, stop, crew, due, now)
    for row in due["recover"]:
        recover = invoicing.recover if row.cargo == Cargo.INVOICES else sending.recover
        crew.start("recover", row.key, partial(_once, partial(recover, parts, row.workspace_id, row.key)))
    for row in due["import"]:
        late = now - row.due_at > OVERDUE  # its worker may be dead, and its key still in Redis
        if late or redis is None or not await _handed_over(redis, row.workspace_id, row.key):
            job = partial(importing.advance, parts, row.workspace_id, row.key)
            crew.start("import", row.key, partial(_again, stop, job))
    events = [*due["webhooks"], *due["invoice webhooks"]]
    coming: list[float] = [(row.due_at - now).total_seconds() for row in events if row.due_at > now]
    return min([FALLBACK, *coming])


def _begin_invoices(
    parts: Parts, stop: asyncio.Event, crew: Crew, due: Mapping[str, Any], now: datetime
) -> None:
    for row in due["send invoices"]:
        job = partial(invoicing.send_due, parts, row.workspace_id, row.key)
        crew.start("send invoices", row.key, partial(_again, stop, job))
    for row in due["invoice webhooks"]:
        if row.due_at <= now:
            job = partial(invoice_reads.read_due, parts, row.workspace_id, row.key)
            crew.start("invoice webhooks", row.key, partial(_again, stop, job))
    for row in due["invoice poll"]:
        crew.start("invoice poll", row.key, partial(invoice_reads.poll, parts, row.workspace_id, row.key))
    for row in due["catalogue"]:
        crew.start("catalogue", row.key, partial(catalogues.read_due, parts, row.workspace_id, row.key))


async def _due(parts: Parts, crew: Crew, now: datetime) -> dict[str, Any]:
    async with parts.database.door() as session:
        found = {}
        for kind, statement in _DUE.items():
            busy = set(crew.busy(kind))
            if kind == LANES[0]:
                busy &= set(crew.busy(LANES[1]))
            values = {"now": now, "soon": now + SOON, "busy": list(busy), "most": AT_ONCE}
            known = {name: values[name] for name in statement.compile().params}
            found[kind] = (await session.execute(statement, known)).all()
        return found


async def _again(stop: asyncio.Event, job: Callable[[], Any]) -> bool:
    """Until there is nothing more to do, or this process is to end."""
    did = False
    while not stop.is_set() and await job():
        did = True
    return did


async def _limit_over(parts: Parts, workspace: UUID, organisation: UUID) -> bool:
    async with parts.database.transaction(workspace, TANDEM) as tx:
        await connection_health.limit_over(tx, organisation)
    return True


async def _poll(parts: Parts, workspace: UUID, organisation: UUID, purpose: RunPurpose) -> bool:
    """The delta or scan begins whose time has come."""
    async with parts.database.transaction(workspace, TANDEM) as tx:
        return await organisations.look(tx, organisation, purpose)


async def _once(job: Callable[[], Awaitable[None]]) -> bool:
    await job()
    return False


async def _handed_over(redis: ArqRedis, workspace: UUID, run_id: UUID) -> bool:
    """Whether arq has it."""
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            await jobs.enqueue_import(redis, workspace, run_id)
    except (RedisError, OSError):
        return False
    return True


@asynccontextmanager
async def _redis(parts: Parts) -> AsyncIterator[Callable[[], ArqRedis | None]]:
    """Gives what gives the connection, or None while Redis is away."""
    pool: ArqRedis | None = None

    async def connect() -> None:
        nonlocal pool
        while pool is None:
            with suppress(RedisError, OSError):
                pool = await create_pool(redis_settings(parts))
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


def redis_settings(parts: Parts) -> RedisSettings:
    """Tried once: whoever waits for Redis has better things to do."""
    settings = RedisSettings.from_dsn(parts.settings.redis_url or "")
    settings.conn_retries = 0
    return settings
