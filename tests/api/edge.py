"""A small schema behind the real edge, on a real socket in the test's own loop."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa
import strawberry
import websockets
from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.schema import BaseSchema
from strawberry.types import Info
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from api.auth.tokens import require
from api.consent.connect import routes
from api.context import Context, Process
from api.guards.extensions import edge_config, edge_extensions
from api.http.app import create_app
from api.http.serve import ApiServer, DeadlineProtocol, server_config
from domain.practice.workspaces import new_token, token_hash
from domain.tables import Scope
from runtime import database
from runtime.embedded.services import Services
from runtime.notifications import Notifications
from runtime.seal import KeyRing, new_key
from runtime.settings import load
from tests.clients import listening, web_client
from tests.database import Place
from tests.patience import patience


@dataclass
class Stopped:
    """A clock that a test moves."""

    at: datetime = datetime(2026, 11, 30, 12, 0, 10, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@strawberry.type
class Thing:
    name: str

    @strawberry.field
    def things(self, first: int | None = None, last: int | None = None) -> list["Thing"]:
        return [Thing(name="inner")]


def hello(name: str = "you") -> str:
    return f"Hello {name}"


async def who(info: Info[Context, None]) -> str:
    assert info.context.viewer is not None
    return info.context.viewer.actor.name


async def rename(name: str) -> str:
    return name


async def rule() -> str:
    return "ruled"


async def count(to: int) -> AsyncGenerator[int, None]:
    for number in range(to):
        yield number


async def forever() -> AsyncGenerator[int, None]:
    yield 0
    await asyncio.Event().wait()


@strawberry.type
class Query:
    hello: str = strawberry.field(resolver=hello, extensions=[require(Scope.READ)])
    who: str = strawberry.field(resolver=who, extensions=[require(Scope.READ)])

    @strawberry.field
    def thing(self) -> Thing:
        return Thing(name="outer")

    @strawberry.field
    def things(self, first: int | None = None, last: int | None = None) -> list[Thing]:
        return [Thing(name="a")] * min(first or 50, 100)

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("the secret of the cellar")

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.sleep(1)
        return "done"

    @strawberry.field
    def number(self, value: int) -> int:
        return value

    @strawberry.field
    def lengths(self, rows: list[str]) -> int:
        return len(rows)


@strawberry.type
class Mutation:
    rename: str = strawberry.mutation(resolver=rename, extensions=[require(Scope.WRITE)])
    rule: str = strawberry.mutation(resolver=rule, extensions=[require(Scope.ADMIN)])


@strawberry.type
class Subscription:
    count: AsyncGenerator[int, None] = strawberry.subscription(
        resolver=count, extensions=[require(Scope.READ)]
    )
    forever: AsyncGenerator[int, None] = strawberry.subscription(
        resolver=forever, extensions=[require(Scope.READ)]
    )


def small_schema() -> strawberry.Schema:
    return strawberry.Schema(
        Query, Mutation, Subscription, config=edge_config(), extensions=edge_extensions()
    )


@asynccontextmanager
async def make_process(
    place: Place, services: Services, pool: Mapping[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Process]:
    """`pool`: how the process connects, where that matters."""
    usual = {"url": place.app_url, "pool_size": 4, "max_overflow": 0}
    db = database.connect(**{**usual, **(pool or {})})
    chosen = load().joined(services).model_copy(update={"graphiql": False} | settings)
    async with web_client() as http:
        try:
            yield Process(chosen, db, KeyRing.parse([new_key("k")]), http, Notifications(place.app_url))
        finally:
            await db.close()


@asynccontextmanager
async def serving(
    process: Process, protocol: type[DeadlineProtocol] = DeadlineProtocol, schema: BaseSchema | None = None
) -> AsyncIterator[str]:
    """The edge on a free port; gives host:port."""
    app = create_app(process, schema or small_schema(), routes(process))
    async with listening(ApiServer(server_config(app, "127.0.0.1", 0, protocol))) as place:
        yield place


async def make_token(owner: AsyncConnection, *scopes: Scope, **changes: Any) -> str:
    """A token of a workspace of its own, unless `workspace` names one."""
    token = new_token()
    workspace = changes.pop("workspace", None) or await make_workspace(owner)
    values = {
        "ws": workspace,
        "id": uuid4(),
        "scopes": [scope.value for scope in scopes or (Scope.ADMIN,)],
        "hash": token_hash(token),
        "now": datetime.now(UTC),
        "expires": None,
    }
    await owner.execute(
        sa.text(
            "insert into api_token (workspace_id, id, name, scopes, hash, hint, created_at, created_by, expires_at)"
            " values (:ws, :id, 'Probe', :scopes, :hash, 'tdm_', :now, '{}', :expires)"
        ),
        values | changes,
    )
    return token


async def make_workspace(owner: AsyncConnection) -> UUID:
    number = uuid4()
    await owner.execute(
        sa.text("insert into workspace (id, name, currency, created_at) values (:id, 'Firm', 'GBP', :now)"),
        {"id": number, "now": datetime.now(UTC)},
    )
    return number


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def ask(http: httpx.AsyncClient, query: str, **variables: Any) -> httpx.Response:
    return await http.post("/graphql", json={"query": query, "variables": variables})


def data(answer: httpx.Response) -> Any:
    """The data; fails where there are errors."""
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


def codes(answer: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


@asynccontextmanager
async def open_socket(place: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """A graphql-transport-ws socket, nothing sent yet."""
    async with websockets.connect(
        f"ws://{place}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], **options
    ) as ws:
        yield ws


@asynccontextmanager
async def acknowledged(place: str, token: str) -> AsyncIterator[ClientConnection]:
    async with open_socket(place) as ws:
        await say(ws, {"type": "connection_init", "payload": bearer(token)})
        assert await hear(ws) == {"type": "connection_ack"}
        yield ws


async def say(ws: ClientConnection, message: object) -> None:
    await ws.send(message if isinstance(message, str) else json.dumps(message))


async def hear(ws: ClientConnection) -> Any:
    async with patience(60):
        return json.loads(await ws.recv())


async def close_code(ws: ClientConnection) -> int:
    """Waits for the server's close."""
    async with patience(60):
        await ws.wait_closed()
    assert ws.close_code is not None
    return ws.close_code


def with_settings(process: Process, **changes: Any) -> Process:
    return replace(process, settings=process.settings.model_copy(update=changes))
