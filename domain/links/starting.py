"""The start of a link: every link starts here, in one function.

An action of a person holds the locks of all organisations first (`issues.evaluating`). So a link and its contact cannot
separate between the two locks that follow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypedDict
from uuid import UUID, uuid4

from sqlalchemy.orm.attributes import instance_dict
from sqlalchemy.orm.util import identity_key

from domain import activity
from domain.activity import Change
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.merge import FieldStart, Winner
from domain.fields.merge import start as start_field
from domain.fields.synced import (
    SYNCED,
    Values,
    as_practice,
    columns,
    practice_values,
    same,
    shown,
    stored,
    with_mirror_values,
    with_practice_values,
    without_made_up,
)
from domain.fields.values import Value, XeroValue
from domain.fields.xero_limits import XeroEnd, check_fit
from domain.links import link as links
from domain.links import statements
from domain.mirror import status_requests, xero_contacts
from domain.names import search_keys
from domain.names.made_up import made_up_name
from domain.tables import (
    ACTIVE,
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

_PRACTICE_COLUMNS = [one.column for one in SYNCED.values()]
_XERO_COLUMNS = [one.xero_column for one in SYNCED.values()]
_HOW = {
    LinkOrigin.FULL_MATCH: "a full match",
    LinkOrigin.CONFIRMED: "confirmed by a person",
    LinkOrigin.CREATED_FROM_XERO: "created from Xero",
    LinkOrigin.PUSHED_TO_XERO: "pushed to Xero",
    LinkOrigin.REMATCHED: "matched again",
}


@dataclass(frozen=True)
class Pair:
    """A pair to link, by the ids of our rows. `winners` holds the fields in which `winner` does not win.

    `link_id` is an ended link that begins again with this pair. `restored`: the Xero contact is archived and restored first.
    `named_by` is the place in a person's input. A person's pair is refused if Xero would refuse a value; for any other pair
    the link shows that.
    """

    contact_id: UUID
    xero_contact_id: UUID
    origin: LinkOrigin
    winner: Winner
    winners: Mapping[SyncedField, Winner] = field(default_factory=dict)
    link_id: UUID | None = None
    restored: bool = False
    named_by: str | None = None


@dataclass(frozen=True)
class Acted:
    """The result of an action. `activity_id` is its history entry. The open issues of `contact_ids` are evaluated again."""

    link_id: UUID
    contact_ids: tuple[UUID, ...]
    activity_id: UUID | None = None
    previous_contact_id: UUID | None = None


@dataclass(frozen=True)
class Started:
    link_id: UUID
    activity_id: UUID
    pair: Pair


async def start(
    tx: Tx, organisation: OrganisationCopy, pairs: Sequence[Pair], *, quiet: bool = False, bulk: bool = False
) -> list[Started]:
    """Link the pairs: settle each field, write what the practice's side takes over, and mark what Xero lacks.

    The caller holds the organisation's lock and has checked that both sides are free; otherwise a unique index fails.
    `quiet`: publish no event for each link, as in an import, whose sends are `bulk` too. The number of statements does
    not depend on the number of `pairs` that are new.
    """
    if not pairs:
        return []
    contacts = await _contacts(tx, [pair.contact_id for pair in pairs])
    xeros = await _xero_contacts(tx, [pair.xero_contact_id for pair in pairs])
    begun = [
        _Beginning(tx, organisation, pair, contacts[pair.contact_id], xeros[pair.xero_contact_id])
        for pair in pairs
    ]
    for one in begun:
        if one.pair.named_by is not None:
            sent = {name: one.fields[name].xero for name in SyncedField if name in one.to_xero}
            check_fit(
                sent,
                [XeroEnd(organisation.country_code, xeros[one.pair.xero_contact_id])],
                one.pair.named_by,
            )
    taken = [(one.contact, one.to_practice) for one in begun if one.to_practice]
    await write_contacts(tx, organisation.id, taken)
    rows = {one.link_id: one.row(bulk=quiet or bulk) for one in begun}
    again = {one.link_id for one in begun if one.pair.link_id is not None}
    await insert(tx, organisation.id, {key: row for key, row in rows.items() if key not in again})
    for key in again:
        await begin_again(tx, key, rows[key])
    await activity.record_all(tx, [one.entry() for one in begun])
    for one in begun:
        if one.pair.restored:
            await status_requests.request(
                tx, organisation.id, one.pair.xero_contact_id, XeroContactStatus.ACTIVE
            )
    if any(row["due_at"] for row in rows.values()):
        tx.notify_workers()
    for one in [] if quiet else begun:
        tx.publish(EventKind.LINK, one.link_id, organisation=organisation.id, activity=one.activity_id)
        tx.publish(EventKind.CONTACT, one.pair.contact_id)
    return [Started(one.link_id, one.activity_id, one.pair) for one in begun]


class Fresh(TypedDict):
    """The columns of a link that begins, or begins again."""

    contact_id: UUID
    xero_contact_id: UUID | None
    state: SyncState
    origin: LinkOrigin
    last_synced_at: datetime | None
    base_practice: Mapping[str, object]
    base_xero: Mapping[str, object]
    conflicts: Sequence[str]
    due_at: datetime | None
    bulk: bool
    contact_number: str | None


async def insert(tx: Tx, organisation_id: UUID, rows: Mapping[UUID, Fresh]) -> None:
    """New links, by their ids, in one statement."""
    common = {
        "workspace_id": tx.workspace, "organisation_id": organisation_id, "state_since": tx.now,
        "linked_at": tx.now, "version": 1,
    }  # fmt: skip
    await tx.insert(SyncLink, [{**common, "id": key, **row} for key, row in rows.items()])


async def begin_again(tx: Tx, link_id: UUID, fresh: Fresh) -> None:
    """Begin an ended link again with these columns. The link keeps its id, and its version rises. The link is locked."""
    link = await links.find(tx, link_id)
    assert link is not None, "an ended link is locked before it begins again"
    for name, value in fresh.items():
        setattr(link, name, value)
    link.state_since = link.linked_at = tx.now
    link.failure, link.notes, link.refused, link.attempts, link.next_attempt_at = None, {}, {}, 0, None
    link.warnings = []
    link.version += 1
    await tx.session.flush()
    await xero_contacts.request_reads(tx, [link_id])


@dataclass(frozen=True)
class Ours:
    """The practice's values of a locked contact. `times`: when each field was set, as `Contact.field_times`. `name`: the
    name that people see, which may be made up."""

    id: UUID
    version: int
    name: str
    times: Mapping[str, str]
    values: Values
    identifier_keys: Sequence[str]

    @classmethod
    def of(cls, contact: Contact) -> "Ours":
        return cls(
            contact.id,
            contact.version,
            contact.name,
            contact.field_times,
            practice_values(contact),
            contact.identifier_keys,
        )


class _Beginning:
    """One link that begins, with every field settled and the rows to write."""

    def __init__(
        self,
        tx: Tx,
        organisation: OrganisationCopy,
        pair: Pair,
        contact: Ours,
        xero: Mapping[SyncedField, XeroValue],
    ) -> None:
        self.tx, self.organisation, self.pair, self.contact = tx, organisation, pair, contact
        self.link_id, self.activity_id = pair.link_id or uuid4(), uuid4()
        self.practice = contact.values
        self.xero = {field: as_practice(value) for field, value in xero.items()}
        region = organisation.country_code
        self.fields: dict[SyncedField, FieldStart] = {
            name: start_field(
                name, self.practice[name], self.xero[name], pair.winners.get(name, pair.winner), region
            )
            for name in SyncedField
        }
        self.to_practice = {
            name: begun.practice for name, begun in self.fields.items()
            if not same(name, begun.practice, self.practice[name], region)
        }  # fmt: skip
        self.to_xero = {
            name for name, begun in self.fields.items() if not same(name, begun.xero, self.xero[name], region)
        }
        self.conflicts = [str(name) for name, begun in self.fields.items() if begun.conflict]
        bases = {name: self._base(name) for name in SyncedField}
        self.base_practice = {str(name): stored(base[0]) for name, base in bases.items()}
        self.base_xero = {str(name): stored(base[1]) for name, base in bases.items()}
        sent = links.to_send(
            {name: begun.practice for name, begun in self.fields.items()}, self.base_practice, region,
            conflicts=self.conflicts, refused={},
        )  # fmt: skip
        self.due = bool(sent) or pair.restored

    def _base(self, name: SyncedField) -> tuple[Value, Value]:
        """The base values of the practice and of Xero. A field that is to go to Xero has Xero's present value for both:
        the practice's value then differs from its base value, and is sent."""
        if name in self.to_xero:
            return self.xero[name], self.xero[name]
        begun = self.fields[name]
        return (None, None) if begun.conflict else (begun.practice, self.xero[name])

    def row(self, *, bulk: bool) -> Fresh:
        return Fresh(
            contact_id=self.pair.contact_id, xero_contact_id=self.pair.xero_contact_id,
            state=links.next_state(conflicts=bool(self.conflicts), failing=False, waiting=self.due),
            origin=self.pair.origin, last_synced_at=self.tx.now, base_practice=self.base_practice,
            base_xero=self.base_xero, conflicts=self.conflicts, due_at=self.tx.now if self.due else None, bulk=bulk,
            contact_number=None,
        )  # fmt: skip

    def changes(self) -> list[Change]:
        """The changes: values that the practice takes over, and values that are overwritten in Xero. Both can be
        restored."""
        taken = [
            self._change(name, self.practice[name], value, Side.PRACTICE)
            for name, value in self.to_practice.items()
        ]
        return taken + [
            self._change(name, self.xero[name], self.practice[name], Side.XERO)
            for name in SyncedField
            if name in self.to_xero and self.xero[name] is not None
        ]

    def _change(self, name: SyncedField, before: Value, after: Value, side: Side) -> Change:
        return Change(name, shown(before), shown(after), side, stored(before), restorable=before is not None)

    def entry(self) -> activity.Entry:
        name = shown(self.fields[SyncedField.NAME].practice) or self.contact.name
        return activity.Entry(
            ActivityKind.LINKED,
            f"{name} was linked with Xero ({_HOW[self.pair.origin]}).",
            id=self.activity_id,
            organisation=self.organisation.id,
            contact=self.pair.contact_id,
            link=self.link_id,
            changes=self.changes(),
        )


