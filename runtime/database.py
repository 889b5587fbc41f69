"""The only module that begins, commits or rolls back transactions.

A transaction belongs to one workspace: it sets `tandem.workspace`, which the row-level policies read. Transactions do not
nest, and while one is open `guard` makes the Xero client refuse to send. The last statements of a transaction give its
events their positions, from the workspace's counter row. That row stays locked until the commit, so positions are in
the order of commits.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg as AsyncpgDialect
from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn

from domain.tables import EventKind
from domain.tx import Actor, Tx
from runtime import tally, turns
from runtime.clock import Clock, ServerClock, monotonic
from runtime.database_errors import IN_THE_WAY, READ_ONLY, ROLLED_BACK, sqlstate_of, why_unavailable
from runtime.tracing import traceparent

TIME_ASKED_EVERY = 60.0  # seconds
TIME_ASKED = 3  # times in a row: the quickest answer is the most exact one, and clocks of processes then agree to a millisecond
RESTED = 10.0  # seconds; what drops silent connections waits for minutes
USED_AT = "used_at"
EVERY_WORKSPACE = "select * from door.every_workspace()"
_ROLE = """
select current_user, current_setting('server_version'), not rolsuper and not rolbypassrls and not exists (
           select from pg_class where relowner = pg_roles.oid and relnamespace = 'public'::regnamespace),
       current_setting('transaction_read_only') = 'on'
  from pg_roles where rolname = current_user
