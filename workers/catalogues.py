"""Reads an organisation's accounts, tax rates and lock dates: daily, and before many invoices are sent."""

from datetime import timedelta
from uuid import UUID

import structlog

from domain.connection import organisation_copy
from domain.invoices import xero_catalogue
from domain.tx import XERO
from workers import health
from workers.process import Process
from workers.translate_invoices import catalogue as translated
from xero.allowance import Priority
from xero.errors import XeroError

log = structlog.get_logger()
FRESH = timedelta(minutes=10)
AGAIN = timedelta(minutes=1)


async def read_due(process: Process, workspace: UUID, organisation_id: UUID) -> bool:
    """Read the catalogue now. False if the organisation is disconnected or Xero does not answer. Safe to run twice and at
    once."""
    async with process.database.transaction(workspace, XERO) as tx:
        organisation = await organisation_copy.find_connected(tx, organisation_id)
    if organisation is None:
        return False
    client, asked = process.client(organisation, Priority.BULK), process.database.clock.now()
    try:
        async with health.watched(process, workspace, organisation):
            details = (await client.organisation()).value
            accounts = (await client.accounts()).value
            rates = (await client.tax_rates()).value
    except XeroError as error:
        log.info("catalogue_read_postponed", organisation=str(organisation_id), error=type(error).__name__)
        async with process.database.transaction(workspace, XERO) as tx:
            pause = max(AGAIN, error.at - tx.now) if error.at else AGAIN
            await xero_catalogue.postpone(tx, organisation_id, pause)
        return False
    async with process.database.transaction(workspace, XERO) as tx:
        await xero_catalogue.show(tx, organisation_id, translated(details, accounts, rates), asked)
    return True


async def fresh_for_bulk(process: Process, workspace: UUID, organisation_id: UUID) -> bool:
    """Whether bulk invoices may be sent: the catalogue was read within the last ten minutes, or is read now. If the right
    to read it is missing, the catalogue of an earlier read is used."""
    async with process.database.transaction(workspace, XERO) as tx:
        stale = await tx.ids(
            "select o.id from organisation o where o.workspace_id = :ws and o.id = :id and (o.catalogue_read_at is null"
            " or o.catalogue_read_at < cast(:before as timestamptz)"
            " and not coalesce(o.missing_rights ? 'READ_SETTINGS', false) and exists (select 1 from invoice i"
            " where i.workspace_id = :ws and i.organisation_id = o.id and i.due_at is not null and i.bulk"
            " and i.xero_invoice_id is null))",
            id=organisation_id, before=tx.now - FRESH,
        )  # fmt: skip
    return not stale or await read_due(process, workspace, organisation_id)
