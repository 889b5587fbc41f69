"""Applies what Xero shows to links, issues and contacts: the mirror rows that are dirty, a page at a time.

The caller holds the organisation's lock. While a write of a field is in flight, no read decides about that field. The value
that the read shows is noted at the link, and the link requires a re-read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from uuid import UUID, uuid4

from domain import activity, bulk
from domain.activity import Change
from domain.connection import organisation_copy
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.merge import FieldState, Merged, merge
from domain.fields.synced import same, shown, stored
from domain.fields.values import Value
from domain.inbound import link_endings, mass_change
from domain.links import failures, push_numbers, starting, statements
from domain.links import link as links
from domain.links.link import Columns, Link, is_refused, next_state, to_send
from domain.matching import issues
from domain.matching import plan as matching_plan
from domain.mirror import status_requests, unreadable, xero_contacts
from domain.tables import (
    ActivityKind,
    ConflictPolicy,
    EventKind,
    Side,
    SyncedField,
    XeroContact,
    XeroContactStatus,
)
from domain.tx import Tx


async def apply(
    tx: Tx, organisation: OrganisationCopy, ids: Sequence[UUID], run: UUID, *, quiet: bool
) -> None:
    """Apply these mirror rows: linked ones are merged, others are matched as in an import.

    While the brake holds, nothing is applied. A row whose data cannot be processed waits until Xero shows something else,
    and the activity says so. Contacts that the run `run` creates are no candidates in it. `quiet`: no events for single
    contacts.
    """
    await status_requests.settle_shown(tx, ids)
    if organisation.mass_change is not None:
        return
    _, failed = await bulk.together(tx, ids, lambda some: _apply(tx, organisation, some, run, quiet=quiet))
    if failed:
        await _leave(tx, organisation.id, dict(failed))


async def leave_linked(tx: Tx, organisation_id: UUID, ids: Sequence[UUID]) -> None:
    """Take those of the mirror rows that were linked just now for applied, because their links began with what they show.

    A row stays dirty if more can follow from it: it had other keys or has an open issue, it shares its name or email with an
    open issue of a row that is not dirty, it shows the number of an open push, or its status is to be changed.
    """
    issue = (
        "select from xero_contact y join match_issue i on i.workspace_id = :ws and i.xero_contact_id = y.id and i.state = 'OPEN'"
        " where y.workspace_id = :ws and y.organisation_id = :organisation and not y.dirty"
    )
    await tx.run(
        "update xero_contact x set dirty = false, brake = null from sync_link l where l.workspace_id = :ws"
        " and l.xero_contact_id = any(:ids) and l.organisation_id = :organisation and l.linked_at = :now"
        " and x.workspace_id = :ws and x.id = l.xero_contact_id and x.dirty and x.former_keys = '{}'"
        " and not exists (select from match_issue i where i.workspace_id = :ws and i.xero_contact_id = x.id and i.state = 'OPEN')"
        f" and not exists ({issue} and y.name_key = x.name_key) and not exists ({issue} and y.email_key = x.email_key)"
        " and not exists (select from push p where p.workspace_id = :ws and p.organisation_id = :organisation"
        "  and p.contact_number = x.contact_number and p.seen_at is null)"
        " and not exists (select from owed_status o where o.workspace_id = :ws and o.xero_contact_id = x.id)",
        organisation=organisation_id, ids=list(ids),
    )  # fmt: skip


class _Left(NamedTuple):
    id: UUID
    xero_contact_id: UUID


async def _leave(tx: Tx, organisation_id: UUID, failed: Mapping[UUID, Exception]) -> None:
    rows = await tx.read(
        _Left,
        "update xero_contact set dirty = false where workspace_id = :ws and id = any(:ids) returning id, xero_contact_id",
        ids=list(failed),
    )
    bad = [unreadable.fault(row.xero_contact_id, failed[row.id]) for row in rows]
    await unreadable.record(tx, organisation_id, bad)


async def _apply(
    tx: Tx, organisation: OrganisationCopy, ids: Sequence[UUID], run: UUID, *, quiet: bool
) -> None:
    xeros = await xero_contacts.read(tx, ids)
    left_names = _left_names(xeros.values())
    keys = {key for row in xeros.values() for key in (row.name_key, row.email_key, *row.former_keys) if key}
    ended = await _settle_endings(tx, organisation, xeros)
    await _merge_links(tx, organisation, xeros, quiet=quiet)
    await failures.names_freed(tx, organisation.id, left_names)
    touched = list(xeros)  # a merge's survivors too
    await issues.evaluate(tx, organisation, touched)
    await matching_plan.full_matches(tx, organisation, run, ids, quiet=quiet)
    await matching_plan.issues(tx, organisation, run, ids, quiet=quiet)
    await tx.run(
        "update xero_contact set dirty = false, former_keys = '{}', brake = null where workspace_id = :ws and id = any(:ids)",
        ids=list(ids),
    )
    await _request_lookup_again(tx, organisation, ids)
    await matching_plan.creations(tx, organisation, run, ids, quiet=quiet)
    linked = await tx.ids(
        "select contact_id from sync_link where workspace_id = :ws and xero_contact_id = any(:ids) and linked_at = :now",
        ids=touched,
    )
    await issues.evaluate_contacts(tx, [*ended.contacts, *linked])
    await issues.evaluate_sharing(tx, organisation, list(keys), but=touched)


async def _request_lookup_again(tx: Tx, organisation: OrganisationCopy, ids: Sequence[UUID]) -> None:
    """Keep rows for the next run whose near-duplicates may have changed since their last look-up."""
    rows = await tx.ids(
        "select x.id from xero_contact x join match_issue i on i.workspace_id = :ws and i.xero_contact_id = x.id"
        " and i.state = 'OPEN' and not i.reopened and not i.merged"
        " where x.workspace_id = :ws and x.id = any(:ids) and x.looked_at is null order by x.id",
        ids=list(ids),
    )
    await xero_contacts.request_lookup(tx, organisation.id, organisation.contact_filter, rows)


def _left_names(rows: Iterable[XeroContact]) -> list[str]:
    """The keys of names that these Xero contacts no longer hold: another contact may have them now."""
    held = list(rows)
    former = {key for row in held for key in row.former_keys}
    gone = [
        row for row in held if row.status is not XeroContactStatus.ACTIVE or row.missing_since is not None
    ]
    return sorted(former | {row.name_key for row in gone if row.name_key})


async def apply_shown(tx: Tx, organisation_id: UUID, ids: Sequence[UUID]) -> None:
    """Apply the result of a read of a few contacts, if the brake allows it. The caller holds the organisation's lock.

    Before the contact sync is started nothing is applied: there is no filter, and the import matches every contact.
    """
    if not ids:
        return
    organisation = await organisation_copy.find_connected(tx, organisation_id)
    if organisation is None or organisation.contact_filter is None:
        return
    if not await mass_change.stops(tx, organisation):
        await apply(tx, replace(organisation, mass_change=None), ids, uuid4(), quiet=False)


async def _settle_endings(
    tx: Tx, organisation: OrganisationCopy, xeros: dict[UUID, XeroContact]
) -> link_endings.Ended:
    """End or move the links of contacts that are not active any more. Survivors with a moved link join `xeros`."""
    survivors = [
        found.row
        for found in (await link_endings.find_survivors(tx, organisation.id, list(xeros))).values()
        if found.row is not None
    ]
    # Before a link moves, and on the survivors as on the rest.
    await push_numbers.meet(tx, organisation, [*xeros, *(row.id for row in survivors)])
    held = await link_endings.lock(tx, organisation.id, [*xeros.values(), *survivors])
    await statements.remember_destroyed(tx, list(xeros))
    ended = await link_endings.settle(tx, organisation, xeros, held)
    missing = [row for row in ended.survivors if row not in xeros]
    if missing:
        xeros |= await xero_contacts.read(tx, missing)
    return ended


@dataclass
class _Merge:
    """One link, and the merge of each of its fields. `clock_ahead`: the time by which Xero's clock is ahead of ours."""

    link: Link
    policy: ConflictPolicy
    clock_ahead: timedelta
    now: datetime
    fields: dict[SyncedField, Merged] = field(default_factory=dict)
    notes: dict[str, list[object]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    owes_read: bool = False

    @cached_property
    def practice(self) -> dict[SyncedField, Value]:
        """The practice's values before the merge."""
        return self.link.practice

    def decide(self) -> None:
        row, region = self.link.row, self.link.region
        practice, xero = self.practice, self.link.at_xero
        base_practice, base_xero = self.link.base_practice, self.link.base_xero
        self.notes = {name: list(values) for name, values in row.notes.items()}
        for name in SyncedField:
            if name in self.link.in_flight:
                if not same(name, xero[name], base_xero[name], region):
                    self._note(name, xero[name])
                self.fields[name] = Merged(practice[name], base_practice[name], base_xero[name])
                continue
            if noted := self.notes.pop(name, []):
                self.changes += failures.overwritten({name: noted}, xero, region)
            if name not in row.conflicts and same(name, xero[name], base_xero[name], region):
                self.fields[name] = Merged(practice[name], base_practice[name], base_xero[name])
                continue
            state = FieldState(
                practice[name], xero[name], base_practice[name], base_xero[name], self._set_at(name), self._shown_at(name)
            )  # fmt: skip
            if name in row.conflicts and not same(name, practice[name], xero[name], region):
                merged = Merged(practice[name], state.base_practice, state.base_xero, conflict=True)
            else:
                merged = merge(name, state, self.policy, region)
            self.fields[name] = merged
            self._record(name, state, merged)
            if merged.conflict:  # a value that Xero shows before a person decides overwrites this one
                self.notes[name] = [stored(xero[name])]

    def _set_at(self, name: SyncedField) -> datetime:
        text = self.link.contact.field_times.get(name)
        return datetime.fromisoformat(text) if text else self.link.contact.created_at

    def _shown_at(self, name: SyncedField) -> datetime:
        """The time by our clock at which Xero first showed the value."""
        assert self.link.xero is not None
        text = self.link.xero.value_times.get(name)
        return (datetime.fromisoformat(text) if text else self.link.xero.updated_at) - self.clock_ahead

    def _note(self, name: SyncedField, value: Value) -> None:
        noted = self.notes.setdefault(name, [])
        if stored(value) not in noted:
            noted.append(stored(value))
        self.owes_read = True

    def _record(self, name: SyncedField, state: FieldState, merged: Merged) -> None:
        if merged.lost_on is not None:
            lost = state.practice if merged.lost_on is Side.PRACTICE else state.xero
            self.changes.append(
                Change(name, shown(lost), shown(merged.practice), merged.lost_on, stored(lost),
                       restorable=lost is not None)
            )  # fmt: skip

    def to_practice(self) -> dict[SyncedField, Value]:
        """The values that the practice takes over."""
        before = self.practice
        return {
            name: merged.practice
            for name, merged in self.fields.items()
            if not same(name, merged.practice, before[name], self.link.region)
        }

    @cached_property
    def columns(self) -> Columns:
        """The new columns of the link's row. A failure stays for as long as the practice holds a value that Xero refused."""
        row, region = self.link.row, self.link.region
        practice = {name: merged.practice for name, merged in self.fields.items()}
        base = {str(name): stored(merged.base_practice) for name, merged in self.fields.items()}
        conflicts = [str(name) for name, merged in self.fields.items() if merged.conflict]
        wanted = to_send(practice, base, region, conflicts=(), refused={})
        assert self.link.xero is not None
        came_back = failures.says_not_shown(row) and self.link.xero.missing_since is None
        fails = not came_back and (
            not row.refused
            or any(is_refused(row.refused, name, value, region) for name, value in wanted.items())
        )
        due = bool(to_send(practice, base, region, conflicts=conflicts, refused=row.refused))
        failure = row.failure if fails else None
        return Columns(
            state=next_state(conflicts=bool(conflicts), failing=failure is not None, waiting=due),
            base_practice=base,
            base_xero={str(name): stored(merged.base_xero) for name, merged in self.fields.items()},
            conflicts=conflicts, notes=self.notes, failure=failure, refused=row.refused if fails else {},
            due_at=(row.due_at or self.now) if due else None,
            read_owed_at=self.now if self.owes_read else row.read_owed_at,
            last_synced_at=row.last_synced_at if self.link.in_flight else self.now,
        )  # fmt: skip

    def has_changes(self) -> bool:
        """Whether anything of the link but the time of the last sync is to be written."""
        after = {name: value for name, value in self.columns.items() if name != "last_synced_at"}
        return bool(self.changes) or any(
            value != getattr(self.link.row, name) for name, value in after.items()
        )


async def _merge_links(
    tx: Tx, organisation: OrganisationCopy, xeros: Mapping[UUID, XeroContact], *, quiet: bool
) -> None:
    held = await links.lock_of_xero_contacts(tx, organisation.id, organisation.country_code, xeros)
    restoring = await status_requests.restoring(tx, list(xeros))
    ahead = timedelta(seconds=organisation.clock_ahead)
    merged = [
        _Merge(link, organisation.conflict_policy, ahead, tx.now)
        for link in held
        if link.row.xero_contact_id not in restoring
        or (link.xero is not None and link.xero.status is XeroContactStatus.ACTIVE)
    ]
    for one in merged:
        one.decide()
    await _write(tx, organisation.id, [one for one in merged if one.has_changes()], quiet=quiet)


async def _write(tx: Tx, organisation_id: UUID, merged: Sequence[_Merge], *, quiet: bool) -> None:
    if not merged:
        return
    taken = [(one, values) for one in merged if (values := one.to_practice())]
    entries = {one.link.row.id: _activity(one) for one in merged if one.changes}
    for one in merged:
        links.set_columns(tx, one.link.row, one.columns)
    await tx.session.flush()
    await starting.write_contacts(
        tx, organisation_id, [(starting.Ours.of(one.link.contact), values) for one, values in taken]
    )
    await activity.record_all(tx, list(entries.values()))
    if any(one.link.row.due_at for one in merged):
        tx.notify_workers()
    for one in [] if quiet else merged:
        entry = entries.get(one.link.row.id)
        links.publish(tx, one.link.row, entry.id if entry else None)
    for one, _ in [] if quiet else taken:
        tx.publish(EventKind.CONTACT, one.link.row.contact_id)
    if taken:
        await issues.evaluate_contacts(tx, [one.link.row.contact_id for one, _ in taken])


def _activity(one: _Merge) -> activity.Entry:
    both = any(change.written_to is Side.XERO for change in one.changes)
    row = one.link.row
    return activity.Entry(
        ActivityKind.CONFLICT_SETTLED if both else ActivityKind.CONTACT_CHANGED,
        f"{one.link.contact.name} was changed in Xero.",
        organisation=row.organisation_id,
        contact=row.contact_id,
        link=row.id,
        changes=one.changes,
    )
