"""The rebuild of stored keys after a change of their rules (`text_keys.VERSION`): see decision 0014."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from domain.mirror import xero_contacts
from domain.names import search_keys
from domain.names.text_keys import VERSION
from domain.tx import Tx

_STALE = f"workspace_id = :ws and key_version < {VERSION}"


async def renew(tx: Tx, page: int = 1000) -> int:
    """Rebuild all old keys of the workspace's contacts and mirror rows. Returns the number of rows.

    It is one transaction under the locks of all organisations: nothing is matched while only one of two equal contacts has
    its new key. The next run evaluates every open issue again.
    """
    if not await tx.row(
        f"select 1 from contact where {_STALE} union all select 1 from xero_contact where {_STALE} limit 1"
    ):
        return 0
    organisations = await tx.rows(
        "select id, contact_filter from organisation where workspace_id = :ws order by id"
    )
    for organisation in organisations:
        await xero_contacts.lock(tx, organisation["id"])
    contacts = await _renew(
        tx, "contact", "name, billing_email, primary_phone, billing_address", _of_contact, page
    )
    # The keys of its last look-up follow the old rules too.
    mirrored = await _renew(
        tx, "xero_contact", "name, email, phone", lambda row: xero_contacts.keys(row) | _NOT_LOOKED_UP, page
    )
    for organisation in organisations:
        rows = await tx.rows(
            "select xero_contact_id as id from match_issue where workspace_id = :ws and organisation_id = :organisation"
            " and state = 'OPEN' order by xero_contact_id",
            organisation=organisation["id"],
        )
        await xero_contacts.request_lookup(
            tx, organisation["id"], organisation["contact_filter"], [row["id"] for row in rows]
        )
    return contacts + mirrored


_NOT_LOOKED_UP: dict[str, Any] = {"match_name": None, "match_keys": None}


def _of_contact(row: Mapping[str, Any]) -> dict[str, Any]:
    address = search_keys.as_address(row["billing_address"])
    return search_keys.columns(row["name"], row["billing_email"], row["primary_phone"], address)


async def _renew(
    tx: Tx, table: str, columns: str, make: Callable[[Mapping[str, Any]], dict[str, Any]], page: int
) -> int:
    renewed, after = 0, UUID(int=0)
    while rows := await tx.rows(
        f"select id, {columns} from {table} where {_STALE} and id > :after order by id limit :page for update",
        after=after,
        page=page,
    ):
        await _write(tx, table, [{"id": str(row["id"]), **make(row)} for row in rows])
        renewed, after = renewed + len(rows), rows[-1]["id"]
    return renewed


async def _write(tx: Tx, table: str, renewed: Sequence[Mapping[str, Any]]) -> None:
    names = [name for name in renewed[0] if name not in ("id", "key_version")]
    typed = [f"{name} {'text[]' if name == 'match_keys' else 'text'}" for name in names]
    await tx.run(
        f"update {table} t set key_version = {VERSION}, {', '.join(f'{name} = r.{name}' for name in names)}"
        f" from jsonb_to_recordset(cast(:rows as jsonb)) r(id uuid, {', '.join(typed)})"
        " where t.workspace_id = :ws and t.id = r.id",
        rows=json.dumps(renewed),
    )
