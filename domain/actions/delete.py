"""Deletion of a practice contact, with its links and with marks against re-import."""

from dataclasses import dataclass
from uuid import UUID

from domain import activity
from domain.contacts import edits as contact_edits
from domain.decisions import kept_apart, reimport_marks
from domain.links import ending, push_numbers
from domain.links import link as links
from domain.matching import issues
from domain.mirror import status_requests, xero_contacts
from domain.problems import Code, refuse, stale
from domain.tables import ActivityKind, EventKind, SyncLink, XeroContactStatus
from domain.tx import Tx


@dataclass(frozen=True)
class Deleted:
    contact_id: UUID
    link_ids: tuple[UUID, ...]
    contact_ids: tuple[UUID, ...] = ()


async def delete(
    tx: Tx,
    contact_id: UUID,
    *,
    version: int | None = None,
    archive_in_xero: bool = False,
    reimport: bool = False,
) -> Deleted:
    """Delete the contact with its links. Refused (IN_USE) if it has invoices. Runs within `issues.each`.

    Unless `reimport` is set, every Xero contact that the contact is or was linked to gets a re-import mark, and so does the
    contact of a create in flight. `archive_in_xero` archives the Xero contacts of active links, however long that takes.
    """
    contact = await contact_edits.lock(tx, contact_id)
    if version is not None and version != contact.version:
        raise stale("contact")
    if await tx.ids(
        "select id from invoice where workspace_id = :ws and contact_id = :contact limit 1",
        contact=contact_id,
    ):
        raise refuse(
            Code.IN_USE,
            "This contact has invoices, so it cannot be deleted. Archive it with updateContact instead.",
            "contactId",
        )
    held = await links.lock_of_contact(tx, contact_id)
    for link in held:
        await ending.leave_deliveries(tx, link.id)
        xero_id = link.xero_contact_id
        restoring = xero_id is not None and xero_id in await status_requests.restoring(tx, [xero_id])
        await status_requests.withdraw(tx, xero_id)
        if archive_in_xero and links.is_active(link):
            await _archive(tx, link, restoring=restoring)
        if not reimport and xero_id is not None:
            await reimport_marks.mark(tx, link.organisation_id, [xero_id])
        elif reimport:
            for push in await push_numbers.lock_open(tx, link.id):
                push.seen_at = push.seen_at if push.archive else tx.now
    fitting = await issues.contact_goes(tx, contact_id, reimport=reimport)
    activity.record(tx, ActivityKind.CONTACT_DELETED, f"{contact.name} was deleted.", contact=contact_id)
    await kept_apart.contact_goes(tx, contact_id)
    await tx.session.delete(contact)
    await tx.session.flush()
    await issues.evaluate_all(tx, fitting)
    tx.publish(EventKind.DELETION, f"Contact:{contact_id}")
    for link in held:
        tx.publish(EventKind.DELETION, f"SyncLink:{link.id}", organisation=link.organisation_id)
    return Deleted(contact_id, tuple(link.id for link in held))


async def _archive(tx: Tx, link: SyncLink, *, restoring: bool) -> None:
    """Archive the Xero contact. If Xero does not show it yet, it is archived when its number appears."""
    if link.xero_contact_id is None:
        for push in await push_numbers.lock_open(tx, link.id):
            push.archive = True
        return
    xero = (await xero_contacts.read(tx, [link.xero_contact_id]))[link.xero_contact_id]
    if restoring or xero.status is XeroContactStatus.ACTIVE:
        await status_requests.request(
            tx, link.organisation_id, link.xero_contact_id, XeroContactStatus.ARCHIVED
        )