"""
_SENT = {EventKind.LINK, EventKind.INVOICE}  # of these rows a worker sends changes
log = structlog.get_logger()
RowT = TypeVar("RowT")
NO_WORKSPACE = UUID(int=0)
MOST_WRITTEN = 1_000
_DIALECT: sa.Dialect = AsyncpgDialect()  # type: ignore[no-untyped-call]
_WRITTEN: dict[tuple[str, tuple[tuple[str, object], ...]], tuple[str, list[str]]] = {}
_open: ContextVar[bool] = ContextVar("transaction_open", default=False)
_workspace: ContextVar[UUID | None] = ContextVar("workspace", default=None)


class DatabaseUnavailable(ConnectionError):
    """PostgreSQL cannot be reached, has ended the connection, no connection of the pool became free in time, or a repeat can pass
    where this transaction failed.

    The transaction was rolled back, unless `unsure`: then only the answer to its commit is missing. `in_the_way`: another
    transaction was in the way of this one, which can be repeated at once.
    """

    def __init__(self, why: str, *, unsure: bool = False, in_the_way: bool = False) -> None:
        super().__init__(why)
        self.unsure, self.in_the_way = unsure, in_the_way


def guard() -> None:
    """Raise if a transaction is open in this task: no call to Xero may be made while rows are locked."""
    if _open.get():
        raise RuntimeError("Xero must not be called while a database transaction is open")


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """Sets the workspace of a transaction in the round trip of its BEGIN, which asyncpg sends as a text of its own."""

    def execute(self, query: str, *args: Any, **options: Any) -> Any:
        workspace = _workspace.get()
        if workspace is not None and query.startswith("BEGIN"):
            query += f" select set_config('tandem.workspace', '{workspace}', true)"  # a UUID cannot hold SQL
        return super().execute(query, *args, **options)


@dataclass
class _State:
    """`is_committing`: whether only the answer to the commit is missing."""

    is_committing: bool = False


@dataclass
class Database:
    engine: AsyncEngine
    clock: Clock
    statements: int = 0
    pool_timeouts: int = 0

    @property
    def connections_in_use(self) -> int:
        return self._pool.checkedout()

    @property
    def connections_idle(self) -> int:
        return self._pool.checkedin()

    @property
    def pool_size(self) -> int:
        return self._pool.size()

    @property
    def _pool(self) -> sa.QueuePool:
        pool = self.engine.pool
        assert isinstance(pool, sa.QueuePool)
        return pool

    @asynccontextmanager
    async def transaction(self, workspace: UUID, actor: Actor) -> AsyncIterator[Tx]:
        mark = _workspace.set(workspace)
        try:
            async with self._session() as session:
                tx = Tx(session, workspace, actor, self.clock.now())
                yield tx
                await session.flush()
                await _write_events(tx)
        finally:
            _workspace.reset(mark)

    @asynccontextmanager
    async def reading(self, workspace: UUID) -> AsyncIterator["DirectReader"]:
        """A transaction that can only read. Its statements go to asyncpg directly: SQLAlchemy would cost four times as much CPU. A
        write in it is a mistake of ours, and no trouble of the database."""
        async with self._driver(writes=False) as driver:
            self.statements += 1
            # One round trip. A UUID holds nothing that SQL could take for its own.
            await driver.execute(
                f"begin read only; select set_config('tandem.workspace', '{workspace}', true)"
            )
            yield DirectReader(driver, self, workspace, self.clock.now())
            await driver.execute("commit")

    async def call_door(self, row: Callable[..., RowT], statement: str, **values: Any) -> list[RowT]:
        """Run one statement of `door` without a transaction around it: one round trip instead of three. The statement commits by itself."""
        async with self._driver() as driver:
            return await DirectReader(driver, self, NO_WORKSPACE, self.clock.now()).read(
                row, statement, **values
            )

    @asynccontextmanager
    async def door(self) -> AsyncIterator[AsyncSession]:
        """A transaction without a workspace. Row-level security hides all rows; only functions of schema `door` see some."""
        async with self._session() as session:
            yield session

    async def workspaces(self) -> Sequence[UUID]:
        """The ids of all workspaces, for work that goes through each of them."""
        async with self.door() as session:
            return (await session.scalars(sa.text(EVERY_WORKSPACE))).all()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncSession]:
        with self._alone() as state:
            async with (
                turns.turn(_workspace.get()),
                AsyncSession(self.engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session
                state.is_committing = True

    @asynccontextmanager
    async def _driver(self, *, writes: bool = True) -> AsyncIterator[asyncpg.Connection]:
        """A connection of the pool as asyncpg has it. A failed transaction is rolled back. A connection that is lost, or was interrupted in
        the middle of a statement, is closed."""
        with self._alone(writes=writes):
            held = await self.engine.raw_connection()
            driver: asyncpg.Connection = held.driver_connection
            is_usable = False
            try:
                yield driver
                is_usable = True
            except Exception as error:
                is_usable = await _rolled_back(driver) and sqlstate_of(error) != READ_ONLY
                raise
            finally:
                await greenlet_spawn(held.close if is_usable else held.invalidate)

    @contextmanager
    def _alone(self, *, writes: bool = True) -> Iterator["_State"]:
        """Refuse a transaction within a transaction, and name trouble of the database."""
        if _open.get():
            raise RuntimeError("a transaction is open already; transactions do not nest")
        mark = _open.set(True)
        state = _State()
        try:
            yield state
        except Exception as error:
            why = why_unavailable(error)
            if why is None or isinstance(error, DatabaseUnavailable):
                raise
            sqlstate = sqlstate_of(error)
            if sqlstate == READ_ONLY and not writes:
                raise
            self.pool_timeouts += isinstance(error, sa.exc.TimeoutError)
            unsure = state.is_committing and sqlstate not in ROLLED_BACK
            raise DatabaseUnavailable(why, unsure=unsure, in_the_way=sqlstate in IN_THE_WAY) from error
        finally:
            _open.reset(mark)

    async def close(self) -> None:
        await self.engine.dispose()


async def _rolled_back(driver: asyncpg.Connection) -> bool:
    """Whether the connection can be used again."""
    try:
        if driver.is_in_transaction():
            await driver.execute("rollback")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False
    return not driver.is_closed()


@dataclass(frozen=True)
class DirectReader:
    """Reads with asyncpg. Parameters have the types that SQLAlchemy gives them, so a statement means the same in a `Tx`."""

    _driver: asyncpg.Connection
    _database: Database
    workspace: UUID
    now: datetime

    async def read(self, row: Callable[..., RowT], statement: str, **values: Any) -> list[RowT]:
        found = await self.records(statement, **values)
        if not found:
            return []
        names = tuple(found[0].keys())
        return [row(**dict(zip(names, each, strict=True))) for each in found]

    async def read_one(self, row: Callable[..., RowT], statement: str, **values: Any) -> RowT | None:
        found = await self.read(row, statement, **values)
        return found[0] if found else None

    async def ids(self, statement: str, **values: Any) -> list[UUID]:
        return [each[0] for each in await self.records(statement, **values)]

    async def records(self, statement: str, **values: Any) -> list[asyncpg.Record]:
        """The rows as asyncpg has them: tuples with names."""
        given = {"ws": self.workspace, "now": self.now, **values}
        sql, names = written(statement, given)
        self._database.statements += 1
        found = list(await self._driver.fetch(sql, *[given[name] for name in names]))
        tally.count_statement(len(found))
        return found


def written(statement: str, given: dict[str, object]) -> tuple[str, list[str]]:
    """The statement as asyncpg takes it, and the names of $1, $2 …: SQLAlchemy writes each statement once for the types of
    its values."""
    kinds = tuple(
        (name, "bigint" if type(value) is int and value.bit_length() > 31 else type(value))
        for name, value in given.items()
    )
    key = (statement, kinds)
    written = _WRITTEN.get(key)
    if written is None:
        text = sa.text(statement)
        named = {name: value for name, value in given.items() if name in text._bindparams}
        compiled = text.bindparams(**named).compile(dialect=_DIALECT)
        if len(_WRITTEN) >= MOST_WRITTEN:
            _WRITTEN.clear()
        written = _WRITTEN[key] = str(compiled), list(compiled.positiontup or ())
    return written


@asynccontextmanager
async def on_time(database: Database) -> AsyncIterator[None]:
    """Keep a ServerClock at PostgreSQL's time: ask at once, and then every minute. Leave any other clock alone."""
    clock = database.clock
    if not isinstance(clock, ServerClock):
        yield
        return
    await _ask_time(database, clock)
    task = asyncio.create_task(_keep_time(database, clock))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _keep_time(database: Database, clock: ServerClock) -> None:
    while True:
        await asyncio.sleep(TIME_ASKED_EVERY)
        await _ask_time(database, clock)


