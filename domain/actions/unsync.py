"""Actions on links that no longer sync: unsync, rematch, a new contact from one side, dismiss.

Nothing flows over an UNSYNCED or BROKEN link, and while it exists its Xero contact is not matched automatically. All
actions run within `issues.each`, which holds the locks and evaluates the open issues afterwards.
"""

from collections.abc import Sequence
from uuid import UUID

from domain import activity
from domain.actions import push as push_action
from domain.actions.push import take_xero_contact
from domain.connection import organisations
from domain.connection.organisation_copy import OrganisationCopy
from domain.contacts import edits as contact_edits
from domain.decisions import kept_apart, reimport_marks
from domain.fields.merge import Winner
from domain.fields.synced import readable_xero_values
from domain.links import ending, failures
from domain.links import link as links
from domain.links import starting as link_starting
from domain.links.starting import Acted, Pair
from domain.matching import issues
from domain.matching import plan as matching_plan
from domain.mirror import status_requests, xero_contacts
from domain.problems import Code, refuse
from domain.tables import (
    ActivityKind,
    Contact,
    EventKind,
    LinkOrigin,
    Side,
    SyncedField,
    SyncLink,
    SyncState,
    XeroContactStatus,
)
from domain.tx import Tx

_WINNER = {Side.XERO: Winner.XERO, Side.PRACTICE: Winner.PRACTICE}
_OTHER = {Side.XERO: Side.PRACTICE, Side.PRACTICE: Side.XERO}


async def unsync(tx: Tx, link_id: UUID, version: int | None = None) -> Acted:
    """End the link. Nothing flows either way, and the pair is not matched automatically again."""
    link = await links.lock(tx, link_id, version)
    if link.state is SyncState.UNSYNCED:
        raise refuse(Code.WRONG_STATE, "This link is UNSYNCED already, so there is nothing to end.", "linkId")
    await _record_notes(tx, link)
    await ending.leave_deliveries(tx, link_id)
    await status_requests.withdraw(tx, link.xero_contact_id)
    await kept_apart.set_apart(tx, link.organisation_id, link.contact_id, link.xero_contact_id)
    entry = activity.record(
        tx, ActivityKind.UNLINKED, f"{await _name(tx, link)} is no longer kept in step with Xero.",
        organisation=link.organisation_id, contact=link.contact_id, link=link_id,
    )  # fmt: skip
    await links.change(
        tx, link, state=SyncState.UNSYNCED, failure=None, conflicts=[], notes={}, refused={}, due_at=None,
        attempts=0, next_attempt_at=None,
    )  # fmt: skip
    tx.publish(EventKind.LINK, link_id, organisation=link.organisation_id, activity=entry)
    return Acted(link_id, (link.contact_id,), entry)


async def rematch(
    tx: Tx,
    link_id: UUID,
    version: int | None = None,
    *,
    contact_id: UUID | None = None,
    winner: Side = Side.XERO,
    except_fields: Sequence[SyncedField] = (),
    bulk: bool = False,
) -> Acted:
    """Make the link active again, with this contact or another. A merge is followed; an archived contact is restored."""
    link = await _lock_ended(tx, link_id, version)
    organisation = await organisations.lock_syncing(tx, link.organisation_id)
    contact = await _free_contact(
        tx, organisation.id, contact_id or link.contact_id, "contactId" if contact_id else "linkId"
    )
    if link.xero_contact_id is None:
        raise refuse(
            Code.WRONG_STATE,
            "This link never had a contact in Xero. Push the practice contact again with pushToXero.",
            "linkId",
        )
    xero = await take_xero_contact(tx, organisation.id, link.xero_contact_id, "linkId")
    await _part(tx, link, contact.id, xero.id)
    pair = Pair(
        contact.id, xero.id, LinkOrigin.REMATCHED, _WINNER[winner],
        dict.fromkeys(except_fields, _WINNER[_OTHER[winner]]), link_id,
        restored=xero.status is XeroContactStatus.ARCHIVED, named_by="contactId" if contact_id else "linkId",
    )  # fmt: skip
    return await _start(tx, organisation, link, pair, bulk=bulk)


async def create_from_unsynced(tx: Tx, link_id: UUID, basis: Side, version: int | None = None) -> Acted:
    """Create a contact on one side from the values of the other side, which is the `basis`. The link gets it.

    The contact left behind is kept apart. If it is in Xero, it also gets a re-import mark.
    """
    link = await _lock_ended(tx, link_id, version)
    organisation = await organisations.lock_syncing(tx, link.organisation_id)
    if basis is Side.XERO:
        return await _new_practice_contact(tx, organisation, link)
    contact = await _free_contact(tx, organisation.id, link.contact_id, "linkId")
    await push_action.name_is_free(
        tx, organisation.id, push_action.names_of(contact),
        "Rename one of the two, or archive that one in Xero.",
        "linkId",
    )  # fmt: skip
    push_action.check_whole(organisation, contact, "linkId")
    if link.xero_contact_id is not None:
        await kept_apart.set_apart(tx, organisation.id, contact.id, link.xero_contact_id)
        if await links.active(tx, organisation.id, "xero_contact_id", link.xero_contact_id) is None:
            await reimport_marks.mark(tx, organisation.id, [link.xero_contact_id])
    return await push_action.create(tx, organisation, contact, link_id)


