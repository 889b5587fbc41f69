"""Pushes: a person sends practice contacts to Xero, under every filter.

The mirror is searched first, so that nobody creates a second contact unknowingly. A name that is taken by a contact which
the mirror does not have yet becomes a failure of the link. Each push has one number (`domain.links.push_numbers`), so that
it creates one contact however often it is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID, uuid4

from domain import activity
from domain.connection import organisations
from domain.connection.organisation_copy import OrganisationCopy
from domain.contacts import edits as contact_edits
from domain.fields import identifiers
from domain.fields.merge import Winner
from domain.fields.synced import practice_values
from domain.fields.xero_limits import XeroEnd, check_fit
from domain.inbound import link_endings
from domain.links import ending, push_numbers
from domain.links import link as links
from domain.links import starting as link_starting
from domain.links.starting import Acted, Pair
from domain.matching import issues
from domain.mirror import xero_contacts
from domain.names.text_keys import keys_in_xero
from domain.problems import Code, Problem, Refused, not_found, refuse, stale
from domain.tables import (
    ACTIVE,
    ActivityKind,
    Contact,
    EventKind,
    IdentifierKind,
    LinkOrigin,
    SyncedField,
    SyncState,
    XeroContact,
    XeroContactStatus,
)
from domain.tx import Tx

MOST_EXISTING = 10


@dataclass(frozen=True)
class Wish:
    """A push. `link_to` is a Xero contact (a mirror row) to link instead, with the fields that keep the practice's value."""

    contact_id: UUID
    organisation_id: UUID
    version: int | None = None
    link_to: UUID | None = None
    keep_practice: Sequence[SyncedField] = field(default=())
    create_anyway: bool = False


class Existing(Refused):
    """Xero contacts (mirror rows) that may be the same contact, the likeliest first."""

    def __init__(self, problem: Problem, xero_contact_ids: Sequence[UUID]) -> None:
        super().__init__([problem])
        self.xero_contact_ids = tuple(xero_contact_ids)


async def push(tx: Tx, wish: Wish, *, bulk: bool = False) -> Acted:
    """Link the contact: PENDING until Xero has it, or as a confirmed match with `link_to`. Runs within `issues.each`.

    A repeated push returns the push that is under way.
    """
    organisation = await organisations.lock_syncing(tx, wish.organisation_id)
    contact = await contact_edits.lock(tx, wish.contact_id)
    if wish.version is not None and wish.version != contact.version:
        raise stale("contact")
    present = await links.active(tx, organisation.id, "contact_id", contact.id)
    if present is not None and present.state in (SyncState.PENDING, SyncState.FAILING):
        return Acted(present.id, ())
    if present is not None:
        raise refuse(
            Code.ALREADY_LINKED,
            "This contact is linked in this organisation already. Unsync that link first.",
            "contactId",
        )
    if contact.archived_at is not None:
        raise refuse(
            Code.WRONG_STATE, "This contact is archived. Bring it back with updateContact first.", "contactId"
        )
    if wish.link_to is not None:
        return await _link(tx, organisation, contact, wish, bulk)
    await _refuse_existing(tx, organisation.id, contact, wish.create_anyway)
    check_whole(organisation, contact, "contactId")
    given_up = await tx.ids(
        "select id from sync_link where workspace_id = :ws and organisation_id = :organisation"
        " and contact_id = :contact and state = 'UNSYNCED' and xero_contact_id is null limit 1",
        organisation=organisation.id, contact=contact.id,
    )  # fmt: skip
    return await create(tx, organisation, contact, given_up[0] if given_up else None, bulk=bulk)


