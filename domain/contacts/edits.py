"""Changes of the practice's contacts by people and clients.

Three other modules write `contact`: `contacts.creation` creates contacts for people and clients, `matching.plan` creates contacts
from Xero, and `links.starting` writes the values that contacts take over from Xero. A caller of `change` also calls
`matching.issues.evaluate_contacts` in the same transaction, because open issues depend on the contact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET, UnsetType
from sqlmodel import col, select

from domain import activity
from domain.contacts.cleaning import clean_identifiers, clean_synced, clean_text, plain
from domain.fields import identifiers
from domain.fields.identifiers import Identifier
from domain.fields.synced import (
    SYNCED,
    Values,
    columns,
    loaded,
    practice_values,
    shown,
    stored,
    with_readable_mirror_values,
)
from domain.fields.values import XeroValue
from domain.fields.xero_limits import XeroEnd, check_fit
from domain.links import statements
from domain.links.link import KEYS_LEFT_OUT
from domain.names import search_keys
from domain.names.classification import classify
from domain.names.made_up import made_up_name
from domain.problems import (
    Code,
    Problem,
    Refused,
    archived,
    not_found,
    stale,
)
from domain.tables import (
    ACTIVE,
    ActivityKind,
    Contact,
    ContactKind,
    ContactType,
    EventKind,
    IdentifierKind,
    Side,
    SyncedField,
)
from domain.tx import Tx

_LONGEST = 255
# The fields that a person can set in addition to the synced fields, by the schema's names, and their columns.
_OWN = {
    "firstName": "first_name",
    "lastName": "last_name",
    "kind": "kind",
    "contactTypeId": "contact_type_id",
}


class _XeroEnd(NamedTuple):
    country_code: str | None
    values: dict[SyncedField, XeroValue]


async def find(tx: Tx, contact_id: UUID) -> Contact | None:
    return await tx.session.get(Contact, (tx.workspace, contact_id))


async def lock(tx: Tx, contact_id: UUID, *path: str) -> Contact:
    """Lock the contact until the transaction ends. Refused if the contact is unknown."""
    key = (tx.workspace, contact_id)
    contact = await tx.session.get(Contact, key, with_for_update=True, populate_existing=True)
    if contact is None:
        raise Refused([not_found("contact", *(path or ("contactId",)))])
    return contact


async def lock_many(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Contact]:
    """Lock the contacts with these ids, in the order of the ids, and return each by its id."""
    found = await tx.session.scalars(
        select(Contact)
        .where(Contact.workspace_id == tx.workspace, col(Contact.id).in_(ids))
        .order_by(col(Contact.id))
        .options(*KEYS_LEFT_OUT)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {contact.id: contact for contact in found}


@dataclass(frozen=True)
class Given:
    """The values that a client gives of a contact. None makes a value blank. An UNSET member stays as it is, and so does a synced
    field that `values` leaves out. An address has its parts as a person typed them."""

    values: Values = field(default_factory=dict)
    first_name: str | UnsetType | None = UNSET
    last_name: str | UnsetType | None = UNSET
    kind: ContactKind | UnsetType | None = UNSET
    contact_type_id: UUID | UnsetType | None = UNSET
    identifiers: Sequence[Identifier] | UnsetType | None = UNSET

    def as_json(self) -> dict[str, object]:
        """The given values, by the names of the schema."""
        own: dict[str, object] = {name: getattr(self, column) for name, column in _OWN.items()}
        if self.identifiers is not UNSET:
            own["identifiers"] = [one.as_json() for one in self.identifiers or ()]
        synced = {SYNCED[name].api_name: stored(value) for name, value in self.values.items()}
        return {name: value for name, value in own.items() if value is not UNSET} | synced


async def lock_all(tx: Tx, ids: Sequence[UUID]) -> None:
    """Lock the contacts in the order of their ids, before each of many changes reads its own."""
    await tx.ids(
        "select id from contact where workspace_id = :ws and id = any(:ids) order by id for update",
        ids=list(ids),
    )


async def change(
    tx: Tx,
    contact_id: UUID,
    given: Given,
    *,
    version: int | None = None,
    archived: bool | None = None,
    bulk: bool = False,
    typed: bool = True,
) -> Contact:
    """Change what is given. The contact's links become due.

    `bulk`: the change is one of many, and no person waits for it. `typed`: check the new values against Xero's limits. A value
    that the contact has already, perhaps from Xero, is never checked.
    """
    contact = await lock(tx, contact_id)
    if version is not None and version != contact.version:
        raise stale("contact")
    told = _without_held(contact, given)
    values = clean(told, new=False) if typed else told
    await _check_type(tx, values, contact.contact_type_id)
    check_identifiers(contact, values)
    changes = _differences(contact, values)
    await _fit_xero(tx, contact_id, values, changes)
    archiving = archived is not None and archived != (contact.archived_at is not None)
    if not changes and not archiving and not (values.kind is not UNSET and contact.confidence is not None):
        return contact
    write(tx, contact, values, {change.field for change in changes})
    if archiving:
        contact.archived_at = tx.now if archived else None
    contact.version += 1
    contact.updated_at = tx.now
    await tx.session.flush()
    verb = {True: "archived", False: "brought back", None: "changed"}[archived if archiving else None]
    entry = activity.record(
        tx, ActivityKind.CONTACT_CHANGED, f"{contact.name} was {verb}.", contact=contact.id, changes=changes
    )
    moved = {field for field in SyncedField if field in {change.field for change in changes}}
    await statements.mark_due(tx, contact.id, moved, entry=entry, bulk=bulk)
    tx.publish(EventKind.CONTACT, contact.id)
    return contact


def write(tx: Tx, contact: Contact, values: Given, changed: set[str] | None = None) -> None:
    """Write the given values, and what follows from them. `changed`: the fields that differ; None for a new contact."""
    for column in _OWN.values():
        value = getattr(values, column)
        if value is not UNSET and column != "kind":
            setattr(contact, column, value)
    for column, value in columns(values.values).items():
        setattr(contact, column, value)
    if values.identifiers is not UNSET:
        contact.identifiers = [one.as_json() for one in values.identifiers or ()]
        contact.identifier_keys = identifiers.keys_of(values.identifiers or ())
    _settle(tx, contact, values, changed)


def _without_held(contact: Contact, given: Given) -> Given:
    """The given values, without the names and synced values that the contact has already."""
    first, last = given.first_name, given.last_name
    return replace(
        given,
        first_name=UNSET if first is not None and first == contact.first_name else first,
        last_name=UNSET if last is not None and last == contact.last_name else last,
        values={
            field: value
            for field, value in given.values.items()
            if value is None or plain(value) != loaded(field, getattr(contact, SYNCED[field].column))
        },
    )


def clean(given: Given, *, new: bool) -> Given:
    """The values trimmed, with a blank as None. Refuses all that is wrong with them at once."""
    problems: list[Problem] = []
    first, last = (
        value if value is UNSET else clean_text(value, _LONGEST, (name,), problems)
        for name, value in (("firstName", given.first_name), ("lastName", given.last_name))
    )
    values = {
        field: clean_synced(one, given.values.get(field), problems)
        for field, one in SYNCED.items()
        if field in given.values or (new and one.required)
    }
    if given.kind is None and not new:
        problems.append(
            Problem(
                Code.REQUIRED,
                "The kind cannot be made blank. Give PERSON or ORGANISATION, or leave `kind` out.",
                ("kind",),
            )
        )
    numbers = given.identifiers
    if numbers is not UNSET:
        numbers = clean_identifiers(numbers or (), problems)
    if problems:
        raise Refused(problems)
    return replace(given, first_name=first, last_name=last, values=values, identifiers=numbers)


def check_identifiers(contact: Contact, given: Given) -> None:
    """Refuse a GST number of a New Zealander: it is the person's IRD number, a personal tax number."""
    if given.identifiers is UNSET and given.kind is UNSET:
        return
    kind = contact.kind if given.kind is UNSET or given.kind is None else given.kind
    held = identifiers.of_stored(contact.identifiers)
    numbers = held if given.identifiers is UNSET else given.identifiers or ()
    if kind is ContactKind.PERSON and any(one.kind is IdentifierKind.GST and one.valid for one in numbers):
        message = (
            "A person's GST number in New Zealand is the person's IRD number, a personal tax number, which Tandem does not"
            " keep. Leave it out of `identifiers`, or say that the contact is an ORGANISATION."
        )
        path = ("kind",) if given.identifiers is UNSET else ("identifiers",)
        raise Refused([Problem(Code.INVALID, message, path)])


