"""The mirror rows: Xero's contacts as last seen, in the table `xero_contact`.

Snapshots are ordered by Xero's UpdatedDateUTC. An older snapshot is dropped. Of two snapshots with equal stamps, the one
asked for later holds for the flags, which change without a new stamp. If any other field differs, the order is
unknown: the contact is read again 10 s later, and that read holds if no other snapshot came between. An absent member
says nothing: the mirror keeps its value. No personal value is kept of a contact under a GDPR request, or of a
contact that a person has erased.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET
from sqlalchemy.orm import defer
from sqlmodel import col, select

from domain.decisions import kept_apart
from domain.fields import identifiers
from domain.fields.synced import SYNCED, Values, as_practice, shown, stored, with_xero_values
from domain.fields.values import SeenContact
from domain.mirror import digests, show_statement
from domain.names.classification import classify
from domain.names.text_keys import email_key, name_key, search_key
from domain.tables import ACTIVE, ContactKind, EventKind, SyncedField, XeroContact
from domain.tx import Tx

READ_AGAIN = timedelta(seconds=10)
ON_THE_WAY = timedelta(seconds=30)  # longer than any answer takes

_SEARCHED = (SyncedField.NAME, SyncedField.BILLING_EMAIL, SyncedField.PRIMARY_PHONE)


class _ShownRow(NamedTuple):
    """A row of show_statement.SHOW. `differs` is None for a contact that was never seen before."""

    id: UUID
    xero_contact_id: UUID
    how: str
    differs: bool | None
    first_seen: bool
    values: Values


class How(StrEnum):
    """How a snapshot relates to the mirror: the newest; equal; another of the same stamp that differs; or older."""

    NEW = "NEW"
    SAME = "SAME"
    DOUBTED = "DOUBTED"
    OLDER = "OLDER"


@dataclass(frozen=True)
class Shown:
    """A snapshot that was compared with the mirror row `id`.

    `values` are what the snapshot shows, in the practice's form. For a field that it leaves out, they hold the mirror's
    value. They are empty where the row had taken just this snapshot before.
    """

    id: UUID
    xero_contact_id: UUID
    how: How
    differs: bool
    values: Values


@dataclass(frozen=True)
class Details:
    """Xero's own facts about an organisation. `timezone` is an IANA name."""

    name: str
    base_currency: str
    country_code: str | None
    timezone: str
    short_code: str | None


async def describe(tx: Tx, organisation: UUID, details: Details) -> None:
    await tx.run(
        "update organisation set name = :name, base_currency = :base_currency, country_code = :country_code,"
        " timezone = :timezone, short_code = :short_code where workspace_id = :ws and id = :id",
        id=organisation,
        **asdict(details),
    )
    tx.publish(EventKind.CONNECTION, organisation, organisation=organisation)


def keys(values: Values) -> dict[str, str | None]:
    """The keys by which a mirror row with these values is found, by column. The values are as the practice would hold them."""
    return _keys(*(shown(values[field]) for field in _SEARCHED))


def _keys(name: str | None, email: str | None, phone: str | None) -> dict[str, str | None]:
    return {
        "name_key": name_key(name),
        "email_key": email_key(email),
        "search_key": search_key(name, email, phone),
    }


# The keys by which near-duplicates are found are long lists, and no rule reads them from a row.
_KEYS_LEFT_OUT = (defer(XeroContact.match_keys), defer(XeroContact.match_name))  # type: ignore[arg-type]


async def read(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, XeroContact]:
    """Read the mirror rows with these ids, in the order of the ids; each by its id."""
    found = await tx.session.scalars(
        select(XeroContact)
        .where(XeroContact.workspace_id == tx.workspace, col(XeroContact.id).in_(ids))
        .order_by(col(XeroContact.id))
        .options(*_KEYS_LEFT_OUT)
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in found}


