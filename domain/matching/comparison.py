"""Mirror rows compared with practice contacts: how alike a pair is, and the evidence in words.

The weight of an equal email depends on how many names use it, in the practice and in the mirror together.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.phones import PhoneParts, join_phone
from domain.fields.values import PostalAddress
from domain.names.search_keys import details
from domain.names.similarity import Comparison, Details, compare, count_users, make_ready
from domain.tx import Tx

_PARTS = ("country", "area", "number")
Users = Mapping[str, int]


class ContactRow(NamedTuple):
    id: UUID
    name: str
    email_key: str | None
    billing_email: str | None
    primary_phone: str | None
    billing_address: Mapping[str, object] | None
    identifier_keys: list[str]


class XeroRow(NamedTuple):
    id: UUID
    name: str
    email_key: str | None
    email: str | None
    phone: Mapping[str, str] | None
    billing_address: Mapping[str, object] | None
    identifier_keys: list[str]
    updated_at: datetime


class _Use(NamedTuple):
    name: str
    email: str


CONTACT = ", ".join(ContactRow._fields)
XERO = ", ".join(f"x.{name}" for name in XeroRow._fields)


def of_contact(row: ContactRow) -> Details:
    address = PostalAddress.from_json(row.billing_address)
    return details(row.name, row.billing_email, row.primary_phone, address, row.identifier_keys)


def of_xero(row: XeroRow) -> Details:
    # The pass that applies the row reports a phone that cannot be read.
    phone = row.phone and join_phone(PhoneParts(*(row.phone.get(part) or "" for part in _PARTS)))
    address = PostalAddress.from_json(row.billing_address)
    return details(row.name, row.email, phone or None, address, row.identifier_keys)


async def compare_pairs(
    tx: Tx, organisation: OrganisationCopy, pairs: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Comparison]:
    """Compare each pair (mirror row, practice contact). A pair is left out if one of the two is gone."""
    if not pairs:
        return {}
    xeros = await read_xero_contacts(tx, {xero for xero, _ in pairs})
    contacts = await read_contacts(tx, {contact for _, contact in pairs})
    users = await email_users(tx, organisation.id, [*xeros, *contacts.values()])
    region = organisation.country_code
    ready = {row.id: make_ready(of_xero(row), region, users) for row in xeros}
    ready |= {key: make_ready(of_contact(row), region, users) for key, row in contacts.items()}
    return {
        (xero, contact): compare(ready[xero], ready[contact])
        for xero, contact in pairs
        if xero in ready and contact in ready
    }


async def read_xero_contacts(tx: Tx, ids: Collection[UUID]) -> list[XeroRow]:
    """Read the mirror rows with these ids; each by its id."""
    return await tx.read(
        XeroRow,
        f"select {XERO} from xero_contact x where x.workspace_id = :ws and x.id = any(:ids) order by x.id",
        ids=list(ids),
    )


async def read_contacts(tx: Tx, ids: Collection[UUID]) -> dict[UUID, ContactRow]:
    rows = await tx.read(
        ContactRow,
        f"select {CONTACT} from contact where workspace_id = :ws and id = any(:ids)",
        ids=list(ids),
    )
    return {row.id: row for row in rows}


async def email_users(tx: Tx, organisation_id: UUID, rows: Sequence[ContactRow | XeroRow]) -> Users:
    """For each email key, the number of names that use it. The count stops at 60."""
    emails = sorted({row.email_key for row in rows if row.email_key})
    found = await tx.read(
        _Use,
        "select u.name, e.email from unnest(cast(:emails as text[])) e(email) cross join lateral ("
        " (select c.name from contact c where c.workspace_id = :ws and c.email_key = e.email and c.archived_at is null"
        "   limit 30)"
        " union all (select x.name from xero_contact x where x.workspace_id = :ws and x.organisation_id = :organisation"
        "   and x.email_key = e.email and x.status = 'ACTIVE' limit 30)) u",
        emails=emails, organisation=organisation_id,
    )  # fmt: skip
    return count_users(found)
