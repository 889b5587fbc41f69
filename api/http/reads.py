"""Answers known reads before Starlette and Strawberry see them: one statement finds the caller and the page together.

A read is known if its document has passed every check before, and if it asks for one list that PostgreSQL can write
(api.compiled.sql). All rules are those of the usual way, and their code is the same: the limits of the document and of the
minute, the scope, the caller's token, the arguments. In every unexpected case the request goes the usual way, unchanged:
another header, an unknown or revoked token, a refusal, a value that SQL does not write, a fault of the database. So this
module refuses nothing and has no error of its own.

`KnownReads` is in the application twice, both times inside RequestLog, which gives the request its id, its log line and its
metrics. The outer one leaves out all other middleware. A browser's request has headers that this middleware reads
(`BROWSERS`): the origin of the page, and how the answer may be compressed. The inner one answers such a request behind the
middleware.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec
import structlog
from cross_web import HTTPException as ViewException
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.credentials import WORKSPACE_HEADER, find_bearer
from api.auth.tokens import STILL_VALID
from api.compiled.run import OneList, find_list
from api.compiled.sql import count_in_json
from api.context import EdgeContext, Viewer
from api.guards.cost_report import Expected, told
from api.guards.extensions import GuardedSchema
from api.guards.operation_log import describe
from api.guards.query_cost import measure
from api.http.accept import json_type, prefers_stream
from api.http.bodies import limited
from api.http.compression import COMPRESSED_FROM
from api.http.view import GraphQLView, caller_in_logs, check_content_type
from runtime import tally, tracing

BROWSERS = frozenset((b"accept-encoding", b"origin"))
_ELSEWHERE = {b"content-encoding", WORKSPACE_HEADER.lower().encode()}  # the usual way reads these headers
_SINGLE = (b"authorization", b"content-type", b"accept")
_NO_STORE = (b"cache-control", b"no-store")
LONGEST_HEADER = 1_000  # bytes of a header whose meaning is remembered


class Asked(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of a request that may be known."""

    query: str | None = None
    variables: dict[str, object] | None = None
    operation_name: str | None = None
    extensions: dict[str, object] | None = None


class Caller(NamedTuple):
    """The headers of a request that may be a known read. `media_type`: of the answer that the client prefers."""

    token: str
    media_type: str
    is_browser: bool


class Answer(NamedTuple):
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


_decode = msgspec.json.Decoder(Asked).decode


