"""Begins the work of an organisation that is due by time: a delta or a full scan, and the end of Xero's limit."""

from uuid import UUID

from domain.connection import health, organisations
from domain.tables import Organisation, RunPurpose
from domain.tx import TANDEM
from workers.process import Process


async def begin(process: Process, workspace: UUID, organisation_id: UUID) -> bool:
    """Begin the full scan or the delta whose time has come. False if none is due any more, or if a run is under way."""
    async with process.database.transaction(workspace, TANDEM) as tx:
        organisation = await tx.session.get(Organisation, (workspace, organisation_id))
        if organisation is None:
            return False
        if organisation.scan_due_at is not None and organisation.scan_due_at <= tx.now:
            return await organisations.begin_run(tx, organisation_id, RunPurpose.SCAN)
        if organisation.poll_due_at is not None and organisation.poll_due_at <= tx.now:
            return await organisations.begin_run(tx, organisation_id, RunPurpose.DELTA)
    return False


async def end_rate_limit(process: Process, workspace: UUID, organisation_id: UUID) -> bool:
    """Show that Xero's limit is over; the work that waited for it is due again."""
    async with process.database.transaction(workspace, TANDEM) as tx:
        await health.limit_over(tx, organisation_id)
    return True
