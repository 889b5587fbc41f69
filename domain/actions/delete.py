"""Deleting a practice contact: its links go with it, and what it was linked to in Xero is not imported again."""

from dataclasses import dataclass
from uuid import UUID

from domain import activity
from domain.contacts import edits as contact_edits
from domain.decisions import kept_apart
from domain.links import decisions, ending
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
    """The contact is gone with its links; refused (IN_USE) where it has invoices. Unless `reimport`, all Xero contacts to
    which it is or was linked get a re-import mark, and so does one that a create under way may still make.
    `archive_in_xero`: the Xero contacts of active links are archived, however long that takes. Within `issues.each`.
    """
    contact = await contact_edits.lock(tx, contact_id)
    if version is not None and version != contact.version:
        raise stale("contact")
    if await tx.row(
        "select 1 from invoice where workspace_id = :ws and contact_id = :contact limit 1", contact=contact_id
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
            await decisions.mark(tx, link.organisation_id, [xero_id])
        elif reimport:
            await tx.run(
                "update push set seen_at = :now where workspace_id = :ws and link_id = :link and seen_at is null"
                " and not archive",
                link=link.id,
            )
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
    """A contact that Xero does not show yet is archived when its number appears."""
    if link.xero_contact_id is None:
        await tx.run(
            "update push set archive = true where workspace_id = :ws and link_id = :link and seen_at is null",
            link=link.id,
        )
        return
    xero = (await xero_contacts.read(tx, [link.xero_contact_id]))[link.xero_contact_id]
    if restoring or xero.status is XeroContactStatus.ACTIVE:
        await status_requests.owe(tx, link.organisation_id, link.xero_contact_id, XeroContactStatus.ARCHIVED)
