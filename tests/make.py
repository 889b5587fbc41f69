"""Sets up practices and their contents, through domain functions where possible, and clients of the API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from graphql import ExecutionResult
from pydantic import SecretStr

from api.context import Context, Process, Viewer
from api.root import schema
from domain.practice import workspaces
from domain.tables import ActorKind, ImportRun, Scope
from domain.tx import Actor
from runtime.database import Database
from runtime.notifications import Notifications
from runtime.seal import Key, KeyRing
from runtime.settings import Settings
from tests.clients import web_client
from tests.domain.world import World, make_world, seen
from tests.patience import patience


@dataclass
class Client:
    """Asks as one token of one workspace."""

    process: Process
    world: World
    viewer: Viewer

    def context(self) -> Context:
        return Context(self.process, self.viewer)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data; fails where there are errors."""
        data: dict[str, Any]
        data, errors = await self.answer(query, **variables)
        assert errors == [], errors
        return data

    async def answer(self, query: str, **variables: Any) -> tuple[Any, list[tuple[str, str | None]]]:
        """The data, and each error's message and code."""
        result = await schema.execute(query, variable_values=variables, context_value=self.context())
        return result.data, [(e.message, (e.extensions or {}).get("code")) for e in result.errors or ()]

    async def statements(self, query: str, **variables: Any) -> int:
        """How many statements the query takes."""
        before = self.process.database.statements
        await self.ask(query, **variables)
        return self.process.database.statements - before

    @asynccontextmanager
    async def follow(self, query: str, **variables: Any) -> AsyncIterator["Stream"]:
        stream = await schema.subscribe(query, variable_values=variables, context_value=self.context())
        followed = Stream(stream)
        try:
            yield followed
        finally:
            await followed.close()


class Stream:
    def __init__(self, source: Any) -> None:
        self._source = source

    async def next(self, seconds: float = 60) -> dict[str, Any]:
        async with patience(seconds):
            result: ExecutionResult = await anext(self._source)
        assert not result.errors, result.errors
        assert result.data is not None
        return dict(result.data["syncStatus"])

    async def some(self, n: int) -> list[dict[str, Any]]:
        return [await self.next() for _ in range(n)]

    async def close(self) -> None:
        await self._source.aclose()


@asynccontextmanager
async def listening(database: Database, url: str) -> AsyncIterator[Process]:
    """An API process that receives notifications."""
    settings = Settings(
        _env_file=None,
        database_url=url,
        redis_url="redis://nowhere",
        xero_client_id="app",
        xero_client_secret=SecretStr("hush"),
    )
    notifications = Notifications(url)
    task = asyncio.create_task(notifications.listen())
    try:
        async with web_client() as http:
            yield Process(settings, database, KeyRing([Key("test", bytes(32))]), http, notifications)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def client(process: Process, *scopes: Scope, world: World | None = None) -> Client:
    """Of a new workspace with a connected organisation, unless `world` is given; ADMIN unless scopes are."""
    world = world or await make_world(process.database)
    async with world.tx() as tx:
        token, _ = await workspaces.create_token(tx, "Tests", scopes or [Scope.ADMIN], within=list(Scope))
    actor = Actor(ActorKind.API_TOKEN, token.name, token.id)
    return Client(
        process, world, Viewer(world.workspace, actor, workspaces.included(scopes or [Scope.ADMIN]))
    )


async def imported(world: World, *names: tuple[str, str | None]) -> ImportRun:
    """These contacts in Xero, and an import of them."""
    await world.shown(*(seen(name, email) for name, email in names))
    return await world.import_mirror()


async def linked(world: World, name: str = "Kauri Joinery Ltd", email: str = "office@kauri.example") -> UUID:
    """A SYNCED link of two contacts that matched fully."""
    contact = await world.contact(name, email)
    await imported(world, (name, email))
    [row] = await world.rows(
        "select id from sync_link where workspace_id = :ws and contact_id = :contact and state = 'SYNCED'",
        contact=contact.id,
    )
    link: UUID = row["id"]
    return link


async def conflict(world: World, name: str = "Kauri Joinery Ltd") -> UUID:
    """An open issue: the name is equal and the email is not."""
    await world.contact(name, "office@kauri.example")
    await imported(world, (name, "accounts@kauri.example"))
    [row] = await world.rows(
        "select i.id from match_issue i join xero_contact x on x.id = i.xero_contact_id and x.name = :name"
        " where i.workspace_id = :ws and i.state = 'OPEN'",
        name=name,
    )
    issue: UUID = row["id"]
    return issue


async def link_all(world: World) -> None:
    """Links of all contacts, as domain functions would take too long. They name no Xero contact."""
    async with world.tx() as tx:
        await tx.run(
            "insert into sync_link (workspace_id, id, organisation_id, contact_id, state, state_since, origin, linked_at,"
            " last_synced_at, version, base_practice, base_xero)"
            " select workspace_id, gen_random_uuid(), :organisation, id, 'SYNCED', :now, 'FULL_MATCH', :now, :now, 1, '{}', '{}'"
            " from contact where workspace_id = :ws",
            organisation=world.organisation,
        )


async def many_contacts(world: World, n: int, *, prefix: str = "Contact") -> None:
    """Rows, as domain functions would take too long."""
    async with world.tx() as tx:
        await tx.run(
            "insert into contact (workspace_id, id, name, kind, needs_review, created_at, updated_at, version,"
            " name_key, search_key, key_version, field_times)"
            " select :ws, gen_random_uuid(), :prefix || ' ' || i, 'PERSON', false, :now, :now, 1,"
            " lower(:prefix) || ' ' || i, ' ' || lower(:prefix) || ' ' || i, 1, '{}' from generate_series(1, :n) i",
            n=n, prefix=prefix,
        )  # fmt: skip
