"""Migrations: downgrade and upgrade, the last old revision, and that tables and revisions are equal."""

import ast
import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import render_python_code
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.tables import metadata
from runtime.embedded.services import Services
from runtime.migrations import MIGRATIONS, MigrateError, config, migrate
from tests.database import Place, Server, empty_database, fresh_database

# Each hole in row-level security, by name: a new one must be argued here.
DOORS = {
    "take_slot", "give_slot", "call_budgets", "forget_calls",
    "keep_grant", "read_grant", "lease_grant", "settle_grant", "release_grant", "stale_grants",
    "find_token", "find_user", "event_positions", "begin_flow", "take_flow", "tenant_workspaces",
    "search_contacts", "search_xero_contacts", "forget_events", "refresh_statistics",
    "receive_webhooks", "claim_webhooks", "postpone_webhooks", "settle_webhooks", "settle_read_webhooks", "unread_webhooks", "lease_webhooks", "put_off_webhooks", "last_webhook_at", "webhooks_silent_since",
    "forget_inbox", "due_since", "forget_deliveries", "search_invoices",
    "similar_contacts", "every_workspace", "keys_behind",
    "forget_keys", "forget_runs", "forget_activity", "forget_issues", "list_seals",
    "note_traffic", "month_traffic", "forget_traffic", "figures", "forget_trace_marks",
    # As refresh_statistics, where tables have grown.
    "refresh_grown_statistics",
    # As search_contacts; its rows are ordered without another look-up.
    "find_contacts",
    # Triggers: they write what the lists of contacts read.
    "list_new_contacts", "list_gone_contacts", "list_contact", "list_link_state", "list_new_links", "list_gone_links", "list_changed_link",
    "due_jobs", "beat_worker", "end_worker", "renew_webhooks", "numbered_xero_contacts",
}  # fmt: skip
REVISIONS = sorted((MIGRATIONS / "versions").glob("[!_]*.py"))
MAY_IMPORT = {"alembic", "datetime", "decimal", "json", "re", "sqlalchemy", "uuid"}
MAY_NOT_USE = {"open", "exec", "eval", "__import__", "__file__"}
# Everything that the tables say, but for the order of columns and of an enum's values.
CATALOGUES = {
    "columns": """
        select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation::text
          from pg_attribute a join pg_class c on c.oid = a.attrelid
          left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
         where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped""",
    "constraints": """
        select c.relname, o.conname, pg_get_constraintdef(o.oid) from pg_constraint o
          join pg_class c on c.oid = o.conrelid where o.contype not in ('c', 'n')""",
    "checks": """
        select c.relname, o.conname, o.convalidated, array(select unnest(regexp_matches(pg_get_constraintdef(o.oid),
               '[\\w.]+|[^\\w\\s]+', 'g')) order by 1)::text
          from pg_constraint o join pg_class c on c.oid = o.conrelid where o.contype = 'c'""",
    "indexes": """
        select c.relname, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), i.indisvalid
          from pg_index i join pg_class c on c.oid = i.indrelid""",
}
OURS = "c.relnamespace = 'public'::regnamespace and c.relname <> 'alembic_version'"


async def test_downgrade_to_base_removes_all_tables_and_upgrade_restores_them(
    server: Server, template: Place
) -> None:
    async with fresh_database(server, template) as place:
        engine = create_async_engine(place.admin_url)
        async with engine.begin() as connection:
            await connection.run_sync(lambda sync: command.downgrade(config(sync), "base"))
            left = await connection.scalars(
                sa.text("select tablename from pg_tables where schemaname = 'public'")
            )
            assert left.all() == ["alembic_version"]
            await connection.run_sync(lambda sync: command.upgrade(config(sync), "head"))
            await connection.run_sync(lambda sync: command.check(config(sync)))
        await engine.dispose()


async def test_the_tables_and_the_revisions_are_equal(server: Server, template: Place) -> None:
    async with empty_database(server) as place, connected(place) as made, connected(template) as migrated:
        for extension in ("pg_trgm", "btree_gin"):
            await made.execute(sa.text(f"create extension {extension}"))
        await made.run_sync(metadata.create_all)
        for name, query in CATALOGUES.items():
            by_tables, by_revisions = [
                (await each.execute(sa.text(f"{query} and {OURS} order by 1, 2"))).all()
                for each in (made, migrated)
            ]
            assert len(by_tables) > 5, name
            assert by_tables == by_revisions, name


