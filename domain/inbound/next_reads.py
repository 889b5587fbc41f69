"""When Xero is polled and scanned next, after a run that has read Xero and applied everything."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.connection import call_budget, poll_schedule
from domain.tables import ImportRun
from domain.tx import Tx


class _Polled(NamedTuple):
    """What decides when an organisation is polled and scanned next. `contacts`: how many the mirror holds."""

    webhook_at: datetime | None
    timezone: str
    invoice_sync: bool
    contacts: int
    scan_due_at: datetime | None
    tenant_id: UUID


async def plan(tx: Tx, run: ImportRun) -> None:
    """Set when the organisation is polled and scanned next. Everything that the run has read is applied."""
    organisation = await tx.read_one(
        _Polled,
        "select door.last_webhook_at() as webhook_at, o.timezone, o.invoice_sync, (select count(*) from xero_contact x"
        " where x.workspace_id = :ws and x.organisation_id = o.id) as contacts, o.scan_due_at, o.tenant_id"
        " from organisation o where o.workspace_id = :ws and o.id = :id",
        id=run.organisation_id,
    )
    assert organisation is not None
    budget = await call_budget.get(tx, organisation.tenant_id)
    healthy = poll_schedule.webhooks_healthy(organisation.webhook_at, tx.now)
    interval = poll_schedule.poll_interval(
        budget.left_today, webhooks_healthy=healthy, invoices=organisation.invoice_sync
    )
    scan = organisation.scan_due_at
    if scan is None or run.modified_since is None:
        scan = poll_schedule.next_scan(tx.now, organisation.timezone, organisation.contacts, budget.day_limit)
    await tx.run(
        "update organisation set read_asked_at = cast(:asked as timestamptz), poll_due_at = least(cast(:poll as timestamptz),"
        # One that was wished since this one began.
        " case when poll_due_at between cast(:asked as timestamptz) and cast(:now as timestamptz) + :by_hand"
        " then greatest(poll_due_at, cast(:asked as timestamptz) + :by_hand) end),"
        " scan_due_at = cast(:scan as timestamptz) where workspace_id = :ws and id = :id",
        id=run.organisation_id, asked=run.started_at, scan=scan,
        poll=tx.now + interval + poll_schedule.jitter(run.organisation_id.int, interval),
        by_hand=poll_schedule.BY_HAND,
    )  # fmt: skip
