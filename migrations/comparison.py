"""What Alembic does not compare by itself: functions, row-level security and the values of enums.

`alembic check` and `alembic revision --autogenerate` compare the database with

- `migrations/sql/*.sql`: the current text of each function of schema `door`, one function a file;
- the tables of `domain.tables`: row-level security is on, and the policy `own_workspace` exists unless the table is in
  DOOR_ONLY;
- the enums of `domain.tables`: the CHECK constraint of a column allows the members of its enum.

White space in a function does not count. Policies of other names, and CHECK constraints that belong to no enum, are left to
tests/test_migrations.py, which compares the catalogues of a migrated database and of one made from the tables.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy.engine import Connection
from sqlmodel.sql.sqltypes import AutoString

from domain.tables import DOOR_ONLY

NAME = "tandem.comparison"
FUNCTIONS = Path(__file__).resolve().parent / "sql"
# The setting is '' after the first transaction of a connection, and '' cannot be cast to uuid.
CURRENT_WORKSPACE = "nullif(current_setting('tandem.workspace', true), '')::uuid"
_FIND_FUNCTIONS = """
select proname, p.oid::regprocedure::text,
       pg_get_function_arguments(p.oid) || ' returns ' || pg_get_function_result(p.oid), pg_get_functiondef(p.oid)
  from pg_proc p where pronamespace = to_regnamespace('door') order by proname
"""
_FIND_SECURITY = """
select relname, relrowsecurity, exists (select from pg_policy where polrelid = c.oid and polname = 'own_workspace')
  from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace
"""
_FIND_CHECKS = """
select conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace
"""


class RunSQL(ops.MigrateOperation):
    """SQL statements, and the statements that undo them."""

    def __init__(self, statements: list[str], undo: list[str]) -> None:
        self.statements, self.undo = statements, undo

    def reverse(self) -> "RunSQL":
        return RunSQL(self.undo, self.statements)

    def to_diff_tuple(self) -> tuple[str, list[str]]:
        return ("run_sql", self.statements)


@renderers.dispatch_for(RunSQL)
def _render(_: AutogenContext, operation: RunSQL) -> list[str]:
    """`op.execute` reads `:name` as a parameter, so a colon before a name is escaped."""
    quoted = (re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", statement) for statement in operation.statements)
    return [f'op.execute(r"""\n{statement}\n""")' for statement in quoted]


def render_item(kind: str, item: object, _: AutogenContext) -> str | Literal[False]:
    """A revision writes SQLModel's text type as SQLAlchemy's, so that it imports SQLAlchemy only."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


@dataclass(frozen=True)
class Function:
    """`identity` names the function with the types of its arguments; `signature` adds their names and the result.
    `source` makes the function: the text of its file, or PostgreSQL's own where there is no file."""

    name: str
    identity: str
    signature: str
    definition: str
    source: str

    @property
    def text(self) -> str:
        return " ".join(self.definition.split())


def find_functions(connection: Connection) -> dict[str, Function]:
    """The functions of schema `door` that the database has, by name."""
    rows = connection.execute(sa.text(_FIND_FUNCTIONS))
    return {name: Function(name, identity, signature, text, text) for name, identity, signature, text in rows}


def load_functions(connection: Connection) -> dict[str, Function]:
    """The functions of `migrations/sql`, by name, as PostgreSQL understands them; the database stays as it was."""
    savepoint = connection.begin_nested()
    try:
        connection.exec_driver_sql("set local check_function_bodies = off")
        connection.exec_driver_sql("drop schema if exists door cascade")
        connection.exec_driver_sql("create schema door")
        sources = {path.stem.removeprefix("door_"): path.read_text() for path in FUNCTIONS.glob("*.sql")}
        for source in sources.values():
            connection.exec_driver_sql(source)
        made = find_functions(connection)
        return {name: replace(function, source=sources[name]) for name, function in made.items()}
    finally:
        savepoint.rollback()


def _compare_functions(
    context: AutogenContext, upgrade: ops.UpgradeOps, _: set[str | None]
) -> PriorityDispatchResult:
    connection = cast(Connection, context.connection)
    wanted, found = load_functions(connection), find_functions(connection)
    for name in sorted(wanted.keys() | found.keys()):
        new, old = wanted.get(name), found.get(name)
        if new is None or old is None or new.text != old.text:
            upgrade.ops.append(RunSQL(_replace(old, new), _replace(new, old)))
    return PriorityDispatchResult.CONTINUE


def _replace(old: Function | None, new: Function | None) -> list[str]:
    """PostgreSQL replaces a function in place only where arguments and result stay as they are."""
    statements = []
    if old and (new is None or (new.identity, new.signature) != (old.identity, old.signature)):
        statements.append(f"drop function {old.identity}")
    return [*statements, new.source.strip()] if new else statements


def _compare_security(
    context: AutogenContext, upgrade: ops.UpgradeOps, _: set[str | None]
) -> PriorityDispatchResult:
    rows = cast(Connection, context.connection).execute(sa.text(_FIND_SECURITY))
    found = {table: (on, policy) for table, on, policy in rows}
    for table in context.sorted_tables:
        on, policy = found.get(table.name, (False, False))
        if not on:
            security = f"alter table {table.name} %s row level security"
            upgrade.ops.append(RunSQL([security % "enable"], [security % "disable"]))
        if not policy and table.name not in DOOR_ONLY:
            column = "workspace_id" if "workspace_id" in table.columns else "id"
            upgrade.ops.append(
                RunSQL(
                    [f"create policy own_workspace on {table.name} using ({column} = {CURRENT_WORKSPACE})"],
                    [f"drop policy own_workspace on {table.name}"],
                )
            )
    return PriorityDispatchResult.CONTINUE


def _compare_enums(
    context: AutogenContext, upgrade: ops.UpgradeOps, _: set[str | None]
) -> PriorityDispatchResult:
    """A column that is new has no constraint yet: the operation that adds the column adds its constraint too."""
    rows = cast(Connection, context.connection).execute(sa.text(_FIND_CHECKS))
    found = {(table, name): re.findall(r"'([^']*)'", text) for table, name, text in rows}
    for table in context.sorted_tables:
        for column, name in _enums(table):
            new, old = list(cast(sa.Enum, column.type).enums), found.get((table.name, name))
            if old is not None and set(old) != set(new):
                change = _replace_check(table.name, name, column.name, new)
                undo = _replace_check(table.name, name, column.name, old)
                upgrade.ops.append(RunSQL(change, undo))
    return PriorityDispatchResult.CONTINUE


def _enums(table: sa.Table) -> Iterator[tuple[sa.Column[str], str]]:
    """Each column of an enum, with the name of its CHECK constraint."""
    for column in table.columns:
        if isinstance(column.type, sa.Enum):
            yield column, f"ck_{table.name}_{column.type.name}"


def _replace_check(table: str, name: str, column: str, values: list[str]) -> list[str]:
    listed = ", ".join(f"'{value}'" for value in values)
    return [
        f"alter table {table} drop constraint {name}",
        f"alter table {table} add constraint {name} check ({column} in ({listed}))",
    ]


def setup(plugin: Plugin) -> None:
    """Alembic calls this once; the comparisons run after Alembic's own, which create new tables."""
    compared = {"security": _compare_security, "enums": _compare_enums, "functions": _compare_functions}
    for element, comparator in compared.items():
        plugin.add_autogenerate_comparator(comparator, "schema", element, priority=DispatchPriority.LAST)


Plugin.setup_plugin_from_module(sys.modules[__name__], NAME)