async def create(
    tx: Tx, organisation: OrganisationCopy, contact: Contact, link_id: UUID | None, *, bulk: bool = False
) -> Acted:
    """Create a link for a contact that is to be created in Xero, or reuse an ended link.

    A push that was given up before Xero had the contact resumes under its number, because it may have landed. Any other
    push draws a new number.
    """
    before = await links.find(tx, link_id) if link_id is not None else None
    resumed = before.contact_number if before is not None and before.xero_contact_id is None else None
    key = link_id or uuid4()
    fresh = link_starting.Fresh(
        contact_id=contact.id, xero_contact_id=None,
        state=links.next_state(conflicts=False, failing=False, waiting=True), origin=LinkOrigin.PUSHED_TO_XERO,
        last_synced_at=None, base_practice={}, base_xero={}, conflicts=[], due_at=tx.now, bulk=bulk,
        contact_number=resumed or await push_numbers.draw(tx, organisation.id, key),
    )  # fmt: skip
    if before is not None:
        await link_starting.begin_again(tx, key, fresh)
    else:
        await link_starting.insert(tx, organisation.id, {key: fresh})
    entry = activity.record(
        tx, ActivityKind.LINKED, f"{contact.name} is to be created in Xero.",
        organisation=organisation.id, contact=contact.id, link=key,
    )  # fmt: skip
    tx.publish(EventKind.LINK, key, organisation=organisation.id, activity=entry)
    tx.publish(EventKind.CONTACT, contact.id)
    tx.notify_workers()
    return Acted(key, (contact.id,), entry)


def check_whole(organisation: OrganisationCopy, contact: Contact, *path: str) -> None:
    """Refuse a contact of which Xero would not take every value: a contact is created whole."""
    check_fit(practice_values(contact), [XeroEnd(organisation.country_code, {})], *path)


@dataclass(frozen=True)
class _Namesake:
    """A Xero contact with the name, a number or the email of the contact that is pushed.

    `same_key`: the names have one key; otherwise they are equal once Xero has dropped some characters. `taken`: Xero surely
    drops those. `numbers`, `our_numbers`: the
    keys of the official numbers of the two. `account`: the account number that both have. `linked_to`: the name of the
    practice contact that it is linked to now. `restorable`: it is active, or archived under a name that no active contact has.
    """

    id: UUID
    name: str | None
    has_name: bool
    same_key: bool
    taken: bool
    active: bool
    restorable: bool
    linked_to: str | None
    numbers: Sequence[str]
    our_numbers: Sequence[str]
    account: str | None

    @property
    def linkable(self) -> bool:
        return self.restorable and self.linked_to is None

    @property
    def blocks(self) -> bool:
        """Whether it blocks a create: Xero accepts no second active contact with the same name."""
        return self.taken and self.active

    @property
    def described(self) -> str:
        number = identifiers.same(self.our_numbers, self.numbers) or (
            self.account and f"account number {self.account}"
        )
        shared = "this name" if self.has_name else f"the same {number}" if number else "this email"
        stored = ", without the characters that Xero drops" if self.has_name and not self.same_key else ""
        kind = "" if self.active else "archived "
        link = (
            f" and is linked to the practice contact '{self.linked_to}'" if self.linked_to is not None else ""
        )
        differ = identifiers.differing(self.our_numbers, self.numbers)
        but = f", but {differ[1]} where this contact has {differ[0]}" if differ else ""
        return f"The {kind}Xero contact {_quoted(self.name)} has {shared}{stored}{but}{link}."


class Names(NamedTuple):
    """The keys under which Xero may hold a name, and those of them by which Xero `surely` compares it, the name's own first."""

    every: Sequence[str] = ()
    surely: Sequence[str] = ()


def names_of(contact: Contact) -> Names:
    """None of a name that Tandem made up."""
    if not contact.name_key:
        return Names()
    surely = keys_in_xero(contact.name, surely=True)
    return Names(keys_in_xero(contact.name), surely)


class _Numbers(NamedTuple):
    """The numbers of a contact: the keys of official ones, and account numbers as written. `searched`: Xero contacts are
    searched by them; else they are only compared."""

    keys: Sequence[str] = ()
    accounts: Sequence[str] = ()
    searched: bool = False


