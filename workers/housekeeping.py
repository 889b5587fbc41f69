"""What arq's schedules do. Nothing here is due for one organisation: that is a row with a time."""

from datetime import timedelta

import sqlalchemy as sa
import structlog

from runtime import retention
from runtime.commands.migrate import renew_keys
from workers.process import Parts
from xero.errors import XeroError

log = structlog.get_logger()
EVENTS_KEPT = timedelta(days=7)
INBOX_KEPT = timedelta(days=14)  # longer than between two scans
DELIVERIES_KEPT = timedelta(days=1)
_KEPT = {
    "select door.forget_events(:before)": EVENTS_KEPT,
    "select door.forget_inbox(:before)": INBOX_KEPT,
    "select door.forget_deliveries(:before)": DELIVERIES_KEPT,
}


async def keep_house(process: Parts) -> None:
    """Delete what is kept for a while only: live events, calls that no limit counts any more, bytes that were sent to
    Xero, and webhook events that nobody reads. Compute again the match keys that a process of an older version wrote."""
    await renew_keys(process.database)
    await retention.sweep(process.database, process.settings)
    now = process.database.clock.now()
    for statement, kept in _KEPT.items():
        async with process.database.door() as session:
            await session.execute(sa.text(statement), {"before": now - kept})


async def refresh_stale_grants(process: Parts) -> None:
    """Refreshes each consent weekly at least: Xero ends a consent that nobody has used for 60 days. A consent that cannot be
    refreshed does not stop the others."""
    for grant_id in await process.grants.stale():
        try:
            await process.tokens(grant_id).keep_alive()
        except XeroError as error:
            log.warning("consent_not_refreshed", grant=str(grant_id), error=type(error).__name__)