async def _check_type(tx: Tx, values: Given, held: UUID | None) -> None:
    """Lock the contact type, so that it cannot be archived now. A contact may keep an archived type that it has."""
    wanted = values.contact_type_id
    if wanted is UNSET or wanted is None or wanted == held:
        return
    found = await tx.session.get(
        ContactType, (tx.workspace, wanted), with_for_update={"read": True}, populate_existing=True
    )
    if found is None:
        raise Refused([not_found("contact type", "contactTypeId")])
    if found.archived_at is not None:
        raise Refused([archived("contact type", "updateContactType", "contactTypeId")])


async def _fit_xero(tx: Tx, contact_id: UUID, given: Given, changes: Sequence[activity.Change]) -> None:
    """Refuse typed values that a linked organisation would refuse."""
    changed = {SyncedField(change.field) for change in changes if change.field in set(SyncedField)}
    if not changed:
        return
    held = ", ".join(f"x.{one.xero_column}" for one in SYNCED.values())
    linked = await tx.read(
        with_readable_mirror_values(_XeroEnd),
        f"select o.country_code, {held} from sync_link l join organisation o on o.workspace_id = :ws"
        " and o.id = l.organisation_id left join xero_contact x on x.workspace_id = :ws and x.id = l.xero_contact_id"
        " where l.workspace_id = :ws and l.contact_id = :contact"
        f" and l.state in {ACTIVE}",
        contact=contact_id,
    )
    typed = {field: value for field, value in given.values.items() if field in changed}
    check_fit(typed, [XeroEnd(row.country_code, row.values) for row in linked])


