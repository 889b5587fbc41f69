"""Reads the contacts and the invoices that webhooks announced, 40 a call, and applies them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog

from domain.inbound import webhook_inbox
from domain.inbound.event_judgement import InboxEvent
from domain.inbound.webhook_inbox import Claimed
from domain.invoices import reads
from domain.tx import XERO, Tx
from workers import health
from workers.leases import renewed
from workers.process import Process
from workers.translate import seen_contact, unreadable_contacts
from workers.translate_invoices import seen_invoice
from xero.allowance import Priority
from xero.client import IDS_A_CALL, Client
from xero.errors import XeroError

log = structlog.get_logger()
PAUSE = timedelta(seconds=10)
Settle = Callable[[Tx], Awaitable[None]]
Read = Callable[[Process, Client, UUID, Sequence[InboxEvent]], Awaitable[Settle]]


class Inbox(Protocol):
    """The domain's module for the events of one category."""

    async def claim(self, tx: Tx, organisation_id: UUID) -> Claimed | None: ...


async def read_contacts(process: Process, workspace: UUID, organisation_id: UUID) -> bool:
    """Read the objects of the organisation's due webhook events. False if none is due, or Xero allows no call now. Safe to run
    twice, at once and late: snapshots are ordered by Xero's own time stamps."""
    return await _read_due(process, workspace, organisation_id, webhook_inbox, _read_contacts)


async def read_invoices(process: Process, workspace: UUID, organisation_id: UUID) -> bool:
    """Read the announced invoices, as `read_contacts` reads contacts."""
    return await _read_due(process, workspace, organisation_id, reads, _read_invoices)


async def read_contacts_first(
    process: Process, workspace: UUID, claimed: Claimed, also: Sequence[UUID], priority: Priority
) -> Sequence[UUID] | None:
    """Read the contacts of these events, and the contacts `also` (Xero's ids), in one call, because a write to them waits.

    Returns the contacts that Xero showed. None if Xero does not answer.
    """
    shown: list[UUID] = []

    async def read(
        process: Process, client: Client, organisation_id: UUID, events: Sequence[InboxEvent]
    ) -> Settle:
        asked = process.database.clock.now()
        ids = list(dict.fromkeys([*(event.resource_id for event in events), *also]))
        page = await client.contacts_by_ids(ids)
        seen, unreadable = [seen_contact(contact, asked) for contact in page.items], unreadable_contacts(page)
        shown.extend(contact.xero_contact_id for contact in seen)
        return lambda tx: webhook_inbox.settle(tx, organisation_id, events, seen, unreadable)

    return shown if await _read(process, workspace, claimed, read, priority) else None


async def read_invoices_first(
    process: Process, workspace: UUID, claimed: Claimed, priority: Priority
) -> None:
    """Read the invoices of these events, because a write to them waits."""
    await _read(process, workspace, claimed, _read_invoices, priority)


async def _read_due(
    process: Process, workspace: UUID, organisation_id: UUID, inbox: Inbox, read: Read
) -> bool:
    async with process.database.transaction(workspace, XERO) as tx:
        claimed = await inbox.claim(tx, organisation_id)
    return claimed is not None and await _read(process, workspace, claimed, read, Priority.BULK)


async def _read(process: Process, workspace: UUID, claimed: Claimed, read: Read, priority: Priority) -> bool:
    """Read the claimed objects, 40 a call, and settle each call. False if Xero does not answer; the rest is due again."""
    organisation_id, rest = claimed.organisation.id, list(claimed.events)

    async def renew() -> None:
        async with process.database.transaction(workspace, XERO) as tx:
            await webhook_inbox.renew(tx, organisation_id, rest, claimed.category)

    client = process.client(claimed.organisation, priority)
    async with renewed(renew):
        while True:
            part = rest[:IDS_A_CALL]
            try:
                async with health.watched(process, workspace, claimed.organisation):
                    settle = await read(process, client, organisation_id, part)
            except XeroError as error:
                log.info(
                    "webhook_read_postponed", organisation=str(organisation_id), error=type(error).__name__
                )
                async with process.database.transaction(workspace, XERO) as tx:
                    until = error.at or tx.now + PAUSE
                    await webhook_inbox.give_back(tx, organisation_id, rest, until, claimed.category)
                return False
            async with process.database.transaction(workspace, XERO) as tx:
                await settle(tx)
            del rest[:IDS_A_CALL]
            if not rest:
                return True


async def _read_contacts(
    process: Process, client: Client, organisation_id: UUID, events: Sequence[InboxEvent]
) -> Settle:
    asked = process.database.clock.now()
    page = await client.contacts_by_ids([event.resource_id for event in events])
    seen, unreadable = [seen_contact(contact, asked) for contact in page.items], unreadable_contacts(page)
    return lambda tx: webhook_inbox.settle(tx, organisation_id, events, seen, unreadable)


async def _read_invoices(
    process: Process, client: Client, organisation_id: UUID, events: Sequence[InboxEvent]
) -> Settle:
    asked = process.database.clock.now()
    page = await client.invoices_by_ids([event.resource_id for event in events])
    seen = [seen_invoice(shown, asked) for shown in page.items]
    return lambda tx: reads.settle(tx, organisation_id, events, seen)
