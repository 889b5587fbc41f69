"""Xero's side as last seen: the table `xero_contact`.

A snapshot is ordered by Xero's own UpdatedDateUTC, and of equal ones the one asked for later holds, as flags move
without it. What an answer left out says nothing: the mirror keeps what it had.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from msgspec import UNSET

from domain.keys import VERSION, email_key, name_key, search_key
from domain.phones import PhoneParts, join_phone
from domain.tables import EventKind, XeroContactStatus
from domain.tx import Tx
from domain.values import SeenContact

# Column, its SQL from the row r, and what a contact that was never seen before has.
_COLUMNS = {
    "name": ("r->>'name'", "''"),
    "first_name": ("r->>'first_name'", "null"),
    "last_name": ("r->>'last_name'", "null"),
    "email": ("r->>'email'", "null"),
    "phone": ("nullif(r->'phone', 'null')", "null"),
    "billing_address": ("nullif(r->'billing_address', 'null')", "null"),
    "contact_number": ("r->>'contact_number'", "null"),
    "is_customer": ("(r->>'is_customer')::boolean", "false"),
    "is_supplier": ("(r->>'is_supplier')::boolean", "false"),
    "status": ("r->>'status'", f"'{XeroContactStatus.ACTIVE}'"),
    "merged_to": ("(r->>'merged_to')::uuid", "null"),
    "updated_at": ("(r->>'updated_at')::timestamptz", ":now"),
    "name_key": ("r->>'name_key'", "null"),
    "email_key": ("r->>'email_key'", "null"),
    "search_key": ("r->>'search_key'", "''"),
}


_SYNCED = {
    "NAME": "name",
    "BILLING_EMAIL": "email",
    "PRIMARY_PHONE": "phone",
    "BILLING_ADDRESS": "billing_address",
}
_APPLIED = ("name", "email", "phone", "billing_address", "status", "merged_to", "is_customer", "is_supplier", "contact_number")  # fmt: skip


def _said(column: str, value: str, default: str) -> str:
    return f"case when r ? '{column}' then {value} when x.id is not null then x.{column} else {default} end as {column}"


def _changed(column: str) -> str:
    return f"n.{column} is distinct from x.{column}"


_SHOW = f"""
    with said as (
        select (r->>'id')::uuid as xero_contact_id, (r->>'seen_at')::timestamptz as seen_at,
               {", ".join(_said(column, *sql) for column, sql in _COLUMNS.items())}
          from jsonb_array_elements(cast(:rows as jsonb)) r
          left join xero_contact x on x.workspace_id = :ws and x.organisation_id = :organisation
                                  and x.xero_contact_id = (r->>'id')::uuid
    )
    insert into xero_contact
        (workspace_id, id, organisation_id, xero_contact_id, seen_at, key_version, {", ".join(_COLUMNS)}, value_times, dirty)
    select :ws, coalesce(x.id, gen_random_uuid()), :organisation, n.xero_contact_id, n.seen_at, {VERSION},
           {", ".join(f"n.{column}" for column in _COLUMNS)},
           jsonb_build_object({", ".join(
               f"'{field}', case when x.id is null or {_changed(column)} then to_jsonb(n.updated_at)"
               f" else coalesce(x.value_times->'{field}', to_jsonb(n.updated_at)) end"
               for field, column in _SYNCED.items())}),
           coalesce(x.dirty, true) or {" or ".join(map(_changed, _APPLIED))}
      from said n
      left join xero_contact x on x.workspace_id = :ws and x.organisation_id = :organisation
                              and x.xero_contact_id = n.xero_contact_id
     where x.id is null or (n.updated_at, n.seen_at) >= (x.updated_at, x.seen_at)
    on conflict (workspace_id, organisation_id, xero_contact_id) do update set
        seen_at = excluded.seen_at, key_version = excluded.key_version, value_times = excluded.value_times,
        dirty = excluded.dirty, {", ".join(f"{column} = excluded.{column}" for column in _COLUMNS)}
    returning id
"""  # fmt: skip


@dataclass(frozen=True)
class Details:
    """What Xero says of an organisation itself; `timezone` is an IANA name."""

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
    tx.tell(EventKind.CONNECTION, organisation, organisation=organisation)


def phone_parts(held: Mapping[str, str]) -> PhoneParts:
    """The column `phone` as what it is."""
    return PhoneParts(**held)


async def lock(tx: Tx, organisation: UUID) -> None:
    """The first lock of whoever applies Xero's side, held until the transaction ends."""
    await tx.rows(
        "select pg_advisory_xact_lock(hashtextextended('tandem organisation ' || cast(:organisation as text), 0))",
        organisation=str(organisation),
    )


async def show(tx: Tx, organisation: UUID, contacts: Sequence[SeenContact]) -> list[UUID]:
    """Put what Xero showed into the mirror, and give the ids of the rows that it wrote; older snapshots are dropped.

    Of several snapshots of one contact among `contacts`, the latest counts.
    """
    latest: dict[UUID, SeenContact] = {}
    for contact in contacts:
        before = latest.get(contact.xero_contact_id)
        if before is None or _stamp(contact) >= _stamp(before):
            latest[contact.xero_contact_id] = contact
    rows = json.dumps([_row(contact) for contact in latest.values()])
    return [row["id"] for row in await tx.rows(_SHOW, organisation=organisation, rows=rows)]


def _stamp(contact: SeenContact) -> tuple[str, str]:
    updated = "" if contact.updated_at is UNSET else contact.updated_at.isoformat()
    return updated, contact.seen_at.isoformat()


def _row(contact: SeenContact) -> dict[str, Any]:
    given: dict[str, Any] = {
        "id": str(contact.xero_contact_id),
        "seen_at": contact.seen_at.isoformat(),
        "name": contact.name or "" if contact.name is not UNSET else UNSET,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "email": contact.email,
        "phone": contact.phone.as_json() if contact.phone else contact.phone,
        "billing_address": contact.billing_address.as_json()
        if contact.billing_address
        else contact.billing_address,
        "contact_number": contact.contact_number,
        "is_customer": contact.is_customer,
        "is_supplier": contact.is_supplier,
        "status": contact.status,
        "merged_to": str(contact.merged_to) if contact.merged_to else contact.merged_to,
        "updated_at": UNSET if contact.updated_at is UNSET else contact.updated_at.isoformat(),
    }
    if contact.name is not UNSET:
        given["name_key"] = name_key(contact.name)
        phone = join_phone(contact.phone) if contact.phone else None
        given["search_key"] = search_key(contact.name, contact.email or None, phone)
    if contact.email is not UNSET:
        given["email_key"] = email_key(contact.email)
    return {name: value for name, value in given.items() if value is not UNSET}
