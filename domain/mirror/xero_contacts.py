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
from domain.fields.synced import SYNCED, Kind, Values, as_practice, shown, stored, with_xero_values
from domain.fields.values import SeenContact
from domain.names.classification import classify
from domain.names.text_keys import VERSION, email_key, name_key, search_key
from domain.tables import ACTIVE, ContactKind, EventKind, SyncedField, XeroContact, XeroContactStatus
from domain.tx import Tx

READ_AGAIN = timedelta(seconds=10)
ON_THE_WAY = timedelta(seconds=30)  # longer than any answer takes

# Column, its SQL from the row r, and the value of a contact that was never seen before, or is forgotten.
_AS_TEXT = {
    one.xero_column: (f"r->>'{one.xero_column}'", "''" if one.required else "null")
    for one in SYNCED.values()
    if one.kind in (Kind.TEXT, Kind.EMAIL)
}
_AS_JSON = {
    one.xero_column: (f"nullif(r->'{one.xero_column}', 'null')", "null")
    for one in SYNCED.values()
    if one.kind in (Kind.PHONE, Kind.ADDRESS)
}
_PERSONAL = {
    **_AS_TEXT,
    **_AS_JSON,
    "first_name": ("r->>'first_name'", "null"),
    "last_name": ("r->>'last_name'", "null"),
    "contact_number": ("r->>'contact_number'", "null"),
    "identifiers": ("r->'identifiers'", "null"),
    "identifier_keys": ("array(select jsonb_array_elements_text(r->'identifier_keys'))", "'{}'"),
    "name_key": ("r->>'name_key'", "null"),
    "email_key": ("r->>'email_key'", "null"),
    "search_key": ("r->>'search_key'", "''"),
}
_FLAGS = {
    "is_customer": ("(r->>'is_customer')::boolean", "false"),
    "is_supplier": ("(r->>'is_supplier')::boolean", "false"),
}
_COLUMNS = {
    **_PERSONAL,
    **_FLAGS,
    "status": ("r->>'status'", f"'{XeroContactStatus.ACTIVE}'"),
    "merged_to": ("(r->>'merged_to')::uuid", "null"),
    "updated_at": ("(r->>'updated_at')::timestamptz", ":now"),
}
_SEARCHED = (SyncedField.NAME, SyncedField.BILLING_EMAIL, SyncedField.PRIMARY_PHONE)
_LOOKED = ("match_name", "match_keys")  # of the last look-up; deleted when the row changes
_SYNCED = {field: one.xero_column for field, one in SYNCED.items()}
_COMPARED = [
    name for name in _COLUMNS if name not in (*_FLAGS, "updated_at") and not name.endswith(("_key", "_keys"))
]
_APPLIED = [*_SYNCED.values(), "status", "merged_to", "contact_number", "identifiers"]
_NUMBERS = ("identifiers", "identifier_keys")
# The mirror row is older than the version of Tandem that began to keep identifiers: what Xero shows is no change.
_FIRST_NUMBERS = (
    "(n.how <> 'OLDER' and x.id is not null and x.identifiers is null and n.identifiers is not null)"
)
_FOUND_NUMBERS = f"({_FIRST_NUMBERS} and cardinality(n.identifier_keys) > 0)"


def _said(column: str) -> str:
    value, default = _COLUMNS[column]
    said = f"case when r ? '{column}' then {value} when x.id is not null then x.{column} else {default} end"
    if column in _PERSONAL:
        forgotten = f"coalesce(r->>'status', x.status) = '{XeroContactStatus.GDPR_REQUEST}' or k.erased"
        said = f"case when {forgotten} then {default} else {said} end"
    return f"{said} as {column}"


def _differs(columns: Collection[str]) -> str:
    return "(" + " or ".join(map(_differs_in, columns)) + ")"


def _differs_in(column: str) -> str:
    differs = f"n.{column} is distinct from x.{column}"
    return f"x.identifiers is not null and {differs}" if column == "identifiers" else differs


def _held(column: str) -> str:
    """SQL: the value of the column afterwards."""
    if column in _FLAGS:
        return f"case when n.how = 'NEW' or n.seen_at >= x.seen_at then n.{column} else x.{column} end"
    shown = f"n.how = 'NEW' or {_FIRST_NUMBERS}" if column in _NUMBERS else "n.how = 'NEW'"
    return f"case when {shown} then n.{column} else x.{column} end"


def _stamp_of(field: SyncedField, column: str) -> str:
    """SQL: Xero's time of the first snapshot that showed the value.

    A snapshot made by our own write says nothing about the time of a field that it did not send.
    """
    looked = (
        "(select greatest(x.updated_at, greatest(x.seen_at, o.read_asked_at) + o.clock_ahead * interval '1 second')"
        " from organisation o where o.workspace_id = :ws and o.id = :organisation)"
    )
    return f"""'{field}', case
        when x.id is null then to_jsonb(n.updated_at)
        when n.how <> 'NEW' or n.{column} is not distinct from x.{column}
            then coalesce(x.value_times->'{field}', to_jsonb(x.updated_at))
        when n.sent is not null and not n.sent ? '{field}' then to_jsonb(least(n.updated_at, {looked}))
        else to_jsonb(n.updated_at) end"""


