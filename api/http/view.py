"""The GraphQL endpoint: GraphQL over HTTP, server-sent events, and graphql-transport-ws.

Strawberry's view trusts the shape of a request. This view checks the shape, so that every request gets an answer: errors in
JSON, or the close code that the protocol names. The tests are in tests/api/http.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import structlog
from cross_web import AsyncHTTPRequestAdapter
from cross_web import HTTPException as ViewException
from graphql import GraphQLError, OperationType, get_operation_ast, parse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.http.parse_content_type import parse_content_type
from strawberry.http.streaming import HTTPStreamTransport
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult, SubscriptionExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.unset import UNSET, UnsetType

from api.auth.callers import Callers
from api.auth.credentials import WORKSPACE_HEADER, Credential, NotLetIn, read_credential
from api.auth.sign_in_limit import SignInLimit
from api.auth.token_watch import TokenWatch
from api.context import Context, EdgeContext, Process, Viewer
from api.errors import (
    RETRY_AFTER,
    STATUS,
    Code,
    present_errors,
    until_interrupted,
)
from api.guards.operation_counts import OperationCounts
from api.guards.query_cost import TOKENS
from api.guards.rate_limit import Rates
from api.guards.trusted_documents import DocumentRefused, TrustedDocuments, read_manifest, with_id
from api.http import graphiql_page
from api.http.accept import (
    GRAPHQL_JSON,
    JSON,
    accepts_json,
    accepts_stream,
    json_type,
    prefers_stream,
)
from api.http.error_responses import error_response, unavailable_response
from api.http.sockets import Socket, SocketHandler
from api.http.streams import EventStream, OpenStreams, begun, until, without_complete
from runtime.database import DatabaseUnavailable

SEND_IN_INIT = 'A valid token is needed in connection_init\'s payload: {"Authorization": "Bearer ..."}'
INIT_WAIT = timedelta(seconds=3)
STREAMS: Mapping[str, type[HTTPStreamTransport]] = {GRAPHQL_SSE_PROTOCOL: EventStream}


class GraphQLView(GraphQL[Context, None]):
    websocket_adapter_class = Socket
    stream_transport_classes_by_protocol = STREAMS

    def __init__(
        self,
        process: Process,
        schema: BaseSchema,
        *,
        init_wait: timedelta = INIT_WAIT,
        counts: OperationCounts | None = None,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if process.settings.graphiql else None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=init_wait,
            allowed_origins=process.settings.allowed_origins,
        )
        self.process, self.counts = process, counts
        manifest = process.settings.trusted_documents
        self.documents = TrustedDocuments(read_manifest(manifest) if manifest else None)
        self.rates = Rates(process.settings, process.database.clock)
        limit = SignInLimit(self.rates, process.settings.rate_limit_sign_ins)
        self.callers = Callers(process.settings, process.database, process.http, limit=limit)
        self.watch: TokenWatch[Credential] = TokenWatch(self.callers, process.database.clock)
        self.streams = OpenStreams()
        self.graphql_transport_ws_handler_class = partial(SocketHandler, self.watch, self.documents)  # type: ignore[assignment]  # called as the class is

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive=receive, send=send))
            return
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "POST"):
            return error_response(request, 405, "GraphQL requests are GET or POST", {"allow": "GET, POST"})
        try:
            if self.should_render_graphql_ide(self.request_adapter_class(request)):
                return await self.render_graphql_ide(request)
            return await self.run(request)
        except ViewException as error:
            return error_response(request, error.status_code, error.reason)
        except HTTPException as error:
            return error_response(request, error.status_code, error.detail, error.headers)
        except NotLetIn as error:
            return error_response(request, error.status, error.message, error.headers)
        except DocumentRefused as error:
            strict = json_type(request.headers.get("accept", "")) == GRAPHQL_JSON
            return error_response(request, 400 if strict else 200, str(error))
        except DatabaseUnavailable as error:
            return unavailable_response(request, error)

    # The caller

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        if isinstance(request, WebSocket):
            address = self.callers.address_of(request)
            return EdgeContext(self.process, rates=self.rates, counts=self.counts, address=address)
        assert isinstance(response, Response)
        given = request.headers.getlist("authorization")
        if not given and self.process.settings.graphiql:
            return EdgeContext(self.process, response=response)
        credential = read_credential(given, request.headers.getlist(WORKSPACE_HEADER))
        viewer = await self.callers.find(credential, address=self.callers.address_of(request))
        request.state.credential, request.state.expires_at = credential, viewer.expires_at
        structlog.contextvars.bind_contextvars(
            **caller_in_logs(viewer)
        )  # until the request ends: each has its own task
        return EdgeContext(
            self.process,
            viewer,
            response=response,
            credential=credential,
            rates=self.rates,
            counts=self.counts,
        )

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Find the viewer by the payload of `connection_init`, which has the two headers of a request: {"Authorization": "Bearer …"}.
        The names may have any case. Raise NotLetIn."""
        assert isinstance(context, EdgeContext)
        params = {name.lower(): value for name, value in (context.connection_params or {}).items()}
        context.connection_params = None
        workspace = params.get(WORKSPACE_HEADER.lower())
        context.credential = read_credential(
            [params.get("authorization")], [] if workspace is None else [workspace], without=SEND_IN_INIT
        )
        context.viewer = await self.callers.find(context.credential, address=context.address)
        structlog.contextvars.bind_contextvars(**caller_in_logs(context.viewer))
        unset: UnsetType = UNSET  # no payload in the acknowledgement
        return unset

    # The request

    def decode_json(self, data: str | bytes) -> object:
        """Raise JSONDecodeError also where json.loads raises something else: for bytes that are not UTF-8, for numbers of
        thousands of digits, and for nesting beyond the stack. NaN and Infinity are not JSON."""
        try:
            return json.loads(data, parse_constant=_refuse_constant)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError):
            raise json.JSONDecodeError("not JSON", "", 0) from None

    def parse_json(self, data: str | bytes) -> Any:
        """A body (bytes) must be an object. A parameter of GET (text) may be null."""
        value = super().parse_json(data)
        if not isinstance(data, bytes):
            return value
        if not isinstance(value, dict):
            raise ViewException(400, 'The body must be one JSON object, such as {"query": "…"}')
        return with_id(value)

    def parse_query_params(self, params: Any) -> Any:
        return dict(with_id(super().parse_query_params(params)))

    async def parse_http_body(
        self, request: AsyncHTTPRequestAdapter
    ) -> GraphQLRequestData | list[GraphQLRequestData]:
        if request.method == "POST":
            check_content_type(request.content_type or "")
        data = await super().parse_http_body(request)
        assert isinstance(data, GraphQLRequestData)  # batching is off
        if not isinstance(data.operation_name, str | None):
            raise ViewException(400, "`operationName` must be a string or null, if provided")
        data = replace(data, query=self.documents.find_text(data.query, data.extensions))
        streams = _streams(data, request.headers.get("accept", ""))
        return replace(data, protocol="sse" if streams else "http")

    async def execute_operation(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        request_data: GraphQLRequestData | list[GraphQLRequestData],
        context: Context,
        root_value: None,
        sub_response: Response,
    ) -> ExecutionResult | list[ExecutionResult] | SubscriptionExecutionResult:
        context.stream_begun = asyncio.Event()
        result = await super().execute_operation(
            request, request_adapter, request_data, context, root_value, sub_response
        )
        if not isinstance(result, AsyncGenerator):
            return result
        answer = await begun(until_interrupted(result), context.stream_begun)
        if isinstance(answer, ExecutionResult) and not accepts_json(request.headers.get("accept", "")):
            sub_response.media_type = GRAPHQL_JSON  # so that the status says it too
        return answer

    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        context.one_answer = context.takes_json = True
        return await super().execute_single(
            request, request_adapter, sub_response, context, root_value, request_data
        )

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        wants_page = "text/html" in request.headers.get("accept", "")
        return (
            self.graphql_ide is not None
            and request.method == "GET"
            and wants_page
            and request.query_params.get("query") is None
        )

    async def render_graphql_ide(self, request: Request) -> Response:
        html, policy = graphiql_page.page()
        headers = {"content-security-policy": policy, "cache-control": "no-store"}
        return HTMLResponse(html, headers=headers)

    # The answer

    def encode_json(self, data: object) -> str:
        """A text, because a socket would send bytes in a binary frame. A message may repeat half of a surrogate pair of the
        request, which only the escapes of `json` can write."""
        try:
            return msgspec.json.encode(data).decode()
        except UnicodeEncodeError:
            return json.dumps(data, separators=(",", ":"))

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        response = await super().get_sub_response(request)
        response.media_type = json_type(request.headers.get("accept", ""))
        return response

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The answer has no `data` if nothing was executed."""
        if result.errors:
            result.errors = present_errors(result.errors)
        answer = await super().process_result(request, result)
        refused = isinstance(result, PreExecutionError)
        if (
            result.errors
            and result.data is None
            and (refused or not any(error.path for error in result.errors))
        ):
            del answer["data"]
        return answer

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        assert isinstance(response_data, dict)  # batching is off
        response = super().create_response(response_data, sub_response)
        media_type = sub_response.media_type or JSON
        response.headers["content-type"] = f"{media_type}; charset=utf-8"
        response.headers["cache-control"] = "no-store"
        if response_data.get("data") is None:
            response.status_code = _status(response_data, media_type)
            if response.status_code == STATUS[Code.UNAVAILABLE]:
                response.headers.update(RETRY_AFTER)
        return response

    async def create_streaming_response(
        self,
        request: Request | WebSocket,
        stream: Callable[[], AsyncIterator[str]],
        sub_response: Response,
        headers: Mapping[str, str],
    ) -> Response:
        def lasting() -> AsyncIterator[str]:
            return without_complete(self._while_valid(request, stream()))

        return await super().create_streaming_response(request, lasting, sub_response, headers)

    async def _while_valid(
        self, request: Request | WebSocket, stream: AsyncIterator[str]
    ) -> AsyncIterator[str]:
        """End the stream at the moment at which its credential is found to be revoked, or expires, or at which the server ends."""
        assert isinstance(stream, AsyncGenerator)  # Strawberry's, with a task of its own to end
        async with aclosing(stream):
            credential: Credential | None = getattr(request.state, "credential", None)
            # Without a token only introspection is answered.
            watched = (
                self.watch.watched(credential, request.state.expires_at)
                if credential
                else nullcontext(asyncio.Event())
            )
            with watched as ended, self.streams.ended_with_others(ended):
                async for chunk in until(ended, stream):
                    yield chunk


def caller_in_logs(viewer: Viewer) -> dict[str, str]:
    """The fields of a request's log lines that name its caller: ids, and no names."""
    return {"workspace": str(viewer.workspace), "caller": f"{viewer.actor.kind}/{viewer.actor.id}"}


