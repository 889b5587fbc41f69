"""Every Alembic command runs through this file: `alembic …`, `make migration`, `tandem migrate` and the tests.

A caller may put an open connection of the database's owner into `config.attributes["connection"]`. Otherwise the database
is DATABASE_ADMIN_URL's, or that of the demo that runs here.
"""

import asyncio

import sqlalchemy as sa
from alembic import context
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection

from domain.tables import metadata
from migrations import comparison
from runtime.commands.required_settings import find_admin_url
from runtime.database import create_engine
from runtime.embedded.children import StartError
from runtime.settings import SettingsError

# The baseline builds the schema that the revisions 0001 to 0022 built.
LAST_OLD_REVISION, BASELINE = "0022", "baseline"
OLD_REVISIONS = {f"{number:04}" for number in range(1, 22)}


def rename_old_revision(connection: Connection) -> None:
    """Stamps a database that is at the last old revision as `baseline`; refuses an older database."""
    if connection.scalar(sa.text("select to_regclass('alembic_version')")) is None:
        return
    revision = connection.scalar(sa.text("select version_num from alembic_version"))
    if revision in OLD_REVISIONS:
        raise CommandError(
            f"The database is at revision {revision}, and this Tandem upgrades from {LAST_OLD_REVISION} or later."
            f" Check out the last Tandem that has migrations/versions/{LAST_OLD_REVISION}_*.py, run its"
            " `tandem migrate`, then run this one's."
        )
    if revision == LAST_OLD_REVISION:
        connection.execute(sa.text("update alembic_version set version_num = :new"), {"new": BASELINE})


def run(connection: Connection) -> None:
    """Runs the command in one transaction. A second migration waits until the first has committed."""
    context.configure(
        connection=connection,
        # A test passes tables that differ from the project's, to see which operations Alembic finds.
        target_metadata=context.config.attributes.get("metadata", metadata),
        compare_type=True,
        compare_server_default=True,
        render_item=comparison.render_item,
        autogenerate_plugins=["alembic.autogenerate.*", comparison.NAME],
    )
    with context.begin_transaction():
        connection.exec_driver_sql("select pg_advisory_xact_lock(hashtext('tandem migrate'))")
        # A statement that waits for a lock stops every query behind it: better to fail and be run again.
        connection.exec_driver_sql("set local lock_timeout = '4s'")
        rename_old_revision(connection)
        context.run_migrations()


async def connect_and_run() -> None:
    try:
        engine = create_engine(find_admin_url())
    except (SettingsError, StartError) as error:
        raise CommandError(str(error)) from None
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
    except OSError as error:
        raise CommandError(f"The database of DATABASE_ADMIN_URL does not answer: {error}") from None
    finally:
        await engine.dispose()


if context.is_offline_mode():
    raise CommandError("--sql is not supported: every command needs a connection to the database")
if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    asyncio.run(connect_and_run())
