"""Invoices that wait for a fix, and how they are let go when it is made.

Whoever judges whether an invoice may go holds the organisation's set-up in share mode, whoever changes it alone: so no
invoice can be found wanting by what was true before a fix, and be missed by it.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from domain.tables import EventKind, Invoice
from domain.tx import Tx

MOST_INTERACTIVE = 10  # more than these at once is bulk work
# What follows from Xero's accounts, tax rates and lock dates. Only Xero's pages can mend the last.
CATALOGUE_CODES = ("ACCOUNT_UNAVAILABLE", "TAX_RATE_UNAVAILABLE", "PERIOD_LOCKED")


async def lock(tx: Tx, organisation_id: UUID, *, change: bool = False) -> None:
    """After the organisation's own lock, where both are taken, and before any invoice's."""
    mode = "pg_advisory_xact_lock" if change else "pg_advisory_xact_lock_shared"
    await tx.rows(
        f"select {mode}(hashtextextended('tandem invoicing ' || cast(:organisation as text), 0))",
        organisation=str(organisation_id),
    )


async def release(tx: Tx, organisation_id: UUID, codes: Collection[str]) -> int:
    """What failed for one of these reasons is due, and is judged anew before it goes. Gives how many."""
    await tx.session.flush()
    rows = await tx.rows(
        "update invoice i set due_at = :now, next_attempt_at = null, attempts = 0"
        " where i.workspace_id = :ws and i.organisation_id = :organisation and i.failure_code = any(:codes)"
        " and i.status in ('AWAITING_PAYMENT', 'VOIDED') returning i.id",
        organisation=organisation_id, codes=list(codes),
    )  # fmt: skip
    await tx.run(
        "update invoice set bulk = :bulk where workspace_id = :ws and id = any(:ids)",
        ids=[row["id"] for row in rows],
        bulk=len(rows) > MOST_INTERACTIVE,
    )
    if rows:
        tx.notify_workers()
    return len(rows)


async def catalogue_wanted(tx: Tx, organisation_id: UUID, at: datetime) -> None:
    """Accounts, tax rates and lock dates are to be read by then."""
    await tx.run(
        "update organisation set catalogue_due_at = least(catalogue_due_at, cast(:at as timestamptz))"
        " where workspace_id = :ws and id = :id",
        id=organisation_id, at=at,
    )  # fmt: skip
    tx.notify_workers()


def tell(tx: Tx, invoice: Invoice) -> None:
    tx.publish(EventKind.INVOICE, invoice.id, organisation=invoice.organisation_id)
