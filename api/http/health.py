"""/healthz: the process runs. /readyz: the process can serve. /metrics: counters in Prometheus's text format."""

import asyncio
from collections.abc import Awaitable
from functools import cache

import sqlalchemy as sa
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.context import Process
from runtime.commands import doctor as doctor_command
from runtime.commands import keys as keys_command
from runtime.commands import migrate as migrate_command
from runtime.database import Database

PATIENCE = 3.0  # seconds for PostgreSQL to answer
head = cache(migrate_command.head)


class Metrics:
    """Each app has a registry of its own, so that two apps in one process, as in tests, do not add up."""

    def __init__(self, process: Process) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tandem_requests",
            "Requests that were answered",
            ["path", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "tandem_request_seconds",
            "Seconds from a request to the end of its answer",
            ["path"],
            registry=self.registry,
        )
        self.sockets = Gauge("tandem_sockets", "Open WebSockets", registry=self.registry)
        subscriptions = Gauge("tandem_subscriptions", "Open subscriptions", registry=self.registry)
        subscriptions.set_function(lambda: process.feeds.followers)
        statements = Gauge("tandem_statements", "SQL statements since the start", registry=self.registry)
        statements.set_function(lambda: process.database.statements)
        self._show_pool(process.database)
        interrupted = Gauge(
            "tandem_notifications_interrupted",
            "1 while PostgreSQL's notifications do not arrive",
            registry=self.registry,
        )
        interrupted.set_function(lambda: float(process.notifications.interrupted))
        self.behind = Gauge(
            "tandem_due_seconds",
            "For how many seconds the oldest contact change, contact webhook, import page or delivery has been due",
            ["kind"],
            registry=self.registry,
        )

    def _show_pool(self, database: Database) -> None:
        connections = Gauge(
            "tandem_pool_connections", "Connections to PostgreSQL", ["state"], registry=self.registry
        )
        connections.labels("in_use").set_function(lambda: database.connections_in_use)
        connections.labels("idle").set_function(lambda: database.connections_idle)
        size = Gauge("tandem_pool_size", "Connections that are kept open at most", registry=self.registry)
        size.set_function(lambda: database.pool_size)
        timeouts = Gauge(
            "tandem_pool_timeouts",
            "How often, since the start, no connection became free in time",
            registry=self.registry,
        )
        timeouts.set_function(lambda: database.pool_timeouts)


def routes(process: Process, metrics: Metrics) -> list[Route]:
    async def healthz(request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(request: Request) -> Response:
        reasons = await find_reasons(process)
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def show_metrics(request: Request) -> Response:
        await _within(_behind(process, metrics.behind), "PostgreSQL")
        return Response(generate_latest(metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", show_metrics)]


async def find_reasons(process: Process) -> list[str]:
    """Why the server cannot serve. The texts are ours only, because drivers repeat addresses.

    Redis is no reason: the API does not use it, and workers run all jobs without it.
    """
    return await _within(_postgres(process), "PostgreSQL")


async def _within(check: Awaitable[list[str]], name: str) -> list[str]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check
    except OSError:  # DatabaseUnavailable and TimeoutError
        return [f"{name} does not answer"]


async def _postgres(process: Process) -> list[str]:
    async with process.database.door() as session:
        role = await doctor_command.find_role(session)
        there = await session.scalar(sa.text("select to_regclass('alembic_version')"))
        now = await session.scalar(sa.text("select version_num from alembic_version")) if there else None
        seals = (
            await keys_command.examine(session, process.database.clock.now(), process.keys)
            if now == head()
            else None
        )
    reasons = []
    if not role.bound:
        reasons.append("The role of DATABASE_URL owns tables, is a superuser or has BYPASSRLS")
    if now != head():
        reasons.append(f"The database is at {now or 'nothing'}, and {head()} is needed: run `tandem migrate`")
    if seals is not None and seals.trouble:
        reasons.append(seals.trouble)
    return reasons


async def _behind(process: Process, gauge: Gauge) -> list[str]:
    gauge.clear()
    now = process.database.clock.now()
    async with process.database.door() as session:
        for kind, since in await session.execute(sa.text("select * from door.due_since(:now)"), {"now": now}):
            gauge.labels(kind).set((now - since).total_seconds() if since else 0.0)
    return []
