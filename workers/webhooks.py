"""Reads what webhooks announced, 40 contacts a call, and applies it."""

from datetime import timedelta
from uuid import UUID

import structlog

from domain.inbound import webhook_inbox
from domain.inbound.webhook_inbox import Claimed
from domain.tx import XERO
from workers import health
from workers.process import Parts
from workers.translate import seen_contact, unreadable_contacts
from xero.allowance import Priority
from xero.client import IDS_A_CALL
from xero.errors import Retry, XeroError

log = structlog.get_logger()
PAUSE = timedelta(seconds=10)


async def read_due(parts: Parts, workspace: UUID, organisation_id: UUID) -> bool:
    """Read what is due in the organisation's inbox; False where nothing is, or Xero does not let us now. Safe to run
    twice, at once and late: what is read is ordered by Xero's own time stamps."""
    async with parts.database.transaction(workspace, XERO) as tx:
        claimed = await webhook_inbox.claim(tx, organisation_id)
    if claimed is None:
        return False
    for start in range(0, len(claimed.events), IDS_A_CALL):
        part = Claimed(claimed.organisation, claimed.events[start : start + IDS_A_CALL])
        try:
            await _read(parts, workspace, part)
        except XeroError as error:
            log.info("webhooks_put_off", organisation=str(organisation_id), error=type(error).__name__)
            at = error.at if isinstance(error, Retry) else None
            async with parts.database.transaction(workspace, XERO) as tx:
                rest = claimed.events[start:]
                await webhook_inbox.postpone(tx, organisation_id, rest, at or tx.now + PAUSE)
            return False
    return True


async def _read(parts: Parts, workspace: UUID, claimed: Claimed) -> None:
    organisation = claimed.organisation
    asked_at = parts.database.clock.now()
    async with health.watched(parts, workspace, organisation):
        client = parts.client(organisation, Priority.BULK)
        page = await client.contacts_by_ids([event.resource_id for event in claimed.events])
    seen = [seen_contact(contact, asked_at) for contact in page.items]
    async with parts.database.transaction(workspace, XERO) as tx:
        await webhook_inbox.settle(tx, organisation["id"], claimed.events, seen, unreadable_contacts(page))