async def _ask_time(database: Database, clock: ServerClock) -> None:
    try:
        async with database.door() as session:
            answers = []
            for _ in range(TIME_ASKED):
                asked = monotonic()
                told = await session.scalar(sa.text("select clock_timestamp()"))
                answers.append((told, asked, monotonic()))
        clock.set(*min(answers, key=lambda answer: answer[2] - answer[1]))
    except (sa.exc.SQLAlchemyError, OSError) as error:
        log.warning("database_clock_unknown", error=type(error).__name__)


async def _write_events(tx: Tx) -> None:
    if tx.events:
        last = await tx.session.scalar(
            sa.text(
                "insert into event_counter (workspace_id, position) values (:ws, :n) on conflict (workspace_id)"
                " do update set position = event_counter.position + :n returning position"
            ),
            {"ws": tx.workspace, "n": len(tx.events)},
        )
        first = last - len(tx.events) + 1
        await tx.session.execute(
            sa.text(
                "insert into event (workspace_id, position, at, kind, subject, organisation_id, activity_id)"
                " select :ws, :first + n - 1, :now, kind, subject, organisation_id, activity_id"
                " from unnest(cast(:kinds as text[]), cast(:subjects as text[]), cast(:organisations as uuid[]),"
                " cast(:activities as uuid[])) with ordinality as e(kind, subject, organisation_id, activity_id, n)"
            ),
            {
                "ws": tx.workspace,
                "now": tx.now,
                "first": first,
                "kinds": [event.kind for event in tx.events.values()],
                "subjects": [event.subject for event in tx.events.values()],
                "organisations": [event.organisation_id for event in tx.events.values()],
                "activities": [event.activity_id for event in tx.events.values()],
            },
        )
        if (trace := traceparent()) is not None:
            await _mark_traced(tx, trace)
    channels = [*(["tandem_event"] if tx.events else []), *(["tandem_due"] if tx.due else [])]
    if channels:
        statement = "select pg_notify(c, :name) from unnest(cast(:channels as text[])) c"
        await tx.run(statement, name=str(tx.workspace), channels=channels)


