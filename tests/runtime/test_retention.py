"""Which rows are deleted and which stay, and that no table grows without a limit."""

import ast
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import activity
from domain.tables import ActivityKind, MatchResolution, RunPurpose, metadata
from runtime.database import Database, connect
from runtime.retention import BATCH, BOUNDS, delete_expired
from runtime.settings import load
from tests.database import Place
from tests.domain.world import Clock, World, make_world
from tests.make import imported

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(clean: Place, clock: Clock) -> AsyncIterator[Database]:
    made = connect(clean.app_url, clock=clock)
    yield made
    await made.close()


@pytest.fixture
async def world(database: Database) -> World:
    return await make_world(database)


async def count(owner: AsyncConnection, table: str) -> int:
    return int(await owner.scalar(sa.text(f"select count(*) from {table}")) or 0)


def test_every_table_has_a_bound_or_a_reason() -> None:
    """A new table needs a line in runtime/retention.py: the limit of its rows, or the reason why it may grow."""
    assert set(BOUNDS) == set(metadata.tables)


def test_a_worker_deletes_expired_rows() -> None:
    calls = [
        path.name
        for path in (ROOT / "workers").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "retention.delete_expired"
    ]
    assert len(calls) == 1


async def test_calls_that_no_limit_counts_are_deleted(
    database: Database, owner: AsyncConnection, clock: Clock
) -> None:
    """Of 60 busy organisations more calls end in an hour than one batch deletes."""
    add = sa.text(
        "insert into xero_call (id, tenant_id, bulk, taken_at, expires_at)"
        " select gen_random_uuid(), gen_random_uuid(), false, cast(:at as timestamptz), cast(:at as timestamptz)"
        " from generate_series(1, :n)"
    )
    await owner.execute(add, {"at": clock.time - timedelta(hours=27), "n": 2 * BATCH + 1})
    await owner.execute(add, {"at": clock.time - timedelta(hours=25), "n": 3})
    await delete_expired(database, load())
    assert await count(owner, "xero_call") == 3


async def test_an_idempotency_key_lives_for_24_hours(
    database: Database, world: World, owner: AsyncConnection, clock: Clock
) -> None:
    async with world.tx() as tx:
        await tx.run(
            "insert into idempotency_key (workspace_id, operation, key, input_hash, made, at)"
            " values (:ws, 'createContact', 'k', cast('x' as bytea), gen_random_uuid(), :now)"
        )
    clock.time += timedelta(hours=23, minutes=59)
    await delete_expired(database, load())
    assert await count(owner, "idempotency_key") == 1
    clock.time += timedelta(minutes=2)
    await delete_expired(database, load())
    assert await count(owner, "idempotency_key") == 0


async def test_finished_runs_are_deleted_except_for_the_last_of_each_purpose(
    database: Database, world: World, owner: AsyncConnection, clock: Clock
) -> None:
    for purpose, hours, finished in (
        (RunPurpose.IMPORT, 900, True),
        (RunPurpose.IMPORT, 800, True),
        (RunPurpose.DELTA, 700, True),
        (RunPurpose.DELTA, 169, True),
        (RunPurpose.DELTA, 167, True),
        (RunPurpose.SCAN, 600, False),
        (RunPurpose.SCAN, 599, True),
    ):
        at = clock.time - timedelta(hours=hours)
        await owner.execute(
            sa.text(
                "insert into import_run (workspace_id, id, organisation_id, purpose, phase, match, next_page, done,"
                " full_matches, conflicts, created, skipped, started_at, finished_at, attempts) values"
                " (:ws, :id, :org, :purpose, 'FINISHED', true, 1, 0, 0, 0, 0, 0, :at, :finished, 0)"
            ),
            {
                "ws": world.workspace, "id": uuid4(), "org": world.organisation, "purpose": purpose, "at": at,
                "finished": at if finished else None,
            },
        )  # fmt: skip
    await delete_expired(database, load())
    left = await owner.execute(
        sa.text(
            "select purpose, round(extract(epoch from :now - started_at) / 3600) from import_run order by 2"
        ),
        {"now": clock.time},
    )
    assert [tuple(row) for row in left] == [("DELTA", 167), ("SCAN", 599), ("SCAN", 600), ("IMPORT", 800)]


async def test_the_activity_is_kept_unless_a_setting_limits_it(
    database: Database, world: World, owner: AsyncConnection, clock: Clock
) -> None:
    async with world.tx() as tx:
        activity.record(tx, ActivityKind.SETTING_CHANGED, "Old.")
    clock.time += timedelta(days=40)
    async with world.tx() as tx:
        activity.record(tx, ActivityKind.SETTING_CHANGED, "New.")
    before = await count(owner, "activity")
    await delete_expired(database, load())
    assert await count(owner, "activity") == before
    await delete_expired(database, load(activity_kept_days="39"))
    left = await owner.scalars(
        sa.text("select message from activity where at > :at"), {"at": clock.time - timedelta(days=41)}
    )
    assert list(left) == ["New."]


async def test_closed_issues_are_deleted_unless_a_person_decided(
    database: Database, world: World, owner: AsyncConnection, clock: Clock
) -> None:
    names = (
        "Open Ltd",
        "Confirmed Ltd",
        "Obsolete Ltd",
        "Ignored Ltd",
        "Separate Ltd",
        "Reopened Ltd",
        "Recent Ltd",
    )
    for name in names:
        await world.contact(name, "office@example.com")
    await imported(world, *((name, None) for name in names))
    closed = {
        "Confirmed Ltd": (MatchResolution.CONFIRMED, 40, False),
        "Obsolete Ltd": (MatchResolution.OBSOLETE, 40, False),
        "Ignored Ltd": (MatchResolution.IGNORED, 40, False),
        "Separate Ltd": (MatchResolution.CREATED_SEPARATE, 40, False),
        "Reopened Ltd": (MatchResolution.OBSOLETE, 40, True),
        "Recent Ltd": (MatchResolution.OBSOLETE, 20, False),
    }
    for name, (resolution, days, reopened) in closed.items():
        changed = await owner.execute(
            sa.text(
                "update match_issue i set state = 'RESOLVED', resolution = :resolution, reopened = :reopened,"
                " created_at = cast(:at as timestamptz) - interval '90 days', resolved_at = :at from xero_contact x"
                " where x.id = i.xero_contact_id and x.name = :name"
            ),
            {
                "name": name,
                "resolution": resolution,
                "reopened": reopened,
                "at": clock.time - timedelta(days=days),
            },
        )
        assert changed.rowcount == 1
    assert await count(owner, "match_issue") == len(names)
    await delete_expired(database, load())
    assert await count(owner, "match_issue") == len(names)
    await delete_expired(database, load(closed_issues_kept_days="30"))
    left = await owner.scalars(
        sa.text("select x.name from match_issue i join xero_contact x on x.id = i.xero_contact_id order by 1")
    )
    assert list(left) == ["Ignored Ltd", "Open Ltd", "Recent Ltd", "Reopened Ltd", "Separate Ltd"]
