"""A link between a practice contact and a Xero contact: its two sides, the values to send, and its next state.

Only this package writes `sync_link`. One row is written with `change`; statements about many rows are in
`domain.links.statements`. A caller locks the contacts before their links.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypedDict, Unpack
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased, defer
from sqlalchemy.orm.attributes import set_attribute
from sqlmodel import col, select

from domain.fields.synced import Values, loaded, practice_values, same, stored, xero_values
from domain.fields.values import Value
from domain.problems import Refused, not_found, stale
from domain.tables import (
    ACTIVE_STATES,
    Contact,
    EventKind,
    StoredFailure,
    SyncedField,
    SyncLink,
    SyncState,
    XeroContact,
)
from domain.tx import Tx

_L = aliased(SyncLink, name="l")  # made once: SQLAlchemy prepares how it loads each alias anew
# The keys by which near-duplicates are found are long lists, and no rule reads them from a row.
KEYS_LEFT_OUT = (defer(Contact.match_keys), defer(Contact.match_name))  # type: ignore[arg-type]


class Columns(TypedDict, total=False):
    """The columns of a link's row that `change` writes."""

    xero_contact_id: UUID | None
    state: SyncState
    base_practice: Mapping[str, object]
    base_xero: Mapping[str, object]
    conflicts: Sequence[str]
    notes: Mapping[str, Sequence[object]]
    refused: Mapping[str, object]
    failure: StoredFailure | None
    due_at: datetime | None
    bulk: bool
    attempts: int
    next_attempt_at: datetime | None
    read_owed_at: datetime | None
    last_synced_at: datetime | None
    warnings: Sequence[str]


def is_refused(held: Mapping[str, object], field: SyncedField, value: Value, region: str | None) -> bool:
    """Whether Xero has refused just this value of the field."""
    return field in held and same(field, loaded(field, held[field]), value, region)


def to_send(
    practice: Values,
    base: Mapping[str, object],
    region: str | None,
    *,
    conflicts: Collection[str],
    refused: Mapping[str, object],
) -> dict[SyncedField, Value]:
    """The fields that go to Xero: fields whose value differs from the practice's base value. A field is left out while a
    person has to settle a conflict about it, or if Xero has refused just this value."""
    return {
        field: value
        for field, value in practice.items()
        if field not in conflicts
        and not same(field, value, loaded(field, base.get(field)), region)
        and not is_refused(refused, field, value, region)
    }


def next_state(*, conflicts: bool, failing: bool, waiting: bool) -> SyncState:
    """The state of an active link. `waiting`: something is to be sent, or Xero has no contact yet."""
    if conflicts:
        return SyncState.CONFLICT
    if failing:
        return SyncState.FAILING
    return SyncState.PENDING if waiting else SyncState.SYNCED


def next_state_sql(*, failing: str = "failure is not null", waiting: str) -> str:
    """`next_state` for a statement about many links."""
    return (
        f"case when cardinality(conflicts) > 0 then '{SyncState.CONFLICT}' when {failing} then '{SyncState.FAILING}'"
        f" when {waiting} then '{SyncState.PENDING}' else '{SyncState.SYNCED}' end"
    )


