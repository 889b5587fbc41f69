"""Reads single contacts, 40 in one call, and applies them."""

from datetime import timedelta
from uuid import UUID

import structlog

from domain.inbound import single_reads
from domain.tx import XERO
from workers import health
from workers.leases import renewed
from workers.process import Process
from workers.translate import seen_contact, unreadable_contacts
from xero.allowance import Priority
from xero.client import IDS_A_CALL
from xero.errors import XeroError

log = structlog.get_logger()
PAUSE = timedelta(seconds=10)


async def read_due(process: Process, workspace: UUID, organisation_id: UUID) -> bool:
    """Read one call's contacts that are due. False if none is due or Xero does not answer. Safe to run twice, at once and
    late."""
    async with process.database.transaction(workspace, XERO) as tx:
        claimed = await single_reads.claim(tx, organisation_id, IDS_A_CALL)
    if claimed is None:
        return False
    asked = process.database.clock.now()

    async def renew() -> None:
        async with process.database.transaction(workspace, XERO) as tx:
            lease = await single_reads.renew(tx, claimed)
        claimed.lease = lease

    try:
        # An edit of a person waits for this read.
        async with health.watched(process, workspace, claimed.organisation), renewed(renew):
            client = process.client(claimed.organisation, Priority.INTERACTIVE)
            page = await client.contacts_by_ids(claimed.ids)
    except XeroError as error:
        log.info("single_read_postponed", organisation=str(organisation_id), error=type(error).__name__)
        async with process.database.transaction(workspace, XERO) as tx:
            await single_reads.postpone(tx, claimed, error.at or tx.now + PAUSE)
        return False
    async with process.database.transaction(workspace, XERO) as tx:
        seen = [seen_contact(contact, asked) for contact in page.items]
        await single_reads.settle(tx, claimed, asked, seen, unreadable_contacts(page))
    return True
