"""Another practice in the same database, which once had the same Xero organisation and does nothing. No row of it may ever
change."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from domain.connection import organisations
from domain.contacts import edits as contact_edits
from domain.matching import issues
from domain.tables import SyncedField, metadata
from runtime.database import Database
from tests.domain.world import World, make_world, seen

_TABLES = [table for table in metadata.sorted_tables if "workspace_id" in table.columns]
_ALL = " union all ".join(
    f"select '{table.name}' as of, to_jsonb(t)::text as row from {table.name} t where workspace_id = :ws"
    for table in _TABLES
)


@dataclass
class Neighbour:
    world: World
    before: list[tuple[str, str]]

    async def check_untouched(self) -> None:
        assert await _rows(self.world) == self.before, "what happens next door reaches another practice"


async def moved_in(database: Database, tenant: UUID, names: list[tuple[str, str | None]]) -> Neighbour:
    """With contacts of these names and emails, linked, one of which waits to be sent and one to be read."""
    world = await make_world(database)
    made = [await world.contact(name, email) for name, email in names]
    await world.shown(*(seen(name, email) for name, email in names))
    await world.import_mirror()
    async with world.tx() as tx, issues.evaluating(tx):
        await contact_edits.change(
            tx, made[0].id, contact_edits.Given({SyncedField.PRIMARY_PHONE: "09 555 1234"})
        )
        await tx.run("update xero_contact set dirty = true, read_due_at = :now where workspace_id = :ws")
        await organisations.disconnect(tx, world.organisation)
        await tx.session.flush()
        await tx.run("update organisation set tenant_id = :tenant where workspace_id = :ws", tenant=tenant)
    return Neighbour(world, await _rows(world))


async def _rows(world: World) -> list[tuple[str, str]]:
    async with world.tx() as tx:
        found = await tx.session.execute(sa.text(_ALL), {"ws": world.workspace})
        return sorted((row.of, row.row) for row in found)