class KnownReads:
    """Answers requests without a header of a browser, or those with one if it is the inner one. `app` is the usual way."""

    def __init__(self, app: ASGIApp, view: GraphQLView, schema: GuardedSchema, *, inner: bool) -> None:
        self._app, self._view, self._schema, self._inner = app, view, schema, inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = None
        if scope["type"] == "http" and scope["path"] == "/graphql" and scope["method"] == "POST":
            caller = read_caller(scope["headers"])
        if caller is None or caller.is_browser is not self._inner:
            await self._app(scope, receive, send)
            return
        messages = await _read(receive if self._inner else limited(scope, receive))
        body = _body(messages)
        answer = await self._answer(caller, body) if body is not None else None
        if answer is None:
            await self._app(scope, _again(messages, receive), send)
            return
        size = len(answer.body)
        length = (b"content-length", str(size).encode())
        headers = [_content_type(caller.media_type), _NO_STORE, length, *answer.headers]
        if not self._inner:  # the middleware adds this header otherwise
            headers.append((b"vary", b"Origin" if size < COMPRESSED_FROM else b"Accept-Encoding, Origin"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, caller: Caller, body: bytes) -> Answer | None:
        """None: the usual way answers."""
        token = caller.token
        view = self._view
        recalled = view.callers.recall(token)
        if recalled is None or not self._schema.plans.are_used:
            return None
        viewer = recalled.viewer
        try:
            asked = _decode(body)
            query = view.documents.find_text(asked.query, asked.extensions)
            found = self._find(query, asked, viewer) if query else None
            if found is None:
                return None
            one, expected = found
            listing, page = one.asked()
            sql, values = one.plan.statement(listing, page, STILL_VALID)
            values = {**values, **recalled.values}
            rows = await self._read(viewer.workspace, sql, values)
            if not rows or rows[0]["extra"] is not True:
                return None
            text = one.plan.written(listing, page, rows, viewer)
        except Exception:  # the usual way meets it again, and answers and logs it
            return None
        spent = await view.rates.spend(viewer, expected.requested)
        if spent.is_over:
            view.callers.forget(token)  # the usual way refuses, before anything is read
            return None
        structlog.contextvars.bind_contextvars(**caller_in_logs(viewer))
        describe(tracing.active(), one.name, "query", viewer)
        if view.counts is not None:
            view.counts.count(one.name, "query", [])
        shown = [(name.encode(), value.encode()) for name, value in spent.headers.items()]
        actual = count_in_json(text) + len(rows) + tally.STATEMENT
        self._schema.experience.add(expected.asked, actual)
        extensions = {"cost": told(expected, actual, spent)}
        return Answer(shown, msgspec.json.encode({"data": one.data(text), "extensions": extensions}))

    async def _read(
        self, workspace: UUID, statement: str, values: Mapping[str, object]
    ) -> Sequence[asyncpg.Record]:
        """Read through the pool for reads. Without such a pool, as behind a pooler in transaction mode, read in a
        transaction."""
        process = self._view.process
        if process.reads is not None:
            return await process.reads.read(workspace, statement, values)
        async with process.database.reading(workspace) as reader:
            return await reader.records(statement, **values)

    def _find(self, text: str, asked: Asked, viewer: Viewer) -> tuple[OneList, Expected] | None:
        """The operation, and what it is expected to cost."""
        schema, name = self._schema, asked.operation_name
        document, before = schema.documents.find(text), schema.costs.find(text)
        if document is None or before is None:
            return None
        variables = asked.variables or {}
        measured = measure(schema._schema, document, variables, before)
        expected = schema.experience.expect(viewer.workspace, text, name, measured)
        context = EdgeContext(self._view.process, viewer)
        one = find_list(schema.plans, schema, document, text, variables, name, context)
        return None if one is None or expected is None else (one, expected)


def read_caller(headers: Sequence[tuple[bytes, bytes]]) -> Caller | None:
    """The caller of a request without anything unusual."""
    found: dict[bytes, bytes] = {}
    is_browser = False
    for name, value in headers:
        if name in _SINGLE:
            if name in found or len(value) > LONGEST_HEADER:
                return None
            found[name] = value
        elif name in BROWSERS:
            is_browser = True
        elif name in _ELSEWHERE:
            return None
    token = find_bearer(found.get(b"authorization", b"").decode("latin-1"))
    media_type = _answered_as(found.get(b"accept", b""))
    if token is None or media_type is None or not _is_json(found.get(b"content-type", b"")):
        return None
    return Caller(token, media_type, is_browser)


@lru_cache
def _answered_as(accept: bytes) -> str | None:
    """The media type of the answer to a query; None for a stream of events."""
    text = accept.decode("latin-1")
    return None if prefers_stream(text) else json_type(text)


@lru_cache
def _content_type(media_type: str) -> tuple[bytes, bytes]:
    return b"content-type", f"{media_type}; charset=utf-8".encode()


@lru_cache
def _is_json(content_type: bytes) -> bool:
    try:
        check_content_type(content_type.decode("latin-1"))
    except ViewException:
        return False
    return True


async def _read(receive: Receive) -> list[Message | HTTPException]:
    """The messages of the body. In place of the last one the reason, if the body is refused."""
    messages: list[Message | HTTPException] = []
    try:
        while True:
            message = await receive()
            messages.append(message)
            if not message.get("more_body", False):
                break
    except HTTPException as error:
        messages.append(error)
    return messages


def _body(messages: Sequence[Message | HTTPException]) -> bytes | None:
    """The body; None if it is refused, or if the client is gone."""
    parts: list[bytes] = []
    for each in messages:
        if isinstance(each, HTTPException) or each["type"] != "http.request":
            return None
        parts.append(each.get("body", b""))
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _again(messages: list[Message | HTTPException], receive: Receive) -> Receive:
    """Gives the messages once more, and then all others."""
    waiting = iter(messages)

    async def again() -> Message:
        message = next(waiting, None)
        if isinstance(message, HTTPException):
            raise message
        return await receive() if message is None else message

    return again
