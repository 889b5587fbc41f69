"""Runs on the connection that `runtime.migrate` opened; nothing else migrates."""

from alembic import context

from domain.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=True
)
with context.begin_transaction():
    # A migration that waits for a lock stops everyone behind it: better to fail and be run again.
    connection.exec_driver_sql("set local lock_timeout = '4s'")
    context.run_migrations()
