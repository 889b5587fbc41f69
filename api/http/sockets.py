"""graphql-transport-ws: the shape of each message is checked, and the token again while the socket is open."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from graphql import GraphQLError
from sqlalchemy.exc import SQLAlchemyError
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import ConnectionInitMessage, Message

if TYPE_CHECKING:
    from api.http.view import EdgeContext, GraphQLView

LONGEST_REASON = 120  # bytes; a close frame holds 123
FORBIDDEN, TRY_AGAIN = 4403, 1013
RECHECK = 5.0
log = structlog.get_logger()


REJECTED = "Forbidden"  # all that Strawberry says where on_ws_connect rejects
WHY_REJECTED = 'A valid token is needed in connection_init\'s payload: {"Authorization": "Bearer ..."}'
ENDED = "The token was revoked or has expired"


class Socket(ASGIWebSocketAdapter):
    async def close(self, code: int, reason: str) -> None:
        """A reason may repeat what the client sent: it is cut to what a frame holds."""
        reason = WHY_REJECTED if reason == REJECTED else reason
        await super().close(code, reason.encode("ascii", "backslashreplace")[:LONGEST_REASON].decode())


def find_flaw(message: object) -> str | None:
    """What is wrong with the shape of a message from the client."""
    if not isinstance(message, dict):
        return "A message must be an object"
    kind, payload = message.get("type"), message.get("payload")
    if not isinstance(kind, str):
        return "A message needs a type"
    if kind not in ("subscribe", "complete"):
        return None if isinstance(payload, dict | None) else "The payload must be an object"
    number = message.get("id")
    if not isinstance(number, str) or not number:
        return "The id must be a text"
    return _payload_flaw(payload) if kind == "subscribe" else None


def _payload_flaw(payload: object) -> str | None:
    if not isinstance(payload, dict):
        return "The payload must be an object"
    if not isinstance(payload.get("query"), str):
        return "The query must be a text"
    if not isinstance(payload.get("operationName"), str | None):
        return "The operationName must be a text"
    shapes: list[object] = [payload.get("variables"), payload.get("extensions")]
    if not all(isinstance(shape, dict | None) for shape in shapes):
        return "Variables and extensions must be objects"
    return None


class SocketHandler(BaseGraphQLTransportWSHandler[Any, None]):
    view: "GraphQLView"
    context: "EdgeContext"
    watch: asyncio.Task[None] | None = None

    async def handle_message(self, message: Message) -> None:
        flaw = find_flaw(message)
        if flaw:
            await self.handle_invalid_message(flaw)
        else:
            await super().handle_message(_without_null_payload(message))

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        try:
            await super().handle_connection_init(message)
        except (SQLAlchemyError, OSError) as error:
            log.warning("socket_without_database", error=type(error).__name__)
            await self.websocket.close(TRY_AGAIN, "Try again later")
            return
        if self.connection_acknowledged and self.watch is None:
            self.watch = asyncio.create_task(self._watch_token())

    async def shutdown(self) -> None:
        if self.watch:
            self.watch.cancel()
        await super().shutdown()

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        """None: a document that cannot be run ends its own operation, not the socket with all the others.

        A private name of Strawberry's; test_edge_sockets would fail without it.
        """
        return None

    async def _watch_token(self) -> None:
        """Closes the socket once the token is revoked or has expired."""
        while True:
            await asyncio.sleep(self._until_check())
            try:
                viewer = await self.view.find_viewer(self.context.token)
            except (SQLAlchemyError, OSError):
                continue  # nothing is read from the database meanwhile either
            if viewer is None:
                with suppress(RuntimeError):  # closed already
                    await self.websocket.close(FORBIDDEN, ENDED)
                return

    def _until_check(self) -> float:
        viewer = self.context.viewer
        if viewer is None or viewer.expires_at is None:
            return RECHECK
        left = viewer.expires_at - self.view.parts.database.clock.now()
        return max(0.1, min(RECHECK, (left + timedelta(milliseconds=10)).total_seconds()))


def _without_null_payload(message: Any) -> Message:
    """Null and absent mean the same; Strawberry refuses null."""
    if isinstance(message, Mapping) and message.get("payload", ...) is None:
        return {name: value for name, value in message.items() if name != "payload"}  # type: ignore[return-value]
    return message  # type: ignore[no-any-return]
