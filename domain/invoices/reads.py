"""Reads of Xero's invoices: what webhooks announced, and what changed since the last poll.

An event stays in the inbox until what it announced is applied, or is known to be. An event about an invoice that is not
ours, or that shows what our own write returned already, is dropped without a call.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET

from domain.connection import call_budget, organisation_copy, poll_schedule
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.values import SeenInvoice
from domain.inbound import webhook_inbox
from domain.inbound.imports import OVERLAP
from domain.inbound.webhook_inbox import (
    DELTA_OVER,
    IN_FLIGHT_AGAIN,
    LAG_AGAIN,
    SLACK,
    Category,
    Claimed,
    InboxEvent,
)
from domain.invoices import changes as invoice_changes
from domain.mirror import xero_contacts
from domain.tables import Organisation
from domain.tx import Tx


async def claim(tx: Tx, organisation_id: UUID) -> Claimed | None:
    """Claim the webhook events to read by id. None if there are none. More than 200 make a poll due instead."""
    events = await webhook_inbox.claim_events(tx, organisation_id, Category.INVOICE)
    if not events:
        return None
    known = await _known(tx, organisation_id, events)
    busy = [one for one in events if one.resource_id in known and known[one.resource_id][1]]
    wanted = [
        one
        for one in events
        if one not in busy and one.resource_id in known and known[one.resource_id][0] < one.at - SLACK
    ]
    done = [one for one in events if one not in wanted and one not in busy]
    await webhook_inbox.drop(tx, organisation_id, done, Category.INVOICE)
    again = tx.now + IN_FLIGHT_AGAIN
    await webhook_inbox.postpone(tx, organisation_id, busy, again, category=Category.INVOICE)
    organisation = await organisation_copy.find_connected(tx, organisation_id)
    if len(wanted) > DELTA_OVER and organisation is not None and organisation.invoice_sync:
        await postpone_poll(tx, organisation_id, tx.now)
        await webhook_inbox.drop(tx, organisation_id, wanted, Category.INVOICE)
        tx.notify_workers()
        return None
    return Claimed(organisation, wanted, Category.INVOICE) if organisation and wanted else None


async def settle(
    tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent], seen: Sequence[SeenInvoice]
) -> None:
    """Apply what was read about these events. An event is read once more if the answer shows nothing as new as it."""
    await invoice_changes.apply(tx, organisation_id, seen)
    by_id = {one.xero_invoice_id: one for one in seen}
    late = [one for one in events if not one.late and not _is_as_new(by_id.get(one.resource_id), one)]
    again = tx.now + LAG_AGAIN
    await webhook_inbox.postpone(tx, organisation_id, late, again, category=Category.INVOICE, read=True)
    done = [one for one in events if one not in late]
    await webhook_inbox.drop(tx, organisation_id, done, Category.INVOICE)


async def polled(tx: Tx, organisation_id: UUID) -> OrganisationCopy | None:
    """The organisation whose invoices are to be read from `invoice_cursor` on. None if they are not to be read."""
    organisation = await organisation_copy.find_connected(tx, organisation_id)
    return organisation if organisation is not None and organisation.invoice_sync else None


class _Heard(NamedTuple):
    webhook_at: datetime | None


async def settle_poll(tx: Tx, organisation_id: UUID, read_from: datetime) -> None:
    """Set the cursor: all that Xero had at `read_from`, by its clock, is applied. Contacts and invoices are polled in turn."""
    await invoice_changes.follow_merges(tx, organisation_id)
    heard = await tx.read_one(_Heard, "select door.last_webhook_at() as webhook_at")
    organisation = await tx.lock(Organisation, organisation_id)
    assert heard is not None
    assert organisation is not None
    budget = await call_budget.get(tx, organisation.tenant_id)
    healthy = poll_schedule.webhooks_healthy(heard.webhook_at, tx.now)
    interval = poll_schedule.poll_interval(budget.left_today, webhooks_healthy=healthy, invoices=True)
    organisation.invoice_cursor, organisation.invoices_polled_at = read_from - OVERLAP, tx.now
    organisation.invoice_poll_due_at = tx.now + interval + poll_schedule.jitter(organisation_id.int, interval)
    await tx.session.flush()


async def postpone_poll(tx: Tx, organisation_id: UUID, until: datetime) -> None:
    """Set when the invoices are polled next."""
    organisation = await tx.lock(Organisation, organisation_id)
    if organisation is not None:
        organisation.invoice_poll_due_at = until
        await tx.session.flush()


async def apply(tx: Tx, organisation_id: UUID, seen: Sequence[SeenInvoice]) -> None:
    """Apply a page of a poll."""
    await xero_contacts.lock(tx, organisation_id)
    await invoice_changes.apply(tx, organisation_id, seen)


def _is_as_new(seen: SeenInvoice | None, event: InboxEvent) -> bool:
    return seen is not None and seen.updated_at is not UNSET and seen.updated_at >= event.at - SLACK


class _Known(NamedTuple):
    xero_invoice_id: UUID
    shown: datetime
    in_flight: bool


async def _known(
    tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent]
) -> dict[UUID, tuple[datetime, bool]]:
    """For those of the invoices that are ours: what Xero last showed, and whether a write is in flight."""
    rows = await tx.read(
        _Known,
        "select i.xero_invoice_id, coalesce(i.xero_updated_at, i.created_at) as shown, exists (select 1"
        " from delivery_member m where m.workspace_id = :ws and m.invoice_id = i.id and m.open) as in_flight"
        " from invoice i where i.workspace_id = :ws and i.organisation_id = :organisation"
        " and i.xero_invoice_id = any(:ids)",
        organisation=organisation_id, ids=[one.resource_id for one in events],
    )  # fmt: skip
    return {row.xero_invoice_id: (row.shown, row.in_flight) for row in rows}
