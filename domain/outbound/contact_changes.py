"""The values of a link that go to Xero, and the order in which names are freed and taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from domain.fields.synced import stored
from domain.fields.values import Value
from domain.links import failures
from domain.links import link as links
from domain.links.failures import Failure
from domain.links.link import Link
from domain.names.text_keys import keys_in_xero
from domain.tables import ACTIVE, SyncedField
from domain.tx import Tx

CHAIN = 50


@dataclass(frozen=True)
class Outgoing:
    """A due link. `fields`: the values to send now. `waits`: another contact must be renamed first, because it holds the name."""

    link: Link
    fields: Mapping[SyncedField, Value]
    waits: bool = False

    @classmethod
    def of(cls, link: Link) -> "Outgoing":
        return cls(link, link.due())


async def hold_back_names(tx: Tx, organisation_id: UUID, due: Sequence[Outgoing]) -> list[Outgoing]:
    """Hold back renames to a name that another Xero contact still has.

    If that contact is to be renamed itself, its rename goes first. In a circle of renames none can go first, and each link
    shows a failure.
    """
    wanted = {
        one.link.row.id: keys_in_xero(one.link.contact.name) for one in due if SyncedField.NAME in one.fields
    }
    if not wanted:
        return list(due)
    holders = await _holders(tx, organisation_id, [key for keys in wanted.values() for key in keys])
    checked: list[Outgoing] = []
    for one in due:
        holder = _first(holders, wanted.get(one.link.row.id, ()))
        if holder is None or holder.link_id == one.link.row.id:
            checked.append(one)
        elif await _in_circle(tx, organisation_id, one.link.row.id, holder):
            await _refuse_circle(tx, one)
            checked.append(replace(one, fields=_without_name(one)))
        else:
            checked.append(replace(one, fields=_without_name(one), waits=True))
    return checked


class _Holder(NamedTuple):
    """A Xero contact that holds a name and is to be renamed: its link, and the name that it wants."""

    name_key: str
    link_id: UUID
    wants: str


def _first(holders: Mapping[str, _Holder], keys: Sequence[str]) -> _Holder | None:
    return next((holders[key] for key in keys if key in holders), None)


async def _holders(tx: Tx, organisation_id: UUID, keys: Sequence[str]) -> dict[str, _Holder]:
    """The holders, by the key of the name that each of them has."""
    rows = await tx.read(
        _Holder,
        "select x.name_key, l.id as link_id, c.name as wants from xero_contact x"
        " join sync_link l on l.workspace_id = :ws and l.xero_contact_id = x.id and l.organisation_id = :organisation"
        f" and l.state in {ACTIVE} and l.due_at is not null"
        " join contact c on c.workspace_id = :ws and c.id = l.contact_id"
        " where x.workspace_id = :ws and x.organisation_id = :organisation and x.status = 'ACTIVE'"
        " and x.name_key = any(:keys) and c.name_key <> x.name_key",
        organisation=organisation_id, keys=list(keys),
    )  # fmt: skip
    return {row.name_key: row for row in rows if row.name_key not in keys_in_xero(row.wants)}


async def _in_circle(tx: Tx, organisation_id: UUID, start: UUID, holder: _Holder) -> bool:
    for _ in range(CHAIN):
        keys = keys_in_xero(holder.wants)
        following = _first(await _holders(tx, organisation_id, keys), keys)
        if following is None:
            return False
        if following.link_id == start:
            return True
        holder = following
    return False


async def _refuse_circle(tx: Tx, one: Outgoing) -> None:
    row, name = one.link.row, one.link.contact.name
    message = f"{name!r} is held in Xero by a contact that waits for another's name in turn; rename one of them first."
    failure = await failures.described(tx, row, Failure("NAME_TAKEN_IN_XERO", message, SyncedField.NAME))
    await links.change(
        tx, row, refused={**row.refused, SyncedField.NAME.value: stored(name)}, failure=failure,
        state=links.next_state(conflicts=bool(row.conflicts), failing=True, waiting=True),
    )  # fmt: skip
    failures.record_failure(tx, row, message)


def _without_name(one: Outgoing) -> dict[SyncedField, Value]:
    """The link without its name. A contact that is to be created goes whole or not at all."""
    if one.link.is_new:
        return {}
    return {field: value for field, value in one.fields.items() if field is not SyncedField.NAME}
