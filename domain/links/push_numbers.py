"""Push numbers. Each push draws a ContactNumber of its own, which is never used for another push.

The number makes a push safe: however a created contact becomes known, its number says which push made it.
"""

from base64 import b32encode
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlmodel import col, select

from domain.connection.organisation_copy import OrganisationCopy
from domain.decisions import kept_apart, reimport_marks
from domain.fields.synced import Stored, loaded, same, stored, xero_values
from domain.links import ending, failures
from domain.links import link as links
from domain.mirror import status_requests, xero_contacts
from domain.tables import Push, SyncedField, SyncLink, XeroContact, XeroContactStatus
from domain.tx import Tx


class Met(NamedTuple):
    """A push whose number a Xero contact has. `archive`, `erased`: see Push."""

    link_id: UUID
    contact_number: str
    archive: bool
    erased: bool
    xero_id: UUID


class Sent(NamedTuple):
    sent: Mapping[str, object]


async def draw(tx: Tx, organisation_id: UUID, link_id: UUID) -> str:
    """Draw a number: `T-` and 26 random characters."""
    number = "T-" + b32encode(uuid4().bytes).decode().rstrip("=")
    tx.session.add(
        Push(
            workspace_id=tx.workspace,
            organisation_id=organisation_id,
            contact_number=number,
            link_id=link_id,
            at=tx.now,
        )
    )
    await tx.session.flush()
    return number


async def lock_open(tx: Tx, link_id: UUID) -> list[Push]:
    """The pushes of the link whose numbers no Xero contact has shown yet, locked."""
    found = await tx.session.scalars(
        select(Push)
        .where(Push.workspace_id == tx.workspace, Push.link_id == link_id, col(Push.seen_at).is_(None))
        .order_by(col(Push.contact_number))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)


async def meet(tx: Tx, organisation: OrganisationCopy, xero_contact_ids: Sequence[UUID]) -> None:
    """Apply the number rule, before filter and matching, once for each number. The caller holds the organisation's lock.

    An open push is complete. An UNSYNCED link gets its Xero contact, and nothing flows. If the link or the contact is gone,
    the Xero contact gets a re-import mark. A linked Xero contact is left alone.
    """
    met = await tx.read(
        Met,
        "update push p set seen_at = :now from xero_contact x where p.workspace_id = :ws"
        " and p.organisation_id = :organisation and p.seen_at is null and x.workspace_id = :ws"
        " and x.organisation_id = :organisation and x.contact_number = p.contact_number and x.id = any(:ids)"
        " returning p.link_id, p.contact_number, p.archive, p.erased, x.id as xero_id",
        organisation=organisation.id, ids=list(xero_contact_ids),
    )  # fmt: skip
    if not met:
        return
    await links.lock_all(tx, [one.link_id for one in met])
    for one in met:
        if await links.active(tx, organisation.id, "xero_contact_id", one.xero_id) is None:
            await _meet(tx, organisation, one)


async def _meet(tx: Tx, organisation: OrganisationCopy, met: Met) -> None:
    link = await links.find(tx, met.link_id)
    if link is None or link.xero_contact_id is not None or link.contact_number != met.contact_number:
        await reimport_marks.mark(tx, organisation.id, [met.xero_id])
        if met.erased:
            await xero_contacts.erase(tx, organisation.id, [met.xero_id])
        if met.archive:
            await status_requests.request(tx, organisation.id, met.xero_id, XeroContactStatus.ARCHIVED)
    elif links.is_active(link):
        await _complete(tx, organisation.country_code, link, met.xero_id)
    else:
        await kept_apart.set_apart(tx, organisation.id, link.contact_id, met.xero_id)
        await links.change(tx, link, xero_contact_id=met.xero_id)


async def _complete(tx: Tx, region: str | None, link: SyncLink, xero_id: UUID) -> None:
    """Give the link its Xero contact. The merge that follows settles the fields.

    The base values are the values sent. The push may have been sent several times under its number; the values that Xero
    shows decide which send took effect.
    """
    xero = await tx.session.get_one(XeroContact, (tx.workspace, xero_id), populate_existing=True)
    shown = xero_values(xero)
    sent = await tx.read(
        Sent,
        "select m.sent from delivery_member m join delivery d on d.workspace_id = :ws and d.id = m.delivery_id"
        " where m.workspace_id = :ws and m.link_id = :id and d.kind = 'CREATE' order by d.claimed_at desc",
        id=link.id,
    )
    base: dict[str, Stored] = {}
    for field in SyncedField:
        values = [loaded(field, row.sent.get(field)) for row in sent] or [None]
        landed = (one for one in values if same(field, one, shown[field], region))
        base[field] = stored(next(landed, values[0]))
    before = link.read_owed_at
    await ending.leave_deliveries(tx, link.id)
    await links.change(
        tx,
        link,
        xero_contact_id=xero_id,
        base_practice=base,
        base_xero=base,
        state=links.next_state(conflicts=bool(link.conflicts), failing=False, waiting=True),
        failure=None,
        refused={},
        attempts=0,
        next_attempt_at=None,
        # Xero can only refuse the delivery that the link left, because its number is taken: no re-read is needed.
        read_owed_at=before,
    )
    failures.record_push(tx, link, xero.name)
