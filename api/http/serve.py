"""Runs the API on uvicorn, with time limits that uvicorn lacks, and lets running requests finish at the end."""

import asyncio
import signal
import socket
from asyncio import TimerHandle
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp
from strawberry.schema import BaseSchema
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.context import Process
from api.http.app import create_app
from api.http.bodies import LARGEST
from api.http.health import create_ops_app
from runtime import database, garbage, tracing
from runtime.certificates import trusted
from runtime.notifications import Notifications
from runtime.read_pool import ReadPool
from runtime.seal import KeyRing
from runtime.settings import Settings

HEAD_SECONDS = 10.0
BODY_SECONDS = 15.0  # for a body that no route reads; api.http.bodies answers 408 earlier for the others
DRAIN_SECONDS = 10
CONNECTIONS = 2_000
# Longer than proxies and clients keep an idle connection, which is 60 s at most as a rule. If the server closed it first, a request that is
# on its way on the connection would be lost: a proxy answers 502. uvicorn would close after 5 s.
IDLE_SECONDS = 75
POOL_SECONDS = 5.0  # a request that waits longer for a connection is answered with 503


class OneWrite:
    """The transport of one answer. uvicorn writes the head and the body one after the other; both go out by one system call. A part
    that nothing follows in the same turn of the event loop goes out at its end."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._waiting: bytes | None = None

    def write(self, data: bytes) -> None:
        if self._waiting is None:
            self._waiting = data
            self._loop.call_soon(self._flush)
        else:
            waiting, self._waiting = self._waiting, None
            self._transport.writelines([waiting, data])

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not self._transport.is_closing():
            self._transport.write(waiting)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._flush()
        self._transport.close()


class DeadlineProtocol(HttpToolsProtocol):
    """Cuts a connection whose head is not complete in time, or whose body is not and no route reads it. uvicorn would wait for ever.
    Writes each answer as OneWrite does.

    The class overrides methods that are private to uvicorn, whose version is pinned. tests/api/http/test_serve.py fails if
    uvicorn renames them.
    """

    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS
    _deadline: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own method has this type
        super().connection_made(transport)
        self._arm(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._arm(self.head_seconds)

    def on_headers_complete(self) -> None:
        self._disarm()
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            self._arm(self.body_seconds)
            self.cycle.transport = OneWrite(self.transport, self.loop)  # type: ignore[assignment]  # it has what a cycle uses

    def on_message_complete(self) -> None:
        self._disarm()
        super().on_message_complete()

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def server_config(
    app: ASGIApp, host: str, port: int, protocol: type[HttpToolsProtocol] = DeadlineProtocol
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=protocol,
        ws_max_size=LARGEST,
        access_log=False,  # api.http.app logs requests, with their ids and without their queries
        log_config=None,
        log_level="warning",  # at INFO uvicorn logs the address of each socket with its query
        server_header=False,
        proxy_headers=False,  # uvicorn would believe X-Forwarded-For from 127.0.0.1; api.auth.addresses reads it
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


class ApiServer(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the event streams first. uvicorn would wait `DRAIN_SECONDS` for them, while nobody accepts connections."""
        assert isinstance(self.config.app, Starlette)
        self.config.app.state.streams.end()
        await super().shutdown(sockets)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Process]:
    """Open the resources of an API process, and close them at the end. The settings must name the database and a key."""
    assert settings.database_url is not None
    assert settings.listen_url is not None
    keys = KeyRing.parse(key.get_secret_value() for key in settings.tandem_keys)
    # A read connection keeps its workspace in its session, which a pooler in transaction mode would give to others.
    reads = settings.database_pool_size // 2 if settings.database_direct_url is None else 0
    db = database.connect(
        settings.database_url,
        program="serve",
        pool_size=settings.database_pool_size - reads,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
    )
    pool = ReadPool(db, reads, POOL_SECONDS, "serve") if reads else None
    notifications = Notifications(settings.listen_url, "serve")
    listening = asyncio.create_task(notifications.listen())
    try:
        timeout = httpx.Timeout(30, connect=10)
        async with database.on_time(db), httpx.AsyncClient(timeout=timeout, verify=trusted()) as http:
            yield Process(settings, db, keys, http, notifications, pool)
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        if pool is not None:
            await pool.close()
        await db.close()


async def serve(
    settings: Settings, schema: BaseSchema, routes: Callable[[Process], Sequence[BaseRoute]] = lambda _: ()
) -> None:
    """Serve until SIGTERM or SIGINT. Then accept nothing new, close sockets with 1012, end event streams, and give requests 10 s to
    finish."""
    # uvicorn raises the signal again at its end, which would end the process before `opened` has closed them.
    signals: list[int] = []
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda number, _: signals.append(number))
    tracing.start(settings, "serve")
    async with AsyncExitStack() as stack:
        stack.callback(tracing.stop)
        process = await stack.enter_async_context(opened(settings))
        app = create_app(process, schema, routes(process))
        garbage.spare_imported()
        server = ApiServer(server_config(app, settings.host, settings.port))
        if not signals:
            async with serving_ops(process, app):
                await server.serve()


class _OpsServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the server of the API, which ends this one at its own end."""
        yield


@asynccontextmanager
async def serving_ops(process: Process, app: Starlette) -> AsyncIterator[None]:
    """Serve /readyz and /metrics on OPS_PORT, if it is set, for as long as the API runs."""
    if process.settings.ops_port is None:
        yield
        return
    ops = create_ops_app(process, app.state.metrics)
    server = _OpsServer(server_config(ops, process.settings.host, process.settings.ops_port))
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task
