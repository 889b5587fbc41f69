"""Reads of Xero's invoices: what webhooks announced, and what changed since the last poll.

An event stays in the inbox until the announced change is applied, or is known to be applied (event_judgement.judge). An
event about an invoice that is not ours is dropped without a call, unless one of ours is being created just now.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.connection import call_budget, organisation_copy, poll_schedule
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.values import SeenInvoice
from domain.inbound import webhook_inbox
from domain.inbound.event_judgement import InboxEvent, Known, judge
from domain.inbound.webhook_inbox import (
    DELTA_AGAIN,
    DELTA_OVER,
    OVERLAP,
    Category,
    Claimed,
)
from domain.invoices import changes as invoice_changes
from domain.invoices import numbers as invoice_numbers
from domain.mirror import xero_contacts
from domain.tables import Organisation
from domain.tx import Tx


async def claim(tx: Tx, organisation_id: UUID, only: Sequence[UUID] | None = None) -> Claimed | None:
    """Claim the webhook events to read by id. None if there are none. More than 200 make one poll due instead, which reads all
    that was announced before it began. `only`: see webhook_inbox.claim."""
    await xero_contacts.lock(tx, organisation_id)
    organisation = await organisation_copy.find_connected(tx, organisation_id)
    if organisation is None:
        return None
    while events := await webhook_inbox.claim_events(tx, organisation_id, Category.INVOICE, only):
        known = await _known(tx, organisation_id, events)
        ours = [one for one in events if one.resource_id in known]
        was_read = webhook_inbox.read_to(organisation.invoice_cursor)
        judged = judge(ours, known, was_read, tx.now, at_once=only is not None)
        others = [one for one in events if one.resource_id not in known]
        if await _is_creating(tx, organisation_id):
            judged.busy += others  # one of them may be ours, and its answer is on the way
        else:
            judged.done += others
        await webhook_inbox.put_aside(tx, organisation_id, judged, Category.INVOICE)
        if len(judged.wanted) > DELTA_OVER and organisation.invoice_sync:
            await postpone_poll(tx, organisation_id, tx.now)
            again = tx.now + DELTA_AGAIN
            await webhook_inbox.postpone(tx, organisation_id, judged.wanted, again, category=Category.INVOICE)
            tx.notify_workers()
            return None
        if judged.wanted:
            return Claimed(organisation, judged.wanted, Category.INVOICE)
        if only is not None:
            break
    return None


async def settle(
    tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent], seen: Sequence[SeenInvoice]
) -> None:
    """Apply the invoices that were read for these events. An event is read once more if the answer shows nothing as new as
    it."""
    await xero_contacts.lock(tx, organisation_id)
    await invoice_changes.apply(tx, organisation_id, seen)
    stamps = {one.xero_invoice_id: one.updated_at for one in seen}
    await webhook_inbox.settle_shown(tx, organisation_id, events, stamps, Category.INVOICE)


class Poll(NamedTuple):
    """A poll that asks for the invoices changed since the organisation's `invoice_cursor`, and for page `page` next."""

    organisation: OrganisationCopy
    page: int


async def polled(tx: Tx, organisation_id: UUID) -> Poll | None:
    """The poll that is due. None if none is."""
    organisation = await organisation_copy.find_connected(tx, organisation_id)
    if organisation is None or not organisation.invoice_sync:
        return None
    row = await tx.session.get_one(Organisation, (tx.workspace, organisation_id), populate_existing=True)
    if row.invoice_poll_due_at is None or row.invoice_poll_due_at > tx.now:
        return None
    return Poll(organisation, row.invoice_page)


async def settle_page(
    tx: Tx, poll: Poll, seen: Sequence[SeenInvoice], *, last: bool, asked_at: datetime, server_time: datetime
) -> None:
    """Apply a page of the poll, and move the poll to its next page, or to its end after the `last` page. `asked_at`: when the
    page was asked for, by our clock. `server_time`: the time of the answer, by Xero's.

    A page that another worker has read meanwhile is applied again, which changes nothing, and does not move the poll.
    """
    await apply(tx, poll.organisation.id, seen)
    key = (tx.workspace, poll.organisation.id)
    row = await tx.session.get_one(Organisation, key, populate_existing=True)
    if (row.invoice_cursor, row.invoice_page) != (poll.organisation.invoice_cursor, poll.page):
        return
    began, read_from = row.invoices_asked_at or asked_at, row.invoices_read_from or server_time
    if last:
        await _settle_poll(tx, row, began, read_from)
    else:
        row.invoice_page, row.invoices_asked_at, row.invoices_read_from = poll.page + 1, began, read_from
    await tx.session.flush()


class _Heard(NamedTuple):
    webhook_at: datetime | None


async def _settle_poll(tx: Tx, organisation: Organisation, began: datetime, read_from: datetime) -> None:
    """Set the cursor: all that Xero had at `read_from`, by its clock, is applied. The poll counts as the read of all that was
    announced before `began`. Contacts and invoices are polled in turn."""
    await webhook_inbox.settle_read(tx, organisation.id, began, Category.INVOICE)
    await invoice_changes.follow_merges(tx, organisation.id)
    heard = await tx.read_one(_Heard, "select door.last_webhook_at() as webhook_at")
    assert heard is not None
    budget = await call_budget.get(tx, organisation.tenant_id)
    healthy = poll_schedule.webhooks_healthy(heard.webhook_at, tx.now)
    interval = poll_schedule.poll_interval(budget.left_today, webhooks_healthy=healthy, invoices=True)
    organisation.invoice_cursor, organisation.invoices_polled_at = read_from - OVERLAP, tx.now
    organisation.invoice_poll_due_at = tx.now + interval + poll_schedule.jitter(organisation.id.int, interval)
    organisation.invoice_page, organisation.invoices_asked_at, organisation.invoices_read_from = 1, None, None


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
    await invoice_numbers.note_shown(tx, organisation_id, seen)


async def _known(tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent]) -> dict[UUID, Known]:
    """The invoices of these that Tandem made."""
    rows = await tx.read(
        Known,
        "select i.xero_invoice_id as resource_id, coalesce(i.xero_updated_at, i.created_at) as updated_at,"
        " i.own_write_at, i.own_event_at, i.read_event_at, exists (select 1"
        " from delivery_member m where m.workspace_id = :ws and m.invoice_id = i.id and m.open) as in_flight"
        " from invoice i where i.workspace_id = :ws and i.organisation_id = :organisation"
        " and i.xero_invoice_id = any(:ids)",
        organisation=organisation_id, ids=[one.resource_id for one in events],
    )  # fmt: skip
    return {row.resource_id: row for row in rows}


async def _is_creating(tx: Tx, organisation_id: UUID) -> bool:
    """Whether an invoice is being created in Xero whose id there is not known yet."""
    return bool(
        await tx.ids(
            "select id from delivery where workspace_id = :ws and organisation_id = :organisation and ended_at is null"
            " and cargo = 'INVOICES' and kind = 'CREATE' limit 1",
            organisation=organisation_id,
        )
    )