async def _namesakes(
    tx: Tx,
    organisation_id: UUID,
    names: Names,
    email_key: str | None = None,
    numbers: _Numbers | None = None,
) -> list[_Namesake]:
    """At most 10 Xero contacts that may be this contact: first those with one of the names, then those with a number, then
    those with the email only. Active contacts come before archived contacts. A contact that Xero does not show any more is
    left out."""
    known = numbers or _Numbers()
    return await tx.read(
        _Namesake,
        "with numbered as materialized (select id from door.numbered_xero_contacts(:organisation,"
        "  cast(:searched_keys as text[]), cast(:searched_accounts as text[])) n(id))"
        " select x.id, x.name, coalesce(x.name_key = any(:names), false) as has_name,"
        " x.name_key is not distinct from cast(:name as text) as same_key, coalesce(x.name_key = any(:surely), false) as taken,"
        " x.status = 'ACTIVE' as active, c.name as linked_to,"
        " x.identifier_keys as numbers, cast(:keys as text[]) as our_numbers,"
        " (select a.number from unnest(cast(:accounts as text[])) a(number) where x.identifiers"
        "   @> jsonb_build_array(jsonb_build_object('kind', 'ACCOUNT_NUMBER', 'value', a.number)) limit 1) as account,"
        " x.status = 'ACTIVE' or not exists (select 1 from xero_contact y where y.workspace_id = :ws"
        "  and y.organisation_id = :organisation and y.name_key = x.name_key and y.status = 'ACTIVE'"
        "  and y.missing_since is null) as restorable"
        " from xero_contact x left join sync_link l on l.workspace_id = :ws and l.organisation_id = :organisation"
        f"  and l.xero_contact_id = x.id and l.state in {ACTIVE}"
        " left join contact c on c.workspace_id = :ws and c.id = l.contact_id"
        " where x.workspace_id = :ws and x.organisation_id = :organisation"
        " and x.status in ('ACTIVE', 'ARCHIVED') and x.merged_to is null and x.missing_since is null"
        " and (x.name_key = any(:names) or x.email_key = cast(:email as text) or x.id = any(array(select id from numbered)))"
        " order by has_name desc, x.id in (select id from numbered) desc, x.status, x.id limit :most",
        organisation=organisation_id, names=list(names.every), surely=list(names.surely),
        name=next(iter(names.surely), None), email=email_key, most=MOST_EXISTING, keys=list(known.keys),
        accounts=list(known.accounts), searched_keys=list(known.keys) if known.searched else [],
        searched_accounts=list(known.accounts) if known.searched else [],
    )  # fmt: skip


async def name_is_free(tx: Tx, organisation_id: UUID, names: Names, advice: str, *path: str) -> None:
    """Refuse (TAKEN) a name that an active Xero contact holds, because Xero would refuse it. The message names
    that contact and the contact that it is linked with, and ends with `advice`."""
    holders = [one for one in await _namesakes(tx, organisation_id, names) if one.blocks]
    if holders:
        message = f"{holders[0].described} {advice}"
        raise Existing(Problem(Code.TAKEN, message, path), [one.id for one in holders])


async def _refuse_existing(tx: Tx, organisation_id: UUID, contact: Contact, create_anyway: bool) -> None:
    """Refused if Xero may have the contact already. LIKELY_DUPLICATE: `linkTo` or `createAnyway` helps, and the message
    says which; TAKEN: neither does."""
    email = None if create_anyway else contact.email_key
    accounts = [
        one.value
        for one in identifiers.of_stored(contact.identifiers)
        if one.kind is IdentifierKind.ACCOUNT_NUMBER
    ]
    numbers = _Numbers(contact.identifier_keys, accounts, searched=not create_anyway)
    found = await _namesakes(tx, organisation_id, names_of(contact), email, numbers)
    if create_anyway:
        found = [one for one in found if one.blocks]
    if found:
        raise Existing(_possible(found, create_anyway=create_anyway), [one.id for one in found])


def _quoted(name: str | None) -> str:
    """The name of a Xero contact in a sentence."""
    return f"'{name}'" if name else "without a name"


