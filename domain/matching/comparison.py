"""Mirror rows compared with practice contacts: how alike a pair is, and the evidence in words.

The weight of an equal email depends on how many names use it, in the practice and in the mirror together.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.phones import PhoneParts, join_phone
from domain.names.search_keys import details
from domain.names.similarity import Comparison, Details, compare, count_users, make_ready
from domain.tx import Tx

_PARTS = ("country", "area", "number")
Users = Mapping[str, int]
CONTACT = "id, name, email_key, billing_email, primary_phone, billing_address"
XERO = "id, name, email_key, email, phone, billing_address"


def of_contact(row: Mapping[str, Any]) -> Details:
    return details(row["name"], row["billing_email"], row["primary_phone"], row["billing_address"])


def of_xero(row: Mapping[str, Any]) -> Details:
    # The pass that applies the row reports a phone that cannot be read.
    phone = row["phone"] and join_phone(PhoneParts(*(row["phone"].get(part) or "" for part in _PARTS)))
    return details(row["name"], row["email"], phone, row["billing_address"])


async def compare_pairs(
    tx: Tx, organisation: OrganisationCopy, pairs: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Comparison]:
    """Compare each pair (mirror row, practice contact). A pair is left out if one of the two is gone."""
    if not pairs:
        return {}
    xeros = await tx.rows(
        f"select {XERO} from xero_contact where workspace_id = :ws and id = any(:ids)",
        ids=list({xero for xero, _ in pairs}),
    )
    contacts = await read_contacts(tx, {contact for _, contact in pairs})
    users = await email_users(tx, organisation.id, [*xeros, *contacts.values()])
    region = organisation.country_code
    ready = {row["id"]: make_ready(of_xero(row), region, users) for row in xeros}
    ready |= {key: make_ready(of_contact(row), region, users) for key, row in contacts.items()}
    return {
        (xero, contact): compare(ready[xero], ready[contact])
        for xero, contact in pairs
        if xero in ready and contact in ready
    }


async def read_contacts(tx: Tx, ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    rows = await tx.rows(
        f"select {CONTACT}, match_name from contact where workspace_id = :ws and id = any(:ids)",
        ids=list(ids),
    )
    return {row["id"]: row for row in rows}


async def email_users(tx: Tx, organisation_id: UUID, rows: Sequence[Mapping[str, Any]]) -> Users:
    """For each email key, how many names use it. The count stops at 60."""
    emails = sorted({row["email_key"] for row in rows if row["email_key"]})
    found = await tx.rows(
        "select u.name, e.email from unnest(cast(:emails as text[])) e(email) cross join lateral ("
        " (select c.name from contact c where c.workspace_id = :ws and c.email_key = e.email and c.archived_at is null"
        "   limit 30)"
        " union all (select x.name from xero_contact x where x.workspace_id = :ws and x.organisation_id = :organisation"
        "   and x.email_key = e.email and x.status = 'ACTIVE' limit 30)) u",
        emails=emails, organisation=organisation_id,
    )  # fmt: skip
    return count_users((row["name"], row["email"]) for row in found)
