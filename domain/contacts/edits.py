"""Changes of the practice's contacts by people and clients.

Two other modules write `contact`: `matching.plan` creates contacts from Xero, and `links.starting` writes the values that
contacts take over from Xero. A caller of `create` or `change` also calls `matching.issues.evaluate_contacts` in the same
transaction, because open issues depend on the contact.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from email_validator import EmailNotValidError, validate_email
from sqlmodel import col, select

from domain import activity, idempotency
from domain.decisions import kept_apart
from domain.fields.synced import SYNCED, Kind, Stored, Synced, loaded, mirror_values, shown, stored
from domain.fields.values import PostalAddress
from domain.fields.xero_limits import ADDRESS_LINES, LINE, XeroEnd, check_fit
from domain.links import statements
from domain.names import search_keys
from domain.names.classification import classify
from domain.names.text_keys import visible
from domain.problems import (
    Code,
    Problem,
    Refused,
    archived,
    control_characters,
    not_found,
    stale,
    too_long,
)
from domain.tables import ACTIVE, ActivityKind, Contact, ContactKind, EventKind, Side, SyncedField
from domain.tx import Tx

ADDRESS_LIMITS = {"city": 255, "region": 255, "postalCode": 50, "country": 50, "attentionTo": 255}
# Invisible characters that come with pasted text: marks of direction and order, soft hyphens, breaks without width. Those that
# join letters or keep them apart (U+200C, U+200D) belong to the spelling of Persian and Indian names, and stay.
_UNSEEN = dict.fromkeys(
    (0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF, *range(0x202A, 0x202F), *range(0x2060, 0x2070),
     *range(0xFFF9, 0xFFFC))
)  # fmt: skip
_LONGEST = {"firstName": 255, "lastName": 255}
_SYNCED = {one.api_name: one for one in SYNCED.values()}
# The fields that a person can set, by the schema's names, and their columns.
SETTABLE = {
    "firstName": "first_name",
    "lastName": "last_name",
    "kind": "kind",
    "contactTypeId": "contact_type_id",
    **{name: one.column for name, one in _SYNCED.items()},
}


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
    """These contacts by their ids, locked in the order of the ids."""
    found = await tx.session.scalars(
        select(Contact)
        .where(Contact.workspace_id == tx.workspace, col(Contact.id).in_(ids))
        .order_by(col(Contact.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {contact.id: contact for contact in found}


async def create(tx: Tx, given: Mapping[str, Any], idempotency_key: str | None = None) -> Contact:
    """Create a contact from values by the names of the schema. An address is a mapping.

    With an idempotency key that was used for the same input within 24 hours, the contact created then is returned.
    """
    values = clean(given, new=True)
    contact_id = uuid4()
    before = await idempotency.answered(tx, "createContact", idempotency_key, given, contact_id)
    if before is not None:
        return await lock(tx, before)
    await _check_type(tx, values, None)
    contact = Contact(
        workspace_id=tx.workspace,
        id=contact_id,
        created_at=tx.now,
        updated_at=tx.now,
        kind=ContactKind.ORGANISATION,
        name_key="",
        search_key="",
        field_times={},
        **{column: values[column] for column in SETTABLE.values() if column in values and column != "kind"},
    )
    _settle(tx, contact, values)
    tx.session.add(contact)
    await tx.session.flush()
    await kept_apart.contacts_came(tx, [contact.id])
    activity.record(tx, ActivityKind.CONTACT_CREATED, f"{contact.name} was created.", contact=contact.id)
    tx.publish(EventKind.CONTACT, contact.id)
    return contact


async def change(
    tx: Tx,
    contact_id: UUID,
    given: Mapping[str, Any],
    *,
    version: int | None = None,
    archived: bool | None = None,
    bulk: bool = False,
    typed: bool = True,
) -> Contact:
    """Change the fields in `given`, by the names of the schema; None clears a field. The contact's links become due.

    `bulk`: the change is one of many, and nobody waits for it. `typed`: check the new values against Xero's limits. A value
    that the contact has already, perhaps from Xero, is never checked.
    """
    contact = await lock(tx, contact_id)
    if version is not None and version != contact.version:
        raise stale("contact")
    told = {name: value for name, value in given.items() if not _is_held(contact, name, value)}
    values = clean(told, new=False) if typed else {SETTABLE[name]: value for name, value in told.items()}
    await _check_type(tx, values, contact.contact_type_id)
    changes = _differences(contact, values)
    await _fit_xero(tx, contact_id, values, changes)
    archiving = archived is not None and archived != (contact.archived_at is not None)
    if not changes and not archiving and not ("kind" in values and contact.confidence is not None):
        return contact
    for column, value in values.items():
        if column != "kind":
            setattr(contact, column, value)
    if archiving:
        contact.archived_at = tx.now if archived else None
    _settle(tx, contact, values, {change.field for change in changes})
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


def _is_held(contact: Contact, name: str, value: Any) -> bool:
    held, one = getattr(contact, SETTABLE[name]), _SYNCED.get(name)
    if one is not None and one.kind is Kind.ADDRESS:
        return bool(value) and PostalAddress.from_json(value) == PostalAddress.from_json(held)
    return (one is not None or name in _LONGEST) and value is not None and value == held


def clean(given: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """The values by column: trimmed, with a blank as None. Refuses all that is wrong with them at once."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name, column in SETTABLE.items():
        one = _SYNCED.get(name)
        if name not in given and not (new and one is not None and one.required):
            continue
        value = given.get(name)
        if one is not None:
            values[column] = _clean_synced(one, value, problems)
        elif name in _LONGEST:
            values[column] = _clean_text(value, _LONGEST[name], (name,), problems)
        else:
            values[column] = value
    if "kind" in values and values["kind"] is None and not new:
        problems.append(
            Problem(
                Code.REQUIRED,
                "The kind cannot be made blank. Give PERSON or ORGANISATION, or leave `kind` out.",
                ("kind",),
            )
        )
    if problems:
        raise Refused(problems)
    return values


