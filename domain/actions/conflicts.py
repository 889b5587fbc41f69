"""Values of which only one could stay: a person settles a conflict, or brings back what lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain import activity
from domain.activity import Change
from domain.contacts import edits as contact_edits
from domain.fields.synced import SYNCED, loaded, practice_values, same, shown, stored, xero_values
from domain.fields.values import Value
from domain.links import failures
from domain.links import starting as link_starting
from domain.links.starting import Acted, refused, state_of
from domain.problems import Code, Refused, not_found, refuse
from domain.tables import Activity, ActivityKind, EventKind, Side, SyncedField, SyncState
from domain.tx import Tx


@dataclass(frozen=True)
class Restored:
    """The contact, and the event whose change can no longer be restored."""

    contact_ids: tuple[UUID, ...]
    event_id: UUID


async def settle(
    tx: Tx,
    link_id: UUID,
    winner: Side,
    except_fields: Sequence[SyncedField] = (),
    version: int | None = None,
) -> Acted:
    """Every field in conflict has one value afterwards: the winner's, but for `except_fields` the other side's. What
    lost stands in `activity`, restorable. Fields that are not in conflict are left alone."""
    link = await link_starting.lock(tx, link_id, version)
    if link["state"] != SyncState.CONFLICT or not link["conflicts"]:
        raise refuse(
            Code.WRONG_STATE, "This link is not in CONFLICT, so there is nothing to settle.", "linkId"
        )
    ends = await tx.rows(
        "select c.*, o.country_code from contact c join organisation o on o.workspace_id = :ws and o.id = :organisation"
        " where c.workspace_id = :ws and c.id = :contact",
        organisation=link["organisation_id"], contact=link["contact_id"],
    )  # fmt: skip
    xeros = await tx.rows(
        "select * from xero_contact where workspace_id = :ws and id = :id", id=link["xero_contact_id"]
    )
    fields = [SyncedField(name) for name in link["conflicts"]]
    taken = {name for name in fields if (winner is Side.XERO) is not (name in except_fields)}
    return await _write(tx, link, ends[0], xero_values(xeros[0]), fields, taken)


async def _write(
    tx: Tx,
    link: Mapping[str, Any],
    contact: Mapping[str, Any],
    theirs: Mapping[SyncedField, Value],
    fields: Sequence[SyncedField],
    taken: set[SyncedField],
) -> Acted:
    """Both halves of each base become Xero's value: where the practice's wins, it then differs and goes out."""
    region, ours = contact["country_code"], practice_values(contact)
    after = {name: theirs[name] if name in taken else ours[name] for name in SyncedField}
    settled = {str(name): stored(theirs[name]) for name in fields}
    bases = {side: {**link[side], **settled} for side in ("base_practice", "base_xero")}
    changes = [_lost(name, ours[name], theirs[name], to_practice=name in taken) for name in fields]
    if taken:
        values = {name: theirs[name] for name in taken}
        await link_starting.write_contacts(tx, link["organisation_id"], [(contact, values)])
    due = any(
        not same(name, value, loaded(name, bases["base_practice"].get(name)), region)
        and not refused(link["refused"], name, value, region)
        for name, value in ({**ours, **{name: after[name] for name in fields}}).items()
    )
    entry = activity.record(
        tx, ActivityKind.CONFLICT_SETTLED, f"A conflict about {shown(after[SyncedField.NAME])} was settled.",
        organisation=link["organisation_id"], contact=link["contact_id"], link=link["id"], changes=changes,
    )  # fmt: skip
    organisation = {"id": link["organisation_id"], "country_code": region}
    await failures.record_notes(tx, organisation, {**link, "contact": contact}, settled, theirs)
    await failures.write(
        tx, link, **bases, conflicts=[], notes={name: noted for name, noted in link["notes"].items() if name not in settled},
        state=state_of(link, conflicts=False, due=due),
        due_at=(link["due_at"] or tx.now) if due else None, bulk=False, next_attempt_at=None,
    )  # fmt: skip
    tx.publish(EventKind.LINK, link["id"], organisation=link["organisation_id"], activity=entry)
    if taken:
        tx.publish(EventKind.CONTACT, link["contact_id"])
    if due:
        tx.notify_workers()
    return Acted(link["id"], (link["contact_id"],) if taken else (), entry)


def _lost(name: SyncedField, ours: Value, theirs: Value, *, to_practice: bool) -> Change:
    before, after = (ours, theirs) if to_practice else (theirs, ours)
    side = Side.PRACTICE if to_practice else Side.XERO
    return Change(name, shown(before), shown(after), side, stored(before), restorable=before is not None)


async def restore_value(tx: Tx, event_id: UUID, field: str, version: int | None = None) -> Restored:
    """The practice has the value that stood there before, and its links send it on. Once for each change."""
    row = await tx.row("select contact_id from activity where workspace_id = :ws and id = :id", id=event_id)
    if row is None:
        raise Refused([not_found("activity event", "eventId")])
    if row["contact_id"] is None or await contact_edits.find(tx, row["contact_id"]) is None:
        raise refuse(
            Code.WRONG_STATE,
            "The contact of this event was deleted, so the value cannot be brought back.",
            "eventId",
        )
    contact = await contact_edits.lock(tx, row["contact_id"])
    event = await tx.session.get_one(
        Activity, (tx.workspace, event_id), with_for_update=True, populate_existing=True
    )
    about = [n for n, change in enumerate(event.changes) if change["field"] == field]
    if not about:
        raise refuse(
            Code.NOT_FOUND,
            "This event did not change a field of this name. Give the `field` of one of its changes.",
            "field",
        )
    place = next((n for n in about if event.changes[n]["restorable"]), None)
    if place is None:
        raise refuse(
            Code.WRONG_STATE,
            "This value cannot be brought back: it was blank, or it was brought back already.",
            "field",
        )
    await contact_edits.change(tx, contact.id, _given(event.changes[place]), version=version, typed=False)
    event.changes = [
        change | {"restorable": False} if n == place else change for n, change in enumerate(event.changes)
    ]
    await tx.session.flush()
    return Restored((contact.id,), event_id)


def _given(change: Mapping[str, Any]) -> dict[str, Any]:
    """By the schema's name."""
    return {SYNCED[SyncedField(change["field"])].api_name: change["storedBefore"]}
