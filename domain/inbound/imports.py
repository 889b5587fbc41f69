"""Import runs: they read Xero's contacts into the mirror, page by page, and then match them in passes.

The row `import_run` holds all state of a run. Each page is one transaction, which also moves the row on. A worker may
die at any time: another worker continues, and a page that is done twice changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from domain import activity
from domain.connection import health as connection_health
from domain.connection import organisation_copy
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.values import SeenContact
from domain.inbound import apply as inbound_apply
from domain.inbound import mass_change, next_reads, snapshots, webhook_inbox
from domain.inbound.webhook_inbox import OVERLAP, Category
from domain.links import push_numbers
from domain.matching import name_index, near_duplicates
from domain.matching import plan as matching_plan
from domain.mirror import missing_contacts, xero_contacts
from domain.mirror import unreadable as unreadable_contacts
from domain.mirror.unreadable import UnreadableContact
from domain.problems import counted
from domain.tables import (
    ActivityKind,
    EventKind,
    ImportPhase,
    ImportRun,
    MatchPass,
    Organisation,
    RunPurpose,
    XeroContactFilter,
)
from domain.tx import MOST_PUBLISHED, Tx

# Its worker renews it; one that dies costs so much time, and no more.
LEASE = timedelta(seconds=10)
PAGE = 1000
# A person's edit waits for the page that is being matched. A page that creates takes longest, about 1.5 ms a contact.
CREATED_AT_ONCE = 250
LOOKED_UP_AT_ONCE = 250  # a few seconds' comparing
_IMPORT = tuple(MatchPass)
_CHANGES = (MatchPass.SIMILAR, MatchPass.CHANGES)
_RUN = {
    MatchPass.FULL_MATCHES: matching_plan.full_matches,
    MatchPass.ISSUES: matching_plan.issues,
    MatchPass.CREATIONS: matching_plan.creations,
}
_COUNTED = {
    MatchPass.FULL_MATCHES: "full_matches",
    MatchPass.ISSUES: "conflicts",
    MatchPass.CREATIONS: "created",
}


@dataclass
class Claim:
    """An import held until `lease_until`, which `renew` moves, and all that its next page needs."""

    run: ImportRun
    organisation: OrganisationCopy
    lease_until: datetime


async def claim(tx: Tx, run_id: UUID) -> Claim | None:
    """Claim the run for one page. None if another worker owns it, if it has ended, or if it is not due.

    A page that is matched in this same transaction needs no lease: the claim ends with the transaction.
    """
    known = await tx.session.get(ImportRun, (tx.workspace, run_id))
    if known is None:
        return None
    await xero_contacts.lock(tx, known.organisation_id)
    run = await tx.lock(ImportRun, run_id)
    if run is None or run.finished_at is not None or run.due_at is None or run.due_at > tx.now:
        return None
    if run.lease_until is not None and run.lease_until > tx.now:
        return None
    run.lease_until = tx.now + LEASE
    await tx.session.flush()
    return Claim(run, await organisation_copy.get(tx, run.organisation_id), run.lease_until)


async def renew(tx: Tx, held: Claim) -> datetime:
    """Extend the lease, because the worker is alive. Returns the new lease, for `held` after the commit."""
    until = tx.now + LEASE
    done = await tx.run(
        "update import_run set lease_until = cast(:until as timestamptz) where workspace_id = :ws and id = :id"
        " and lease_until = cast(:held as timestamptz) and finished_at is null",
        id=held.run.id, held=held.lease_until, until=until,
    )  # fmt: skip
    return until if done else held.lease_until


async def settle_page(
    tx: Tx,
    held: Claim,
    contacts: Sequence[SeenContact],
    *,
    last: bool,
    expected: int | None,
    server_time: datetime,
    unreadable: Sequence[UnreadableContact] = (),
) -> bool:
    """Write a page into the mirror and move the run on. False if the lease was lost meanwhile.

    `unreadable` are contacts of the page that could not be read.
    """
    run = await _lock_claimed(tx, held)
    if run is None:
        return False
    await snapshots.store(tx, held.organisation, contacts)
    await unreadable_contacts.record(tx, run.organisation_id, unreadable)
    if run.next_page == 1:
        run.read_from = server_time
        await xero_contacts.set_clock(tx, run.organisation_id, server_time)
    run.done += len(contacts)
    run.total = max(expected or 0, run.done)
    run.next_page += 1
    if last:
        await _read_to_the_end(tx, run)
    _go_on(tx, run)
    return True


async def match_page(tx: Tx, held: Claim) -> bool:
    """Do the next page of the present pass. False if the lease was lost meanwhile."""
    run = await _lock_claimed(tx, held)
    if run is None:
        return False
    # The present filter holds on every page. Where it has changed since the run began to match, another run follows.
    organisation = held.organisation
    if (run.position is None or organisation.mass_change is not None) and await _is_stopped(
        tx, run, organisation
    ):
        return False
    organisation = replace(organisation, mass_change=None)
    await tx.run("select door.refresh_grown_statistics()")
    current = run.match_pass or MatchPass.CHANGES
    if current is MatchPass.FULL_MATCHES and run.position is None:
        await _settle_endings(tx, organisation, run)
    most = CREATED_AT_ONCE if current is MatchPass.CREATIONS else PAGE
    ids = await _page(tx, run, most, dirty=current is MatchPass.CHANGES)
    if ids and current is MatchPass.CHANGES:
        await inbound_apply.apply(tx, organisation, ids, run.id, quiet=_is_quiet(run))
    elif ids:
        if current is MatchPass.FULL_MATCHES:
            await push_numbers.meet(tx, organisation, ids)
        made = await _RUN[current](tx, organisation, run.id, ids, quiet=True)
        setattr(run, _COUNTED[current], getattr(run, _COUNTED[current]) + made)
        if current is not MatchPass.ISSUES and made:
            await inbound_apply.leave_linked(tx, organisation.id, ids)
        if current is MatchPass.FULL_MATCHES and made:
            await _evaluate_later(tx, organisation)
    if ids:
        run.position = ids[-1]
        run.done += len(ids)
    if len(ids) < most:
        await _next_pass(tx, run, current)
    _go_on(tx, run)
    return True


async def _evaluate_later(tx: Tx, organisation: OrganisationCopy) -> None:
    """Let the last pass evaluate the open issues that offer a contact which has just been linked."""
    await tx.run(
        "update xero_contact x set dirty = true from sync_link l join match_candidate m on m.workspace_id = :ws"
        " and m.contact_id = l.contact_id join match_issue i on i.workspace_id = :ws and i.id = m.issue_id"
        " and i.organisation_id = l.organisation_id and i.state = 'OPEN' where l.workspace_id = :ws"
        " and l.organisation_id = :organisation and l.linked_at = :now and x.workspace_id = :ws"
        " and x.id = i.xero_contact_id",
        organisation=organisation.id,
    )


async def _is_stopped(tx: Tx, run: ImportRun, organisation: OrganisationCopy) -> bool:
    """Whether the brake stops the run before a pass begins. A stopped run waits for a person."""
    if not await mass_change.stops(tx, organisation):
        return False
    run.due_at = run.lease_until = None
    return True


async def _settle_endings(tx: Tx, organisation: OrganisationCopy, run: ImportRun) -> None:
    """Apply archived and merged contacts before an import matches anything.

    Otherwise matching could take a merge's survivor from the link that moves to the survivor.
    """
    ended = await tx.ids(
        "select x.id from xero_contact x where x.workspace_id = :ws and x.organisation_id = :organisation and x.dirty"
        " and x.status <> 'ACTIVE' and exists (select 1 from sync_link l where l.workspace_id = :ws"
        " and l.xero_contact_id = x.id) order by x.id",
        organisation=run.organisation_id,
    )
    if ended:
        await inbound_apply.apply(tx, organisation, ended, run.id, quiet=True)


async def look_up_page(tx: Tx, held: Claim) -> list[UUID]:
    """The mirror rows of the next page of the pass SIMILAR.

    A worker passes them to near_duplicates.read_page, then to near_duplicates.compare without a transaction, and then to
    settle_look_up.
    """
    run = held.run
    # The progress of an import counts all rows.
    left = "" if run.purpose is RunPurpose.IMPORT else f" and ({near_duplicates.LEFT})"
    return await _page(tx, run, LOOKED_UP_AT_ONCE, dirty=run.purpose is RunPurpose.DELTA, which=left)


class _Number(NamedTuple):
    n: int


async def needs_index(tx: Tx, held: Claim) -> bool:
    """Whether the pass SIMILAR has so many look-ups that a name index pays off."""
    run = held.run
    left = await tx.read_one(
        _Number,
        "select count(*) as n from (select from xero_contact x where x.workspace_id = :ws"
        " and x.organisation_id = :organisation and (x.dirty or not :delta)"
        f" and (cast(:position as uuid) is null or x.id > :position) and {near_duplicates.LEFT}"
        " limit :most) looks",
        organisation=run.organisation_id, position=run.position, delta=run.purpose is RunPurpose.DELTA,
        most=name_index.MIN_LOOKUPS,
    )  # fmt: skip
    there = await tx.read_one(
        _Number,
        "select count(*) as n from (select from contact where workspace_id = :ws limit :most) contacts",
        most=name_index.MAX_CONTACTS + 1,
    )
    return left is not None and there is not None and name_index.pays_off(left.n, there.n)


async def settle_look_up(
    tx: Tx, held: Claim, ids: Sequence[UUID], compared: Sequence[near_duplicates.Compared]
) -> bool:
    """Store the scores of a page and move the run on. False if the lease was lost meanwhile."""
    run = await _lock_claimed(tx, held)
    if run is None:
        return False
    if run.match_pass is MatchPass.SIMILAR:  # a start has sent a run that only read back to the first pass
        for part in compared:
            await near_duplicates.store(tx, part)
        if ids:
            run.position = ids[-1]
        if run.purpose is RunPurpose.IMPORT:
            run.done += len(ids)
        if len(ids) < LOOKED_UP_AT_ONCE:
            await _next_pass(tx, run, MatchPass.SIMILAR)
    _go_on(tx, run)
    return True


async def _page(tx: Tx, run: ImportRun, limit: int, *, dirty: bool, which: str = "") -> list[UUID]:
    return await tx.ids(
        "select x.id from xero_contact x where x.workspace_id = :ws and x.organisation_id = :organisation"
        f"{' and x.dirty' if dirty else ''}{which}"
        " and (cast(:position as uuid) is null or x.id > :position) order by x.id limit :limit",
        organisation=run.organisation_id, position=run.position, limit=limit,
    )  # fmt: skip


def _is_quiet(run: ImportRun) -> bool:
    """Whether the run writes no events for single contacts: an import, or a run about very many contacts."""
    return run.purpose is RunPurpose.IMPORT or (run.total or 0) > MOST_PUBLISHED


async def postpone(tx: Tx, held: Claim, until: datetime | None) -> None:
    """Give the run back. The run is due again at `until`; None means that only an action such as a reconnect makes the run
    due."""
    run = await _lock_claimed(tx, held)
    if run is not None:
        run.due_at = until
        run.lease_until = None
        run.attempts += 1


async def _lock_claimed(tx: Tx, held: Claim) -> ImportRun | None:
    """Lock the organisation and the run. None if the lease is lost."""
    await xero_contacts.lock(tx, held.run.organisation_id)
    key = (tx.workspace, held.run.id)
    run = await tx.session.get_one(ImportRun, key, with_for_update=True, populate_existing=True)
    return run if run.finished_at is None and run.lease_until == held.lease_until else None


def _go_on(tx: Tx, run: ImportRun) -> None:
    run.lease_until = None
    run.attempts = 0
    if run.finished_at is None:
        run.due_at = tx.now
        tx.notify_workers()
    if run.purpose is RunPurpose.IMPORT:
        tx.publish(EventKind.IMPORT_PROGRESS, run.id, organisation=run.organisation_id)


class _Mirrored(NamedTuple):
    """The mirror rows of an organisation: all, and those that are to be applied."""

    mirrored: int
    dirty: int


async def _read_to_the_end(tx: Tx, run: ImportRun) -> None:
    organisation = await tx.lock(Organisation, run.organisation_id)
    assert organisation is not None
    organisation.read_cursor, organisation.last_polled_at = (run.read_from or tx.now) - OVERLAP, tx.now
    if run.modified_since is None:
        organisation.last_full_scan_at = tx.now
        if run.purpose is RunPurpose.SCAN:
            await missing_contacts.miss(tx, run.organisation_id, run.started_at)
    found = await tx.read_one(
        _Mirrored,
        "select (select count(*) from xero_contact x where x.workspace_id = :ws"
        " and x.organisation_id = :id) as mirrored, (select count(*) from xero_contact x where x.workspace_id = :ws"
        " and x.organisation_id = :id and x.dirty) as dirty",
        id=run.organisation_id,
    )
    assert found is not None
    run.phase, run.position = ImportPhase.MATCHING, None
    if not run.match:  # only looked for near-duplicates, for the preview
        run.match_pass, run.done, run.total = MatchPass.SIMILAR, 0, found.mirrored
        return
    run.contact_filter = organisation.contact_filter
    imported = run.purpose is RunPurpose.IMPORT
    run.match_pass = _passes(run)[0]
    run.done, run.total = (
        0,
        found.mirrored * len(_IMPORT[:-1]) if imported else found.dirty,
    )


def _passes(run: ImportRun) -> tuple[MatchPass, ...]:
    if not run.match:
        return (MatchPass.SIMILAR,)
    return _IMPORT if run.purpose is RunPurpose.IMPORT else _CHANGES


async def _next_pass(tx: Tx, run: ImportRun, current: MatchPass) -> None:
    passes = _passes(run)
    place = passes.index(current) + 1
    if (
        place < len(passes)
        and passes[place] is MatchPass.SIMILAR
        and not await near_duplicates.may_be_left(tx, run.organisation_id)
    ):
        run.done += (run.total or 0) // len(_IMPORT[:-1])
        place += 1
    if place < len(passes):
        run.match_pass, run.position = passes[place], None
        return
    if not run.match:
        _finish(tx, run)
        return
    assert run.contact_filter is not None
    if run.purpose is RunPurpose.IMPORT:
        await _publish_import(tx, run, run.contact_filter)
    if _is_quiet(run):
        tx.publish_resync(run.organisation_id)
    _finish(tx, run)
    if run.read_from is not None:
        await webhook_inbox.settle_read(tx, run.organisation_id, run.started_at, Category.CONTACT)
        await next_reads.plan(tx, run)
        if run.modified_since is None:
            await connection_health.caught_up(tx, run.organisation_id)
    await tx.session.flush()
    await _match_again_if_changed(tx, run)
    await _request_lookup_of_rest(tx, run)
    tx.publish(EventKind.CONNECTION, run.organisation_id, organisation=run.organisation_id)


async def _request_lookup_of_rest(tx: Tx, run: ImportRun) -> None:
    """Request a run for contacts that were evaluated again after this run's look-up of near-duplicates.

    After a run that read nothing, only contacts with an open issue count. Otherwise contacts that wait to be created would
    request runs for as long as contacts change.
    """
    left = await tx.ids(
        "select x.id from xero_contact x where x.workspace_id = :ws and x.organisation_id = :organisation and x.dirty"
        " and x.looked_at is null and x.status = 'ACTIVE' and (:whole or exists (select 1 from match_issue i"
        "  where i.workspace_id = :ws and i.xero_contact_id = x.id and i.state = 'OPEN')) order by x.id limit :limit",
        organisation=run.organisation_id, limit=PAGE, whole=run.read_from is not None,
    )  # fmt: skip
    await xero_contacts.request_lookup(tx, run.organisation_id, run.contact_filter, left)


async def _publish_import(tx: Tx, run: ImportRun, contact_filter: XeroContactFilter) -> None:
    run.skipped = (await matching_plan.preview(tx, run.organisation_id, contact_filter)).get("SKIPPED", 0)
    run.done = run.total or run.done
    activity.record(
        tx,
        ActivityKind.IMPORT_FINISHED,
        f"The import is finished: {counted(run.full_matches, 'full match', 'full matches')},"
        f" {counted(run.conflicts, 'match issue')}, {run.created:,} created, {run.skipped:,} skipped.",
        organisation=run.organisation_id,
    )


def _finish(tx: Tx, run: ImportRun) -> None:
    run.phase, run.finished_at, run.due_at = ImportPhase.FINISHED, tx.now, None


async def _match_again_if_changed(tx: Tx, run: ImportRun) -> None:
    """Begin another import if the filter was changed while this import matched: the passes before the change were not about
    the contacts that the new filter adds."""
    organisation = await organisation_copy.get(tx, run.organisation_id)
    if organisation.contact_filter is not run.contact_filter:
        tx.session.add(
            ImportRun(
                workspace_id=tx.workspace,
                id=uuid4(),
                organisation_id=run.organisation_id,
                phase=ImportPhase.READING,
                match=True,
                modified_since=organisation.read_cursor,
                started_at=tx.now,
                due_at=tx.now,
            )
        )
        tx.notify_workers()