@dataclass(frozen=True)
class Link:
    """A link with both its sides. `row` and `contact` are locked; `xero` is None while Xero has no contact yet. `region`:
    the organisation's country. `in_flight`: fields of which a write is under way."""

    row: SyncLink
    contact: Contact
    xero: XeroContact | None
    region: str | None
    in_flight: frozenset[str] = frozenset()

    @property
    def practice(self) -> dict[SyncedField, Value]:
        """The practice's values."""
        return practice_values(self.contact)

    @property
    def at_xero(self) -> dict[SyncedField, Value]:
        """Xero's value in the practice's form; blank while Xero has no contact yet."""
        return xero_values(self.xero) if self.xero is not None else dict.fromkeys(SyncedField, None)

    @property
    def base_practice(self) -> dict[SyncedField, Value]:
        return {field: loaded(field, self.row.base_practice.get(field)) for field in SyncedField}

    @property
    def base_xero(self) -> dict[SyncedField, Value]:
        return {field: loaded(field, self.row.base_xero.get(field)) for field in SyncedField}

    @property
    def is_new(self) -> bool:
        """Whether the contact is still to be created in Xero."""
        return self.row.xero_contact_id is None

    def due(self) -> dict[SyncedField, Value]:
        """The values that would be sent now. A contact is created with all its values: nothing is sent while Xero refuses one of
        them."""
        practice, refused = self.practice, self.row.refused
        if not self.is_new:
            return to_send(
                practice, self.row.base_practice, self.region, conflicts=self.row.conflicts, refused=refused
            )
        if any(is_refused(refused, field, value, self.region) for field, value in practice.items()):
            return {}
        return {field: value for field, value in practice.items() if value is not None}


def is_active(row: SyncLink) -> bool:
    return row.state in ACTIVE_STATES


async def find(tx: Tx, link_id: UUID) -> SyncLink | None:
    return await tx.session.get(SyncLink, (tx.workspace, link_id), populate_existing=True)


async def lock(tx: Tx, link_id: UUID, version: int | None = None) -> SyncLink:
    """The link, locked after its contact; refused if it is unknown or has changed since `version`."""
    await lock_all(tx, [link_id])
    link = await find(tx, link_id)
    if link is None:
        raise Refused([not_found("link", "linkId")])
    if version is not None and version != link.version:
        raise stale("link")
    return link


async def lock_all(tx: Tx, link_ids: Sequence[UUID], contact_ids: Sequence[UUID] = ()) -> None:
    """Lock all that a bulk form changes, up front: the contacts, those of the links too, then all links of both."""
    await tx.ids(
        "select id from contact where workspace_id = :ws and (id = any(:contacts) or id in"
        " (select contact_id from sync_link where workspace_id = :ws and id = any(:links))) order by id for update",
        contacts=list(contact_ids), links=list(link_ids),
    )  # fmt: skip
    await tx.ids(
        "select id from sync_link where workspace_id = :ws and (id = any(:links) or contact_id = any(:contacts))"
        " order by id for update",
        contacts=list(contact_ids), links=list(link_ids),
    )  # fmt: skip


async def of_xero_contact(tx: Tx, xero_contact_id: UUID) -> list[SyncLink]:
    """Every link of the Xero contact, ended ones too."""
    return await _links(tx, col(SyncLink.xero_contact_id) == xero_contact_id)


async def of_contact(tx: Tx, contact_id: UUID) -> list[SyncLink]:
    """Every link of the contact, ended ones too."""
    return await _links(tx, col(SyncLink.contact_id) == contact_id)


async def _links(tx: Tx, condition: sa.ColumnElement[bool]) -> list[SyncLink]:
    found = await tx.session.scalars(
        select(SyncLink)
        .where(SyncLink.workspace_id == tx.workspace, condition)
        .order_by(col(SyncLink.id))
        .execution_options(populate_existing=True)
    )
    return list(found)


async def lock_of_contact(tx: Tx, contact_id: UUID) -> list[SyncLink]:
    """Every link of the contact, locked, ended ones too. The caller has locked the contact."""
    return await lock_links(
        tx,
        await tx.ids("select id from sync_link where workspace_id = :ws and contact_id = :id", id=contact_id),
    )


