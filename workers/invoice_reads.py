"""Reads invoices back: those that webhooks announced, 40 a call, and all that changed since the last poll."""

from datetime import timedelta
from uuid import UUID

import structlog

from domain.invoices import reads as invoice_reads
from domain.invoices.reads import Claimed
from domain.tx import XERO
from workers import health
from workers.process import Parts
from workers.translate_invoices import seen_invoice
from xero.allowance import Priority
from xero.client import IDS_A_CALL
from xero.errors import Retry, XeroError

log = structlog.get_logger()
PAUSE = timedelta(seconds=10)
POLL_AGAIN = timedelta(minutes=1)


async def read_due(parts: Parts, workspace: UUID, organisation_id: UUID) -> bool:
    """Read what is due in the organisation's inbox; False where nothing is, or Xero does not let us now. Safe to run
    twice, at once and late: what is read is ordered by Xero's own time stamps."""
    async with parts.database.transaction(workspace, XERO) as tx:
        claimed = await invoice_reads.claim(tx, organisation_id)
    if claimed is None:
        return False
    for start in range(0, len(claimed.events), IDS_A_CALL):
        part = Claimed(claimed.organisation, claimed.events[start : start + IDS_A_CALL])
        try:
            await _read(parts, workspace, part)
        except XeroError as error:
            log.info("invoices_put_off", organisation=str(organisation_id), error=type(error).__name__)
            at = error.at if isinstance(error, Retry) else None
            async with parts.database.transaction(workspace, XERO) as tx:
                rest = claimed.events[start:]
                await invoice_reads.postpone(tx, organisation_id, rest, at or tx.now + PAUSE)
            return False
    return True


async def _read(parts: Parts, workspace: UUID, claimed: Claimed) -> None:
    asked = parts.database.clock.now()
    async with health.watched(parts, workspace, claimed.organisation):
        client = parts.client(claimed.organisation, Priority.BULK)
        page = await client.invoices_by_ids([event.resource_id for event in claimed.events])
    seen = [seen_invoice(shown, asked) for shown in page.items]
    async with parts.database.transaction(workspace, XERO) as tx:
        await invoice_reads.settle(tx, claimed.organisation["id"], claimed.events, seen)


async def poll(parts: Parts, workspace: UUID, organisation_id: UUID) -> bool:
    """Read and apply what changed since the last poll, page by page; what a poll that dies has applied is applied again.
    False where Xero does not let us now."""
    async with parts.database.transaction(workspace, XERO) as tx:
        found = await invoice_reads.since(tx, organisation_id)
    if found is None:
        return False
    organisation, cursor = found
    client = parts.client(organisation, Priority.BULK)
    number, read_from = 1, None
    try:
        while True:
            asked = parts.database.clock.now()
            async with health.watched(parts, workspace, organisation):
                page = await client.invoices_page(number, modified_since=cursor, order="UpdatedDateUTC")
            read_from = read_from or page.server_time or asked
            seen = [seen_invoice(shown, asked) for shown in page.items]
            async with parts.database.transaction(workspace, XERO) as tx:
                await invoice_reads.apply(tx, organisation_id, seen)
                if page.last:
                    await invoice_reads.settle_poll(tx, organisation_id, read_from)
                    return True
            number += 1
    except XeroError as error:
        log.info("poll_put_off", organisation=str(organisation_id), error=type(error).__name__)
        at = error.at if isinstance(error, Retry) else None
        async with parts.database.transaction(workspace, XERO) as tx:
            await invoice_reads.put_off_poll(tx, organisation_id, at or tx.now + POLL_AGAIN)
        return False