_X = "xero_contact x on x.workspace_id = :ws and x.organisation_id = :organisation"
_SHOW = f"""
    with said as (
        select (r->>'id')::uuid as xero_contact_id, (r->>'seen_at')::timestamptz as seen_at, nullif(r->'sent', 'null') as sent,
               {", ".join(map(_said, _COLUMNS))}
          from jsonb_array_elements(cast(:rows as jsonb)) r
          left join {_X} and x.xero_contact_id = (r->>'id')::uuid
          left join reimport_mark k on k.workspace_id = :ws and k.organisation_id = :organisation
                                   and k.xero_contact_id = (r->>'id')::uuid
    ),
    judged as (
        select n.*, x.id as known, {_differs(_COMPARED)} as differs,
               case when x.id is null or n.updated_at > x.updated_at then 'NEW'
                    when n.updated_at < x.updated_at then 'OLDER'
                    when not {_differs(_COMPARED)} then 'SAME'
                    when n.seen_at >= x.doubted_at + cast(:again as interval) then 'NEW'
                    else 'DOUBTED' end as how
          from said n left join {_X} and x.xero_contact_id = n.xero_contact_id
    ),
    doubt as (
        select n.xero_contact_id, case
                   when n.how = 'DOUBTED' then greatest(n.seen_at, x.seen_at, x.doubted_at)
                   when n.how = 'SAME' and n.seen_at < x.doubted_at + cast(:again as interval)
                       then greatest(n.seen_at, x.doubted_at) end as at
          from judged n left join {_X} and x.xero_contact_id = n.xero_contact_id
    ),
    written as (
        insert into xero_contact
            (workspace_id, id, organisation_id, xero_contact_id, seen_at, key_version, {", ".join(_COLUMNS)},
             value_times, dirty, brake, looked_at, former_keys, doubted_at, read_due_at, own_write_at, own_write_after)
        select :ws, coalesce(x.id, gen_random_uuid()), :organisation, n.xero_contact_id,
               greatest(n.seen_at, x.seen_at), {VERSION}, {", ".join(map(_held, _COLUMNS))},
               jsonb_build_object({", ".join(_stamp_of(*field) for field in _SYNCED.items())}),
               coalesce(x.dirty, true) or {_FOUND_NUMBERS} or (n.how = 'NEW' and {_differs(_APPLIED)})
                   or (n.seen_at >= x.seen_at and {_differs(_FLAGS)}) or x.missing_since is not null,
               case when n.how = 'NEW' and {_differs(_APPLIED)} then null else x.brake end,
               case when n.how = 'NEW' and {_differs(_APPLIED)} or {_FOUND_NUMBERS} then null else x.looked_at end,
               case when n.how = 'NEW' and {_differs(["name_key", "email_key"])}
                    then array_remove(x.former_keys || x.name_key || x.email_key, null)
                    else coalesce(x.former_keys, '{{}}') end,
               d.at, case when d.at is not null then d.at + cast(:again as interval)
                          when x.doubted_at is null then x.read_due_at end,
               case when n.sent is not null then n.updated_at else x.own_write_at end,
               case when n.sent is not null then x.updated_at else x.own_write_after end
          from judged n join doubt d using (xero_contact_id) left join {_X} and x.xero_contact_id = n.xero_contact_id
         where n.how <> 'OLDER'
        on conflict (workspace_id, organisation_id, xero_contact_id) do update set
            seen_at = excluded.seen_at, key_version = excluded.key_version, value_times = excluded.value_times,
            dirty = excluded.dirty, brake = excluded.brake, looked_at = excluded.looked_at,
            former_keys = excluded.former_keys, doubted_at = excluded.doubted_at, missing_since = null,
            read_due_at = excluded.read_due_at, own_write_at = excluded.own_write_at, own_write_after = excluded.own_write_after,
            {", ".join(f"{column} = case when excluded.looked_at is not null then xero_contact.{column} end" for column in _LOOKED)},
            {", ".join(f"{column} = excluded.{column}" for column in _COLUMNS)}
        returning id, xero_contact_id
    )
    select coalesce(n.known, w.id) as id, n.xero_contact_id, n.how, n.differs, n.known is null as first_seen,
           {", ".join(f"n.{column}" for column in _SYNCED.values())}
      from judged n left join written w using (xero_contact_id)
"""  # fmt: skip


class _ShownRow(NamedTuple):
    """A row of _SHOW. `differs` is None for a contact that was never seen before."""

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
    value.
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
    rows = [
        {**_row(contact, country), "sent": dict.fromkeys(written[key]) if key in written else None}
        for key, contact in latest.items()
    ]
    found = await tx.read(
        with_xero_values(_ShownRow), _SHOW, organisation=organisation, rows=json.dumps(rows), again=READ_AGAIN
    )
    await kept_apart.xero_contacts_came(tx, organisation, [row.id for row in found if row.first_seen])
    return [Shown(row.id, row.xero_contact_id, How(row.how), bool(row.differs), row.values) for row in found]


async def erase(tx: Tx, organisation: UUID, ids: Sequence[UUID]) -> None:
    """Blank these rows. No personal value of them is kept, now or from any later snapshot."""
    await tx.run(
        "insert into reimport_mark (workspace_id, organisation_id, xero_contact_id, at, erased)"
        " select :ws, :organisation, xero_contact_id, :now, true from xero_contact where workspace_id = :ws"
        " and id = any(:ids) on conflict (workspace_id, organisation_id, xero_contact_id) do update set erased = true",
        organisation=organisation, ids=list(ids),
    )  # fmt: skip
    await tx.run(
        f"update xero_contact set {', '.join(f'{name} = {blank}' for name, (_, blank) in _PERSONAL.items())},"
        " former_keys = '{}', match_name = null, match_keys = null where workspace_id = :ws and id = any(:ids)",
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
