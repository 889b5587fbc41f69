"""Runs on the connection that `runtime.migrate` opened; nothing else migrates."""

import sqlalchemy as sa
from alembic import context
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection

from domain.tables import metadata
from migrations import comparison

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


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    # A test passes tables that differ from the project's, to see which operations Alembic finds.
    target_metadata=context.config.attributes.get("metadata", metadata),
    compare_type=True,
    compare_server_default=True,
    autogenerate_plugins=["alembic.autogenerate.*", comparison.NAME],
)
with context.begin_transaction():
    # A migration that waits for a lock stops everyone behind it: better to fail and be run again.
    connection.exec_driver_sql("set local lock_timeout = '4s'")
    rename_old_revision(connection)
    context.run_migrations()
