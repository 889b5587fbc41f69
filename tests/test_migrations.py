"""Migrations from nothing and back, and that tables.py and they say the same."""

import sqlalchemy as sa
from alembic import command
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from runtime.commands.migrate import config
from tests.database import Place, Server, fresh_database

# Each hole in row-level security, by name: a new one must be argued here.
DOORS = {
    "take_slot", "give_slot", "call_budgets", "forget_calls",
    "keep_grant", "read_grant", "lease_grant", "settle_grant", "release_grant", "stale_grants",
    "find_token", "due_runs", "begin_flow", "take_flow", "ended_connections", "tenant_workspaces",
    "search_contacts", "search_xero_contacts", "forget_events", "refresh_statistics",
    "receive_webhooks", "due_webhooks", "claim_webhooks", "postpone_webhooks", "settle_webhooks", "last_webhook_at",
    "forget_inbox", "limits_over", "due_since", "forget_deliveries", "due_sends", "due_deliveries", "due_polls", "due_reads",
    "due_invoices", "due_invoice_polls", "due_catalogues", "search_invoices",
    "similar_contacts", "every_workspace", "keys_behind",
}  # fmt: skip


async def test_down_to_nothing_and_up_again(server: Server, template: Place) -> None:
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


async def test_every_table_is_policed(owner: AsyncConnection) -> None:
    open_tables = await owner.scalars(
        sa.text(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            " and not relrowsecurity"
        )
    )
    assert open_tables.all() == ["alembic_version"]


async def test_doors_are_the_listed_ones_and_fix_their_search_path(owner: AsyncConnection) -> None:
    doors = await owner.execute(
        sa.text("select proname, prosecdef, proconfig from pg_proc where pronamespace = 'door'::regnamespace")
    )
    found = {name: (definer, path) for name, definer, path in doors.all()}
    assert set(found) == DOORS
    assert set(map(str, found.values())) == {"(True, ['search_path=pg_catalog, public, pg_temp'])"}
