"""Reads of single contacts.

A contact is read by itself if a write kept a read of it back, or if its last two snapshots have one stamp and differ.
The mirror row holds when the read is due (`read_due_at`), so that a killed worker loses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.connection import organisation_copy
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.values import SeenContact
from domain.inbound import apply as inbound_apply
from domain.inbound import snapshots
from domain.links import statements
from domain.mirror import missing_contacts, xero_contacts
from domain.mirror import unreadable as unreadable_contacts
from domain.mirror.unreadable import UnreadableContact
from domain.tx import Tx

LEASE = timedelta(seconds=10)  # its reader renews it; one that dies costs so much time


@dataclass
class Claimed:
    """The contacts to read now, by Xero's ids. Until `lease`, which `renew` extends, no other worker reads them."""

    organisation: OrganisationCopy
    ids: Sequence[UUID]
    lease: datetime


async def claim(tx: Tx, organisation_id: UUID, most: int) -> Claimed | None:
    await xero_contacts.lock(tx, organisation_id)
    organisation = await organisation_copy.find_connected(tx, organisation_id)
    if organisation is None or organisation.mass_change is not None:
        return None
    lease = tx.now + LEASE
    ids = await tx.ids(
        "update xero_contact set read_due_at = cast(:lease as timestamptz) where workspace_id = :ws and id in"
        " (select id from xero_contact where workspace_id = :ws and organisation_id = :organisation"
        " and read_due_at <= :now order by read_due_at, id limit :most) returning xero_contact_id",
        organisation=organisation_id, lease=lease, most=most,
    )  # fmt: skip
    return Claimed(organisation, ids, lease) if ids else None


async def renew(tx: Tx, claimed: Claimed) -> datetime:
    """Extend the lease, because the reader is alive. Returns the new lease, for `claimed` after the commit."""
    until = tx.now + LEASE
    await postpone(tx, claimed, until)
    return until


async def settle(
    tx: Tx,
    claimed: Claimed,
    asked: datetime,
    contacts: Sequence[SeenContact],
    unreadable: Sequence[UnreadableContact] = (),
) -> None:
    """Apply the contacts that were read since `asked`. A link's required re-read is done, unless a later one is
    required."""
    organisation_id = claimed.organisation.id
    await xero_contacts.lock(tx, organisation_id)
    await _read(tx, claimed, asked, [contact.xero_contact_id for contact in contacts])
    await snapshots.store(tx, claimed.organisation, contacts)
    await unreadable_contacts.record(tx, organisation_id, unreadable)
    rows = await tx.ids(
        "select id from xero_contact where workspace_id = :ws and organisation_id = :organisation"
        " and xero_contact_id = any(:ids) order by id",
        organisation=organisation_id, ids=[contact.xero_contact_id for contact in contacts],
    )  # fmt: skip
    shown = {one.xero_contact_id for one in contacts} | {one.xero_contact_id for one in unreadable}
    gone = await missing_contacts.confirm(
        tx, organisation_id, [one for one in claimed.ids if one not in shown]
    )
    await inbound_apply.apply_shown(tx, organisation_id, sorted({*rows, *gone}))


async def postpone(tx: Tx, claimed: Claimed, until: datetime) -> None:
    await tx.run(
        "update xero_contact set read_due_at = cast(:until as timestamptz) where workspace_id = :ws"
        " and organisation_id = :organisation and xero_contact_id = any(:ids) and read_due_at = cast(:lease as timestamptz)",
        organisation=claimed.organisation.id, ids=list(claimed.ids), lease=claimed.lease, until=until,
    )  # fmt: skip


async def _read(tx: Tx, claimed: Claimed, asked: datetime, shown: Sequence[UUID]) -> None:
    """Clear the due reads of these contacts, unless another read was requested since.

    Links whose contact the answer left out wait for the next delta.
    """
    organisation_id = claimed.organisation.id
    await tx.run(
        "update xero_contact set read_due_at = null where workspace_id = :ws and organisation_id = :organisation"
        " and xero_contact_id = any(:ids) and read_due_at = cast(:lease as timestamptz)",
        organisation=organisation_id, ids=list(claimed.ids), lease=claimed.lease,
    )  # fmt: skip
    await statements.end_reads(tx, organisation_id, shown, asked)