@pytest.mark.parametrize("path", REVISIONS, ids=lambda path: path.stem)
def test_a_revision_reads_nothing_that_changes_later(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "." * node.level for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= MAY_IMPORT
    assert {node.id for node in nodes if isinstance(node, ast.Name)} & MAY_NOT_USE == set()


async def test_a_database_at_the_last_old_revision_is_stamped(server: Server, template: Place) -> None:
    async with fresh_database(server, template) as place:
        async with connected(place) as connection:
            await connection.run_sync(lambda sync: command.downgrade(config(sync), "baseline"))
            await connection.commit()
        await set_revision(place, "0022")
        assert await migrate(place.admin_url, server.app_role) == config_head()
        async with connected(place) as connection:
            assert (
                await connection.scalar(sa.text("select version_num from alembic_version")) == config_head()
            )


async def test_a_database_at_an_older_revision_is_refused(server: Server, template: Place) -> None:
    async with fresh_database(server, template) as place:
        await set_revision(place, "0014")
        with pytest.raises(MigrateError, match=r"at revision 0014, .* upgrades from 0022 or later"):
            await migrate(place.admin_url, server.app_role)
        async with connected(place) as connection:
            assert await connection.scalar(sa.text("select version_num from alembic_version")) == "0014"


async def test_the_alembic_command_works_with_database_admin_url(server: Server, template: Place) -> None:
    async with fresh_database(server, template) as place:
        for words, says in (
            (["downgrade", "base"], ""),
            (["upgrade", "head"], ""),
            (["current"], f"{config_head()} (head)"),
            (["check"], "No new upgrade operations detected."),
        ):
            assert says in await alembic(*words, DATABASE_ADMIN_URL=place.admin_url)


async def test_the_alembic_command_finds_the_database_that_runs_here(services: Services) -> None:
    assert "Target database is not up to date." in await alembic(
        "check", TANDEM_DATA=str(services.sockets.parent)
    )


async def test_the_alembic_command_says_that_no_database_runs_here(tmp_path: Path) -> None:
    assert f"No Tandem runs in {tmp_path}" in await alembic("check", TANDEM_DATA=str(tmp_path))


async def test_a_new_column_is_one_operation(template: Place) -> None:
    def change(tables: sa.MetaData) -> None:
        tables.tables["contact"].append_column(sa.Column("favourite_tea", sa.String(), nullable=True))

    assert await found(template, change) == [
        "op.add_column('contact', sa.Column('favourite_tea', sa.String(), nullable=True))"
    ]


async def test_a_new_table_comes_with_row_level_security(template: Place) -> None:
    def change(tables: sa.MetaData) -> None:
        sa.Table("note", tables, sa.Column("workspace_id", sa.Uuid(), primary_key=True))

    operations = await found(template, change)
    assert [operation.split("(")[0] for operation in operations] == ["op.create_table"] + 2 * ["op.execute"]
    assert "alter table note enable row level security" in operations[1]
    assert "create policy own_workspace on note using (workspace_id = nullif(" in operations[2]


async def test_a_new_value_of_an_enum_replaces_its_check(template: Place) -> None:
    def change(tables: sa.MetaData) -> None:
        tables.tables["event"].columns["kind"].type.enums.append("COMMENT")  # type: ignore[attr-defined]

    dropped, added = await found(template, change)
    assert "alter table event drop constraint ck_event_eventkind" in dropped
    assert "'RESYNC', 'COMMENT'))" in added


async def test_a_function_that_differs_from_its_file_is_found(template: Place) -> None:
    def unchanged(_: sa.MetaData) -> None: ...

    changed = (
        "create or replace function door.every_workspace() returns table (workspace_id uuid)"
        " language sql as 'select null::uuid'"
    )
    (replaced,) = await found(template, unchanged, changed)
    assert "create or replace function door.every_workspace()" in replaced
    assert "order by w.created_at, w.id" in replaced
    extra = "create function door.extra() returns int language sql as 'select 1'"
    (dropped,) = await found(template, unchanged, extra)
    assert "drop function door.extra()" in dropped


async def test_every_table_has_a_row_level_policy(owner: AsyncConnection) -> None:
    open_tables = await owner.scalars(
        sa.text(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            " and not relrowsecurity"
        )
    )
    assert open_tables.all() == ["alembic_version"]


async def test_the_functions_of_schema_door_are_listed_and_fix_their_search_path(
    owner: AsyncConnection,
) -> None:
    doors = await owner.execute(
        sa.text("select proname, prosecdef, proconfig from pg_proc where pronamespace = 'door'::regnamespace")
    )
    found = {name: (definer, settings) for name, definer, settings in doors.all()}
    assert set(found) == DOORS
    assert {definer for definer, _ in found.values()} == {True}
    assert all("search_path=pg_catalog, public, pg_temp" in settings for _, settings in found.values())


@asynccontextmanager
async def connected(place: Place) -> AsyncIterator[AsyncConnection]:
    """A connection as the owner; uncommitted changes are rolled back."""
    engine = create_async_engine(place.admin_url)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def alembic(*words: str, **environment: str) -> str:
    """The output of the command, standard output and error."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "alembic", *words],
        cwd=MIGRATIONS.parent,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def config_head() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


async def set_revision(place: Place, revision: str) -> None:
    async with connected(place) as connection:
        await connection.execute(sa.text("update alembic_version set version_num = :v"), {"v": revision})
        await connection.commit()


async def found(place: Place, change: Callable[[sa.MetaData], None], *statements: str) -> list[str]:
    """The operations that `alembic revision --autogenerate` writes after this change of the tables, and after these
    statements in the database. Writes no file."""
    tables = sa.MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(tables)
    change(tables)
    rendered: list[str] = []

    postgresql = MigrationContext.configure(dialect_name="postgresql")

    def keep(_: object, __: object, scripts: list[MigrationScript]) -> None:
        assert scripts[0].upgrade_ops is not None
        text = render_python_code(scripts[0].upgrade_ops, migration_context=postgresql)
        lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        rendered.extend(f"op.{part}".strip() for part in re.split(r"^ *op\.", lines, flags=re.M)[1:])
        scripts.clear()

    def compare(sync: Connection) -> None:
        settings = config(sync)
        settings.attributes["metadata"] = tables
        command.revision(settings, autogenerate=True, process_revision_directives=keep)

    async with connected(place) as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
        await connection.run_sync(compare)
    return rendered