class _Locked(NamedTuple):
    id: UUID
    version: int
    field_times: dict[str, str]
    name_made_up: bool
    identifier_keys: list[str]
    values: Values


async def _contacts(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Ours]:
    """The contacts, locked in the order of their ids."""
    found = await tx.read(
        with_practice_values(_Locked),
        f"select id, version, field_times, name_made_up, identifier_keys, {', '.join(_PRACTICE_COLUMNS)} from contact"
        " where workspace_id = :ws and id = any(:ids) order by id for update",
        ids=list(ids),
    )
    return {
        one.id: Ours(
            one.id, one.version, shown(one.values[SyncedField.NAME]) or "", one.field_times,
            without_made_up(one.values, one.name_made_up), one.identifier_keys,
        )
        for one in found
    }  # fmt: skip


class _Theirs(NamedTuple):
    id: UUID
    values: dict[SyncedField, XeroValue]


async def _xero_contacts(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, dict[SyncedField, XeroValue]]:
    """The synced values of the mirror rows, in Xero's form."""
    found = await tx.read(
        with_mirror_values(_Theirs),
        f"select id, {', '.join(_XERO_COLUMNS)} from xero_contact where workspace_id = :ws and id = any(:ids)",
        ids=list(ids),
    )
    return {one.id: one.values for one in found}


