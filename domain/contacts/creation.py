"""New contacts of the practice, one or many, as people and clients give them. The number of statements is the same for one
contact and for many.

A caller also calls `matching.issues.evaluate_contacts` in the same transaction, because open issues depend on the contacts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID, uuid4, uuid5

from sqlmodel import col, select

from domain import activity, idempotency
from domain.contacts import edits
from domain.contacts.edits import Given
from domain.decisions import kept_apart
from domain.idempotency import Request
from domain.problems import Code, Refused, archived, not_found, refuse
from domain.tables import ActivityKind, Contact, ContactKind, ContactType, EventKind
from domain.tx import Tx

ONE, MANY = "createContact", "createContacts"  # the operations of the keys


@dataclass(frozen=True)
class New:
    """A contact to create, or why its input was refused. `key`: the client's idempotency key for this contact."""

    given: Given | Refused
    key: str | None = None

    def as_json(self) -> dict[str, object]:
        return {} if isinstance(self.given, Refused) else self.given.as_json()


class _Same(NamedTuple):
    name_key: str
    email_key: str | None
    name: str
    is_archived: bool


async def create(tx: Tx, given: Given, idempotency_key: str | None = None) -> Contact:
    """Create a contact. With an idempotency key that was used for the same input within 24 hours, the contact created then is
    returned."""
    [done] = await create_all(tx, [New(given, idempotency_key)])
    if isinstance(done, Refused):
        raise done
    return done


async def create_all(
    tx: Tx, rows: Sequence[New], *, key: str | None = None, refuse_duplicates: bool = False
) -> list[Contact | Refused]:
    """Create the contacts. A row that is refused leaves the others created.

    `key`: an idempotency key for all rows together. A repetition of the call returns the contacts of the first call, and makes
    none. `refuse_duplicates`: refuse a row whose name and email are those of a contact of the practice or of an earlier row, by
    the keys of the matching rule. Of two calls with it, the second one waits for the first.
    """
    ids, is_repeated = await _ids(tx, rows, key, refuse_duplicates)
    values = [_clean(row.given) for row in rows]
    answers = await _answers(tx, rows, ids, values)
    earlier = await _earlier(tx, answers, ids, is_repeated)
    new = {
        place: (ids[place], given)
        for place, given in enumerate(values)
        if isinstance(given, Given) and answers[place] == ids[place] and ids[place] not in earlier
    }
    contacts = {place: _make(tx, *one) for place, one in new.items()}
    if is_repeated:
        refused = {place: _gone() for place in contacts}
    else:
        refused = await _refuse_types(tx, contacts) | _refuse_identifiers(contacts, new)
    if refuse_duplicates:
        refused |= await _refuse_duplicates(tx, _without(contacts, refused))
    contacts = _without(contacts, refused)
    await idempotency.forget(tx, ONE, [own for place in refused if (own := rows[place].key) is not None])
    await _insert(tx, list(contacts.values()))
    made = earlier | {one.id: one for one in contacts.values()}
    why = {ids[place]: refusal for place, refusal in refused.items()}
    return [
        answer if isinstance(answer, Refused) else made.get(answer) or why.get(answer) or _gone()
        for answer in answers
    ]


async def _ids(
    tx: Tx, rows: Sequence[New], key: str | None, refuse_duplicates: bool
) -> tuple[list[UUID], bool]:
    """The ids of the new contacts, and whether an earlier call with this key has had them. The ids follow from the call's
    id."""
    call = uuid4()
    asked = {
        "contacts": [{"key": row.key, **row.as_json()} for row in rows],
        "refuse": refuse_duplicates,
    }
    before = await idempotency.answered(tx, MANY, key, asked, call)
    return [uuid5(before or call, str(place)) for place in range(len(rows))], before is not None


def _clean(given: Given | Refused) -> Given | Refused:
    if isinstance(given, Refused):
        return given
    try:
        return edits.clean(given, new=True)
    except Refused as refused:
        return refused


async def _answers(
    tx: Tx, rows: Sequence[New], ids: Sequence[UUID], values: Sequence[Given | Refused]
) -> list[UUID | Refused]:
    """The id of each row's contact: its own, or that of the contact which the row's key has made. Or the refusal."""
    answers = [value if isinstance(value, Refused) else ids[place] for place, value in enumerate(values)]
    keyed = {
        place: Request(row.key, row.as_json(), ids[place])
        for place, row in enumerate(rows)
        if row.key is not None and not isinstance(answers[place], Refused)
    }
    if keyed:
        told = await idempotency.answered_all(tx, ONE, list(keyed.values()))
        for place, answer in zip(keyed, told, strict=True):
            answers[place] = answer
    return answers


