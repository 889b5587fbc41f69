"""Reads all invoices that changed since the last poll."""

from datetime import timedelta
from uuid import UUID

import structlog

from domain.invoices import reads as invoice_reads
from domain.tx import XERO
from workers import health
from workers.process import Process
from workers.translate_invoices import seen_invoice
from xero.allowance import Priority
from xero.errors import XeroError

log = structlog.get_logger()
POLL_AGAIN = timedelta(minutes=1)


async def poll(process: Process, workspace: UUID, organisation_id: UUID) -> bool:
    """Read and apply the changes since the last poll, page by page. False if Xero does not answer. If the worker dies, the
    next poll applies the same pages again."""
    async with process.database.transaction(workspace, XERO) as tx:
        organisation = await invoice_reads.polled(tx, organisation_id)
    if organisation is None:
        return False
    client = process.client(organisation, Priority.BULK)
    number, read_from, began = 1, None, process.database.clock.now()
    try:
        while True:
            asked = process.database.clock.now()
            async with health.watched(process, workspace, organisation):
                page = await client.invoices_page(
                    number, modified_since=organisation.invoice_cursor, order="UpdatedDateUTC"
                )
            read_from = read_from or page.server_time or asked
            seen = [seen_invoice(shown, asked) for shown in page.items]
            async with process.database.transaction(workspace, XERO) as tx:
                await invoice_reads.apply(tx, organisation_id, seen)
                if page.last:
                    await invoice_reads.settle_poll(tx, organisation_id, began, read_from)
                    return True
            number += 1
    except XeroError as error:
        log.info("invoice_poll_postponed", organisation=str(organisation_id), error=type(error).__name__)
        async with process.database.transaction(workspace, XERO) as tx:
            await invoice_reads.postpone_poll(tx, organisation_id, error.at or tx.now + POLL_AGAIN)
        return False
