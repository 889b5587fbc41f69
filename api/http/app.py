"""The API as one ASGI application: GraphQL, health, Xero's webhooks, and the routes of the consent with Xero."""

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import uuid4

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.schema import BaseSchema

from api.auth.credentials import WORKSPACE_HEADER
from api.context import Process
from api.errors import log_fault
from api.guards.extensions import GuardedSchema
from api.http import console, graphiql_page, health, webhooks
from api.http.bodies import BodyLimits
from api.http.compression import Compression
from api.http.error_responses import error_response, unavailable_response
from api.http.reads import KnownReads
from api.http.traced import TracedRequests
from api.http.view import GraphQLView
from runtime.database import DatabaseUnavailable

log = structlog.get_logger()
CLIENT_GONE = 499  # as nginx logs it
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
PROTECTION = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
PROTECTION_WITH_HTTPS = [*PROTECTION, (b"strict-transport-security", b"max-age=31536000")]
NO_SUCH_ADDRESS = "There is nothing at this address. The GraphQL API is at /graphql"


class RequestLog:
    """Give each request an id, which the header X-Request-Id and each of its log lines have. Logs and counts each request at its
    end, with the path and never with the query. Gives each answer the security headers."""

    def __init__(
        self, app: ASGIApp, metrics: health.Metrics, paths: frozenset[str], *, https: bool = False
    ) -> None:
        self._app, self._metrics, self._paths, self._https = app, metrics, paths, https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        number = uuid4().hex
        status = 101 if scope["type"] == "websocket" else 500
        begun = time.perf_counter()

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                given = [*message.get("headers", ()), (b"x-request-id", number.encode())]
                message["headers"] = protected(given, https=self._https)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=number):
            try:
                await self._app(scope, receive, marked)
            finally:
                self._record(scope, status, time.perf_counter() - begun)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"] if scope["path"] in self._paths else "other"
        method = scope.get("method", "WEBSOCKET")
        self._metrics.requests.labels(
            path, method if method in ("GET", "POST", "WEBSOCKET") else "other", status
        ).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        log.info("request", method=method, path=path, status=status, ms=round(seconds * 1000, 1))


class SocketCount:
    """Counts the open sockets of the view."""

    def __init__(self, view: GraphQLView, metrics: health.Metrics) -> None:
        self._view, self._metrics = view, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._metrics.sockets.track_inprogress():
            await self._view(scope, receive, send)


def create_app(process: Process, schema: BaseSchema, routes: Sequence[BaseRoute] = ()) -> Starlette:
    """`schema` has the configuration and the extensions of api.guards.extensions. `routes` are those of api.consent.connect.
    `state.metrics` are the metrics, for the application on OPS_PORT; `state.streams` the open event streams."""
    # Strawberry would log each error, a client's too, with the text of the query. api.errors logs our faults.
    logging.getLogger("strawberry.execution").disabled = True
    metrics = health.Metrics(process)
    https = process.settings.public_url.startswith("https:")
    view = GraphQLView(process, schema, counts=metrics.operations)
    every: list[BaseRoute] = [
        Route("/graphql", view),
        WebSocketRoute("/graphql", SocketCount(view, metrics)),
        *health.public_routes(process, metrics),
        *webhooks.routes(process, metrics.registry),
        *(graphiql_page.routes() if process.settings.graphiql else ()),
        *console.routes(process, view.callers),
        *routes,
    ]
    paths = frozenset(route.path for route in every if isinstance(route, Route))
    cors = Middleware(
        CORSMiddleware,
        allow_origins=process.settings.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", WORKSPACE_HEADER, *process.settings.allowed_headers],
        expose_headers=["X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy"],
        allow_credentials=True,  # for the cookie of the consent; GraphQL uses no cookie
    )

    def known_reads(*, inner: bool) -> list[Middleware]:
        if not isinstance(schema, GuardedSchema):
            return []
        return [Middleware(KnownReads, view=view, schema=schema, inner=inner)]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await view.rates.close()

    app = Starlette(
        routes=every,
        lifespan=lifespan,
        middleware=[
            Middleware(TracedRequests),  # outside, so that the line of the request has the trace
            Middleware(RequestLog, metrics=metrics, paths=paths, https=https),
            *known_reads(inner=False),
            cors,
            Middleware(Compression),
            Middleware(BodyLimits),
            *known_reads(inner=True),
        ],
        exception_handlers={
            HTTPException: _refuse,
            DatabaseUnavailable: _try_again,
            ClientDisconnect: _ignore,
            Exception: partial(_fail, https),
        },
    )
    app.state.metrics = metrics
    app.state.streams = view.streams
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = NO_SUCH_ADDRESS if error.status_code == 404 else error.detail
    return error_response(request, error.status_code, message, error.headers)


async def _try_again(request: Request, error: Exception) -> Response:
    assert isinstance(error, DatabaseUnavailable)
    return unavailable_response(request, error)


async def _ignore(request: Request, error: Exception) -> Response:
    """The client has hung up, and this response is not read. Its status is for the log."""
    return Response(status_code=CLIENT_GONE)


async def _fail(https: bool, request: Request, error: Exception) -> Response:
    """Starlette gives this answer outside of all middleware."""
    message = f"Something went wrong here. The server's log has it as {log_fault(error)}"
    response = error_response(request, 500, message)
    response.raw_headers = protected(response.raw_headers, https=https)
    return response


def protected(headers: Sequence[tuple[bytes, bytes]], *, https: bool) -> list[tuple[bytes, bytes]]:
    """The headers, with those that keep browsers from showing an answer as a page, in a frame, or as another type. A page that sets a
    policy of its own keeps it."""
    given = {name for name, _ in headers}
    more = PROTECTION_WITH_HTTPS if https else PROTECTION
    return [*headers, *(each for each in more if each[0] not in given)]
