"""Conflicts: a person settles a field that both sides changed, or restores an overwritten value."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain import activity
from domain.activity import Change
from domain.connection import organisations
from domain.contacts import edits as contact_edits
from domain.fields.synced import loaded, shown, stored
from domain.fields.values import Value
from domain.links import failures
from domain.links import link as links
from domain.links import starting as link_starting
from domain.links.link import Link, to_send
from domain.links.starting import Acted
from domain.mirror import xero_contacts
from domain.problems import Code, Refused, not_found, refuse
from domain.tables import Activity, ActivityKind, EventKind, Side, StoredChange, SyncedField, SyncState
from domain.tx import Tx


@dataclass(frozen=True)
class Restored:
    """The contact, and the history entry whose change cannot be restored any more."""

    contact_ids: tuple[UUID, ...]
    event_id: UUID


async def settle(
    tx: Tx,
    link_id: UUID,
    winner: Side,
    except_fields: Sequence[SyncedField] = (),
    version: int | None = None,
) -> Acted:
    """Settle every field in conflict: the winner's value holds, except for the fields in `except_fields`.

    The losing values stay in `activity` and can be restored. Other fields are left alone.
    """
    row = await links.lock(tx, link_id, version)
    if row.state is not SyncState.CONFLICT or not row.conflicts or row.xero_contact_id is None:
        raise refuse(
            Code.WRONG_STATE, "This link is not in CONFLICT, so there is nothing to settle.", "linkId"
        )
    contact = await contact_edits.lock(tx, row.contact_id)
    xeros = await xero_contacts.read(tx, [row.xero_contact_id])
    organisation = await organisations.get(tx, row.organisation_id)
    link = Link(row, contact, xeros[row.xero_contact_id], organisation.country_code)
    fields = [SyncedField(name) for name in row.conflicts]
    taken = {name for name in fields if (winner is Side.XERO) is not (name in except_fields)}
    return await _write(tx, link, fields, taken)


async def _write(tx: Tx, link: Link, fields: Sequence[SyncedField], taken: set[SyncedField]) -> Acted:
    """Set both base values to Xero's value. If the practice's value wins, it differs from its base value and is sent."""
    row, ours, theirs = link.row, link.practice, link.at_xero
    after = {name: theirs[name] if name in taken else ours[name] for name in SyncedField}
    settled = {str(name): stored(theirs[name]) for name in fields}
    changes = [_lost(name, ours[name], theirs[name], to_practice=name in taken) for name in fields]
    if taken:
        values = {name: theirs[name] for name in taken}
        await link_starting.write_contacts(
            tx, row.organisation_id, [(link_starting.Ours.of(link.contact), values)]
        )
    base = {**row.base_practice, **settled}
    values_now = {**ours, **{name: after[name] for name in fields}}
    due = bool(to_send(values_now, base, link.region, conflicts=(), refused=row.refused))
    entry = activity.record(
        tx, ActivityKind.CONFLICT_SETTLED, f"A conflict about {shown(after[SyncedField.NAME])} was settled.",
        organisation=row.organisation_id, contact=row.contact_id, link=row.id, changes=changes,
    )  # fmt: skip
    failures.record_notes(tx, row, link.contact.name, link.region, settled, theirs)
    await links.change(
        tx, row, base_practice=base, base_xero={**row.base_xero, **settled}, conflicts=[],
        notes={name: noted for name, noted in row.notes.items() if name not in settled},
        state=links.next_state(conflicts=False, failing=row.failure is not None, waiting=due),
        due_at=(row.due_at or tx.now) if due else None, bulk=False, next_attempt_at=None,
    )  # fmt: skip
    links.publish(tx, row, entry)
    if taken:
        tx.publish(EventKind.CONTACT, row.contact_id)
    if due:
        tx.notify_workers()
    return Acted(row.id, (row.contact_id,) if taken else (), entry)


def _lost(name: SyncedField, ours: Value, theirs: Value, *, to_practice: bool) -> Change:
    before, after = (ours, theirs) if to_practice else (theirs, ours)
    side = Side.PRACTICE if to_practice else Side.XERO
    return Change(name, shown(before), shown(after), side, stored(before), restorable=before is not None)


async def restore_value(tx: Tx, event_id: UUID, field: str, version: int | None = None) -> Restored:
    """Restore the overwritten value in the practice. The contact's links send it. A change can be restored once."""
    event = await tx.session.get(Activity, (tx.workspace, event_id))
    if event is None:
        raise Refused([not_found("activity event", "eventId")])
    if event.contact_id is None or await contact_edits.find(tx, event.contact_id) is None:
        raise refuse(
            Code.WRONG_STATE,
            "The contact of this event was deleted, so the value cannot be brought back.",
            "eventId",
        )
    contact = await contact_edits.lock(tx, event.contact_id)
    await tx.session.refresh(event, with_for_update=True)
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
        _without_restore(change) if n == place else change for n, change in enumerate(event.changes)
    ]
    await tx.session.flush()
    return Restored((contact.id,), event_id)


def _given(change: StoredChange) -> contact_edits.Given:
    name = SyncedField(change["field"])
    return contact_edits.Given({name: loaded(name, change["storedBefore"])})


def _without_restore(change: StoredChange) -> StoredChange:
    after = change.copy()
    after["restorable"] = False
    return after
