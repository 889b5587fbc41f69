"""Databases for tests: migrated once a process as a template, copied where a test needs one of its own."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator, Sized
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.tx import Tx
from runtime.clock import Clock, ServerClock
from runtime.database import Database, connect
from runtime.migrations import migrate

APP_PASSWORD = "only-for-tests"
_numbers = itertools.count(1)
_pools: dict[tuple[asyncio.AbstractEventLoop, str, str, int], list[Database]] = {}  # see `lent`


@dataclass(frozen=True)
class Server:
    """A PostgreSQL for tests: its owner's address, and the role that stands for the app's."""

    admin_url: str
    app_role: str
    app_password: str | None = None

    def admin(self, name: str) -> str:
        return make_url(self.admin_url).set(database=name).render_as_string(hide_password=False)

    def app(self, name: str) -> str:
        url = make_url(self.admin_url).set(database=name, username=self.app_role, password=self.app_password)
        return url.render_as_string(hide_password=False)


@dataclass(frozen=True)
class Place:
    """One database: as the owner, and as the app."""

    name: str
    admin_url: str
    app_url: str


async def external(admin_url: str) -> Server:
    """A server that TEST_DATABASE_ADMIN_URL names; makes the app's role there."""
    async with _connected(admin_url) as connection:
        exists = await connection.scalar(sa.text("select 1 from pg_roles where rolname = 'tandem_test_app'"))
        verb = "alter" if exists else "create"
        await connection.execute(sa.text(f"{verb} role tandem_test_app login password '{APP_PASSWORD}'"))
    return Server(admin_url, "tandem_test_app", APP_PASSWORD)


async def migrated_template(server: Server) -> Place:
    place = await _create(server, f"tandem_test_template_{os.getpid()}", "template0")
    await migrate(place.admin_url, server.app_role)
    return place


@asynccontextmanager
async def fresh_database(server: Server, template: Place) -> AsyncIterator[Place]:
    """A copy of the template, dropped afterwards: for crash tests, large ones, and one a process for the rest."""
    place = await _create(server, f"tandem_test_{os.getpid()}_{next(_numbers)}", template.name)
    try:
        yield place
    finally:
        await drop(server, place)


@asynccontextmanager
async def empty_database(server: Server) -> AsyncIterator[Place]:
    """A database without tables, dropped afterwards."""
    place = await _create(server, f"tandem_test_{os.getpid()}_{next(_numbers)}", "template0")
    try:
        yield place
    finally:
        await drop(server, place)


async def drop(server: Server, place: Place) -> None:
    await close_pools(place)
    async with _connected(server.admin_url) as connection:
        await connection.execute(sa.text(f"drop database if exists {place.name} with (force)"))


@asynccontextmanager
async def lent(place: Place, program: str, clock: Clock | None, pool_size: int) -> AsyncIterator[Database]:
    """A pool of the app's role that no other test uses now. It stays open for the next test: new connections would read
    PostgreSQL's catalogue, and prepare and compile all statements, again."""
    key = (asyncio.get_running_loop(), place.app_url, program, pool_size)
    pools = _pools.setdefault(key, [])
    database = pools.pop() if pools else connect(place.app_url, program=program, pool_size=pool_size)
    database.clock, database.statements, database.pool_timeouts = clock or ServerClock(), 0, 0
    try:
        yield database
    finally:
        if database.connections_in_use:
            await database.close()
        else:
            pools.append(database)


async def close_pools(place: Place) -> None:
    """Closes what `lent` left open in this event loop."""
    for (loop, url, *_), pools in _pools.items():
        while loop is asyncio.get_running_loop() and url == place.app_url and pools:
            await pools.pop().close()


async def cut(place: Place) -> None:
    """Ends every other connection of the app's role to the database, as a restart of PostgreSQL does."""
    async with _connected(place.app_url) as connection:
        await connection.execute(
            sa.text(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and usename = current_user and pid <> pg_backend_pid()"
            )
        )


async def empty_all(connection: AsyncConnection) -> None:
    """Deletes every row in one statement, as the owner; real commits, 2 ms. Circular keys are fine so."""
    names = (
        await connection.scalars(
            sa.text(
                "select format('%I', tablename) from pg_tables"
                " where schemaname = 'public' and tablename <> 'alembic_version' order by tablename"
            )
        )
    ).all()
    if names:
        parts = ", ".join(f"d{number} as (delete from {name})" for number, name in enumerate(names))
        await connection.execute(sa.text(f"with {parts} select 1"))


async def _create(server: Server, name: str, template: str) -> Place:
    async with _connected(server.admin_url) as connection:
        await connection.execute(sa.text(f"drop database if exists {name} with (force)"))
        await connection.execute(sa.text(f"create database {name} template {template}"))
    return Place(name, server.admin(name), server.app(name))


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def rows_of(tx: Tx, statement: str, **values: Any) -> list[dict[str, Any]]:
    """The rows of a statement that only a test makes. `:ws` and `:now` are bound already."""
    bound = {"ws": tx.workspace, "now": tx.now, **values}
    return [dict(row) for row in (await tx.session.execute(sa.text(statement), bound)).mappings()]


async def row_of(tx: Tx, statement: str, **values: Any) -> dict[str, Any] | None:
    """The first row of `rows_of`."""
    found = await rows_of(tx, statement, **values)
    return found[0] if found else None


def failing(sqlstate: str) -> str:
    """A statement that PostgreSQL answers with this error."""
    return f"do $$ begin raise exception 'no' using errcode = '{sqlstate}'; end $$"


def plan_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The node of PostgreSQL's plan (`explain (format json)`), and all nodes below it."""
    yield node
    for below in node.get("Plans", ()):
        yield from plan_nodes(below)


@contextmanager
def executions(database: Database) -> Iterator[list[int]]:
    """How often each statement was executed that the database is sent meanwhile. SQLAlchemy counts a statement for many rows once,
    and asyncpg sends it for each row."""
    sent: list[int] = []

    def count(_c: object, _k: object, _s: str, parameters: Sized, _x: object, executemany: bool) -> None:
        sent.append(len(parameters) if executemany else 1)

    engine = database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", count)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)