def _differences(contact: Contact, given: Given) -> list[activity.Change]:
    own = [
        activity.Change(name, _text(getattr(contact, column)), _text(value), Side.PRACTICE)
        for name, column in _OWN.items()
        if (value := getattr(given, column)) is not UNSET and value != getattr(contact, column)
    ]
    held = practice_values(contact)
    synced = [
        activity.Change(
            field,
            shown(held[field]),
            shown(value),
            Side.PRACTICE,
            stored(held[field]),
            restorable=held[field] is not None or not SYNCED[field].required,
        )
        for field, value in given.values.items()
        if value != held[field]
    ]
    return [*own, *_identifiers_changed(contact, given), *synced]


def _identifiers_changed(contact: Contact, given: Given) -> list[activity.Change]:
    if given.identifiers is UNSET:
        return []
    before, after = identifiers.of_stored(contact.identifiers), list(given.identifiers or ())
    if before == after:
        return []
    return [
        activity.Change("identifiers", identifiers.shown(before), identifiers.shown(after), Side.PRACTICE)
    ]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _settle(tx: Tx, contact: Contact, given: Given, changed: set[str] | None) -> None:
    """Set the columns that follow from the values: kind, keys, and the time of each synced field."""
    if isinstance(given.kind, ContactKind):
        contact.kind = given.kind
        contact.confidence, contact.reasons, contact.needs_review = None, None, False
    elif changed is None:
        found = classify(contact.name, contact.first_name, contact.last_name, contact.billing_email)
        contact.kind = ContactKind(found.kind)
        contact.confidence, contact.reasons = found.confidence, list(found.reasons)
        contact.needs_review = found.needs_review
    if changed is None or SyncedField.NAME in changed:
        contact.name_made_up = False
    if contact.name_made_up:
        contact.name = made_up_name(contact.first_name, contact.last_name, contact.billing_email)
    keys = search_keys.of_values(practice_values(contact), contact.name, identifiers=contact.identifier_keys)
    for column, key in keys.items():
        setattr(contact, column, key)
    times = {str(field): tx.now.isoformat() for field in SyncedField if changed is None or field in changed}
    contact.field_times = {**contact.field_times, **times}
