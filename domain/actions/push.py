"""Pushes: practice contacts that a person sends to Xero, whatever the filter says.

The mirror is looked in first, so that nobody makes a second contact unawares; what only Xero knows shows on the link
later. One number for each push (`domain.links.push_numbers`) makes it one contact, however often it is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from domain import activity
from domain.connection import organisations
from domain.contacts import edits as contact_edits
from domain.fields.merge import Winner
from domain.inbound import link_endings
from domain.links import decisions, push_numbers
from domain.links import starting as link_starting
from domain.links.starting import Acted, Pair, practice_values
from domain.matching import issues
from domain.problems import Code, Problem, Refused, refuse
from domain.tables import (
    ActivityKind,
    Contact,
    EventKind,
    LinkOrigin,
    SyncedField,
    SyncLink,
    SyncState,
    XeroContactStatus,
)
from domain.tx import Tx

MOST_EXISTING = 10


@dataclass(frozen=True)
class Wish:
    """`link_to`: a Xero contact (our row) to link instead, with the fields in which the practice's value holds."""

    contact_id: UUID
    organisation_id: UUID
    version: int | None = None
    link_to: UUID | None = None
    keep_practice: Sequence[SyncedField] = field(default=())
    create_anyway: bool = False


class Existing(Refused):
    """Xero has contacts that may be the same one: `xero_contact_ids`, our rows, the likeliest first."""

    def __init__(self, problem: Problem, xero_contact_ids: Sequence[UUID]) -> None:
        super().__init__([problem])
        self.xero_contact_ids = tuple(xero_contact_ids)


async def push(tx: Tx, wish: Wish, *, bulk: bool = False) -> Acted:
    """The contact is linked afterwards: PENDING until Xero has it, or with `link_to` as a confirmed match is. A push
    that is under way is the answer to a repeated one. Within `issues.each`, which holds the locks."""
    organisation = await organisations.lock_syncing(tx, wish.organisation_id)
    contact = await contact_edits.lock(tx, wish.contact_id)
    if wish.version is not None and wish.version != contact.version:
        raise refuse(Code.STALE_VERSION, "Somebody changed this contact since you read it.", "version")
    present = await link_starting.active(tx, organisation["id"], "contact_id", contact.id)
    if present is not None and present["state"] in (SyncState.PENDING, SyncState.FAILING):
        return Acted(present["id"], ())
    if present is not None:
        raise refuse(
            Code.ALREADY_LINKED,
            "This contact is linked in this organisation already; unsync that link first.",
            "contactId",
        )
    if contact.archived_at is not None:
        raise refuse(Code.WRONG_STATE, "This contact is archived; bring it back first.", "contactId")
    if wish.link_to is not None:
        return await _link(tx, organisation, contact, wish, bulk)
    await _look_for_existing(tx, organisation["id"], contact, wish.create_anyway)
    check_whole(organisation, contact, "contactId")
    given_up = await tx.row(
        "select id from sync_link where workspace_id = :ws and organisation_id = :organisation"
        " and contact_id = :contact and state = 'UNSYNCED' and xero_contact_id is null",
        organisation=organisation["id"], contact=contact.id,
    )  # fmt: skip
    return await create(tx, organisation, contact, given_up["id"] if given_up else None, bulk=bulk)


async def create(
    tx: Tx, organisation: Mapping[str, Any], contact: Contact, link_id: UUID | None, *, bulk: bool = False
) -> Acted:
    """A contact to be created in Xero, with a link of its own or with one that had ended. A push that was given up
    before Xero had it goes on under its number, as it may have landed; any other draws a new one."""
    before = await link_starting.find(tx, link_id) if link_id is not None else None
    resumed = before is not None and before["xero_contact_id"] is None and before["contact_number"]
    key = link_id or uuid4()
    row: dict[str, Any] = {
        "state": SyncState.PENDING, "state_since": tx.now, "origin": LinkOrigin.PUSHED_TO_XERO,
        "linked_at": tx.now, "last_synced_at": None, "base_practice": {}, "base_xero": {},
        "xero_contact_id": None, "conflicts": [], "due_at": tx.now, "bulk": bulk,
        "contact_number": resumed or await push_numbers.draw(tx, organisation["id"], key),
    }  # fmt: skip
    if before is not None:
        await link_starting.begin_again(tx, {"workspace_id": tx.workspace, "id": key, **row})
    else:
        ends = {"organisation_id": organisation["id"], "contact_id": contact.id}
        await tx.session.execute(
            sa.insert(SyncLink), [{"workspace_id": tx.workspace, "id": key, **ends, **row}]
        )
    entry = activity.record(
        tx, ActivityKind.LINKED, f"{contact.name} is to be created in Xero.",
        organisation=organisation["id"], contact=contact.id, link=key,
    )  # fmt: skip
    tx.publish(EventKind.LINK, key, organisation=organisation["id"], activity=entry)
    tx.publish(EventKind.CONTACT, contact.id)
    tx.notify_workers()
    return Acted(key, (contact.id,), entry)