async def _earlier(
    tx: Tx, answers: Sequence[UUID | Refused], ids: Sequence[UUID], is_repeated: bool
) -> dict[UUID, Contact]:
    """The contacts that earlier requests with the same keys have made, and that are still there."""
    own = set() if is_repeated else set(ids)
    wanted = {answer for answer in answers if isinstance(answer, UUID)} - own
    return await edits.lock_many(tx, list(wanted)) if wanted else {}


def _gone() -> Refused:
    return refuse(
        Code.WRONG_STATE,
        "An earlier request with this key left no contact here: it was refused then, or the contact was deleted since."
        " Use a new key to create the contact.",
        "idempotencyKey",
    )


def _without(contacts: Mapping[int, Contact], refused: Collection[int]) -> dict[int, Contact]:
    return {place: contact for place, contact in contacts.items() if place not in refused}


def _refuse_identifiers(
    contacts: Mapping[int, Contact], new: Mapping[int, tuple[UUID, Given]]
) -> dict[int, Refused]:
    """The rows with a number that Tandem does not keep."""
    refused = {}
    for place, contact in contacts.items():
        try:
            edits.check_identifiers(contact, new[place][1])
        except Refused as refusal:
            refused[place] = refusal
    return refused


async def _refuse_types(tx: Tx, contacts: Mapping[int, Contact]) -> dict[int, Refused]:
    """The rows whose contact type is unknown or archived. The types are locked, so that nobody archives them now."""
    wanted = {place: one.contact_type_id for place, one in contacts.items() if one.contact_type_id}
    if not wanted:
        return {}
    found = await tx.session.scalars(
        select(ContactType)
        .where(col(ContactType.workspace_id) == tx.workspace, col(ContactType.id).in_(set(wanted.values())))
        .order_by(col(ContactType.id))
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    types = {one.id: one for one in found}
    refused = {}
    for place, key in wanted.items():
        kind = types.get(key)
        if kind is None:
            refused[place] = Refused([not_found("contact type", "contactTypeId")])
        elif kind.archived_at is not None:
            refused[place] = Refused([archived("contact type", "updateContactType", "contactTypeId")])
    return refused


async def _refuse_duplicates(tx: Tx, contacts: Mapping[int, Contact]) -> dict[int, Refused]:
    """The rows that equal a contact of the practice or an earlier row, by name and email."""
    await tx.ids("select id from workspace where id = :ws for no key update")
    found = await tx.read(
        _Same,
        "select distinct on (c.name_key, c.email_key) c.name_key, c.email_key, c.name,"
        " c.archived_at is not null as is_archived from contact c"
        " join unnest(cast(:names as text[]), cast(:emails as text[])) as n (name_key, email_key)"
        " on c.name_key = n.name_key and c.email_key is not distinct from n.email_key"
        " where c.workspace_id = :ws and c.name_key <> '' order by c.name_key, c.email_key, c.archived_at nulls first",
        names=[one.name_key for one in contacts.values()],
        emails=[one.email_key for one in contacts.values()],
    )
    held = {
        (one.name_key, one.email_key): f"The{' archived' if one.is_archived else ''} contact {one.name}"
        for one in found
    }
    refused = {}
    for place, contact in contacts.items():
        same = (contact.name_key, contact.email_key)
        if contact.name_key and same in held:
            refused[place] = refuse(
                Code.TAKEN,
                f"{held[same]} has this name and this email already. Change that contact instead.",
                "name",
            )
        else:
            held[same] = f"Row {place} of this request"
    return refused


def _make(tx: Tx, contact_id: UUID, given: Given) -> Contact:
    contact = Contact(
        workspace_id=tx.workspace,
        id=contact_id,
        created_at=tx.now,
        updated_at=tx.now,
        kind=ContactKind.ORGANISATION,
        name="",
        name_key="",
        search_key="",
        identifiers=[],
        identifier_keys=[],
        field_times={},
    )
    edits.write(tx, contact, given)
    return contact


async def _insert(tx: Tx, contacts: Sequence[Contact]) -> None:
    if not contacts:
        return
    await tx.add_all(contacts)
    await kept_apart.contacts_came(tx, [contact.id for contact in contacts])
    await activity.record_all(
        tx,
        [
            activity.Entry(ActivityKind.CONTACT_CREATED, f"{contact.name} was created.", contact=contact.id)
            for contact in contacts
        ],
    )
    for contact in contacts:
        tx.publish(EventKind.CONTACT, contact.id)
