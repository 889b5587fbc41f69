"""Does import runs page by page: claim a page, read it from Xero, settle it; then match. Each step is one page."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from domain.inbound import imports
from domain.inbound.imports import Claim
from domain.matching import near_duplicates
from domain.matching.name_index import NameIndex
from domain.matching.near_duplicates import Compared
from domain.mirror import xero_contacts
from domain.tables import ImportPhase, MatchPass
from domain.tx import XERO
from workers import health
from workers.leases import renewed
from workers.process import Process
from workers.translate import organisation_details, seen_contact, unreadable_contacts
from xero.allowance import Priority
from xero.client import Client
from xero.errors import Disconnected, NeedsReconnect, Refused, RightMissing, XeroError

log = structlog.get_logger()
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=5)


async def advance(
    process: Process, workspace: UUID, run_id: UUID, priority: Priority = Priority.BULK
) -> bool:
    """Do the run's next page. False if there is nothing to do now or another worker holds the run.

    Safe to run twice, at once and late: a page is settled only under the lease of its claim.
    """
    async with process.database.transaction(workspace, XERO) as tx:
        held = await imports.claim(tx, run_id)
        if held is None:
            return False
        if held.run.phase is ImportPhase.MATCHING and held.run.match_pass is not MatchPass.SIMILAR:
            return await imports.match_page(tx, held)
    if held.run.phase is ImportPhase.MATCHING:
        return await _look_up_page(process, workspace, held)
    try:
        return await _read_page(process, workspace, held, priority)
    except XeroError as error:
        await _postpone(process, workspace, held, error)
        return False


@asynccontextmanager
async def _renewed(process: Process, workspace: UUID, held: Claim) -> AsyncIterator[None]:
    """Renew the lease of `held` while this is open."""

    async def renew() -> None:
        async with process.database.transaction(workspace, XERO) as tx:
            lease = await imports.renew(tx, held)
        held.lease_until = lease

    async with renewed(renew):
        yield


async def _look_up_page(process: Process, workspace: UUID, held: Claim) -> bool:
    try:
        async with _renewed(process, workspace, held):
            ids, compared = await _compare_page(process, workspace, held)
    except BaseException:  # a thread may still be at it
        process.name_indexes.drop(held.run.id)
        raise
    if len(ids) < imports.LOOKED_UP_AT_ONCE:
        process.name_indexes.drop(held.run.id)
    async with process.database.transaction(workspace, XERO) as tx:
        return await imports.settle_look_up(tx, held, ids, compared)


async def _compare_page(process: Process, workspace: UUID, held: Claim) -> tuple[list[UUID], list[Compared]]:
    async with process.database.transaction(workspace, XERO) as tx:
        ids = await imports.look_up_page(tx, held)
        index = await process.name_indexes.find(tx, held.run.id, partial(imports.needs_index, tx, held))
    middle = (len(ids) + 1) // 2
    # While one half is compared here, PostgreSQL looks up the other.
    async with asyncio.TaskGroup() as both:
        halves = [
            both.create_task(_compare(process, workspace, held, half, index))
            for half in (ids[:middle], ids[middle:])
            if half
        ]
    return ids, [half.result() for half in halves]


async def _compare(
    process: Process, workspace: UUID, held: Claim, ids: Sequence[UUID], index: NameIndex | None
) -> Compared:
    async with process.database.transaction(workspace, XERO) as tx:
        page = await near_duplicates.read_page(tx, held.organisation, ids, index)
    async with process.comparing:  # each thread more would let the event loop wait longer
        return await asyncio.to_thread(near_duplicates.compare, page)


async def _read_page(process: Process, workspace: UUID, held: Claim, priority: Priority) -> bool:
    run = held.run
    client = process.client(held.organisation, priority)
    asked_at = process.database.clock.now()
    async with health.watched(process, workspace, held.organisation), _renewed(process, workspace, held):
        if not held.organisation.base_currency:
            await _describe(process, workspace, held, client)
            asked_at = process.database.clock.now()
        page = await client.contacts_page(run.next_page, modified_since=run.modified_since)
    seen = [seen_contact(contact, asked_at) for contact in page.items]
    async with process.database.transaction(workspace, XERO) as tx:
        return await imports.settle_page(
            tx,
            held,
            seen,
            last=page.last,
            expected=page.item_count,
            server_time=page.server_time or asked_at,
            unreadable=unreadable_contacts(page),
        )


async def _describe(process: Process, workspace: UUID, held: Claim, client: Client) -> None:
    """Read the organisation's name, currency and country. If the right to read them is missing, contacts are read without
    them."""
    with suppress(RightMissing):
        details = organisation_details((await client.organisation()).value)
        async with process.database.transaction(workspace, XERO) as tx:
            await xero_contacts.describe(tx, held.run.organisation_id, details)


async def _postpone(process: Process, workspace: UUID, held: Claim, error: XeroError) -> None:
    log.info("import_postponed", run=str(held.run.id), error=type(error).__name__)
    now = process.database.clock.now()
    pause = min(_FIRST_PAUSE * 2 ** min(held.run.attempts, 10), _LONGEST_PAUSE)
    until: datetime | None = now + pause
    if error.at is not None:
        until = max(error.at, now)
    elif isinstance(error, Disconnected | NeedsReconnect):
        until = None
    elif isinstance(error, Refused):
        until = now + _LONGEST_PAUSE
    async with process.database.transaction(workspace, XERO) as tx:
        await imports.postpone(tx, held, until)
