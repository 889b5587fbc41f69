"""Records the state of the connection at the organisation, by the answers to its calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from domain.connection import call_budget
from domain.connection import health as connection_health
from domain.connection.organisation_copy import OrganisationCopy
from domain.tx import TANDEM, Tx
from workers.process import Process
from xero.errors import (
    Disconnected,
    NeedsReconnect,
    Reason,
    Refused,
    Rejected,
    Retry,
    RightMissing,
    Uncertain,
    XeroError,
)

# Tandem's own minute limit frees a slot within a minute; a longer wait is for Xero, or for the limit of the day.
A_MINUTE = timedelta(seconds=61)
_OUTAGE = {Reason.OFFLINE, Reason.UNREACHABLE, Reason.BLOCKED, Reason.SERVER_ERROR, Reason.UNREADABLE_ANSWER}


@asynccontextmanager
async def watched(
    process: Process, workspace: UUID, organisation: OrganisationCopy, *, write: bool = False
) -> AsyncIterator[None]:
    """Put this around calls of one organisation, with no transaction open. `organisation`: as last read. `write`:
    whether the calls write."""
    try:
        yield
    except XeroError as error:
        async with process.database.transaction(workspace, TANDEM) as tx:
            await _note(tx, organisation, error, write=write)
        raise
    troubled = organisation.failing_since or organisation.writes_failing_since
    if troubled or organisation.health in ("RATE_LIMITED", "DEGRADED"):
        async with process.database.transaction(workspace, TANDEM) as tx:
            await connection_health.answered(tx, organisation.id, write=write)


async def _note(tx: Tx, organisation: OrganisationCopy, error: XeroError, *, write: bool) -> None:
    organisation_id = organisation.id
    if isinstance(error, Disconnected | NeedsReconnect):
        await connection_health.locked_out(tx, organisation_id)
    elif isinstance(error, RightMissing):
        return  # the client has recorded it, and the organisation's other calls go on
    elif isinstance(error, Refused):
        await connection_health.hindered(tx, organisation_id, str(error))
    elif isinstance(error, Uncertain) or (isinstance(error, Retry) and error.reason in _OUTAGE):
        offline = isinstance(error, Retry) and error.reason is Reason.OFFLINE
        why = connection_health.BLOCKED if _is_blocked(error) else connection_health.UNAVAILABLE
        await connection_health.unavailable(tx, organisation_id, write=write, said=offline, why=why)
    elif isinstance(error, Rejected):
        await connection_health.answered(tx, organisation_id, write=write)
    elif isinstance(error, Retry) and error.reason is Reason.LIMIT:
        await _limited(tx, organisation, error)


def _is_blocked(error: XeroError) -> bool:
    """Whether something between Tandem and Xero answered in Xero's place."""
    if isinstance(error, Uncertain):
        return error.status is not None and error.status < 500
    return isinstance(error, Retry) and error.reason is Reason.BLOCKED


async def _limited(tx: Tx, organisation: OrganisationCopy, error: Retry) -> None:
    """Show RATE_LIMITED only if Xero demanded a pause or the day's calls are used up. Bulk work that waits for room is not
    shown."""
    told = (await call_budget.get(tx, organisation.tenant_id)).limited_until
    long = error.at if error.at is not None and error.at > tx.now + A_MINUTE else None
    until = told or long
    if until is not None:
        await connection_health.limited(tx, organisation.id, until)