def _possible(found: Sequence[_Namesake], *, create_anyway: bool) -> Problem:
    """The problem that names the Xero contact which a push would duplicate, and says what a person can do."""
    blocking = next((one for one in found if one.blocks), None)
    linkable = next((one for one in found if one.linkable), None)
    first = blocking or linkable or found[0]
    told = first.described
    if blocking is not None:
        told += " Xero accepts no second active contact with the same name."
    unlink = "" if first.linked_to is None else ", or unsync that link and then use `linkTo`"
    if blocking is None and linkable is not None:
        advice = "Link a contact of `existing` with `linkTo`, or create another one with `createAnyway`."
    elif blocking is None:
        advice = f"Create another one with `createAnyway`{unlink}."
    elif linkable is not None and not create_anyway:
        advice = f"Link {_quoted(linkable.name)} with `linkTo`, or rename one of the two{unlink}."
    elif linkable is not None:
        advice = f"Link {_quoted(linkable.name)} with `linkTo` instead of `createAnyway`, or rename one of the two."
    else:
        advice = f"Rename one of the two{unlink}."
    hopeless = blocking is not None and (create_anyway or linkable is None)
    code = Code.TAKEN if hopeless else Code.LIKELY_DUPLICATE
    return Problem(code, f"{told} {advice}", ("contactId",))


async def _link(tx: Tx, organisation: OrganisationCopy, contact: Contact, wish: Wish, bulk: bool) -> Acted:
    xero = await take_xero_contact(tx, organisation.id, wish.link_to, "linkTo")
    await ending.end_contradicting(tx, organisation.id, contact.id, xero.id)
    pair = Pair(
        contact.id, xero.id, LinkOrigin.CONFIRMED, Winner.XERO,
        dict.fromkeys(wish.keep_practice, Winner.PRACTICE),
        restored=xero.status is XeroContactStatus.ARCHIVED, named_by="contactId",
    )  # fmt: skip
    [started] = await link_starting.start(tx, organisation, [pair], bulk=bulk)
    await issues.linked(tx, organisation.id, xero.id, started.link_id)
    return Acted(started.link_id, (contact.id,), started.activity_id)


async def take_xero_contact(
    tx: Tx, organisation_id: UUID, xero_contact_id: UUID | None, *path: str
) -> XeroContact:
    """Lock and return the Xero contact that a person wants to link; merges are followed. Refused if the Xero contact is
    unknown here (NOT_FOUND), linked (ALREADY_LINKED), forgotten, or not shown by Xero any more. Refused also if it is
    archived while another contact has its name: Xero would not restore it."""
    row = (await xero_contacts.read(tx, [xero_contact_id])).get(xero_contact_id) if xero_contact_id else None
    if row is None or row.organisation_id != organisation_id:
        raise Refused([not_found("contact of this Xero organisation", *path)])
    merged = (await link_endings.find_survivors(tx, organisation_id, [row.id])).get(row.id)
    xero = row if merged is None else merged.row
    if xero is None or xero.status is XeroContactStatus.GDPR_REQUEST:
        raise refuse(
            Code.WRONG_STATE,
            "Xero no longer has this contact: it was forgotten there, or merged into an unknown one. Choose another one.",
            *path,
        )
    if xero.missing_since is not None:
        raise refuse(
            Code.WRONG_STATE,
            "Xero does not show this contact any more. Choose another one; or change this one in Xero, so that Tandem reads it again.",
            *path,
        )
    linked = await links.active(tx, organisation_id, "xero_contact_id", xero.id)
    if linked is not None:
        holder = await contact_edits.find(tx, linked.contact_id)
        whom = f"to the practice contact '{holder.name}'" if holder else "already"
        message = (
            f"The Xero contact {_quoted(xero.name)} is linked {whom}. Unsync that link first, or choose another Xero"
            " contact."
        )
        raise refuse(Code.ALREADY_LINKED, message, *path)
    if xero.status is XeroContactStatus.ARCHIVED:
        own = [xero.name_key] if xero.name_key else []
        await name_is_free(
            tx, organisation_id, Names(own, own),
            "So the archived one cannot be restored in Xero. Rename or archive the active one there first.",
            *path,
        )  # fmt: skip
    return xero
