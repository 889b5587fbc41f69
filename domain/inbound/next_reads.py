"""Sets the times of the next poll and scan, after a run that has read Xero and applied everything."""

from datetime import datetime
from typing import NamedTuple

from domain.connection import call_budget, poll_schedule
from domain.tables import ImportRun, Organisation
from domain.tx import Tx


class _Heard(NamedTuple):
    """The time of the app's last webhook, and the number of contacts in the mirror."""

    webhook_at: datetime | None
    contacts: int


async def plan(tx: Tx, run: ImportRun) -> None:
    """Set the times of the organisation's next poll and scan. Everything that the run has read is applied."""
    heard = await tx.read_one(
        _Heard,
        "select door.last_webhook_at() as webhook_at, (select count(*) from xero_contact"
        " where workspace_id = :ws and organisation_id = :id) as contacts",
        id=run.organisation_id,
    )
    organisation = await tx.lock(Organisation, run.organisation_id)
    assert heard is not None
    assert organisation is not None
    budget = await call_budget.get(tx, organisation.tenant_id)
    healthy = poll_schedule.webhooks_healthy(heard.webhook_at, tx.now)
    interval = poll_schedule.poll_interval(
        budget.left_today, webhooks_healthy=healthy, invoices=organisation.invoice_sync
    )
    if organisation.scan_due_at is None or run.modified_since is None:
        organisation.scan_due_at = poll_schedule.next_scan(
            tx.now, organisation.timezone, heard.contacts, budget.day_limit
        )
    poll = tx.now + interval + poll_schedule.jitter(run.organisation_id.int, interval)
    asked = organisation.poll_due_at
    if asked is not None and run.started_at <= asked <= tx.now + poll_schedule.BY_HAND:
        # A person asked for it after this run began.
        poll = min(poll, max(asked, run.started_at + poll_schedule.BY_HAND))
    organisation.read_asked_at, organisation.poll_due_at = run.started_at, poll
    await tx.session.flush()
