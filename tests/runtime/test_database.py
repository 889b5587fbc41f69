"""Promise 12: a transaction leaves nothing of its workspace on the connection for the next one."""

import asyncio
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from domain.tx import TANDEM
from runtime.database import RESTED, USED_AT, DatabaseUnavailable, connect
from tests.database import Place, failing, rows_of
from tests.patience import patience

COUNT = "select count(*) from workspace"


@pytest.mark.parametrize("fails", [False, True])
async def test_the_setting_of_the_workspace_ends_with_its_transaction(clean: Place, fails: bool) -> None:
    workspace = uuid4()
    database = connect(
        clean.app_url, pool_size=1, max_overflow=0
    )  # so that everybody has the same connection
    async with database.transaction(workspace, TANDEM) as tx:
        await tx.run("insert into workspace (id, name, currency, created_at) values (:ws, 'P', 'NZD', :now)")
    if fails:
        with pytest.raises(RuntimeError):
            async with database.transaction(workspace, TANDEM):
                raise RuntimeError
    async with database.door() as session:
        assert await session.scalar(sa.text(COUNT)) == 0
        assert not await session.scalar(sa.text("select current_setting('tandem.workspace', true)"))
    async with database.transaction(uuid4(), TANDEM) as tx:
        assert await rows_of(tx, COUNT) == [{"count": 0}]
    await database.close()


def int_of(pid: int) -> int:
    return pid


def bool_of(ended: bool) -> bool:
    return ended


class Named(NamedTuple):
    id: UUID
    name: str


async def test_a_typed_read_refuses_a_column_without_a_field_and_a_field_without_a_column(
    clean: Place,
) -> None:
    workspace = uuid4()
    database = connect(clean.app_url, pool_size=1, max_overflow=0)
    async with database.transaction(workspace, TANDEM) as tx:
        await tx.run("insert into workspace (id, name, currency, created_at) values (:ws, 'P', 'NZD', :now)")
        assert await tx.read(Named, "select id, name from workspace") == [Named(workspace, "P")]
        assert await tx.read_one(Named, "select id, name from workspace where name = 'Q'") is None
        assert await tx.ids("select id from workspace") == [workspace]
        with pytest.raises(TypeError, match="currency"):
            await tx.read(Named, "select id, name, currency from workspace")
        with pytest.raises(TypeError, match="name"):
            await tx.read(Named, "select id from workspace")
    await database.close()


ME = sa.text("select pg_backend_pid()")


async def test_a_connection_that_postgresql_has_ended_is_replaced(clean: Place) -> None:
    database, other = (connect(clean.app_url, pool_size=1, max_overflow=0) for _ in range(2))
    async with database.door() as session:
        first = await session.scalar(ME)
        driver = (await (await session.connection()).get_raw_connection()).driver_connection
    assert driver is not None
    async with other.door() as session:
        await session.execute(sa.text("select pg_terminate_backend(:pid)"), {"pid": first})
    async with asyncio.timeout(10):
        while not driver.is_closed():  # noqa: ASYNC110 - PostgreSQL closes it
            await asyncio.sleep(0.01)
    async with database.door() as session:
        assert await session.scalar(ME) not in (None, first)
    await database.close()
    await other.close()


async def test_only_a_connection_that_rested_is_asked_whether_it_is_alive(clean: Place) -> None:
    database = connect(clean.app_url, pool_size=1, max_overflow=0)
    asked: list[str] = []
    async with database.door() as session:
        raw = await (await session.connection()).get_raw_connection()
        record = raw._connection_record
        assert record is not None
        assert raw.driver_connection is not None
        raw.driver_connection.add_query_logger(lambda told: asked.append(told.query))
    async with database.door() as session:
        await session.execute(ME)
    assert ";" not in asked
    record.info[USED_AT] -= RESTED + 1
    async with database.door() as session:
        await session.execute(ME)
    assert ";" in asked
    await database.close()


async def test_a_direct_read_sees_its_workspace_only_and_cannot_write(clean: Place) -> None:
    workspace, other = uuid4(), uuid4()
    database = connect(clean.app_url, pool_size=1, max_overflow=0)
    new = "insert into workspace (id, name, currency, created_at) values (:ws, :name, 'NZD', :now)"
    for one, name in ((workspace, "P"), (other, "Q")):
        async with database.transaction(one, TANDEM) as tx:
            await tx.run(new, name=name)
    for one, name in ((workspace, "P"), (other, "Q"), (workspace, "P")):
        async with database.reading(one) as reader:
            assert await reader.read(Named, "select id, name from workspace") == [Named(one, name)]
            assert await reader.ids("select id from workspace where name = :name", name=name) == [one]
            assert await reader.read_one(Named, "select id, name from workspace where id <> :ws") is None
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with database.reading(workspace) as reader:
            await reader.ids(f"{new} returning id", name="R")
    with pytest.raises(ValueError, match="ours"):
        async with database.reading(workspace):
            raise ValueError("ours")
    async with database.door() as session:
        assert await session.scalar(sa.text(COUNT)) == 0
        assert not await session.scalar(sa.text("select current_setting('tandem.workspace', true)"))
    assert await database.call_door(Named, "select id, name from workspace") == []
    with pytest.raises(RuntimeError, match="do not nest"):
        async with database.reading(workspace), database.reading(workspace):
            pass
    await database.close()


