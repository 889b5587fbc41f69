"""Freshness: nothing is sent before Xero's present state has been read, because Xero has no conditional write.

Either a delta asked for within the last 60 seconds has been applied, or, during a long run, an interactive link's contact
has been read by itself. Moreover, no contact is written while a webhook event of this contact is unread, or while a read of
this contact is not applied. The worker reads and applies first (`claim_unread`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.connection import health as connection_health
from domain.connection import organisation_copy, poll_schedule
from domain.connection.organisation_copy import OrganisationCopy
from domain.inbound import apply as inbound_apply
from domain.inbound import webhook_inbox
from domain.inbound.webhook_inbox import Claimed
from domain.links import failures, statements
from domain.links import link as links
from domain.mirror import xero_contacts
from domain.tables import ConflictPolicy
from domain.tx import Tx

FRESH = timedelta(seconds=60)
MOST = 10  # of each kind, read by themselves at a time
LONG = 200  # contacts in one run: a person's edit does not wait until so many are applied
READS_UNTIL_FAILURE = 3  # a minute apart, that do not show a contact whose change a person waits for
# The due links `l`, and the due rows `s` of owed_status; `:only` these ids, if any are given.
LINK_DUE = (
    " and l.due_at is not null and l.state in ('PENDING', 'FAILING', 'CONFLICT')"
    " and coalesce(l.next_attempt_at, l.due_at) <= :now"
    " and (cardinality(cast(:only as uuid[])) = 0 or l.id = any(:only))"
    " and not exists (select 1 from delivery_member m where m.workspace_id = :ws and m.link_id = l.id and m.open)"
    " and not exists (select 1 from owed_status s where s.workspace_id = :ws"
    " and s.organisation_id = l.organisation_id and s.xero_contact_id = l.xero_contact_id)"
)
STATUS_DUE = (
    " and s.due_at <= :now and s.delivery_id is null"
    " and (cardinality(cast(:only as uuid[])) = 0 or s.xero_contact_id = any(:only))"
)
# Of the mirror `x`: it was asked for within the last 60 seconds, and all that was shown has been applied.
READ = (
    "(not x.dirty and x.read_due_at is null and x.seen_at between cast(:now as timestamptz) - cast(:fresh as interval)"
    " and cast(:now as timestamptz) + cast(:fresh as interval))"
)
# Of the mirror `x`: a webhook has announced something that nobody has read, or something that was read is not applied.
ANNOUNCED = "x.xero_contact_id in (select door.unread_webhooks(:organisation, 'CONTACT'))"
UNREAD = f"(x.dirty or {ANNOUNCED})"
# Of links `l`: the contact may be written as far as it is known. `:since`: when it must have been read by itself, or null.
LINK_KNOWN = (
    " and (l.xero_contact_id is null or exists (select 1 from xero_contact x where x.workspace_id = :ws"
    f" and x.id = l.xero_contact_id and not {UNREAD} and (x.missing_since is null or x.read_due_at is null)"
    " and (l.bulk or cast(:since as timestamptz) is null or x.seen_at >= cast(:since as timestamptz))))"
)
LINK_READ = (
    "exists (select 1 from xero_contact x where x.workspace_id = :ws and x.id = l.xero_contact_id"
    f" and l.read_owed_at is null and {READ})"
)


@dataclass(frozen=True)
class Wanted:
    """Reads that wait: of links, and of mirror rows that are to be archived or restored."""

    links: Sequence[UUID]
    statuses: Sequence[UUID]


@dataclass(frozen=True)
class Batch:
    """The work that one write may take: the due links, or those of `only`, of one lane or of both (`bulk` null); or the due
    statuses. `since`: contacts whose change a person waits for must have been read by themselves since then; null: they
    need not."""

    only: Sequence[UUID] = ()
    bulk: bool | None = None
    statuses: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class Unread:
    """The reads that must precede a write: the events of contacts, and further contacts (Xero's ids)."""

    claimed: Claimed
    alone: Sequence[UUID]


class _Row(NamedTuple):
    id: UUID
    xero_contact_id: UUID
    dirty: bool
    announced: bool


@dataclass(frozen=True)
class Checked:
    """`batch`: without `since` where no contact has to be read by itself. `must_read`: something has to be read or applied
    before the batch is claimed."""

    batch: Batch
    must_read: bool


class _Found(NamedTuple):
    """`unread`: a due contact has an unread event, or is not applied. `old`: one was not read by itself since `since`."""

    webhook_at: datetime | None
    unread: bool
    old: bool


async def check(tx: Tx, organisation: OrganisationCopy, batch: Batch) -> Checked:
    """Check which reads must come before the batch. No read is needed if nothing may be sent at all.

    A contact whose change a person waits for is read by itself in two cases: Xero's value may win over a later value of the
    practice (XERO_WINS, ASK), or no webhooks come. Otherwise one window remains: an edit in Xero whose webhook has not
    arrived yet is overwritten.
    """
    if not connection_health.may_send(organisation):
        return Checked(batch, False)
    source, bound = _due(batch)
    found = await tx.read_one(
        _Found,
        f"select door.last_webhook_at() as webhook_at, exists (select 1 from {source} and {UNREAD}) as unread,"
        f" exists (select 1 from {source} and {_OLD[batch.statuses]}) as old",
        organisation=organisation.id, only=list(batch.only), **bound,
    )  # fmt: skip
    assert found is not None
    by_themselves = Checked(batch, found.unread or found.old)
    if organisation.conflict_policy in (ConflictPolicy.XERO_WINS, ConflictPolicy.ASK):
        return by_themselves
    told = Checked(replace(batch, since=None), found.unread)
    return told if poll_schedule.webhooks_healthy(found.webhook_at, tx.now) else by_themselves


async def claim_unread(tx: Tx, organisation_id: UUID, batch: Batch, most: int) -> Unread | None:
    """Apply the reads of the batch's contacts that are not applied yet, and claim the reads that must come before the
    write, for one call.

    None if nothing has to be read, or if others read it just now.
    """
    await xero_contacts.lock(tx, organisation_id)
    organisation = await organisation_copy.find_connected(tx, organisation_id)
    if organisation is None:
        return None
    rows = await _unread(tx, organisation_id, batch, most)
    await inbound_apply.apply_shown(tx, organisation_id, [row.id for row in rows if row.dirty])
    announced = [row.xero_contact_id for row in rows if row.announced]
    claimed = await webhook_inbox.claim(tx, organisation_id, announced) if announced else None
    alone = [
        row.xero_contact_id for row in await _unread(tx, organisation_id, batch, most) if not row.announced
    ]
    if claimed is None and not alone:
        return None
    return Unread(claimed or Claimed(organisation, ()), alone)


# Of the due rows: the contact was not read by itself since `:since`. Statuses need no such read.
_OLD = {True: "false", False: "not l.bulk and x.seen_at < cast(:since as timestamptz)"}


def _due(batch: Batch) -> tuple[str, dict[str, object]]:
    """SQL of the batch's due rows with their mirror rows `x`, and its values."""
    if batch.statuses:
        return (
            "owed_status s join xero_contact x on x.workspace_id = :ws and x.id = s.xero_contact_id"
            f" where s.workspace_id = :ws and s.organisation_id = :organisation {STATUS_DUE}"
        ), {}
    return (
        "sync_link l join xero_contact x on x.workspace_id = :ws and x.id = l.xero_contact_id"
        f" where l.workspace_id = :ws and l.organisation_id = :organisation {LINK_DUE}"
        " and l.bulk = coalesce(cast(:bulk as boolean), l.bulk)"
    ), {"bulk": batch.bulk, "since": batch.since}


async def _unread(tx: Tx, organisation_id: UUID, batch: Batch, most: int) -> list[_Row]:
    source, bound = _due(batch)
    return await tx.read(
        _Row,
        f"select x.id, x.xero_contact_id, x.dirty, {ANNOUNCED} as announced from {source}"
        f" and ({UNREAD} or {_OLD[batch.statuses]}) order by {'s' if batch.statuses else 'l'}.due_at, x.id limit :most",
        organisation=organisation_id, only=list(batch.only), most=most, **bound,
    )  # fmt: skip


async def settle_alone(
    tx: Tx, organisation_id: UUID, batch: Batch, asked: Sequence[UUID], shown: Sequence[UUID]
) -> None:
    """Put off the links whose contacts were asked for and that Xero did not show (Xero's ids). A link whose contact was not
    shown in several reads fails: a person sees that its change is not sent."""
    absent = sorted(set(asked) - set(shown))
    if not absent:
        return
    which = (
        f"select l.id from sync_link l where l.workspace_id = :ws and l.organisation_id = :organisation {LINK_DUE}"
        " and not l.bulk and exists (select 1 from xero_contact x where x.workspace_id = :ws"
        " and x.id = l.xero_contact_id and x.xero_contact_id = any(:absent)) order by l.id"
    )
    bound = {"organisation": organisation_id, "absent": absent}
    await xero_contacts.lock(tx, organisation_id)
    found = await tx.ids(which, only=list(batch.only), **bound)
    if found:
        await links.lock_all(tx, found)
        await _put_off(tx, which, found, bound)


def is_fresh(organisation: OrganisationCopy, now: datetime) -> bool:
    """Whether a delta asked for within the last 60 seconds has been applied. Only then may anything be sent.

    A delta that was asked for in the future does not count: the clock was set back since.
    """
    asked = organisation.read_asked_at
    return asked is not None and abs(now - asked) <= FRESH  # clocks of two workers differ a little


async def is_read_at_length(tx: Tx, organisation_id: UUID) -> bool:
    """Whether a run is under way that interactive work should not wait for.

    Such a run is a full scan, a delta that another worker reads, a delta that waits for calls, or a delta that shows many
    contacts. After bulk sends a delta shows all contacts that Tandem has written. While Xero does not answer, no other way
    exists either.
    """
    under_way = await tx.ids(
        "select r.id from import_run r join organisation o on o.workspace_id = :ws and o.id = r.organisation_id"
        " where r.workspace_id = :ws and r.organisation_id = :id and r.finished_at is null and (r.purpose <> 'DELTA'"
        " or r.total > :long or r.lease_until > :now or r.due_at > :now and o.failing_since is null"
        " or (select count(*) from (select 1 from xero_contact x where x.workspace_id = :ws and x.organisation_id = :id"
        "  and x.own_write_at > o.read_cursor limit :long + 1) written) > :long)",
        id=organisation_id, long=LONG,
    )  # fmt: skip
    return bool(under_way)


class _Link(NamedTuple):
    id: UUID
    xero_contact_id: UUID


async def want_read(tx: Tx, organisation_id: UUID) -> Wanted | None:
    """Request single reads for the Xero contacts of interactive work, a few at a time. None if there are none."""
    links = await tx.read(
        _Link,
        "select l.id, l.xero_contact_id from sync_link l where l.workspace_id = :ws"
        f" and l.organisation_id = :organisation {LINK_DUE} and not l.bulk and l.xero_contact_id is not null"
        f" and not {LINK_READ} order by l.due_at, l.id limit {MOST}",
        organisation=organisation_id, fresh=FRESH, only=[],
    )  # fmt: skip
    statuses = await tx.ids(
        "select s.xero_contact_id from owed_status s join xero_contact x on x.workspace_id = :ws"
        f" and x.id = s.xero_contact_id where s.workspace_id = :ws and s.organisation_id = :organisation {STATUS_DUE}"
        f" and not {READ} order by s.due_at, s.xero_contact_id limit {MOST}",
        organisation=organisation_id, fresh=FRESH, only=[],
    )  # fmt: skip
    await tx.run(
        "update xero_contact set read_due_at = :now where workspace_id = :ws and id = any(:ids) and read_due_at is null",
        ids=[*(link.xero_contact_id for link in links), *statuses],
    )
    wanted = Wanted([link.id for link in links], statuses)
    return wanted if links or statuses else None


class _Owed(NamedTuple):
    """A wanted status, by its mirror row."""

    xero_contact_id: UUID
    attempts: int


async def postpone_unread(tx: Tx, organisation_id: UUID, wanted: Wanted) -> Sequence[UUID]:
    """Put off the contacts that were read by themselves and that Xero did not show. A link whose contact was not shown in
    several reads fails. Returns the mirror rows whose status is wanted and that were not shown in several reads; their links
    are locked.

    The other contacts were not requested yet, and stay due.
    """
    bound = {"organisation": organisation_id, "fresh": FRESH}
    which = (
        f"select l.id from sync_link l where l.workspace_id = :ws and l.organisation_id = :organisation {LINK_DUE}"
        " and not l.bulk and exists (select 1 from xero_contact x where x.workspace_id = :ws"
        f" and x.id = l.xero_contact_id and x.read_due_at is null) and not {LINK_READ} order by l.id"
    )
    unread = (
        f"s.workspace_id = :ws and s.organisation_id = :organisation {STATUS_DUE} and x.workspace_id = :ws"
        f" and x.id = s.xero_contact_id and x.read_due_at is null and not {READ}"
    )
    found = await tx.ids(which, only=list(wanted.links), **bound) if wanted.links else []
    owed = (
        await tx.ids(
            f"select s.xero_contact_id from owed_status s, xero_contact x where {unread}",
            only=list(wanted.statuses), **bound,
        )
        if wanted.statuses
        else []
    )  # fmt: skip
    if not found and not owed:
        return ()
    await xero_contacts.lock(tx, organisation_id)
    linked = (
        await tx.ids(
            "select id from sync_link where workspace_id = :ws and organisation_id = :organisation and xero_contact_id = any(:ids)",
            organisation=organisation_id, ids=owed,
        )
        if owed
        else []
    )  # fmt: skip
    await links.lock_all(tx, [*found, *linked])
    if found:
        await _put_off(tx, which, found, bound)
    if not owed:
        return ()
    counted = await tx.read(
        _Owed,
        "update owed_status s set due_at = cast(:now as timestamptz) + cast(:fresh as interval), attempts = s.attempts + 1"
        f" from xero_contact x where {unread} returning s.xero_contact_id, s.attempts",
        only=owed, **bound,
    )  # fmt: skip
    return sorted(row.xero_contact_id for row in counted if row.attempts >= READS_UNTIL_FAILURE)


async def _put_off(tx: Tx, which: str, locked: Sequence[UUID], bound: Mapping[str, object]) -> None:
    """Put off those of the locked links that the statement `which` still gives: Xero did not show their contacts. After several
    such reads the link fails, and a person sees that its change is not sent."""
    held = await tx.ids(which, only=list(locked), **bound)
    again: list[UUID] = []
    for link in await links.lock_links(tx, held):
        if link.attempts + 1 < READS_UNTIL_FAILURE:
            again.append(link.id)
        else:
            await failures.not_shown(tx, link)
    if again:
        await statements.postpone(tx, again, FRESH, attempted=True)
