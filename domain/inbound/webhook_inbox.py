"""The inbox of webhook events. The change that an event announces is read and applied, as a small run.

An event stays in the inbox until the announced change is applied, or is known to be applied. If a worker dies in between,
the event is due again. `judge` (domain.inbound.event_judgement) says which events are dropped without a call.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from msgspec import UnsetType
from sqlalchemy.ext.asyncio import AsyncSession

from domain import activity
from domain.connection import organisation_copy, organisations
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.values import SeenContact
from domain.inbound import apply as inbound_apply
from domain.inbound import snapshots
from domain.inbound.event_judgement import SLACK, InboxEvent, Judged, Known, judge
from domain.mirror import unreadable as unreadable_contacts
from domain.mirror import xero_contacts
from domain.mirror.unreadable import UnreadableContact
from domain.tables import ACTIVE, ActivityKind, RunPurpose
from domain.tx import Tx

GATHER = timedelta(milliseconds=300)
LEASE = timedelta(seconds=10)  # its reader renews it; one that dies costs so much time
IN_FLIGHT_AGAIN = timedelta(seconds=2)
LAG_AGAIN = timedelta(seconds=5)
DELTA_AGAIN = timedelta(seconds=10)
MOST = 1000
DELTA_OVER = 200  # more than so many are read cheaper as what changed since the last poll
# Xero's answers are stamped by Xero's clock, and a change may show a little after its stamp.
OVERLAP = timedelta(minutes=3)
ANSWERED = timedelta(seconds=30)  # no answer takes longer, and our clock differs less from Xero's
OVERWRITTEN = (
    "This contact was changed in Xero at {at:%H:%M:%S} UTC, just before Tandem wrote to it. Tandem had not read that change, and may have"
    " overwritten it. The contact's history in Xero shows that change."
)

_RECEIVE = sa.text("select * from door.receive_webhooks(cast(:events as jsonb), :now, :gather)")


class Category(StrEnum):
    """The kinds of events in the inbox. This module reads contacts; domain.invoices.reads reads invoices."""

    CONTACT = "CONTACT"
    INVOICE = "INVOICE"


_NOTED = {
    Category.CONTACT: ("xero_contact", "xero_contact_id"),
    Category.INVOICE: ("invoice", "xero_invoice_id"),
}


@dataclass(frozen=True)
class Announced:
    """An event: a resource of a tenant has changed, and when by Xero's clock."""

    tenant_id: UUID
    category: Category
    resource_id: UUID
    at: datetime


@dataclass(frozen=True)
class Received:
    """How many events were stored. `unknown` events belong to no connected organisation and were dropped."""

    kept: int
    unknown: int


@dataclass(frozen=True)
class Claimed:
    """Events of one organisation whose contacts or invoices are to be read now."""

    organisation: OrganisationCopy
    events: Sequence[InboxEvent]
    category: Category = Category.CONTACT


async def receive(session: AsyncSession, events: Collection[Announced], now: datetime) -> Received:
    """Store events and wake the workers. The same event twice, or events in another order, change nothing."""
    rows = [
        {
            "tenant": str(one.tenant_id),
            "category": one.category,
            "resource": str(one.resource_id),
            "at": one.at.isoformat(),
        }
        for one in events
    ]
    found = await session.execute(_RECEIVE, {"events": json.dumps(rows), "now": now, "gather": GATHER})
    kept, unknown = found.one()
    return Received(kept, unknown)