def check_whole(organisation: Mapping[str, Any], contact: Contact, *path: str) -> None:
    """A contact is created whole: refused where Xero would not take all of it."""
    contact_edits.check_fit(
        practice_values(contact.model_dump()), [(organisation["country_code"], None)], *path
    )


async def name_is_free(tx: Tx, organisation_id: UUID, name_key: str, message: str, *path: str) -> None:
    """Refused (TAKEN) where an active contact in Xero holds the name: Xero would refuse it."""
    holders = await tx.rows(
        "select id from xero_contact where workspace_id = :ws and organisation_id = :organisation"
        " and name_key = :name and status = 'ACTIVE' and merged_to is null order by id limit 10",
        organisation=organisation_id, name=name_key,
    )  # fmt: skip
    if holders:
        raise Existing(Problem(Code.TAKEN, message, path), [row["id"] for row in holders])


async def _look_for_existing(tx: Tx, organisation_id: UUID, contact: Contact, create_anyway: bool) -> None:
    if create_anyway:
        await name_is_free(
            tx, organisation_id, contact.name_key,
            "An active contact in Xero has this name. Link that one, or rename one of the two.",
            "contactId",
        )  # fmt: skip
        return
    found = await tx.rows(
        "select id from xero_contact where workspace_id = :ws and organisation_id = :organisation"
        " and status in ('ACTIVE', 'ARCHIVED') and merged_to is null"
        " and (name_key = :name or email_key = cast(:email as text))"
        " order by name_key = :name desc, status, id limit :most",
        organisation=organisation_id, name=contact.name_key, email=contact.email_key, most=MOST_EXISTING,
    )  # fmt: skip
    if found:
        message = "Xero has a contact of this name or email. Link it, or create another one anyway."
        raise Existing(Problem(Code.LIKELY_DUPLICATE, message, ("contactId",)), [row["id"] for row in found])


async def _link(tx: Tx, organisation: Mapping[str, Any], contact: Contact, wish: Wish, bulk: bool) -> Acted:
    xero = await take_xero_contact(tx, organisation["id"], wish.link_to, "linkTo")
    await decisions.taken(tx, organisation["id"], contact.id, xero["id"])
    pair = Pair(
        contact.id, xero["id"], LinkOrigin.CONFIRMED, Winner.XERO,
        dict.fromkeys(wish.keep_practice, Winner.PRACTICE),
        restored=xero["status"] == XeroContactStatus.ARCHIVED, named_by="contactId",
    )  # fmt: skip
    [started] = await link_starting.start(tx, organisation, [pair], bulk=bulk)
    await issues.linked(tx, organisation["id"], xero["id"], started.link_id)
    return Acted(started.link_id, (contact.id,), started.activity_id)


async def take_xero_contact(
    tx: Tx, organisation_id: UUID, xero_contact_id: UUID | None, *path: str
) -> Mapping[str, Any]:
    """A Xero contact for a person to link, merges followed: refused where it is unknown here (NOT_FOUND), linked
    (ALREADY_LINKED), forgotten, or archived while another contact has its name, as Xero would not restore it."""
    row = await tx.row(
        "select * from xero_contact where workspace_id = :ws and organisation_id = :organisation and id = :id",
        organisation=organisation_id, id=xero_contact_id,
    )  # fmt: skip
    if row is None:
        raise refuse(Code.NOT_FOUND, "There is no such contact in this Xero organisation.", *path)
    merged = (await link_endings.find_survivors(tx, organisation_id, [row["id"]])).get(row["id"])
    xero = row if merged is None else merged.row
    if xero is None or xero["status"] == XeroContactStatus.GDPR_REQUEST:
        raise refuse(
            Code.WRONG_STATE,
            "Xero no longer holds this contact: it was forgotten there, or merged out of reach.",
            *path,
        )
    if await link_starting.active(tx, organisation_id, "xero_contact_id", xero["id"]) is not None:
        raise refuse(
            Code.ALREADY_LINKED, "This Xero contact is linked already; unsync that link first.", *path
        )
    if xero["status"] == XeroContactStatus.ARCHIVED:
        await name_is_free(
            tx, organisation_id, xero["name_key"] or "",
            "It is archived in Xero, and cannot be restored while an active contact there has its name: rename or"
            " archive that one.",
            *path,
        )  # fmt: skip
    return xero
