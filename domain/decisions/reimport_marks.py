"""Re-import marks: a Xero contact with a mark is neither matched nor imported automatically."""

from collections.abc import Sequence
from uuid import UUID

from domain.tx import Tx

# The Xero contact and all that were merged into it, however long ago; `union` ends a circle.
FAMILY = (
    "with recursive family(id, xero_id) as ("
    " select id, xero_contact_id from xero_contact where workspace_id = :ws and id = :xero"
    " union select x.id, x.xero_contact_id from family f join xero_contact x on x.workspace_id = :ws"
    " and x.organisation_id = :organisation and x.merged_to = f.xero_id)"
)


async def mark(tx: Tx, organisation_id: UUID, xero_contact_ids: Sequence[UUID]) -> None:
    """Mark these Xero contacts (mirror rows)."""
    await tx.run(
        "insert into reimport_mark (workspace_id, organisation_id, xero_contact_id, at)"
        " select :ws, :organisation, x.xero_contact_id, :now from xero_contact x"
        " where x.workspace_id = :ws and x.id = any(:ids) on conflict do nothing",
        organisation=organisation_id, ids=list(xero_contact_ids),
    )  # fmt: skip


async def lift(tx: Tx, organisation_id: UUID, xero_contact_id: UUID) -> None:
    """Delete the mark of the Xero contact and of all that were merged into it."""
    await tx.run(
        f"{FAMILY} delete from reimport_mark m using family f where m.workspace_id = :ws"
        " and m.organisation_id = :organisation and m.xero_contact_id = f.xero_id",
        organisation=organisation_id, xero=xero_contact_id,
    )  # fmt: skip
