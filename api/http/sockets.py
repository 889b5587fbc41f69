"""The protocol graphql-transport-ws: checks the shape of each message, and closes a socket whose credential ends."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime
from typing import Any

import structlog
from graphql import GraphQLError
from starlette.websockets import WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema.schema import StreamResult
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
    _OperationStreamClosed,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from api.auth.credentials import Credential, NotLetIn
from api.auth.token_watch import TokenWatch
from api.context import EdgeContext
from api.errors import Code, StreamInterrupted, log_fault, refusal, until_interrupted
from api.guards.trusted_documents import DocumentRefused, TrustedDocuments, with_id
from runtime import tracing
from runtime.database import DatabaseUnavailable

LONGEST_REASON = 120  # bytes; a close frame holds 123
FORBIDDEN, TRY_AGAIN = 4403, 1013
log = structlog.get_logger()
_parent: ContextVar[str | None] = ContextVar("parent_of_operation", default=None)


INTERRUPTED = "Try again in a moment, from the last cursor"
ENDED = "The token was revoked or has expired"


class Socket(ASGIWebSocketAdapter):
    async def send_json(self, message: Mapping[str, object]) -> None:
        if self.ws.application_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnected
        await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        """Cuts the reason to the size of a frame, because it may repeat what the client sent."""
        await super().close(code, reason.encode("ascii", "backslashreplace")[:LONGEST_REASON].decode())


def find_flaw(message: object) -> str | None:
    """The fault in the form of a client's message, or None."""
    if not isinstance(message, dict):
        return "A message must be a JSON object"
    kind, payload = message.get("type"), message.get("payload")
    if not isinstance(kind, str):
        return "A message needs a type, which is a string"
    if kind not in ("subscribe", "complete"):
        return None if isinstance(payload, dict | None) else "The payload must be an object"
    number = message.get("id")
    if not isinstance(number, str) or not number:
        return "The id must be a string that is not empty"
    return _payload_flaw(payload) if kind == "subscribe" else None


def _payload_flaw(payload: object) -> str | None:
    if not isinstance(payload, dict):
        return "The payload must be an object"
    if not isinstance(payload.get("query"), str):
        return "The query must be a string"
    if not isinstance(payload.get("operationName"), str | None):
        return "The operationName must be a string or null"
    shapes: list[object] = [payload.get("variables"), payload.get("extensions")]
    if not all(isinstance(shape, dict | None) for shape in shapes):
        return "The variables and the extensions must be objects or null"
    return None


class SocketHandler(BaseGraphQLTransportWSHandler[Any, None]):
    """`watch` ends an open socket with its credential. `documents` finds documents that a client names by an id."""

    context: EdgeContext
    _ending: asyncio.Task[None] | None = None

    def __init__(self, watch: TokenWatch[Credential], documents: TrustedDocuments, **given: Any) -> None:
        super().__init__(**given)
        self._watch, self._documents = watch, documents

    async def handle_message(self, message: Message) -> None:
        try:
            found = self._with_text(message) if self.connection_acknowledged else message
        except DocumentRefused as error:
            await self.websocket.send_json(
                {
                    "type": "error",
                    "id": message["id"],  # type: ignore[typeddict-item]  # _with_text has looked
                    "payload": [refusal(Code.BAD_REQUEST, str(error)).formatted],
                }
            )
            return
        flaw = find_flaw(found)
        if flaw:
            await self.handle_invalid_message(flaw)
        else:
            await super().handle_message(_without_null_payload(found))

    def _with_text(self, message: Any) -> Any:
        """A `subscribe` message of the right shape, with the text of the document that it names by an id."""
        payload = message.get("payload") if isinstance(message, dict) else None
        if (
            not isinstance(payload, dict)
            or message.get("type") != "subscribe"
            or not isinstance(message.get("id"), str)
        ):
            return message
        payload = with_id(payload)
        query, extensions = payload.get("query"), payload.get("extensions")
        if not isinstance(query, str | None) or not isinstance(extensions, dict | None):
            return message
        text = self._documents.find_text(query, extensions)
        return message if text is None else {**message, "payload": {**payload, "query": text}}

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        try:
            await super().handle_connection_init(message)
        except DatabaseUnavailable as error:
            log.warning("database_unavailable", error=str(error), path="connection_init")
            await self._close(TRY_AGAIN, INTERRUPTED)
            return
        except NotLetIn as error:
            code = TRY_AGAIN if error.code in (Code.UNAVAILABLE, Code.RATE_LIMITED) else FORBIDDEN
            await self._close(code, error.message)
            return
        credential, viewer = self.context.credential, self.context.viewer
        if self.connection_acknowledged and self._ending is None and credential and viewer:
            self._ending = asyncio.create_task(self._close_at_end(credential, viewer.expires_at))

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """The operation continues the trace that its `extensions` or the socket's own request name in `traceparent`."""
        given = (message["payload"].get("extensions") or {}).get("traceparent")
        mark = _parent.set(given if isinstance(given, str) else self._opened_by)
        try:
            await super().handle_subscribe(message)
        finally:
            _parent.reset(mark)

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        """A span for each operation. The span of a subscription ends with the subscription."""
        attributes: dict[str, tracing.Value] = {
            "network.protocol.name": "graphql-transport-ws",
            "url.path": "/graphql",
        }
        parent = _parent.get()
        with tracing.traced(
            "/graphql", kind="server", parents=[parent] if parent else [], attributes=attributes
        ):
            await super().run_operation(operation)

    @property
    def _opened_by(self) -> str | None:
        """The traceparent of the request that opened the socket. Browsers cannot send any."""
        assert isinstance(self.websocket, Socket)
        sent: str | None = self.websocket.ws.headers.get("traceparent")
        return sent

    async def shutdown(self) -> None:
        if self._ending:
            self._ending.cancel()
        await super().shutdown()

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        """None: a wrong document ends its own operation with an `error` message, and not the whole socket.

        The name is private to Strawberry. tests/api/http/test_sockets.py fails if Strawberry renames it.
        """
        return None

    async def _send_result_stream(self, operation: Operation[Any, None], result_source: StreamResult) -> None:
        """Close the socket if a subscription cannot go on. The name is private to Strawberry; tests/api/http/test_outage.py fails
        if Strawberry renames it."""
        try:
            await super()._send_result_stream(operation, until_interrupted(result_source))
        except StreamInterrupted:
            await self._close(TRY_AGAIN, INTERRUPTED)
            raise _OperationStreamClosed from None

    async def handle_task_exception(self, error: Exception) -> None:
        """Log the error, unless the client has hung up."""
        if not isinstance(error, WebSocketDisconnected):
            log_fault(error)

    async def _close(self, code: int, reason: str) -> None:
        with suppress(RuntimeError):  # closed already
            await self.websocket.close(code, reason)

    async def _close_at_end(self, credential: Credential, expires_at: datetime | None) -> None:
        with self._watch.watched(credential, expires_at) as ended:
            await ended.wait()
        await self._close(FORBIDDEN, ENDED)


def _without_null_payload(message: Any) -> Message:
    """A payload of null means the same as none. Strawberry refuses null."""
    if isinstance(message, Mapping) and message.get("payload", ...) is None:
        return {name: value for name, value in message.items() if name != "payload"}  # type: ignore[return-value]
    return message  # type: ignore[no-any-return]
