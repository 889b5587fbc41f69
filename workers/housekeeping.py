"""The functions of arq's schedules. Work for one organisation is never scheduled here: it is a row with a time."""

import structlog

from runtime import retention
from runtime.migrations import renew_keys
from workers.process import Process
from xero.errors import XeroError

log = structlog.get_logger()


async def keep_house(process: Process) -> None:
    """Compute again the match keys that a process of an older version wrote, and delete old rows."""
    await renew_keys(process.database)
    await retention.delete_expired(process.database, process.settings)


async def refresh_stale_grants(process: Process) -> None:
    """Refresh each consent weekly at least: Xero ends a consent that nobody has used for 60 days. A consent that cannot be
    refreshed does not stop the others."""
    for grant_id in await process.grants.stale():
        try:
            await process.tokens(grant_id).keep_alive()
        except XeroError as error:
            log.warning("token_refresh_failed", grant=str(grant_id), error=type(error).__name__)
