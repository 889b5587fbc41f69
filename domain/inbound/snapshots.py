"""Snapshots of Xero's contacts: written into the mirror, without losing a value that a snapshot showed.

If only an older snapshot shows a value of a linked contact, `activity` records the value at once as overwritten. A snapshot
with the mirror's stamp but other values is doubtful. A value that only a doubtful snapshot shows is noted at the link. The
link is not sent before the contact has been read again.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from domain import activity, bulk
from domain.activity import Change
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.synced import same, shown, stored
from domain.fields.values import SeenContact, Value
from domain.links import failures
from domain.links import link as links
from domain.links.link import Link
from domain.mirror import unreadable, xero_contacts
from domain.mirror.xero_contacts import How, Shown
from domain.tables import ACTIVE, ActivityKind, Side, SyncedField, SyncLink
from domain.tx import Tx


async def store(
    tx: Tx,
    organisation: OrganisationCopy,
    contacts: Sequence[SeenContact],
    sent: Mapping[UUID, Collection[str]] | None = None,
) -> list[UUID]:
    """Write snapshots into the mirror. The caller holds the organisation's lock.

    Returns the mirror rows of the snapshots. `sent`: see xero_contacts.show. A contact that the mirror cannot hold is
    reported, and the others are written.
    """
    shown_at_once, failed = await bulk.together(
        tx,
        contacts,
        lambda some: xero_contacts.show(tx, organisation.id, some, sent, country=organisation.country_code),
    )
    await unreadable.record(
        tx, organisation.id, [unreadable.fault(one.xero_contact_id, error) for one, error in failed]
    )
    taken = [one for some in shown_at_once for one in some]
    left = {one.id: one for one in taken if one.differs and one.how in (How.OLDER, How.DOUBTED)}
    if left:
        await _remember(tx, organisation, left, sent or {})
    await _try_refused_again(tx, organisation.id, [one.id for one in taken if one.how is How.NEW])
    return [one.id for one in taken if one.how in (How.NEW, How.SAME)]


async def _try_refused_again(tx: Tx, organisation_id: UUID, xero_ids: Sequence[UUID]) -> None:
    """Make due again the writes that Xero refused because of these contacts' own data: of their links, and of the
    invoices that bill them."""
    if not xero_ids:
        return
    await failures.retry_changed_in_xero(tx, organisation_id, xero_ids)
    invoices = await tx.run(
        "update invoice i set due_at = :now, next_attempt_at = null where i.workspace_id = :ws"
        " and i.organisation_id = :organisation and i.sync_state = 'FAILING'"
        " and i.failure_code in ('INVALID_IN_XERO', 'VALUE_TOO_LONG', 'NAME_TAKEN_IN_XERO')"
        " and i.failure->>'remedy' in ('IN_XERO', 'UPDATE_CONTACT', 'PUSH_TO_XERO') and i.contact_id in"
        " (select l.contact_id from sync_link l where l.workspace_id = :ws and l.organisation_id = :organisation"
        f" and l.xero_contact_id = any(:ids) and l.state in {ACTIVE})",
        organisation=organisation_id, ids=list(xero_ids),
    )  # fmt: skip
    if invoices:
        tx.notify_workers()


async def _remember(
    tx: Tx,
    organisation: OrganisationCopy,
    left: Mapping[UUID, Shown],
    sent: Mapping[UUID, Collection[str]],
) -> None:
    rows = await xero_contacts.read(tx, list(left))
    for link in await links.lock_of_xero_contacts(tx, organisation.id, organisation.country_code, rows):
        assert link.row.xero_contact_id is not None
        snapshot = left[link.row.xero_contact_id]
        written = sent.get(snapshot.xero_contact_id, ())
        try:
            unknown = _unknown(link, snapshot)
        except Exception as error:
            if not bulk.caused_by_data(error):
                raise
            fault = unreadable.fault(snapshot.xero_contact_id, error)
            await unreadable.record(tx, organisation.id, [fault])
            continue
        lost = {name: value for name, value in unknown.items() if name not in written}
        if snapshot.how is How.OLDER:
            await _came_back(tx, link, snapshot, written)
            await _record(tx, link, lost)
        elif lost:
            await links.note(tx, link.row, lost)


def _unknown(link: Link, snapshot: Shown) -> dict[SyncedField, Value]:
    """The values that no side holds, and that no side held when they last agreed."""
    now, ours, base = link.at_xero, link.practice, link.base_xero
    return {
        name: value
        for name, value in snapshot.values.items()
        if not any(same(name, value, other, link.region) for other in (now[name], ours[name], base[name]))
    }


async def _came_back(tx: Tx, link: Link, answer: Shown, written: Collection[str]) -> None:
    """Set the stamp of fields anew if an older answer to our own write shows another value than the mirror has.

    The answer counts as a snapshot that was shown, so the mirror's value appeared again after it.
    """
    now = link.at_xero
    back = [
        name
        for name in SyncedField
        if name in written and not same(name, answer.values[name], now[name], link.region)
    ]
    if back:
        await xero_contacts.came_back(tx, answer.id, back)


async def _record(tx: Tx, link: Link, lost: Mapping[SyncedField, Value]) -> None:
    known = await _recorded(tx, link.row) if lost else set()
    now = link.at_xero
    changes = [
        Change(name, shown(value), shown(now[name]), Side.XERO, stored(value), restorable=value is not None)
        for name, value in lost.items()
        if (name, shown(value)) not in known
    ]
    if changes:
        activity.record(
            tx, ActivityKind.CONFLICT_SETTLED, f"{link.contact.name} was changed in Xero, and then again.",
            organisation=link.row.organisation_id, contact=link.row.contact_id, link=link.row.id, changes=changes,
        )  # fmt: skip


class _Value(NamedTuple):
    field: str
    value: str | None


async def _recorded(tx: Tx, link: SyncLink) -> set[tuple[str, str | None]]:
    """The fields with the values that the activity of the contact holds already."""
    rows = await tx.read(
        _Value,
        "select c->>'field' as field, v.value from activity a, jsonb_array_elements(a.changes) c,"
        " lateral (values (c->>'before'), (c->>'after')) v(value) where a.workspace_id = :ws"
        " and a.contact_id = :contact and (a.organisation_id is null or a.organisation_id = :organisation)",
        contact=link.contact_id, organisation=link.organisation_id,
    )  # fmt: skip
    return {(row.field, row.value) for row in rows}
