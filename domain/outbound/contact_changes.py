"""What of a link is to go to Xero, and in which order names are taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from domain.fields.synced import loaded, practice_values, same, stored
from domain.fields.values import Value
from domain.links import failures
from domain.links.failures import Failure
from domain.links.starting import refused, state_of
from domain.names.text_keys import name_key
from domain.tables import SyncedField
from domain.tx import Tx

CHAIN = 50


@dataclass(frozen=True)
class Outgoing:
    """A due link with both sides. `fields`: what differs from the base and may go. `waits`: something is left that
    another contact's rename must make room for."""

    link: Mapping[str, Any]
    contact: Mapping[str, Any]
    xero: Mapping[str, Any] | None
    region: str | None
    fields: dict[SyncedField, Value] = field(default_factory=dict)
    waits: bool = False

    @property
    def is_new(self) -> bool:
        """To be created: it has no Xero contact yet."""
        return self.link["xero_contact_id"] is None

    @classmethod
    def of(
        cls,
        link: Mapping[str, Any],
        contact: Mapping[str, Any],
        xero: Mapping[str, Any] | None,
        organisation: Mapping[str, Any],
    ) -> "Outgoing":
        region = organisation["country_code"]
        values = practice_values(contact)
        spoilt = {name for name in SyncedField if refused(link["refused"], name, values[name], region)}
        if link["xero_contact_id"] is None:
            # A contact is created whole: what Xero has refused must be mended first.
            whole: dict[SyncedField, Value] = {n: v for n, v in values.items() if v is not None}
            return cls(link, contact, xero, region, {} if spoilt else whole)
        fields: dict[SyncedField, Value] = {
            name: value
            for name, value in values.items()
            if name not in spoilt
            and name not in link["conflicts"]
            and not same(name, value, loaded(name, link["base_practice"].get(name)), region)
        }
        return cls(link, contact, xero, region, fields)


async def hold_back_names(tx: Tx, organisation: Mapping[str, Any], due: Sequence[Outgoing]) -> list[Outgoing]:
    """A name is freed before it is taken: where the name's holder in Xero is itself to be renamed, that goes first.
    In a circle nobody can go first, and each member is told."""
    wanted = {one.link["id"]: name_key(one.contact["name"]) for one in due if SyncedField.NAME in one.fields}
    if not wanted:
        return list(due)
    holders = await _holders(tx, organisation["id"], list(wanted.values()))
    checked: list[Outgoing] = []
    for one in due:
        key = wanted.get(one.link["id"])
        holder = holders.get(key or "")
        if holder is None or holder["link_id"] == one.link["id"]:
            checked.append(one)
        elif await _in_circle(tx, organisation["id"], one.link["id"], holder):
            checked.append(await _refuse_circle(tx, organisation, one, holder))
        else:
            checked.append(replace(one, fields=_without_name(one), waits=True))
    return checked


async def _holders(tx: Tx, organisation_id: UUID, keys: Sequence[str | None]) -> dict[str, dict[str, Any]]:
    """By name key: the active Xero contact that holds it and is to be renamed, with its link and the name it wants."""
    rows = await tx.rows(
        "select x.name_key, l.id as link_id, c.name_key as wants, c.name from xero_contact x"
        " join sync_link l on l.workspace_id = :ws and l.xero_contact_id = x.id and l.organisation_id = :organisation"
        " and l.state in ('PENDING', 'FAILING', 'CONFLICT') and l.due_at is not null"
        " join contact c on c.workspace_id = :ws and c.id = l.contact_id"
        " where x.workspace_id = :ws and x.organisation_id = :organisation and x.status = 'ACTIVE'"
        " and x.name_key = any(:keys) and c.name_key <> x.name_key",
        organisation=organisation_id, keys=[key for key in keys if key],
    )  # fmt: skip
    return {row["name_key"]: row for row in rows}


async def _in_circle(tx: Tx, organisation_id: UUID, start: UUID, holder: Mapping[str, Any]) -> bool:
    for _ in range(CHAIN):
        following = (await _holders(tx, organisation_id, [holder["wants"]])).get(holder["wants"])
        if following is None:
            return False
        if following["link_id"] == start:
            return True
        holder = following
    return False


async def _refuse_circle(
    tx: Tx, organisation: Mapping[str, Any], one: Outgoing, holder: Mapping[str, Any]
) -> Outgoing:
    name = one.contact["name"]
    message = f"{name!r} is held in Xero by a contact that waits for another's name in turn; rename one of them first."
    told = await failures.described(
        tx,
        organisation,
        {**one.link, "contact": one.contact},
        Failure("NAME_TAKEN_IN_XERO", message, SyncedField.NAME),
    )
    held = {**one.link["refused"], SyncedField.NAME.value: stored(name)}
    state = state_of({**one.link, "failure": told}, conflicts=bool(one.link["conflicts"]), due=True)
    link = {**one.link, "refused": held, "failure": told, "state": state}
    await failures.write(tx, one.link, refused=held, failure=told, state=state)
    failures.recorded(tx, organisation, link, told)
    return replace(one, link=link, fields=_without_name(one))


def _without_name(one: Outgoing) -> dict[SyncedField, Value]:
    return (
        {} if one.is_new else {name: value for name, value in one.fields.items() if name != SyncedField.NAME}
    )
