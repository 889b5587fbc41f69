"""The database's revision: the newest one, the upgrade as the database's owner, and the rights of the app's role."""

import re
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection, make_url

from domain.contacts import rebuild_keys
from domain.names.text_keys import VERSION
from domain.tx import TANDEM
from runtime.clock import ServerClock
from runtime.database import Database, create_engine, on_time

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"

GRANTS = (
    "grant usage on schema public to {role}",
    "grant select, insert, update, delete on all tables in schema public to {role}",
    # For the tables that `alembic upgrade` creates later.
    "alter default privileges in schema public grant select, insert, update, delete on tables to {role}",
    "revoke all on table alembic_version from {role}",
    "grant select on table alembic_version to {role}",
    "grant usage on all sequences in schema public to {role}",
)
DOOR_GRANTS = (
    "grant usage on schema door to {role}",
    "revoke all on all functions in schema door from public",
    "grant execute on all functions in schema door to {role}",
)


class MigrateError(Exception):
    """The addresses, the roles or the database's revision are wrong. The text says what."""


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings. migrations/env.py uses `connection`, if there is one."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def head() -> str | None:
    return ScriptDirectory.from_config(config()).get_current_head()


@cache
def known_revisions() -> frozenset[str]:
    """The revisions of this version of Tandem, and those before the baseline."""
    found = ScriptDirectory.from_config(config()).walk_revisions()
    return frozenset(each.revision for each in found) | {f"{number:04}" for number in range(1, 23)}


def is_newer(revision: str | None) -> bool:
    """Whether a later version of Tandem has migrated the database. This version then keeps working until it is replaced: a
    migration takes nothing away that the version before reads or writes."""
    return revision is not None and revision not in known_revisions()


async def migrate(admin_url: str, app_role: str) -> str | None:
    """Upgrades to the newest revision and grants the rights, in one transaction. Then computes the comparison keys of
    contacts again if the rules have changed, in one transaction for each workspace. Returns the revision.

    Safe to repeat. A second migration at the same time waits. Refuses an app's role that is the owner: row-level
    security does not bind an owner.
    """
    if make_url(admin_url).username == app_role:
        raise MigrateError(
            f"DATABASE_URL and DATABASE_ADMIN_URL both use the role {app_role}. Create a second role for the app, one that"
            " owns nothing: create role tandem_app login password '...';"
        )
    engine = create_engine(admin_url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(lambda sync: command.upgrade(config(sync), "head"))
            await connection.run_sync(grant, app_role)
        database = Database(engine, ServerClock())
        async with on_time(database):
            await renew_keys(database)
    except CommandError as error:
        raise MigrateError(str(error)) from None
    finally:
        await engine.dispose()
    return head()


async def renew_keys(database: Database) -> None:
    """Compute the comparison keys of all workspaces again if any contact has keys of older rules."""
    async with database.door() as session:
        behind = await session.scalar(sa.text("select door.keys_behind(:version)"), {"version": VERSION})
    for workspace in await database.workspaces() if behind else []:
        async with database.transaction(workspace, TANDEM) as tx:
            await rebuild_keys.renew(tx)


def grant(connection: Connection, app_role: str) -> None:
    if not connection.scalar(sa.text("select 1 from pg_roles where rolname = :role"), {"role": app_role}):
        raise MigrateError(
            f"DATABASE_URL: the server has no role {app_role}. Create it: create role {app_role} login password '...';"
        )
    role = connection.dialect.identifier_preparer.quote(app_role)
    doors = connection.scalar(sa.text("select 1 from pg_namespace where nspname = 'door'"))
    for statement in GRANTS + (DOOR_GRANTS if doors else ()):
        connection.execute(sa.text(statement.format(role=re.sub(":", r"\:", role))))
