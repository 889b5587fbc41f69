"""A span for each request to /graphql, which continues the trace of the client's `traceparent`."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime import tracing


class TracedRequests:
    """api.guards.operation_log gives the span its operation and its caller. A stream of events has the span of its request. The operations
    of a socket have spans of their own (api.http.sockets)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not tracing.is_on() or scope["type"] != "http" or scope["path"] != "/graphql":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get("traceparent")
        attributes: dict[str, tracing.Value] = {
            "http.request.method": scope["method"],
            "url.path": "/graphql",
        }
        parents = [sent] if sent else []
        with tracing.traced("/graphql", kind="server", parents=parents, attributes=attributes) as span:

            async def marked(message: Message) -> None:
                if message["type"] == "http.response.start" and span is not None:
                    span.set("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, marked)