async def claim(tx: Tx, organisation_id: UUID, only: Sequence[UUID] | None = None) -> Claimed | None:
    """Claim events to read by ids now. None if there are none.

    Events that need no read are settled. A change that our own write has overwritten unread is recorded at its contact.
    Events about a contact with an open delivery wait for its end. Very many events begin one delta, which reads all that was
    announced before it began. `only`: the events of these contacts alone (Xero's ids), which somebody waits for.
    """
    await xero_contacts.lock(tx, organisation_id)
    organisation = await organisation_copy.find_connected(tx, organisation_id)
    if organisation is None:
        return None
    while events := await claim_events(tx, organisation_id, Category.CONTACT, only):
        known = await _known(tx, organisation_id, events)
        judged = judge(events, known, read_to(organisation.read_cursor), tx.now, at_once=only is not None)
        await _tell_overwritten(tx, organisation_id, events, known)
        await put_aside(tx, organisation_id, judged, Category.CONTACT)
        if len(judged.wanted) > DELTA_OVER:
            if await organisations.begin_run(tx, organisation_id, RunPurpose.DELTA):
                await postpone(tx, organisation_id, judged.wanted, tx.now + DELTA_AGAIN)
                return None
            # A scan is under way, and lasts: what is announced meanwhile is read by ids.
            await postpone(tx, organisation_id, judged.wanted[DELTA_OVER:], tx.now)
            del judged.wanted[DELTA_OVER:]
        if judged.wanted:
            return Claimed(organisation, judged.wanted)
        if only is not None:
            break
    return None


async def settle(
    tx: Tx,
    organisation_id: UUID,
    events: Sequence[InboxEvent],
    contacts: Sequence[SeenContact],
    unreadable: Sequence[UnreadableContact] = (),
) -> None:
    """Apply the contacts that were read for these events.

    While a run is under way, only contacts that are or were linked are applied; the run's last pass matches the others. An
    event is read once more if the answer shows nothing as new as the event.
    """
    await xero_contacts.lock(tx, organisation_id)
    organisation = await organisation_copy.find_connected(tx, organisation_id)
    if organisation is None:
        return
    written = await snapshots.store(tx, organisation, contacts)
    await unreadable_contacts.record(tx, organisation_id, unreadable)
    dirty = await _dirty(tx, written, linked=await _importing(tx, organisation_id))
    if dirty:
        await inbound_apply.apply_shown(tx, organisation_id, dirty)
    seen = {contact.xero_contact_id: contact.updated_at for contact in contacts}
    await settle_shown(tx, organisation_id, events, seen, Category.CONTACT)


class _Told(NamedTuple):
    """The active link of a Xero contact."""

    xero_contact_id: UUID
    id: UUID
    contact_id: UUID


async def _tell_overwritten(
    tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent], known: Mapping[UUID, Known]
) -> None:
    """Record at the contacts the changes in Xero that our last writes have overwritten unread, each once."""
    lost = [
        replace(event, at=at)
        for event in events
        for at in (event.former_at, event.at)
        if at is not None and event.resource_id in known and known[event.resource_id].overwrote(at)
    ]
    if not lost:
        return
    links = await tx.read(
        _Told,
        "select x.xero_contact_id, l.id, l.contact_id from sync_link l join xero_contact x on x.workspace_id = :ws"
        " and x.id = l.xero_contact_id where l.workspace_id = :ws and l.organisation_id = :organisation"
        f" and l.state in {ACTIVE} and x.xero_contact_id = any(:ids)",
        organisation=organisation_id, ids=[one.resource_id for one in lost],
    )  # fmt: skip
    by_id = {row.xero_contact_id: row for row in links}
    for one in lost:
        if link := by_id.get(one.resource_id):
            activity.record(
                tx, ActivityKind.CONFLICT_SETTLED, OVERWRITTEN.format(at=one.at), organisation=organisation_id,
                contact=link.contact_id, link=link.id,
            )  # fmt: skip
    await _note(tx, organisation_id, "read_event_at", lost, Category.CONTACT)


async def settle_read(tx: Tx, organisation_id: UUID, began: datetime, category: Category) -> None:
    """Settle the events that came before `began`. A read of all changes began at that time, and has been applied."""
    await tx.run(
        "select door.settle_read_webhooks(:organisation, :category, cast(:began as timestamptz))",
        organisation=organisation_id, category=category, began=began,
    )  # fmt: skip