async def _mark_traced(tx: Tx, trace: str) -> None:
    """Keep the trace with each link and invoice that this transaction has changed and that is due: domain.outbound.trace_marks."""
    subjects = [UUID(event.subject) for event in tx.events.values() if event.kind in _SENT]
    if subjects:
        await tx.run(
            "insert into trace_mark (workspace_id, id, subject_id, traceparent, at)"
            " select :ws, gen_random_uuid(), s, :trace, :now from unnest(cast(:subjects as uuid[])) s"
            " where exists (select from sync_link where workspace_id = :ws and id = s and due_at is not null)"
            " or exists (select from invoice where workspace_id = :ws and id = s and due_at is not null)",
            trace=trace, subjects=subjects,
        )  # fmt: skip


def named_as(program: str) -> dict[str, str]:
    """Connection settings that name this process in pg_stat_activity. `tandem doctor` counts the workers by these names."""
    return {"application_name": f"tandem {program} {os.getpid()}@{socket.gethostname()}"}


def create_engine(url: str, **options: Any) -> AsyncEngine:
    """Create an engine; no other place does. SQLAlchemy's errors hide statement values, which are personal data."""
    decode = msgspec.json.decode  # half the time of `json`
    return create_async_engine(url, **{"hide_parameters": True, "json_deserializer": decode, **options})


def connect(
    url: str, *, program: str = "command", clock: Clock | None = None, pool_size: int = 8, **options: Any
) -> Database:
    """Open a pool. `url` begins with postgresql+asyncpg://, as the settings have it. Every statement is counted, for tests
    and metrics."""
    named = {"server_settings": named_as(program), "connection_class": _Connection}
    engine = create_engine(url, pool_size=pool_size, pool_use_lifo=True, connect_args=named, **options)
    _ask_rested_connections(engine)
    _leave_read_only_servers(engine)
    database = Database(engine, clock or ServerClock())

    @sa.event.listens_for(engine.sync_engine, "before_cursor_execute")
    def count(connection: sa.Connection, *_: object) -> None:
        database.statements += 1
        if (give_way := turns.waits()) is not None:
            held: Any = connection.connection.dbapi_connection
            held.run_async(lambda _: give_way())

    @sa.event.listens_for(engine.sync_engine, "after_cursor_execute")
    def count_rows(_: object, cursor: DBAPICursor, *more: object) -> None:
        tally.count_statement(max(cursor.rowcount, 0))  # -1: PostgreSQL does not say

    return database


def _ask_rested_connections(engine: AsyncEngine) -> None:
    """Replace a connection of the pool that PostgreSQL has closed. A connection that rested for longer than RESTED is asked first
    whether it is alive, because a firewall drops a silent connection without closing it.

    SQLAlchemy's `pool_pre_ping` asks before each transaction, and its question is a transaction of its own: three round trips.
    """
    dialect = engine.sync_engine.dialect

    @sa.event.listens_for(engine.sync_engine, "checkin")
    def note_time(_: object, record: ConnectionPoolEntry) -> None:
        record.info[USED_AT] = monotonic()

    @sa.event.listens_for(engine.sync_engine, "checkout")
    def check(connection: AdaptedConnection, record: ConnectionPoolEntry, _: object) -> None:
        if connection.driver_connection.is_closed():
            raise sa.exc.DisconnectionError("PostgreSQL has closed the connection")
        if monotonic() - record.info.get(USED_AT, monotonic()) > RESTED:
            try:
                dialect.do_ping(connection)  # type: ignore[arg-type]  # an adapted connection is one of DBAPI
            except (dialect.loaded_dbapi.Error, OSError) as error:
                raise sa.exc.DisconnectionError("the connection does not answer") from error


def _leave_read_only_servers(engine: AsyncEngine) -> None:
    """Close the connections of the pool to a server that has become read-only, so that new ones find the server that writes."""

    @sa.event.listens_for(engine.sync_engine, "handle_error")
    def check(context: sa.engine.ExceptionContext) -> None:
        if sqlstate_of(context.original_exception) == READ_ONLY:
            context.is_disconnect = True


READ_ONLY_SERVER = "PostgreSQL accepts no writes, as a standby. Each change is answered UNAVAILABLE: DATABASE_URL must lead to the server that writes"


class Role(NamedTuple):
    """The role of a connection, and PostgreSQL's version. `bound`: row-level security binds the role. `read_only`: the server accepts no
    writes, as a standby."""

    name: str
    version: str
    bound: bool
    read_only: bool


async def find_role(connection: AsyncConnection | AsyncSession) -> Role:
    return Role(*(await connection.execute(sa.text(_ROLE))).one())