async def read_shown(tx: Tx, organisation: UUID, xero_ids: Sequence[UUID]) -> dict[UUID, XeroContact]:
    """The organisation's mirror rows with these ids of Xero's, by Xero's ids."""
    found = await tx.session.scalars(
        select(XeroContact)
        .where(
            XeroContact.workspace_id == tx.workspace,
            XeroContact.organisation_id == organisation,
            col(XeroContact.xero_contact_id).in_(xero_ids),
        )
        .execution_options(populate_existing=True)
    )
    return {row.xero_contact_id: row for row in found}


async def lock(tx: Tx, organisation: UUID) -> None:
    """Lock the organisation until the transaction ends. A transaction that applies Xero's side takes this lock first."""
    await tx.run(
        "select pg_advisory_xact_lock(hashtextextended('tandem organisation ' || cast(:organisation as text), 0))",
        organisation=str(organisation),
    )


async def show(
    tx: Tx,
    organisation: UUID,
    contacts: Sequence[SeenContact],
    sent: Mapping[UUID, Collection[str]] | None = None,
    *,
    country: str | None,
) -> list[Shown]:
    """Write what Xero showed into the mirror if it is new. Returns how each snapshot relates to the mirror. `country`: the
    organisation's, in which official numbers are read.

    Of several snapshots of one contact among `contacts`, the latest counts. `sent` holds, for contacts that an answer to our
    own write shows, the fields that were written, by Xero's id.
    """
    latest: dict[UUID, SeenContact] = {}
    for contact in contacts:
        before = latest.get(contact.xero_contact_id)
        if before is None or _stamp(contact) >= _stamp(before):
            latest[contact.xero_contact_id] = contact
    written = sent or {}
    seen = {key: digests.digest(contact, country) for key, contact in latest.items()}
    read = [contact for key, contact in latest.items() if key not in written]
    known = {one.xero_contact_id: one.id for one in await digests.find_known(tx, organisation, read, seen)}
    rows = [
        {**_row(contact, country), "digest": seen[key], "sent": dict.fromkeys(written[key]) if key in written else None}
        for key, contact in latest.items() if key not in known
    ]  # fmt: skip
    found = await tx.read(
        with_xero_values(_ShownRow), show_statement.SHOW, organisation=organisation, rows=json.dumps(rows), again=READ_AGAIN
    ) if rows else []  # fmt: skip
    await kept_apart.xero_contacts_came(tx, organisation, [row.id for row in found if row.first_seen])
    return [
        *(Shown(row.id, row.xero_contact_id, How(row.how), bool(row.differs), row.values) for row in found),
        *(Shown(row_id, key, How.SAME, False, {}) for key, row_id in known.items()),
    ]


async def erase(tx: Tx, organisation: UUID, ids: Sequence[UUID]) -> None:
    """Blank these rows. No personal value of them is kept, now or from any later snapshot."""
    await tx.run(
        "insert into reimport_mark (workspace_id, organisation_id, xero_contact_id, at, erased)"
        " select :ws, :organisation, xero_contact_id, :now, true from xero_contact where workspace_id = :ws"
        " and id = any(:ids) on conflict (workspace_id, organisation_id, xero_contact_id) do update set erased = true",
        organisation=organisation, ids=list(ids),
    )  # fmt: skip
    await tx.run(
        f"update xero_contact set {', '.join(f'{name} = {blank}' for name, (_, blank) in show_statement.PERSONAL.items())},"
        " former_keys = '{}', match_name = null, match_keys = null, shown_digest = null where workspace_id = :ws and id = any(:ids)",
        ids=list(ids),
    )


async def request_lookup(tx: Tx, organisation: UUID, contact_filter: str | None, ids: Sequence[UUID]) -> None:
    """Request that the next run looks up near-duplicates of these rows and applies them. `contact_filter`: the organisation's.

    The run begins at once and makes no call. If another run is under way, a run after it does it.
    """
    if not ids:
        return
    await tx.run(
        "update xero_contact set looked_at = null, dirty = true where workspace_id = :ws and id = any(:ids)",
        ids=list(ids),
    )
    await tx.run(
        "insert into import_run (workspace_id, id, organisation_id, purpose, phase, match, contact_filter, match_pass,"
        " next_page, done, total, full_matches, conflicts, created, skipped, attempts, started_at, due_at)"
        " values (:ws, gen_random_uuid(), :organisation, 'DELTA', 'MATCHING', true, :filter, 'SIMILAR', 1, 0, :total,"
        " 0, 0, 0, 0, 0, :now, :now) on conflict do nothing",
        organisation=organisation, filter=contact_filter, total=len(ids),
    )  # fmt: skip
    tx.notify_workers()