async def write_contacts(tx: Tx, organisation_id: UUID, taken: Sequence[tuple[Ours, Values]]) -> None:
    """Write the values that each contact takes over. Its active links with other organisations then have them to send."""
    if not taken:
        return
    rows = [_contact_row(tx, contact, values) for contact, values in taken]
    await tx.update(Contact, rows)
    for row in rows:
        _remember(tx, row)
    elsewhere = await tx.ids(
        "select distinct contact_id from sync_link where workspace_id = :ws and contact_id = any(:ids)"
        f" and organisation_id <> :organisation and state in {ACTIVE} order by contact_id",
        organisation=organisation_id, ids=[contact.id for contact, _ in taken],
    )  # fmt: skip
    fields = {contact.id: set(values) for contact, values in taken}
    for key in elsewhere:
        await statements.mark_due(tx, key, fields[key], but=organisation_id, bulk=True)


def _remember(tx: Tx, row: Mapping[str, object]) -> None:
    """Give a contact that the session holds already the written values."""
    known = tx.session.sync_session.identity_map.get(identity_key(Contact, (tx.workspace, row["id"])))
    if known is not None:
        instance_dict(known).update({name: value for name, value in row.items() if name != "id"})


def _made_up_of_email(values: Values) -> str:
    return made_up_name(None, None, shown(values[SyncedField.BILLING_EMAIL]))


def _contact_row(tx: Tx, contact: Ours, taken: Values) -> dict[str, object]:
    after = {**contact.values, **taken}
    name, made_up = shown(after[SyncedField.NAME]), contact.name
    if made_up == _made_up_of_email(contact.values):
        made_up = _made_up_of_email(after)
    return {
        "id": contact.id, **columns(after), "name": name or made_up, "name_made_up": name is None,
        **search_keys.of_values(after, made_up, identifiers=contact.identifier_keys),
        "field_times": {**contact.times, **dict.fromkeys(map(str, taken), tx.now.isoformat())},
        "updated_at": tx.now, "version": contact.version + 1,
    }  # fmt: skip
