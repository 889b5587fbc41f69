"""The checks of `tandem doctor` inside the database: whether the workspaces are kept apart, and what fails in each of them."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runtime.database import EVERY_WORKSPACE

MOST_NAMED = 5
MOST_WORKSPACES = 200
_TABLES = sa.text("""
select c.relname, c.relrowsecurity as policed,
       exists (select from pg_policy p where p.polrelid = c.oid
                  and coalesce(pg_get_expr(p.polqual, p.polrelid), '') not like '%tandem.workspace%') as open,
       has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
       and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete') as granted
  from pg_class c
 where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace and c.relname <> 'alembic_version'
 order by c.relname
""")
_FUNCTIONS = sa.text("""
select p.proname, has_function_privilege(p.oid, 'execute') as granted,
       exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0) as public
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where n.nspname = 'door' order by p.proname
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


class Failing(NamedTuple):
    """A workspace in which something fails. `what` says it in words, with counts."""

    workspace: str
    what: str


async def find_gaps(connection: AsyncConnection) -> list[str]:
    """The faults in roles, grants and policies: those that let workspaces mix, and those that keep the app from its work.

    Empty if the rights are as `tandem migrate` gives them.
    """
    tables = (await connection.execute(_TABLES)).all()
    functions = (await connection.execute(_FUNCTIONS)).all()
    found = {
        "row-level security is off for": [row.relname for row in tables if not row.policed],
        "a policy without the workspace is on": [row.relname for row in tables if row.open],
        "the role lacks rights on": [row.relname for row in tables if not row.granted],
        "the role may not call": [f"door.{row.proname}" for row in functions if not row.granted],
        "every role may call": [f"door.{row.proname}" for row in functions if row.public],
    }
    return [f"{says} {named(names)}" for says, names in found.items() if names]


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