async def set_clock(tx: Tx, organisation: UUID, server_time: datetime) -> None:
    """Store the difference between Xero's clock and ours, from an answer that has just come, without its travel time."""
    ahead = (server_time - tx.now).total_seconds()
    await tx.run(
        "update organisation set clock_ahead = :ahead where workspace_id = :ws and id = :id",
        id=organisation, ahead=ahead if abs(ahead) > ON_THE_WAY.total_seconds() else 0.0,
    )  # fmt: skip


async def came_back(tx: Tx, row_id: UUID, fields: Collection[str]) -> None:
    """Set the stamps of these fields to the mirror's own stamp.

    An older answer has shown another value in between, so the mirror's value appeared again.
    """
    await tx.run(
        "update xero_contact set value_times = value_times || (select jsonb_object_agg(f, to_jsonb(updated_at))"
        " from unnest(cast(:fields as text[])) f) where workspace_id = :ws and id = :id",
        id=row_id, fields=list(fields),
    )  # fmt: skip


async def request_reads(tx: Tx, links: Sequence[UUID]) -> None:
    """Make the Xero contacts of these links due for a single read, if a link requires one and has no write in flight."""
    done = await tx.run(
        "update xero_contact x set read_due_at = least(x.read_due_at, :now) from sync_link l where l.workspace_id = :ws"
        " and l.id = any(:links) and l.read_owed_at is not null and x.workspace_id = :ws and x.id = l.xero_contact_id"
        f" and x.doubted_at is null and l.state in {ACTIVE} and not exists"
        " (select 1 from delivery_member m where m.workspace_id = :ws and m.link_id = l.id and m.open)",
        links=list(links),
    )
    if done:
        tx.notify_workers()


def _stamp(contact: SeenContact) -> tuple[str, str]:
    updated = "" if contact.updated_at is UNSET else contact.updated_at.isoformat()
    return updated, contact.seen_at.isoformat()


def _row(contact: SeenContact, country: str | None) -> dict[str, object]:
    """The values of an answer, by column."""
    given: dict[str, object] = {
        "id": str(contact.xero_contact_id),
        "seen_at": contact.seen_at.isoformat(),
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "contact_number": contact.contact_number,
        "is_customer": contact.is_customer,
        "is_supplier": contact.is_supplier,
        "status": contact.status,
        "merged_to": str(contact.merged_to) if contact.merged_to else contact.merged_to,
        "updated_at": UNSET if contact.updated_at is UNSET else contact.updated_at.isoformat(),
    }
    for field, value in contact.values.items():
        one = SYNCED[field]
        given[one.xero_column] = stored(value) or ("" if one.required else None)
    name, email, phone = (shown(as_practice(contact.values.get(field))) for field in _SEARCHED)
    keys = _keys(name, email, phone)
    if SyncedField.NAME in contact.values:
        given |= {"name_key": keys["name_key"], "search_key": keys["search_key"]}
    if SyncedField.BILLING_EMAIL in contact.values:
        given["email_key"] = keys["email_key"]
    if contact.numbers is not UNSET:
        held = identifiers.of_xero(contact.numbers, country, lambda: _is_body(contact))
        given |= {
            "identifiers": [one.as_json() for one in held],
            "identifier_keys": identifiers.keys_of(held),
        }
    return {name: value for name, value in given.items() if value is not UNSET}


def _is_body(contact: SeenContact) -> bool:
    """Whether the contact is surely an organisation, by what this snapshot shows."""
    name, email = (
        shown(as_practice(contact.values.get(field)))
        for field in (SyncedField.NAME, SyncedField.BILLING_EMAIL)
    )
    first, last = contact.first_name or None, contact.last_name or None
    found = classify(name or "", first, last, email)
    return found.kind == ContactKind.ORGANISATION and not found.needs_review