async def dismiss(tx: Tx, link_id: UUID, version: int | None = None) -> Acted:
    """Remove the link. The pair stays kept apart, and an unlinked Xero contact gets a re-import mark."""
    link = await _lock_ended(tx, link_id, version)
    organisation_id, xero_id = link.organisation_id, link.xero_contact_id
    await kept_apart.set_apart(tx, organisation_id, link.contact_id, xero_id)
    await ending.remove(tx, link_id, f"The link of {await _name(tx, link)} was dismissed.")
    if xero_id is not None and await links.active(tx, organisation_id, "xero_contact_id", xero_id) is None:
        await reimport_marks.mark(tx, organisation_id, [xero_id])
    return Acted(link_id, (link.contact_id,))


async def _lock_ended(tx: Tx, link_id: UUID, version: int | None) -> SyncLink:
    link = await links.lock(tx, link_id, version)
    if links.is_active(link):
        raise refuse(Code.WRONG_STATE, "This link is active. End it with unsync first.", "linkId")
    return link


async def _free_contact(tx: Tx, organisation_id: UUID, contact_id: UUID, path: str) -> Contact:
    contact = await contact_edits.lock(tx, contact_id)
    if contact.archived_at is not None:
        raise refuse(
            Code.WRONG_STATE, "This contact is archived. Bring it back with updateContact first.", path
        )
    if await links.active(tx, organisation_id, "contact_id", contact_id) is not None:
        raise refuse(
            Code.ALREADY_LINKED,
            "This contact is linked in this organisation already. Unsync that link first.",
            path,
        )
    return contact


async def _new_practice_contact(tx: Tx, organisation: OrganisationCopy, link: SyncLink) -> Acted:
    if link.xero_contact_id is None:
        raise refuse(
            Code.WRONG_STATE,
            "This link never had a contact in Xero, so there is no data to make a contact from.",
            "linkId",
        )
    xero = await take_xero_contact(tx, organisation.id, link.xero_contact_id, "linkId")
    if xero.status is not XeroContactStatus.ACTIVE:
        raise refuse(
            Code.WRONG_STATE,
            "The Xero contact is no longer active in Xero. Restore it there first.",
            "linkId",
        )
    made = matching_plan.contact_from_xero(tx, xero, organisation.default_contact_type_id, None)
    await tx.insert(Contact, [made.columns])
    activity.record(
        tx, ActivityKind.CONTACT_CREATED, f"{made.name} came from Xero.",
        organisation=organisation.id, contact=made.id,
    )  # fmt: skip
    await _part(tx, link, made.id, xero.id)
    pair = Pair(made.id, xero.id, LinkOrigin.CREATED_FROM_XERO, Winner.XERO, link_id=link.id)
    acted = await _start(tx, organisation, link, pair)
    await kept_apart.contacts_came(tx, [made.id])
    return acted


async def _part(tx: Tx, link: SyncLink, contact_id: UUID, xero_id: UUID) -> None:
    """Keep the former pair of the link apart if the link gets another pair. Decisions against the new pair end."""
    if (link.contact_id, link.xero_contact_id) != (contact_id, xero_id):
        await kept_apart.set_apart(tx, link.organisation_id, link.contact_id, link.xero_contact_id)
    await ending.end_contradicting(tx, link.organisation_id, contact_id, xero_id, keep=link.id)


async def _start(
    tx: Tx, organisation: OrganisationCopy, link: SyncLink, pair: Pair, *, bulk: bool = False
) -> Acted:
    before = link.contact_id  # the link has the new contact when it has begun again
    [started] = await link_starting.start(tx, organisation, [pair], bulk=bulk)
    await issues.linked(tx, organisation.id, pair.xero_contact_id, started.link_id)
    if before == pair.contact_id:
        return Acted(started.link_id, (before,), started.activity_id)
    tx.publish(EventKind.CONTACT, before)
    return Acted(started.link_id, (before, pair.contact_id), started.activity_id, before)


async def _record_notes(tx: Tx, link: SyncLink) -> None:
    """Record the noted values of the link in the activity, because nothing is merged any more."""
    if not link.notes or link.xero_contact_id is None:
        return
    xero = (await xero_contacts.read(tx, [link.xero_contact_id]))[link.xero_contact_id]
    organisation = await organisations.get(tx, link.organisation_id)
    failures.record_notes(
        tx, link, await _name(tx, link), organisation.country_code, link.notes, readable_xero_values(xero)
    )


async def _name(tx: Tx, link: SyncLink) -> str:
    return (await tx.session.get_one(Contact, (tx.workspace, link.contact_id))).name
