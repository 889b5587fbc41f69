"""The rebuild of stored keys after a change of their rules (`text_keys.VERSION`): see decision 0014."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from domain.fields import identifiers
from domain.fields.synced import (
    SYNCED,
    Values,
    shown,
    with_practice_values,
    with_xero_values,
    without_made_up,
)
from domain.mirror import xero_contacts
from domain.names import search_keys
from domain.names.text_keys import VERSION
from domain.tables import StoredIdentifier, SyncedField
from domain.tx import Tx

_LISTS = ("match_keys", "identifier_keys")
_STALE = f"workspace_id = :ws and key_version < {VERSION}"


class _Organisation(NamedTuple):
    id: UUID
    contact_filter: str | None


class _Held(NamedTuple):
    id: UUID
    values: Values
    identifiers: list[StoredIdentifier] | None
    name_made_up: bool = False


async def renew(tx: Tx, page: int = 1000) -> int:
    """Rebuild all old keys of the workspace's contacts and mirror rows. Returns the number of rows.

    The renewal is one transaction under the locks of all organisations. So nothing is matched while only one of two equal
    contacts has its new key. The next run evaluates every open issue again.
    """
    if not await tx.ids(
        f"select id from contact where {_STALE} union all select id from xero_contact where {_STALE} limit 1"
    ):
        return 0
    organisations = await tx.read(
        _Organisation, "select id, contact_filter from organisation where workspace_id = :ws order by id"
    )
    for organisation in organisations:
        await xero_contacts.lock(tx, organisation.id)
    columns = [*(one.column for one in SYNCED.values()), "identifiers", "name_made_up"]
    contacts = await _renew(tx, "contact", columns, with_practice_values(_Held), _of_contact, page)
    columns = [*(one.xero_column for one in SYNCED.values()), "identifiers"]
    mirrored = await _renew(tx, "xero_contact", columns, with_xero_values(_Held), _of_mirror, page)
    for organisation in organisations:
        asked = await tx.ids(
            "select xero_contact_id from match_issue where workspace_id = :ws and organisation_id = :organisation"
            " and state = 'OPEN' order by xero_contact_id",
            organisation=organisation.id,
        )
        await xero_contacts.request_lookup(tx, organisation.id, organisation.contact_filter, asked)
    return contacts + mirrored


def _of_contact(held: _Held) -> Mapping[str, object]:
    name = shown(held.values[SyncedField.NAME])
    numbers = identifiers.keys_of(identifiers.of_stored(held.identifiers))
    values = without_made_up(held.values, held.name_made_up)
    return {**search_keys.of_values(values, name, identifiers=numbers), "identifier_keys": numbers}


def _of_mirror(held: _Held) -> Mapping[str, object]:
    """The keys of the last look-up are of the old rules too, so they become blank."""
    numbers = identifiers.keys_of(identifiers.of_stored(held.identifiers))
    keys = xero_contacts.keys(held.values)
    return {**keys, "identifier_keys": numbers, "match_name": None, "match_keys": None}


async def _renew(
    tx: Tx,
    table: str,
    columns: Sequence[str],
    row: Callable[..., _Held],
    make: Callable[[_Held], Mapping[str, object]],
    page: int,
) -> int:
    renewed, after = 0, UUID(int=0)
    while rows := await tx.read(
        row,
        f"select id, {', '.join(columns)} from {table} where {_STALE} and id > :after"
        " order by id limit :page for update",
        after=after,
        page=page,
    ):
        await _write(tx, table, [{"id": str(one.id), **make(one)} for one in rows])
        renewed, after = renewed + len(rows), rows[-1].id
    return renewed


async def _write(tx: Tx, table: str, renewed: Sequence[Mapping[str, object]]) -> None:
    names = [name for name in renewed[0] if name not in ("id", "key_version")]
    typed = [f"{name} {'text[]' if name in _LISTS else 'text'}" for name in names]
    await tx.run(
        f"update {table} t set key_version = {VERSION}, {', '.join(f'{name} = r.{name}' for name in names)}"
        f" from jsonb_to_recordset(cast(:rows as jsonb)) r(id uuid, {', '.join(typed)})"
        " where t.workspace_id = :ws and t.id = r.id",
        rows=json.dumps(renewed),
    )