def _status(answer: GraphQLHTTPResponse, media_type: str) -> int:
    """The status of an answer without data. With application/json it is 200 as clients of that type expect, unless the
    token is missing, the database does not answer, or the client has to wait."""
    errors: list[Any] = answer.get("errors") or []
    codes = [Code(error["extensions"]["code"]) for error in errors] or [Code.INTERNAL]
    for code in (Code.UNAUTHENTICATED, Code.UNAVAILABLE, Code.RATE_LIMITED):
        if code in codes:
            return STATUS[code]
    if "data" in answer:  # it is null, and execution began
        return 200
    return STATUS.get(codes[0], 400) if media_type == GRAPHQL_JSON else 200


def _streams(data: GraphQLRequestData, accept: str) -> bool:
    """Whether the answer is a stream of events. The document is parsed here only if it may be a subscription."""
    if not accepts_stream(accept) or prefers_stream(accept):
        return accepts_stream(accept)
    if "subscription" not in (data.query or ""):
        return False
    try:
        operation = get_operation_ast(parse(data.query or "", max_tokens=TOKENS), data.operation_name)
    except (GraphQLError, RecursionError):
        return False  # the client gets the error as JSON
    return operation is not None and operation.operation is OperationType.SUBSCRIPTION


def check_content_type(text: str) -> None:
    """Raise ViewException for a body that is not JSON in UTF-8."""
    kind, parameters = parse_content_type(text or "none")
    if kind.lower() != JSON:
        raise ViewException(415, f"The body must be {JSON}")
    if str(parameters.get("charset", "utf-8")).lower() not in ("utf-8", "utf8"):
        raise ViewException(415, "The body must be UTF-8")


def _refuse_constant(text: str) -> object:
    raise ValueError(text)
