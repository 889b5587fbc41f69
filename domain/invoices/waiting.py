"""Invoices that wait for a fix, and their release when the fix is made.

A check of an invoice locks the organisation's set-up in share mode (`held_invoices.lock_setup`); a change of the set-up locks it
exclusively. So no check uses the old set-up and misses the correction.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from domain.tables import EventKind, Invoice
from domain.tx import Tx

MOST_INTERACTIVE = 10  # more than these at once is bulk work
# Failures because of Xero's accounts, tax rates and lock dates. Lock dates can be changed only in Xero's pages.
CATALOGUE_CODES = ("ACCOUNT_UNAVAILABLE", "TAX_RATE_UNAVAILABLE", "PERIOD_LOCKED")


async def release(tx: Tx, organisation_id: UUID, codes: Collection[str]) -> int:
    """Make invoices due that failed for one of these reasons. Each of these invoices is checked again. Returns their
    number."""
    await tx.session.flush()
    ids = await tx.ids(
        "update invoice i set due_at = :now, next_attempt_at = null, attempts = 0"
        " where i.workspace_id = :ws and i.organisation_id = :organisation and i.failure_code = any(:codes)"
        " and i.status in ('AWAITING_PAYMENT', 'VOIDED') returning i.id",
        organisation=organisation_id, codes=list(codes),
    )  # fmt: skip
    await tx.run(
        "update invoice set bulk = :bulk where workspace_id = :ws and id = any(:ids)",
        ids=ids,
        bulk=len(ids) > MOST_INTERACTIVE,
    )
    if ids:
        tx.notify_workers()
    return len(ids)


async def catalogue_wanted(tx: Tx, organisation_id: UUID, at: datetime) -> None:
    """Request a read of accounts, tax rates and lock dates by then."""
    await tx.run(
        "update organisation set catalogue_due_at = least(catalogue_due_at, cast(:at as timestamptz))"
        " where workspace_id = :ws and id = :id",
        id=organisation_id, at=at,
    )  # fmt: skip
    tx.notify_workers()


def tell(tx: Tx, invoice: Invoice) -> None:
    tx.publish(EventKind.INVOICE, invoice.id, organisation=invoice.organisation_id)


async def void_replaced(tx: Tx, invoice: Invoice) -> None:
    """Make the void in Xero due that waits for this invoice, if one does."""
    if invoice.replaces_id is None:
        return
    await tx.run(
        "update invoice set due_at = :now where workspace_id = :ws and id = :id and status = 'VOIDED'"
        " and sync_state = 'PENDING' and due_at is null",
        id=invoice.replaces_id,
    )
    tx.notify_workers()
