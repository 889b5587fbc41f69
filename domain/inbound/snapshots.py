"""Snapshots of Xero's contacts: taken into the mirror, and no value that one showed is lost.

What an older snapshot shows of a linked contact, and nothing else remembers, stands in `activity` at once, as
overwritten. What a doubted one shows (of the same stamp as the mirror, with other values) is noted at the link, which
is not sent before the contact has been read again.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from domain import activity, bulk
from domain.activity import Change
from domain.fields.synced import loaded, practice_values, same, shown, stored, xero_values
from domain.fields.values import SeenContact, Value
from domain.mirror import unreadable, xero_contacts
from domain.mirror.xero_contacts import How, Shown
from domain.tables import ActivityKind, Side, SyncedField
from domain.tx import Tx


async def take(
    tx: Tx,
    organisation: Mapping[str, Any],
    contacts: Sequence[SeenContact],
    sent: Mapping[UUID, Collection[str]] | None = None,
) -> list[UUID]:
    """The caller holds the organisation's lock. Gives the mirror rows that now hold what was shown; `sent` as for
    `mirror.show`. A contact that the mirror cannot hold is told of, and keeps nobody else out."""
    shown_at_once, failed = await bulk.together(
        tx, contacts, lambda some: xero_contacts.show(tx, organisation["id"], some, sent)
    )
    await unreadable.publish(
        tx, organisation["id"], [unreadable.fault(one.xero_contact_id, error) for one, error in failed]
    )
    taken = [one for some in shown_at_once for one in some]
    left = {one.id: one for one in taken if one.differs and one.how in (How.OLDER, How.DOUBTED)}
    if left:
        await _remember(tx, organisation, left, sent or {})
    return [one.id for one in taken if one.how in (How.NEW, How.SAME)]


async def _remember(
    tx: Tx,
    organisation: Mapping[str, Any],
    left: Mapping[UUID, Shown],
    sent: Mapping[UUID, Collection[str]],
) -> None:
    for link in await _lock_links(tx, organisation["id"], list(left)):
        snapshot = left[link["xero_contact_id"]]
        written = sent.get(snapshot.xero_contact_id, ())
        lost = _unknown(organisation, link, snapshot)
        if snapshot.how is How.OLDER:
            await _came_back(tx, organisation, link, snapshot, written)
            await _record(tx, organisation, link, {n: v for n, v in lost.items() if n not in written})
        elif noted := {name: value for name, value in lost.items() if name not in written}:
            await _note(tx, link, noted)


async def _lock_links(tx: Tx, organisation_id: UUID, xero_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The active links, each with its mirror row under 'xero' and its contact under 'contact'."""
    which = (
        " from sync_link l where l.workspace_id = :ws and l.organisation_id = :organisation"
        " and l.xero_contact_id = any(:ids) and l.state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')"
    )
    bound = {"organisation": organisation_id, "ids": list(xero_ids)}
    contacts = await tx.rows(
        f"select * from contact where workspace_id = :ws and id in (select l.contact_id {which}) order by id for update",
        **bound,
    )
    links = await tx.rows(f"select l.* {which} order by l.id for update", **bound)
    xeros = await tx.rows(
        "select * from xero_contact where workspace_id = :ws and id = any(:ids)", ids=list(xero_ids)
    )
    by_id = {row["id"]: row for row in [*contacts, *xeros]}
    return [
        {**link, "contact": by_id[link["contact_id"]], "xero": by_id[link["xero_contact_id"]]}
        for link in links
    ]


def _unknown(
    organisation: Mapping[str, Any], link: Mapping[str, Any], snapshot: Shown
) -> dict[SyncedField, Value]:
    """The values that neither side holds, nor held when they last agreed."""
    values, now = snapshot.values, xero_values(link["xero"])
    ours = practice_values(link["contact"])
    return {
        name: values[name]
        for name in SyncedField
        if not any(
            same(name, values[name], other, organisation["country_code"])
            for other in (now[name], ours[name], loaded(name, link["base_xero"].get(name)))
        )
    }


async def _came_back(
    tx: Tx, organisation: Mapping[str, Any], link: Mapping[str, Any], answer: Shown, written: Collection[str]
) -> None:
    """An older answer to our own write counts as shown: what else the mirror has in those fields appears anew."""
    values, now = answer.values, xero_values(link["xero"])
    region = organisation["country_code"]
    back = [
        name for name in SyncedField if name in written and not same(name, values[name], now[name], region)
    ]
    if back:
        await xero_contacts.came_back(tx, answer.id, back)


async def _record(
    tx: Tx, organisation: Mapping[str, Any], link: Mapping[str, Any], lost: Mapping[SyncedField, Value]
) -> None:
    known = await _recorded(tx, organisation, link) if lost else set()
    now = xero_values(link["xero"])
    changes = [
        Change(name, shown(value), shown(now[name]), Side.XERO, stored(value), restorable=value is not None)
        for name, value in lost.items()
        if (name, shown(value)) not in known
    ]
    if changes:
        activity.record(
            tx, ActivityKind.CONFLICT_SETTLED, f"{link['contact']['name']} was changed in Xero, and then again.",
            organisation=organisation["id"], contact=link["contact_id"], link=link["id"], changes=changes,
        )  # fmt: skip


async def _recorded(
    tx: Tx, organisation: Mapping[str, Any], link: Mapping[str, Any]
) -> set[tuple[str, str | None]]:
    """Each field and value that the history of the contact shows already."""
    rows = await tx.rows(
        "select c->>'field' as field, v.value from activity a, jsonb_array_elements(a.changes) c,"
        " lateral (values (c->>'before'), (c->>'after')) v(value) where a.workspace_id = :ws"
        " and a.contact_id = :contact and (a.organisation_id is null or a.organisation_id = :organisation)",
        contact=link["contact_id"], organisation=organisation["id"],
    )  # fmt: skip
    return {(row["field"], row["value"]) for row in rows}


async def _note(tx: Tx, link: Mapping[str, Any], noted: Mapping[SyncedField, Value]) -> None:
    notes = {name: list(values) for name, values in link["notes"].items()}
    for name, value in noted.items():
        held = notes.setdefault(name, [])
        if stored(value) not in held:
            held.append(stored(value))
    await tx.run(
        "update sync_link set notes = cast(:notes as jsonb), read_owed_at = :now where workspace_id = :ws and id = :id",
        id=link["id"], notes=json.dumps(notes),
    )  # fmt: skip