async def postpone(
    tx: Tx,
    organisation_id: UUID,
    events: Sequence[InboxEvent],
    until: datetime,
    *,
    category: Category = Category.CONTACT,
    read: bool = False,
) -> None:
    """Put the events off. `read`: their objects were read, but Xero did not show the announced change yet."""
    if events:
        await tx.run(
            "select door.put_off_webhooks(:organisation, :category, cast(:ids as uuid[]), cast(:times as timestamptz[]),"
            " :until, :read)",
            organisation=organisation_id,
            category=category,
            ids=[one.resource_id for one in events],
            times=[one.at for one in events],
            until=until,
            read=read,
        )


async def give_back(
    tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent], until: datetime, category: Category
) -> None:
    """Put events off that could not be read: bulk reads are possible at `until`. A write that waits reads them at once, but those
    that were read once only when they are due: they are due again soon."""
    soon = min(until, tx.now + DELTA_AGAIN)
    await renew(tx, organisation_id, events, category)  # locks all of them, in their order
    await postpone(tx, organisation_id, [one for one in events if not one.late], until, category=category)
    await postpone(tx, organisation_id, [one for one in events if one.late], soon, category=category)


async def renew(tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent], category: Category) -> None:
    """Extend the lease of these events, because their reader is alive. All are locked, in the order of their ids."""
    await tx.run(
        "select door.renew_webhooks(:organisation, :category, cast(:ids as uuid[]), cast(:times as timestamptz[]), :until)",
        organisation=organisation_id,
        category=category,
        ids=[one.resource_id for one in events],
        times=[one.at for one in events],
        until=tx.now + LEASE,
    )


class _ClaimedEvent(NamedTuple):
    resource_id: UUID
    event_at: datetime
    former_at: datetime | None
    received_at: datetime
    reads: int


async def claim_events(
    tx: Tx, organisation_id: UUID, category: Category, only: Sequence[UUID] | None = None
) -> list[InboxEvent]:
    """Claim due events of the category under a lease. `only`: those of these objects, which are not gathered any longer."""
    rows = await tx.read(
        _ClaimedEvent,
        "select * from door.lease_webhooks(:organisation, :category, :now, :until, :most, cast(:only as uuid[]))",
        organisation=organisation_id, category=category, until=tx.now + LEASE, most=MOST,
        only=list(only) if only is not None else None,
    )  # fmt: skip
    return [
        InboxEvent(row.resource_id, row.event_at, row.reads > 0, row.former_at, row.received_at)
        for row in rows
    ]


async def put_aside(tx: Tx, organisation_id: UUID, judged: Judged, category: Category) -> None:
    """Settle the events that need no read, and put off those that wait."""
    await _note(tx, organisation_id, "own_event_at", judged.own, category)
    await drop(tx, organisation_id, [*judged.done, *judged.own], category)
    await postpone(tx, organisation_id, judged.busy, tx.now + IN_FLIGHT_AGAIN, category=category)
    await postpone(tx, organisation_id, judged.waiting, tx.now + SLACK, category=category)


async def settle_shown(
    tx: Tx,
    organisation_id: UUID,
    events: Sequence[InboxEvent],
    seen: Mapping[UUID, datetime | UnsetType],
    category: Category,
) -> None:
    """Settle the events that a read has answered: a repetition of them needs no other read. `seen`: Xero's stamps, by object.

    An event of which the read shows nothing as new is read once more. An event is also read once more if the read shows no
    more than our own write, and the event was not counted as the event of this write. Xero may show the announced change a
    little later.
    """
    own = await _own_writes(tx, organisation_id, [one.resource_id for one in events], category)
    late = [
        one
        for one in events
        if not one.late and not _is_as_new(seen.get(one.resource_id), one, own.get(one.resource_id))
    ]
    done = [one for one in events if one not in late]
    if late and done:  # two statements follow, and new events lock the same rows in the order of their ids
        await renew(tx, organisation_id, events, category)
    await postpone(tx, organisation_id, late, tx.now + LAG_AGAIN, category=category, read=True)
    await _note(tx, organisation_id, "read_event_at", done, category)
    await drop(tx, organisation_id, done, category)


