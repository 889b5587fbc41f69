"""Polls the invoices of an organisation: reads all that changed in Xero since the last poll, one page a step.

The pages are ordered by InvoiceID. So no invoice is missed between pages. An invoice that changes keeps its place. An
invoice that changed for the first time since the cursor only moves the others to later places (decision 0018).
"""

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
    """Read and apply the poll's next page. False if no poll is due, or if Xero does not answer. A poll whose worker dies goes on
    with the page that was not settled."""
    async with process.database.transaction(workspace, XERO) as tx:
        due = await invoice_reads.polled(tx, organisation_id)
    if due is None:
        return False
    asked = process.database.clock.now()
    try:
        async with health.watched(process, workspace, due.organisation):
            page = await process.client(due.organisation, Priority.BULK).invoices_page(
                due.page, modified_since=due.organisation.invoice_cursor
            )
    except XeroError as error:
        log.info("invoice_poll_postponed", organisation=str(organisation_id), error=type(error).__name__)
        async with process.database.transaction(workspace, XERO) as tx:
            await invoice_reads.postpone_poll(tx, organisation_id, error.at or tx.now + POLL_AGAIN)
        return False
    seen = [seen_invoice(shown, asked) for shown in page.items]
    async with process.database.transaction(workspace, XERO) as tx:
        await invoice_reads.settle_page(
            tx, due, seen, last=page.last, asked_at=asked, server_time=page.server_time or asked
        )
    return True
