"""/healthz: the process runs. /readyz: the process can serve. /metrics: counters in Prometheus's text format."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
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
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.auth.credentials import find_bearer
from api.context import Process
from api.guards.operation_counts import OperationCounts
from runtime import migrations, seals
from runtime.database import READ_ONLY_SERVER, Database, find_role

Endpoint = Callable[[Request], Awaitable[Response]]
SEND_TOKEN = "This address needs OPS_TOKEN: send the header Authorization: Bearer …"  # noqa: S105 - a sentence
PATIENCE = 3.0  # seconds for PostgreSQL to answer
head = cache(migrations.head)


# The figures of door.figures, with their texts and labels. Each server shows the same: they are of the whole database.
FIGURES = {
    "jobs": ("Jobs that a worker may do now, by kind: the depth of the queue", ["kind"]),
    "organisations": ("Connected organisations, by health", ["health"]),
    "failing": ("Links and invoices that are FAILING, by failure code", ["kind", "code"]),
    "calls": (
        "Calls to Xero today (UTC), by endpoint and status; status 0: no answer",
        ["endpoint", "status"],
    ),
    "bytes": ("Bytes of Xero's answers today (UTC), as they travelled", ["endpoint"]),
    "calls_left": ("The fewest of the day's calls that an organisation has left", []),
}


class Metrics:
    """The metrics of one app. Each app has a registry of its own, so that two apps in one process, as in tests, do not add
    up."""

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
        self.operations = OperationCounts(self.registry)
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
        self._figures = {
            name: Gauge(f"tandem_{name}", says, labels, registry=self.registry)
            for name, (says, labels) in FIGURES.items()
        }
        self.behind = Gauge(
            "tandem_due_seconds",
            "For how many seconds the oldest change to send, webhook, import page or delivery has been due, of all that may be done now",
            ["kind"],
            registry=self.registry,
        )

    def show_figures(self, rows: Iterable[tuple[str, str, str, int]]) -> None:
        """Show the rows of door.figures, in place of those before. A label that a figure lacks is blank."""
        for gauge in self._figures.values():
            gauge.clear()
        for name, one, two, value in rows:
            labels = (one, two)[: len(FIGURES[name][1])]
            (self._figures[name].labels(*labels) if labels else self._figures[name]).set(value)

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


async def healthz(request: Request) -> Response:
    return JSONResponse({"alive": True})


def public_routes(process: Process, metrics: Metrics) -> list[Route]:
    """The routes on PORT: without /readyz and /metrics if these have a port of their own."""
    return [Route("/healthz", healthz)] if process.settings.ops_port is not None else routes(process, metrics)


def create_ops_app(process: Process, metrics: Metrics) -> Starlette:
    """The application on OPS_PORT."""
    return Starlette(routes=routes(process, metrics))


def routes(process: Process, metrics: Metrics) -> list[Route]:
    async def readyz(request: Request) -> Response:
        found = await find_reasons(process)
        said = {"ready": not found.reasons, "reasons": found.reasons}
        if found.warnings:
            said["warnings"] = found.warnings
        return JSONResponse(said, 503 if found.reasons else 200)

    async def show_metrics(request: Request) -> Response:
        with suppress(OSError):  # DatabaseUnavailable and TimeoutError: the other metrics still count
            async with asyncio.timeout(PATIENCE):
                await _read_figures(process, metrics)
        return Response(generate_latest(metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    return [
        Route("/healthz", healthz),
        Route("/readyz", _guarded(process, readyz)),
        Route("/metrics", _guarded(process, show_metrics)),
    ]


def _guarded(process: Process, endpoint: Endpoint) -> Endpoint:
    """Accept requests with OPS_TOKEN; all requests if OPS_TOKEN is not set."""
    token = process.settings.ops_token

    async def checked(request: Request) -> Response:
        given = find_bearer(request.headers.get("authorization")) or ""
        if token is not None and not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
            raise HTTPException(401, SEND_TOKEN, {"www-authenticate": "Bearer"})
        return await endpoint(request)

    return checked


@dataclass
class Readiness:
    """`reasons`: why the server cannot serve. `warnings`: faults that a person must correct although the server serves. The
    texts are ours only, because drivers repeat addresses."""

    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


async def find_reasons(process: Process) -> Readiness:
    """Whether the server can serve.

    Redis is no reason: the API does not use it, and workers run all jobs without it. Consents that do not open are a reason
    only if none opens: one of many concerns its own organisations, and the others sync.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            return await _postgres(process)
    except OSError:  # DatabaseUnavailable and TimeoutError
        return Readiness(["PostgreSQL does not answer"])


async def _postgres(process: Process) -> Readiness:
    async with process.database.door() as session:
        role = await find_role(session)
        there = await session.scalar(sa.text("select to_regclass('alembic_version')"))
        now = await session.scalar(sa.text("select version_num from alembic_version")) if there else None
        sealed = (
            await seals.examine(session, process.database.clock.now(), process.keys)
            if now == head() or migrations.is_newer(now)
            else None
        )
    found = Readiness()
    if not role.bound:
        found.reasons.append("The role of DATABASE_URL owns tables, is a superuser or has BYPASSRLS")
    if now != head() and not migrations.is_newer(now):
        found.reasons.append(
            f"The database is at {now or 'nothing'}, and {head()} is needed: run `tandem migrate`"
        )
    if role.read_only:
        found.warnings.append(READ_ONLY_SERVER)
    if sealed is not None and sealed.trouble:
        (found.reasons if sealed.stops_all else found.warnings).append(sealed.trouble)
    return found


async def _read_figures(process: Process, metrics: Metrics) -> None:
    now = process.database.clock.now()
    async with process.database.door() as session:
        due = (
            await session.execute(sa.text("select kind, since from door.due_since(:now)"), {"now": now})
        ).all()
        figures = await session.execute(
            sa.text("select name, one, two, value from door.figures(:now)"), {"now": now}
        )
        rows = [(row.name, row.one, row.two, int(row.value)) for row in figures]
    metrics.behind.clear()
    for kind, since in due:
        metrics.behind.labels(kind).set((now - since).total_seconds() if since else 0.0)
    metrics.show_figures(rows)