def _is_as_new(stamp: datetime | UnsetType | None, event: InboxEvent, own_write_at: datetime | None) -> bool:
    return isinstance(stamp, datetime) and stamp >= event.at - SLACK and stamp != own_write_at


class _OwnWrite(NamedTuple):
    resource_id: UUID
    own_write_at: datetime


async def _own_writes(
    tx: Tx, organisation_id: UUID, ids: Sequence[UUID], category: Category
) -> dict[UUID, datetime]:
    """Xero's stamp of our last write to each object."""
    table, key = _NOTED[category]
    rows = await tx.read(
        _OwnWrite,
        f"select {key} as resource_id, own_write_at from {table} where workspace_id = :ws"
        f" and organisation_id = :organisation and {key} = any(:ids) and own_write_at is not null",
        organisation=organisation_id, ids=list(ids),
    )  # fmt: skip
    return {row.resource_id: row.own_write_at for row in rows}


async def _note(
    tx: Tx, organisation_id: UUID, column: str, events: Sequence[InboxEvent], category: Category
) -> None:
    """Note the times of these events at their contacts or invoices."""
    if not events:
        return
    table, key = _NOTED[category]
    noted = {"organisation": organisation_id, "ids": [one.resource_id for one in events]}
    where = f"workspace_id = :ws and organisation_id = :organisation and {key} = any(:ids)"
    await tx.ids(f"select id from {table} where {where} order by id for update", **noted)
    await tx.run(
        f"update {table} set {column} = greatest({column}, e.at) from"
        " unnest(cast(:ids as uuid[]), cast(:times as timestamptz[])) as e(resource, at)"
        f" where {where} and {key} = e.resource",
        **noted, times=[one.at for one in events],
    )  # fmt: skip


def read_to(cursor: datetime | None) -> datetime | None:
    """The time by Xero's clock up to which all changes were read. `cursor`: the organisation's read_cursor or
    invoice_cursor.

    Xero may have stamped its answer after it had collected the data, and without a stamp the cursor is of our clock.
    """
    return cursor + OVERLAP - ANSWERED if cursor is not None else None


async def drop(
    tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent], category: Category = Category.CONTACT
) -> None:
    """Remove events from the inbox: what they announced is applied, or needs no read."""
    if events:
        await tx.run(
            "select door.settle_webhooks(:organisation, :category, cast(:ids as uuid[]), cast(:times as timestamptz[]))",
            organisation=organisation_id,
            category=category,
            ids=[one.resource_id for one in events],
            times=[one.at for one in events],
        )


async def _known(tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent]) -> dict[UUID, Known]:
    rows = await tx.read(
        Known,
        "select x.xero_contact_id as resource_id, x.updated_at, x.own_write_at, x.own_event_at, x.read_event_at,"
        " x.own_write_after,"
        " exists (select 1 from sync_link l join delivery_member m"
        " on m.workspace_id = :ws and m.link_id = l.id and m.open where l.workspace_id = :ws"
        " and l.xero_contact_id = x.id) as in_flight from xero_contact x where x.workspace_id = :ws"
        " and x.organisation_id = :organisation and x.xero_contact_id = any(:ids)",
        organisation=organisation_id, ids=[one.resource_id for one in events],
    )  # fmt: skip
    return {row.resource_id: row for row in rows}


async def _importing(tx: Tx, organisation_id: UUID) -> bool:
    """Whether a run is under way. The last pass of the run applies the changes in the mirror."""
    under_way = await tx.ids(
        "select id from import_run where workspace_id = :ws and organisation_id = :id and finished_at is null",
        id=organisation_id,
    )
    return bool(under_way)


async def _dirty(tx: Tx, ids: Sequence[UUID], *, linked: bool) -> list[UUID]:
    return await tx.ids(
        "select id from xero_contact x where workspace_id = :ws and id = any(:ids) and dirty and (not :linked or exists"
        " (select 1 from sync_link l where l.workspace_id = :ws and l.xero_contact_id = x.id)) order by id",
        ids=list(ids), linked=linked,
    )  # fmt: skip
