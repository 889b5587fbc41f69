"""How a link breaks, moves to another Xero contact, comes back, or is removed. The caller has locked the link."""

from typing import NamedTuple
from uuid import UUID

from domain import activity
from domain.decisions import kept_apart, reimport_marks
from domain.decisions.reimport_marks import FAMILY
from domain.links import link as links
from domain.links.failures import stored_failure
from domain.tables import ActivityKind, EventKind, SyncLink, SyncState, XeroContact, XeroContactStatus
from domain.tx import Tx

_BROKEN = {
    XeroContactStatus.ARCHIVED: ("ARCHIVED_IN_XERO", "was archived in Xero"),
    XeroContactStatus.GDPR_REQUEST: ("FORGOTTEN_IN_XERO", "is to be forgotten, says Xero"),
    XeroContactStatus.ACTIVE: ("MERGED_IN_XERO", "was merged in Xero"),
}


async def break_off(tx: Tx, link: SyncLink, xero: XeroContact, *, awaits: UUID | None = None) -> None:
    """Break the link: its Xero contact was archived, merged or forgotten. Nothing flows, and what waits is kept.

    `awaits` is the merge's survivor, by Xero's id, if no read has shown it yet.
    """
    code, what = _BROKEN[xero.status]
    if xero.merged_to is not None and xero.status is not XeroContactStatus.GDPR_REQUEST:
        code, what = "MERGED_IN_XERO", "was merged into another contact in Xero"
    message = f"{xero.name or 'A contact'} {what}."
    failure = stored_failure(
        code, message, since=tx.now, subjects=[f"XeroContact:{xero.id}"], remedy="REMATCH"
    )
    if awaits is not None:
        failure["awaits"] = str(awaits)
    await links.change(tx, link, state=SyncState.BROKEN, failure=failure)
    await leave_deliveries(tx, link.id)
    entry = activity.record(
        tx, ActivityKind.UNLINKED, message, organisation=link.organisation_id, contact=link.contact_id, link=link.id
    )  # fmt: skip
    links.publish(tx, link, entry)


async def stop_waiting(tx: Tx, link: SyncLink) -> None:
    """Let a BROKEN link stop waiting for a survivor that is not for it."""
    failure = link.failure.copy() if link.failure else None
    if failure is not None:
        failure.pop("awaits", None)
    await links.change(tx, link, failure=failure)


async def move(tx: Tx, link: SyncLink, survivor: XeroContact) -> None:
    """Move the link to the survivor of a merge. The base values stay, and are compared with the survivor's values.

    A write in flight went to the other contact.
    """
    await leave_deliveries(tx, link.id)
    moved = link.state in (SyncState.FAILING, SyncState.BROKEN)
    await links.change(
        tx, link, xero_contact_id=survivor.id, failure=None, refused={},
        state=SyncState.PENDING if moved else link.state, read_owed_at=None,
    )  # fmt: skip
    entry = activity.record(
        tx, ActivityKind.LINKED, f"The Xero contact was merged into {survivor.name}; the link has moved there.",
        organisation=link.organisation_id, contact=link.contact_id, link=link.id,
    )  # fmt: skip
    links.publish(tx, link, entry)


async def restore(tx: Tx, link: SyncLink, xero: XeroContact, *, free: bool) -> None:
    """Bring the link back, because its Xero contact is active again. The link becomes active if both ends are `free`, else
    UNSYNCED."""
    await links.change(
        tx, link, state=SyncState.PENDING if free else SyncState.UNSYNCED, failure=None, refused={}, attempts=0,
        next_attempt_at=None, due_at=link.due_at if free else None,
    )  # fmt: skip
    goes_on = "its link goes on" if free else "its link has ended, as one of the two is linked otherwise"
    entry = activity.record(
        tx, ActivityKind.LINKED if free else ActivityKind.UNLINKED,
        f"{xero.name} was restored in Xero; {goes_on}.", organisation=link.organisation_id,
        contact=link.contact_id, link=link.id,
    )  # fmt: skip
    links.publish(tx, link, entry)


async def leave_deliveries(tx: Tx, link_id: UUID) -> None:
    """Take the link out of its open delivery. No answer is applied to it, and the delivery is never sent again.

    The link requires a re-read, because the delivery may still take effect.
    """
    left = await tx.ids(
        "update delivery_member set open = false where workspace_id = :ws and link_id = :id and open"
        " returning delivery_id",
        id=link_id,
    )
    if not left:
        return
    await tx.run("update delivery set recalled = true where workspace_id = :ws and id = any(:ids)", ids=left)
    link = await links.find(tx, link_id)
    if link is not None:
        link.read_owed_at = tx.now
        await tx.session.flush()


async def remove(tx: Tx, link_id: UUID, message: str) -> UUID | None:
    """Remove the link, as when the decision that made it is taken back. Returns the id of the history entry."""
    await leave_deliveries(tx, link_id)
    link = await links.find(tx, link_id)
    if link is None:
        return None
    await tx.session.delete(link)
    await tx.session.flush()
    tx.publish(EventKind.DELETION, f"SyncLink:{link_id}", organisation=link.organisation_id)
    tx.publish(EventKind.CONTACT, link.contact_id)
    return activity.record(
        tx, ActivityKind.UNLINKED, message, organisation=link.organisation_id, contact=link.contact_id, link=link_id
    )  # fmt: skip


class Ended(NamedTuple):
    """A link that gives way to another one."""

    id: UUID
    contact_id: UUID
    xero_contact_id: UUID


async def end_contradicting(
    tx: Tx, organisation_id: UUID, contact_id: UUID, xero_contact_id: UUID, *, keep: UUID | None = None
) -> tuple[UUID, ...]:
    """End the decisions and links that contradict a new link of a person. Returns the deleted links.

    The re-import mark and the kept-apart pair are deleted. The pair's UNSYNCED and BROKEN links end, and so do BROKEN links of the
    Xero contact to others, whose pairs are then kept apart. An IGNORED or CREATED_SEPARATE issue of the Xero contact ends.
    `keep` is the link that begins again.
    """
    await reimport_marks.lift(tx, organisation_id, xero_contact_id)
    ended = await tx.read(
        Ended,
        f"{FAMILY} select l.id, l.contact_id, l.xero_contact_id from sync_link l join family f"
        " on f.id = l.xero_contact_id where l.workspace_id = :ws and l.organisation_id = :organisation"
        " and l.id is distinct from cast(:keep as uuid)"
        " and (l.state = 'BROKEN' or l.state = 'UNSYNCED' and l.contact_id = :contact)",
        organisation=organisation_id, xero=xero_contact_id, contact=contact_id, keep=keep,
    )  # fmt: skip
    for link in ended:
        if link.contact_id != contact_id:
            await kept_apart.set_apart(tx, organisation_id, link.contact_id, link.xero_contact_id)
        await remove(tx, link.id, "A link that had ended gave way to another one.")
    await kept_apart.forget_apart(tx, organisation_id, xero_contact_id, [contact_id])
    issues = await tx.ids(
        "update match_issue set resolution = 'OBSOLETE', version = version + 1 where workspace_id = :ws"
        " and organisation_id = :organisation and xero_contact_id = :xero"
        " and resolution in ('IGNORED', 'CREATED_SEPARATE') returning id",
        organisation=organisation_id, xero=xero_contact_id,
    )  # fmt: skip
    for issue in issues:
        tx.publish(EventKind.MATCH_ISSUE, issue, organisation=organisation_id)
    return tuple(link.id for link in ended)