async def test_a_direct_read_that_is_cancelled_or_cut_off_leaves_a_whole_connection(clean: Place) -> None:
    database, other = (connect(clean.app_url, pool_size=1, max_overflow=0) for _ in range(2))
    began = asyncio.Event()

    async def slow() -> None:
        async with database.reading(uuid4()) as reader:
            began.set()
            await reader.ids("select null::uuid from pg_sleep(60)")

    task = asyncio.create_task(slow())
    await began.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.reading(uuid4()) as reader:
        [pid] = await reader.read(int_of, "select pg_backend_pid() as pid")
    await other.call_door(bool_of, "select pg_terminate_backend(:pid) as ended", pid=pid)
    async with patience(20):
        while await other.call_door(int_of, "select pid from pg_stat_activity where pid = :pid", pid=pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    async with database.reading(uuid4()) as reader:  # the pool has replaced the connection
        assert await reader.read(int_of, "select pg_backend_pid() as pid") != [pid]
    assert database.connections_in_use == 0
    for one in (database, other):
        await one.close()


AGAIN = (
    "08000", "08003", "08006", "53000", "53100", "53200", "53300", "57P01", "57P02", "57P03", "40001", "40P01", "55P03", "25006",
    "25P03",
)  # fmt: skip
OURS = ("42P01", "42501", "23505", "22P02", "40002", "25001", "0A000", "P0001")


@pytest.mark.parametrize("sqlstate", [*AGAIN, *OURS])
async def test_an_error_that_a_repeat_can_pass_is_passing_trouble_and_others_are_not(
    clean: Place, sqlstate: str
) -> None:
    database = connect(clean.app_url, pool_size=1, max_overflow=0)
    expected = DatabaseUnavailable if sqlstate in AGAIN else sa.exc.DBAPIError
    with pytest.raises(expected) as raised:
        async with database.transaction(uuid4(), TANDEM) as tx:
            await tx.run(failing(sqlstate))
    if isinstance(raised.value, DatabaseUnavailable):
        assert str(raised.value) == f"SQLSTATE {sqlstate}"
        assert raised.value.in_the_way == (sqlstate in ("40001", "40P01"))
    direct = DatabaseUnavailable if sqlstate in AGAIN and sqlstate != "25006" else asyncpg.PostgresError
    with pytest.raises(direct):
        async with database.reading(uuid4()) as reader:
            await reader.records(failing(sqlstate))
    async with database.door() as session:  # the pool's only connection is free
        assert await session.scalar(sa.text("select 1")) == 1
    await database.close()


@pytest.mark.parametrize(("sqlstate", "unsure"), [("40001", False), ("08006", True)])
async def test_a_commit_that_postgresql_refuses_has_saved_nothing(
    clean: Place, sqlstate: str, unsure: bool
) -> None:
    database = connect(clean.app_url, pool_size=1, max_overflow=0)
    engine = database.engine.sync_engine

    def refuse(_: sa.Connection) -> None:
        raise asyncpg.PostgresError.new({"S": "ERROR", "C": sqlstate, "M": "no"})

    async def commit() -> None:
        async with database.door() as session:
            await session.execute(sa.text("select 1"))
            sa.event.listen(engine, "commit", refuse, once=True)

    with pytest.raises(DatabaseUnavailable) as raised:
        await commit()
    assert raised.value.unsure is unsure
    await database.close()


async def test_connections_to_a_server_that_has_become_read_only_are_closed(clean: Place) -> None:
    """Else each transaction meets the same standby again, although another server writes."""
    database = connect(clean.app_url, pool_size=1, max_overflow=0)
    pids = []

    async def write() -> None:
        async with database.door() as session:
            pids.append(await session.scalar(sa.text("select pg_backend_pid()")))
            await session.execute(sa.text("set transaction read only"))
            await session.execute(sa.text("delete from event_counter"))

    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match="25006"):
            await write()
    with pytest.raises(DatabaseUnavailable, match="25006"):
        await database.call_door(int_of, failing("25006"))
    with pytest.raises(DatabaseUnavailable, match="25006"):
        await write()
    assert len(set(pids)) == 3
    await database.close()
