"""The inbox of webhook events. What an event announces is read and applied, as a small run.

An event stays in the inbox until what it announced is applied, or is known to be. If a worker dies in between, the event
is due again. An event about what the mirror shows already is dropped without a call, and so is an event about our own
write.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from msgspec import UNSET
from sqlalchemy.ext.asyncio import AsyncSession

from domain.connection import organisation_copy, organisations
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.values import SeenContact
from domain.inbound import apply as inbound_apply
from domain.inbound import snapshots
from domain.mirror import unreadable as unreadable_contacts
from domain.mirror import xero_contacts
from domain.mirror.unreadable import UnreadableContact
from domain.tables import RunPurpose
from domain.tx import Tx

GATHER = timedelta(milliseconds=300)
LEASE = timedelta(seconds=10)  # its reader renews it; one that dies costs so much time
# Xero stamps the event a little after the contact.
SLACK = timedelta(seconds=2)
IN_FLIGHT_AGAIN = timedelta(seconds=2)
LAG_AGAIN = timedelta(seconds=5)
DELTA_AGAIN = timedelta(seconds=10)
MOST = 1000
DELTA_OVER = 200  # more than so many are read cheaper as what changed since the last poll

_RECEIVE = sa.text("select * from door.receive_webhooks(cast(:events as jsonb), :now, :gather)")


class Category(StrEnum):
    """The kinds of events in the inbox. This module reads contacts; domain.invoices.reads reads invoices."""

    CONTACT = "CONTACT"
    INVOICE = "INVOICE"


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
class InboxEvent:
    """An event of the inbox. `late`: a read has shown something older than this event already."""

    resource_id: UUID
    at: datetime
    late: bool


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


async def claim(tx: Tx, organisation_id: UUID) -> Claimed | None:
    """Claim events to read by ids now. None if there are none.

    Events that the mirror shows already are settled. Events about a contact with an open delivery wait for its end. Very
    many events begin a delta and wait for it.
    """
    await xero_contacts.lock(tx, organisation_id)
    events = await claim_events(tx, organisation_id, Category.CONTACT)
    if not events:
        return None
    known = await _known(tx, organisation_id, events)
    shown = [one for one in events if one.resource_id in known and known[one.resource_id].shows(one)]
    rest = [one for one in events if one not in shown]
    busy = [one for one in rest if one.resource_id in known and known[one.resource_id].in_flight]
    rest = [one for one in rest if one not in busy]
    await drop(tx, organisation_id, shown)
    await postpone(tx, organisation_id, busy, tx.now + IN_FLIGHT_AGAIN)
    if len(rest) > DELTA_OVER:
        await organisations.begin_run(tx, organisation_id, RunPurpose.DELTA)
        await postpone(tx, organisation_id, rest, tx.now + DELTA_AGAIN)
        return None
    organisation = await organisation_copy.find_connected(tx, organisation_id)
    return Claimed(organisation, rest) if organisation and rest else None


async def settle(
    tx: Tx,
    organisation_id: UUID,
    events: Sequence[InboxEvent],
    contacts: Sequence[SeenContact],
    unreadable: Sequence[UnreadableContact] = (),
) -> None:
    """Apply what was read about these events.

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
    seen = {contact.xero_contact_id: contact for contact in contacts}
    late = [one for one in events if not one.late and not _is_as_new(seen.get(one.resource_id), one)]
    await postpone(tx, organisation_id, late, tx.now + LAG_AGAIN, read=True)
    await drop(tx, organisation_id, [one for one in events if one not in late])


async def postpone(
    tx: Tx,
    organisation_id: UUID,
    events: Sequence[InboxEvent],
    until: datetime,
    *,
    category: Category = Category.CONTACT,
    read: bool = False,
) -> None:
    """Put the events off. `read`: they were read, and Xero did not show yet what it had announced."""
    if events:
        await tx.run(
            "select door.postpone_webhooks(:organisation, :category, cast(:ids as uuid[]), :until, :read)",
            organisation=organisation_id,
            category=category,
            ids=[one.resource_id for one in events],
            until=until,
            read=read,
        )


async def renew(tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent], category: Category) -> None:
    """Extend the lease of these events, because their reader is alive."""
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
    reads: int


async def claim_events(tx: Tx, organisation_id: UUID, category: Category) -> list[InboxEvent]:
    """Claim due events of the category under a lease."""
    rows = await tx.read(
        _ClaimedEvent,
        "select resource_id, event_at, reads from door.claim_webhooks(:organisation, :category, :now, :until, :most)",
        organisation=organisation_id, category=category, until=tx.now + LEASE, most=MOST,
    )  # fmt: skip
    return [InboxEvent(row.resource_id, row.event_at, row.reads > 0) for row in rows]


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


class _Known(NamedTuple):
    """What the mirror shows of a contact, and whether a write of a link of it is in flight."""

    xero_contact_id: UUID
    updated_at: datetime
    in_flight: bool

    def shows(self, event: InboxEvent) -> bool:
        return self.updated_at >= event.at - SLACK


def _is_as_new(seen: SeenContact | None, event: InboxEvent) -> bool:
    return seen is not None and seen.updated_at is not UNSET and seen.updated_at >= event.at - SLACK


async def _known(tx: Tx, organisation_id: UUID, events: Sequence[InboxEvent]) -> dict[UUID, _Known]:
    rows = await tx.read(
        _Known,
        "select x.xero_contact_id, x.updated_at, exists (select 1 from sync_link l join delivery_member m"
        " on m.workspace_id = :ws and m.link_id = l.id and m.open where l.workspace_id = :ws"
        " and l.xero_contact_id = x.id) as in_flight from xero_contact x where x.workspace_id = :ws"
        " and x.organisation_id = :organisation and x.xero_contact_id = any(:ids)",
        organisation=organisation_id, ids=[one.resource_id for one in events],
    )  # fmt: skip
    return {row.xero_contact_id: row for row in rows}


async def _importing(tx: Tx, organisation_id: UUID) -> bool:
    """Whether a run is under way. Its last pass applies what is new in the mirror."""
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
