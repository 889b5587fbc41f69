"""The checks of `tandem doctor` inside the database: whether the workspaces are kept apart, what is missing, and what fails in each of them."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.tables import DOOR_ONLY, metadata
from runtime.database import EVERY_WORKSPACE
from runtime.migrations import MIGRATIONS

MOST_NAMED = 5
MOST_WORKSPACES = 200
MIGRATE = "run `tandem migrate`"
EXTENSIONS = ("btree_gin", "pg_trgm")
# The catalogue shows schemas, tables and functions to roles that may not use them.
_SCHEMAS = sa.text("""
select nspname, has_schema_privilege(oid, 'usage') as granted from pg_namespace where nspname in ('public', 'door') order by 1
""")
_TABLES = sa.text("""
select c.relname, c.relrowsecurity as policed,
       exists (select from pg_policy p where p.polrelid = c.oid) as opened,
       has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
       and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete') as granted
  from pg_class c
 where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and c.relname <> 'alembic_version'
 order by c.relname
""")
_OPEN_POLICIES = sa.text("""
select format('%I on %I', p.polname, c.relname) from pg_policy p join pg_class c on c.oid = p.polrelid
 where c.relnamespace = 'public'::regnamespace and coalesce(pg_get_expr(p.polqual, p.polrelid), '') not like '%tandem.workspace%'
 order by 1
""")
_FUNCTIONS = sa.text("""
select p.proname, has_function_privilege(p.oid, 'execute') as granted,
       exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0) as public
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where n.nspname = 'door' order by p.proname
""")
_REVISION = sa.text("""
select has_table_privilege(c.oid, 'select') from pg_class c
 where c.relnamespace = 'public'::regnamespace and c.relname = 'alembic_version'
""")
_COLUMNS = sa.text("""
select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
 where c.relnamespace = 'public'::regnamespace and a.attnum > 0 and not a.attisdropped
""")
_FAILING = sa.text("""
select 'the connection of ' || o.name || ' is ' || o.health || coalesce(' (' || o.health_message || ')', '') as what,
       null::bigint as number
  from organisation o where o.workspace_id = :ws and o.disconnected_at is null and o.health <> 'HEALTHY'
union all
select 'links, ' || coalesce(l.failure->>'code', 'unknown'), count(*)
  from sync_link l where l.workspace_id = :ws and l.state = 'FAILING' group by 1
union all
select 'invoices, ' || coalesce(i.failure_code, 'unknown'), count(*)
  from invoice i where i.workspace_id = :ws and i.sync_state = 'FAILING' group by 1
order by 1
""")


class Gap(NamedTuple):
    """A fault in the rights, and its remedy."""

    fault: str
    remedy: str


class Failing(NamedTuple):
    """A workspace in which something fails. `what` says it in words, with counts."""

    workspace: str
    what: str


async def find_gaps(connection: AsyncConnection) -> list[Gap]:
    """The faults in roles, grants and policies: those that let workspaces mix, and those that keep the app from its work.

    Empty if the rights are as `tandem migrate` gives them, and if there are no tables yet. `tandem migrate` gives each grant again. A policy
    is made by one revision only, so the owner has to make a lost policy again.
    """
    schemas = (await connection.execute(_SCHEMAS)).all()
    tables = (await connection.execute(_TABLES)).all()
    policies = (await connection.scalars(_OPEN_POLICIES)).all()
    functions = (await connection.execute(_FUNCTIONS)).all()
    revision = await connection.scalar(_REVISION)
    known = [row for row in tables if row.relname in metadata.tables]
    shut = [row.relname for row in known if not row.opened and row.relname not in DOOR_ONLY]
    found = [
        (
            "the role may not use the schema",
            [row.nspname for row in schemas if tables and not row.granted],
            MIGRATE,
        ),
        (
            "row-level security is off for",
            [row.relname for row in tables if not row.policed],
            "as the owner, run `alter table … enable row level security`",
        ),
        (
            "no policy lets the role see rows of",
            shut,
            "as the owner, run `create policy own_workspace on … using (workspace_id ="
            " nullif(current_setting('tandem.workspace', true), '')::uuid)`; of table workspace, the column is id",
        ),
        ("a policy shows rows of every workspace:", list(policies), "as the owner, run `drop policy …`"),
        ("the role lacks rights on", [row.relname for row in tables if not row.granted], MIGRATE),
        ("the role may not read", ["alembic_version"] if revision is False else [], MIGRATE),
        ("the role may not call", [f"door.{row.proname}" for row in functions if not row.granted], MIGRATE),
        ("every role may call", [f"door.{row.proname}" for row in functions if row.public], MIGRATE),
    ]
    return [Gap(f"{says} {named(names)}", mend) for says, names, mend in found if names]


async def find_missing(connection: AsyncConnection) -> list[str]:
    """The tables, columns, functions and extensions that the newest revision has, and this database lacks."""
    rows = (await connection.execute(_COLUMNS)).all()
    columns = {(row.relname, row.attname) for row in rows}
    tables = {row.relname for row in rows}
    functions = {row.proname for row in (await connection.execute(_FUNCTIONS)).all()}
    extensions = set((await connection.scalars(sa.text("select extname from pg_extension"))).all())
    wanted = {path.stem.removeprefix("door_") for path in (MIGRATIONS / "sql").glob("door_*.sql")}
    return [
        *(f"table {name}" for name in sorted(metadata.tables.keys() - tables)),
        *(
            f"column {table.name}.{column.name}"
            for table in metadata.sorted_tables
            for column in table.columns
            if table.name in tables and (table.name, column.name) not in columns
        ),
        *(f"function door.{name}" for name in sorted(wanted - functions)),
        *(f"extension {name}" for name in EXTENSIONS if name not in extensions),
    ]


async def each_workspace(connection: AsyncConnection, most: int | None = None) -> AsyncIterator[UUID]:
    """The workspaces, `most` of them at most. The transaction sees the rows of the one that was given last."""
    for key in (await connection.scalars(sa.text(EVERY_WORKSPACE))).all()[:most]:
        await connection.execute(
            sa.text("select set_config('tandem.workspace', :ws, true)"), {"ws": str(key)}
        )
        yield key


async def find_failing(connection: AsyncConnection) -> list[Failing]:
    """The workspaces in which something fails, with the failures by code."""
    failing = []
    async for key in each_workspace(connection, MOST_WORKSPACES):
        rows = (await connection.execute(_FAILING, {"ws": key})).all()
        if rows:
            name = await connection.scalar(sa.text("select name from workspace where id = :ws"), {"ws": key})
            what = "; ".join(f"{row.what}: {row.number}" if row.number else row.what for row in rows)
            failing.append(Failing(f"{name} ({key})", what))
    return failing


def named(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} others" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
