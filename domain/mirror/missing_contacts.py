"""Xero contacts that Xero does not show any more, as after a reset of Xero's demo company.

A missing contact holds no name and takes part in no match. Its mirror row is not missing any more as soon as Xero shows the contact.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.tables import ACTIVE
from domain.tx import Tx


async def miss(tx: Tx, organisation: UUID, asked: datetime) -> None:
    """Mark the contacts that a read of all contacts, asked for since `asked`, has not shown. The effects on links and issues are applied
    like those of any change.

    A contact with a link is read by itself before its link fails (`confirm`), because a contact can move from one page to
    another while the pages are read.
    """
    await tx.run(
        "update xero_contact x set missing_since = coalesce(x.missing_since, :now), dirty = x.dirty or x.missing_since is null,"
        " read_due_at = case when linked.yes then least(x.read_due_at, :now) else x.read_due_at end"
        " from xero_contact y, lateral (select exists (select 1 from sync_link l where l.workspace_id = :ws"
        f"  and l.xero_contact_id = y.id and l.state in {ACTIVE} and l.failure is null) as yes) linked"
        " where y.workspace_id = :ws and y.organisation_id = :organisation and y.seen_at < :asked"
        " and (y.missing_since is null or linked.yes) and x.workspace_id = :ws and x.id = y.id",
        organisation=organisation, asked=asked,
    )  # fmt: skip


async def mark(tx: Tx, ids: Sequence[UUID]) -> None:
    """Mark these mirror rows, which Xero has not shown. The next run applies the effects like those of any change."""
    changed = await tx.run(
        "update xero_contact set missing_since = :now, dirty = true where workspace_id = :ws and id = any(:ids)"
        " and missing_since is null",
        ids=list(ids),
    )
    if changed:
        tx.notify_workers()


async def confirm(tx: Tx, organisation: UUID, xero_ids: Sequence[UUID]) -> list[UUID]:
    """Those mirror rows of these contacts that a scan has not shown either. A read by itself has not shown them now."""
    if not xero_ids:
        return []
    return await tx.ids(
        "update xero_contact set dirty = true where workspace_id = :ws and organisation_id = :organisation"
        " and xero_contact_id = any(:ids) and missing_since is not null and read_due_at is null returning id",
        organisation=organisation, ids=list(xero_ids),
    )  # fmt: skip


async def request_read(tx: Tx, row_id: UUID) -> None:
    """Request a read of the missing contact by itself. Nothing is sent to it before."""
    await tx.run(
        "update xero_contact set read_due_at = least(read_due_at, :now) where workspace_id = :ws and id = :id"
        " and missing_since is not null",
        id=row_id,
    )
    tx.notify_workers()