async def lock_links(tx: Tx, ids: Sequence[UUID]) -> list[SyncLink]:
    """The links, locked in the order of their ids. The caller has locked their contacts."""
    found = await tx.session.scalars(
        select(SyncLink)
        .where(SyncLink.workspace_id == tx.workspace, col(SyncLink.id).in_(ids))
        .order_by(col(SyncLink.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found)


async def lock_free(tx: Tx, ids: Sequence[UUID], conditions: str, **values: object) -> list[SyncLink]:
    """Lock the links that satisfy the conditions about `l` and that no other transaction has locked, in the order of their
    ids. The caller has locked their contacts."""
    found = await tx.session.scalars(
        select(_L)
        .where(_L.workspace_id == tx.workspace, col(_L.id).in_(ids), sa.text(conditions))
        .order_by(col(_L.id))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True),
        tx.bound(values),
    )
    return list(found)


async def lock_of_xero_contacts(
    tx: Tx, organisation_id: UUID, region: str | None, xero_contacts: Mapping[UUID, XeroContact]
) -> list[Link]:
    """The active links of these Xero contacts with both sides; contacts are locked first, then links."""
    which = (
        SyncLink.workspace_id == tx.workspace,
        SyncLink.organisation_id == organisation_id,
        col(SyncLink.xero_contact_id).in_(list(xero_contacts)),
        col(SyncLink.state).in_(ACTIVE_STATES),
    )
    contacts = await tx.session.scalars(
        select(Contact)
        .where(
            Contact.workspace_id == tx.workspace,
            col(Contact.id).in_(select(SyncLink.contact_id).where(*which)),
        )
        .order_by(col(Contact.id))
        .options(*KEYS_LEFT_OUT)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    by_id = {contact.id: contact for contact in contacts}
    rows = await tx.session.scalars(
        select(SyncLink)
        .where(*which)
        .order_by(col(SyncLink.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    held = list(rows)
    in_flight = await fields_in_flight(tx, [row.id for row in held])
    return [
        Link(
            row,
            by_id[row.contact_id],
            xero_contacts[row.xero_contact_id],
            region,
            in_flight.get(row.id, frozenset()),
        )
        for row in held
        if row.xero_contact_id is not None
    ]


@dataclass(frozen=True)
class _Sent:
    link_id: UUID
    sent: Mapping[str, object]


async def fields_in_flight(tx: Tx, link_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    """For each link in an open delivery, the fields that the delivery writes."""
    rows = await tx.read(
        _Sent,
        "select link_id, sent from delivery_member where workspace_id = :ws and link_id = any(:ids) and open",
        ids=list(link_ids),
    )
    return {row.link_id: frozenset(row.sent) for row in rows}


async def active(
    tx: Tx, organisation_id: UUID, column: Literal["contact_id", "xero_contact_id"], key: UUID
) -> SyncLink | None:
    """The active link of a contact or of a Xero contact; `column` says which of the two `key` is."""
    found = await tx.session.scalars(
        select(SyncLink)
        .where(
            SyncLink.workspace_id == tx.workspace,
            SyncLink.organisation_id == organisation_id,
            (SyncLink.contact_id if column == "contact_id" else SyncLink.xero_contact_id) == key,
            col(SyncLink.state).in_(ACTIVE_STATES),
        )
        .execution_options(populate_existing=True)
    )
    return found.first()


async def change(tx: Tx, row: SyncLink, **columns: Unpack[Columns]) -> None:
    """Write columns of one link; its version rises, and subscribers get an event. The row is locked."""
    set_columns(tx, row, columns)
    await tx.session.flush()
    publish(tx, row)


def set_columns(tx: Tx, row: SyncLink, columns: Columns) -> None:
    """Set columns like `change`, but without an event. The next flush writes the row."""
    if columns.get("state", row.state) != row.state:
        row.state_since = tx.now
    for name, value in columns.items():
        set_attribute(row, name, value)
    row.version += 1


async def note(tx: Tx, row: SyncLink, values: Values) -> None:
    """The values that a read showed are noted at the link, which requires a re-read. The row is locked."""
    notes = {name: list(noted) for name, noted in row.notes.items()}
    for field, value in values.items():
        noted = notes.setdefault(field, [])
        if stored(value) not in noted:
            noted.append(stored(value))
    row.notes, row.read_owed_at = notes, tx.now
    await tx.session.flush()


def publish(tx: Tx, row: SyncLink, activity: UUID | None = None) -> None:
    """Give subscribers an event of the link."""
    tx.publish(EventKind.LINK, row.id, organisation=row.organisation_id, activity=activity)
