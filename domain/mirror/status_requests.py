"""Requests to archive or restore Xero contacts. `domain.outbound.status_deliveries` sends them."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from domain.tables import XeroContactStatus
from domain.tx import Tx

_LOST = "(x.status = 'GDPR_REQUEST' or x.merged_to is not null)"


async def request(tx: Tx, organisation_id: UUID, xero_contact_id: UUID, status: XeroContactStatus) -> None:
    """Request the status for the Xero contact. The request replaces an earlier one."""
    await withdraw(tx, xero_contact_id)
    await tx.run(
        "insert into owed_status (workspace_id, organisation_id, xero_contact_id, status, due_at)"
        " values (:ws, :organisation, :xero, :status, :now)",
        organisation=organisation_id, xero=xero_contact_id, status=status,
    )  # fmt: skip
    tx.notify_workers()


async def try_again(tx: Tx, xero_contact_id: UUID | None) -> None:
    """Make the request due again if it waits for a person."""
    await tx.run(
        "update owed_status set due_at = :now, attempts = 0 where workspace_id = :ws and xero_contact_id = :id"
        " and due_at is null",
        id=xero_contact_id,
    )


async def refuse(tx: Tx, xero_contact_id: UUID) -> None:
    """Let the request wait for a person, because Xero has refused it."""
    await tx.run(
        "update owed_status set delivery_id = null, due_at = null where workspace_id = :ws and xero_contact_id = :id",
        id=xero_contact_id,
    )


async def withdraw(tx: Tx, xero_contact_id: UUID | None) -> None:
    """Delete the request. A request that is in flight is not sent again."""
    await _delete(tx, "s.xero_contact_id = :xero", xero=xero_contact_id)


async def restoring(tx: Tx, xero_contact_ids: Sequence[UUID]) -> set[UUID]:
    """The Xero contacts of these that are to be restored. Merged or forgotten contacts cannot be restored."""
    found = await tx.ids(
        "select s.xero_contact_id from owed_status s join xero_contact x on x.workspace_id = :ws"
        " and x.id = s.xero_contact_id where s.workspace_id = :ws and s.xero_contact_id = any(:ids)"
        f" and s.status = 'ACTIVE' and not {_LOST}",
        ids=list(xero_contact_ids),
    )
    return set(found)


async def settle_shown(tx: Tx, xero_contact_ids: Sequence[UUID]) -> None:
    """Delete the requests that the mirror shows as done, and those of merged or forgotten contacts."""
    await _delete(
        tx,
        f"s.xero_contact_id = any(:ids) and (s.delivery_id is null and x.status = s.status or {_LOST})",
        ids=list(xero_contact_ids),
    )


class _Deleted(NamedTuple):
    delivery_id: UUID | None


async def _delete(tx: Tx, which: str, **bound: object) -> None:
    """Delete the requests for which the SQL condition `which` holds, and recall the deliveries that carry them."""
    gone = await tx.read(
        _Deleted,
        "delete from owed_status s using xero_contact x where s.workspace_id = :ws and x.workspace_id = :ws"
        f" and x.id = s.xero_contact_id and {which} returning s.delivery_id",
        **bound,
    )
    await tx.run(
        "update delivery set recalled = true where workspace_id = :ws and id = any(:ids)",
        ids=[row.delivery_id for row in gone if row.delivery_id],
    )