def _clean_synced(one: Synced, value: Any, problems: list[Problem]) -> Stored:
    path = (one.api_name,)
    if one.kind is Kind.ADDRESS:
        return _clean_address(value, one.api_name, problems)
    text = _clean_text(value, one.longest, path, problems)
    if text is None and one.required:
        problems.append(
            Problem(
                Code.REQUIRED,
                f"A contact needs a {one.words}. Give `{one.api_name}` at least one visible character.",
                path,
            )
        )
    if text and one.kind is Kind.EMAIL and not _is_email(text):
        problems.append(
            Problem(
                Code.INVALID, "This is not an email address. Give one address, such as ann@example.com.", path
            )
        )
    if text and one.kind is Kind.PHONE and not any(c.isdigit() for c in text):
        problems.append(Problem(Code.INVALID, "A phone number needs at least one digit.", path))
    return text


def _clean_text(value: Any, limit: int, path: tuple[str, ...], problems: list[Problem]) -> str | None:
    text = (value or "").translate(_UNSEEN).strip()
    if not visible(text).strip():
        return None
    if len(text) > limit:
        problems.append(too_long(limit, len(text), *path))
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        problems.append(control_characters(*path))
    return text


def _clean_address(value: Mapping[str, Any] | None, name: str, problems: list[Problem]) -> Stored:
    if value is None:
        return None
    given = list(value.get("lines") or ())
    if len(given) > ADDRESS_LINES:
        problems.append(
            Problem(
                Code.TOO_MANY,
                f"An address has at most {ADDRESS_LINES} lines, and this one has {len(given)}. Join some of them.",
                (name, "lines"),
            )
        )
    lines = [_clean_text(line, LINE, (name, "lines", str(n)), problems) for n, line in enumerate(given)]
    parts = {
        part: _clean_text(value.get(part), limit, (name, part), problems)
        for part, limit in ADDRESS_LIMITS.items()
    }
    return stored(PostalAddress.from_json({"lines": lines, **parts}))


def _is_email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return False
    return True


async def _check_type(tx: Tx, values: Mapping[str, Any], held: UUID | None) -> None:
    """Lock the contact type, so that nobody archives it now. A contact may keep an archived type that it has."""
    wanted = values.get("contact_type_id")
    if wanted is None or wanted == held:
        return
    found = await tx.row(
        "select archived_at from contact_type where workspace_id = :ws and id = :id for share", id=wanted
    )
    if found is None:
        raise Refused([not_found("contact type", "contactTypeId")])
    if found["archived_at"] is not None:
        raise Refused([archived("contact type", "updateContactType", "contactTypeId")])


async def _fit_xero(
    tx: Tx, contact_id: UUID, values: Mapping[str, Any], changes: Sequence[activity.Change]
) -> None:
    """Refuse typed values that a linked organisation would refuse."""
    changed = {SyncedField(change.field) for change in changes if change.field in set(SyncedField)}
    if not changed:
        return
    linked = await tx.rows(
        "select o.country_code, x.* from sync_link l join organisation o on o.workspace_id = :ws"
        " and o.id = l.organisation_id left join xero_contact x on x.workspace_id = :ws and x.id = l.xero_contact_id"
        " where l.workspace_id = :ws and l.contact_id = :contact"
        f" and l.state in {ACTIVE}",
        contact=contact_id,
    )
    typed = {field: loaded(field, values[one.column]) for field, one in SYNCED.items() if field in changed}
    check_fit(typed, [XeroEnd(row["country_code"], mirror_values(row)) for row in linked])


def _differences(contact: Contact, values: Mapping[str, Any]) -> list[activity.Change]:
    fields: dict[str, str] = {one.column: field for field, one in SYNCED.items()}
    return [
        activity.Change(
            fields.get(column, name),
            _text(getattr(contact, column)),
            _text(values[column]),
            Side.PRACTICE,
            getattr(contact, column) if column in fields else None,
            restorable=column in fields,
        )
        for name, column in SETTABLE.items()
        if column in values and values[column] != getattr(contact, column)
    ]


def _text(value: Any) -> str | None:
    return None if value is None else shown(value) if isinstance(value, Mapping) else str(value)


def _settle(tx: Tx, contact: Contact, values: Mapping[str, Any], changed: set[str] | None = None) -> None:
    """Set what follows from the values: kind, keys, and the time of each synced field."""
    if values.get("kind") is not None:
        contact.kind = ContactKind(values["kind"])
        contact.confidence, contact.reasons, contact.needs_review = None, None, False
    elif changed is None:
        found = classify(contact.name, contact.first_name, contact.last_name, contact.billing_email)
        contact.kind = ContactKind(found.kind)
        contact.confidence, contact.reasons = found.confidence, list(found.reasons)
        contact.needs_review = found.needs_review
    keys = search_keys.columns(
        contact.name, contact.billing_email, contact.primary_phone, contact.billing_address
    )
    for column, key in keys.items():
        setattr(contact, column, key)
    times = {str(field): tx.now.isoformat() for field in SyncedField if changed is None or field in changed}
    contact.field_times = {**contact.field_times, **times}
