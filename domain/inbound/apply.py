"""What Xero's side shows, applied to links, issues and contacts: each mirror row that is dirty, a page at a time.

The caller holds the organisation's lock. While a write of a field is in flight no read decides about that field:
what it shows is noted at the link, and the link owes a read that begins after now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from domain import activity, bulk
from domain.activity import Change
from domain.fields.merge import FieldState, Merged, merge
from domain.fields.synced import loaded, practice_values, same, shown, stored, xero_values
from domain.fields.values import Value
from domain.inbound import link_endings, mass_change
from domain.links import failures, push_numbers
from domain.links import starting as link_starting
from domain.links.starting import refused, state_of
from domain.matching import issues
from domain.matching import plan as matching_plan
from domain.mirror import status_requests, unreadable, xero_contacts
from domain.tables import (
    ActivityKind,
    ConflictPolicy,
    EventKind,
    Side,
    SyncedField,
    SyncLink,
    XeroContactStatus,
)
from domain.tx import Tx

_LINK: sa.Table = SyncLink.__table__  # type: ignore[attr-defined]  # SQLModel sets it and does not declare it


async def apply(
    tx: Tx, organisation: Mapping[str, Any], ids: Sequence[UUID], run: UUID, *, quiet: bool
) -> None:
    """Apply these mirror rows: linked ones are merged, others are matched as an import would. `run`: what it creates
    is no candidate in the same run. `quiet`: subscribers are told nothing of each. While the brake holds, nothing. One
    that we cannot digest is told of, and left as it is until Xero shows it otherwise; the others are done."""
    await status_requests.settle_shown(tx, ids)
    if organisation["mass_change"] is not None:
        return
    _, failed = await bulk.together(tx, ids, lambda some: _apply(tx, organisation, some, run, quiet=quiet))
    if failed:
        await _leave(tx, organisation["id"], dict(failed))


async def _leave(tx: Tx, organisation_id: UUID, failed: Mapping[UUID, Exception]) -> None:
    rows = await tx.rows(
        "update xero_contact set dirty = false where workspace_id = :ws and id = any(:ids) returning id, xero_contact_id",
        ids=list(failed),
    )
    bad = [unreadable.fault(row["xero_contact_id"], failed[row["id"]]) for row in rows]
    await unreadable.publish(tx, organisation_id, bad)


async def _apply(
    tx: Tx, organisation: Mapping[str, Any], ids: Sequence[UUID], run: UUID, *, quiet: bool
) -> None:
    rows = await tx.rows(
        "select * from xero_contact where workspace_id = :ws and id = any(:ids) order by id", ids=list(ids)
    )
    xeros: dict[UUID, Mapping[str, Any]] = {row["id"]: row for row in rows}
    ended = await _settle_endings(tx, organisation, xeros)
    await _merge_links(tx, organisation, xeros, quiet=quiet)
    await failures.names_freed(tx, organisation["id"], _left_names(rows))
    touched = list(xeros)  # a merge's survivors too
    await issues.evaluate(tx, organisation, touched)
    await matching_plan.full_matches(tx, organisation, run, ids, quiet=quiet)
    await matching_plan.issues(tx, organisation, run, ids, quiet=quiet)
    await tx.run(
        "update xero_contact set dirty = false, former_keys = '{}', brake = null where workspace_id = :ws and id = any(:ids)",
        ids=list(ids),
    )
    await _keep_to_be_looked_at(tx, organisation, ids)
    await matching_plan.creations(tx, organisation, run, ids, quiet=quiet)
    linked = await tx.rows(
        "select contact_id from sync_link where workspace_id = :ws and xero_contact_id = any(:ids) and linked_at = :now",
        ids=touched,
    )
    await issues.evaluate_contacts(tx, [*ended.contacts, *(row["contact_id"] for row in linked)])
    keys = {key for row in rows for key in (row["name_key"], row["email_key"], *row["former_keys"]) if key}
    await issues.evaluate_sharing(tx, organisation, list(keys), but=touched)


async def _keep_to_be_looked_at(tx: Tx, organisation: Mapping[str, Any], ids: Sequence[UUID]) -> None:
    """What makes these a question may have changed since their last look for near-duplicates: the next run looks."""
    rows = await tx.rows(
        "select x.id from xero_contact x join match_issue i on i.workspace_id = :ws and i.xero_contact_id = x.id"
        " and i.state = 'OPEN' and i.reason = 'SIMILAR' and not i.reopened and not i.merged"
        " where x.workspace_id = :ws and x.id = any(:ids) and x.looked_at is null order by x.id",
        ids=list(ids),
    )
    await xero_contacts.request_lookup(tx, organisation, [row["id"] for row in rows])


def _left_names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names that these contacts no longer hold, as keys: another may be given them now."""
    former = {key for row in rows for key in row["former_keys"]}
    ended = {row["name_key"] for row in rows if row["status"] != XeroContactStatus.ACTIVE and row["name_key"]}
    return sorted(former | ended)


async def apply_shown(tx: Tx, organisation_id: UUID, ids: Sequence[UUID]) -> None:
    """Apply what a read of a few contacts has just shown, if the brake lets it. Under the organisation's lock."""
    organisation = await tx.row(
        "select * from organisation where workspace_id = :ws and id = :id and disconnected_at is null",
        id=organisation_id,
    )
    if organisation is not None and not await mass_change.stops(tx, organisation):
        await apply(tx, {**organisation, "mass_change": None}, ids, uuid4(), quiet=False)


async def _remember_destroyed(tx: Tx, ids: Sequence[UUID]) -> None:
    """For the brake, which counts over ten minutes. Their links are locked, after their contacts."""
    await tx.run(
        "update sync_link l set destroyed_at = :now from xero_contact x where x.workspace_id = :ws and x.id = any(:ids)"
        " and x.brake = 'COUNTED' and l.workspace_id = :ws and l.xero_contact_id = x.id"
        " and l.state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')",
        ids=list(ids),
    )


async def _settle_endings(
    tx: Tx, organisation: Mapping[str, Any], xeros: dict[UUID, Mapping[str, Any]]
) -> link_endings.Ended:
    """Links of what is not active any more end or move; the survivors to which one has moved join `xeros`."""
    survivors = [
        found.row
        for found in (await link_endings.find_survivors(tx, organisation["id"], list(xeros))).values()
        if found.row is not None
    ]
    # Before a link moves, and on the survivors as on the rest.
    await push_numbers.meet(tx, organisation, [*xeros, *(row["id"] for row in survivors)])
    held = await link_endings.lock(tx, organisation["id"], [*xeros.values(), *survivors])
    await _remember_destroyed(tx, list(xeros))
    ended = await link_endings.settle(tx, organisation, xeros, held)
    missing = [row for row in ended.survivors if row not in xeros]
    if missing:
        rows = await tx.rows(
            "select * from xero_contact where workspace_id = :ws and id = any(:ids)", ids=missing
        )
        xeros |= {row["id"]: row for row in rows}
    return ended


@dataclass
class _Link:
    """One link, both of its sides, and what became of it."""

    tx: Tx
    organisation: Mapping[str, Any]
    row: Mapping[str, Any]
    contact: Mapping[str, Any]
    xero: Mapping[str, Any]
    in_flight: frozenset[str]
    fields: dict[SyncedField, Merged] = field(default_factory=dict)
    notes: dict[str, list[Any]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    owes_read: bool = False

    def decide(self) -> None:
        practice, xero = practice_values(self.contact), xero_values(self.xero)
        self.notes = {name: list(values) for name, values in self.row["notes"].items()}
        for name in SyncedField:
            base = loaded(name, self.row["base_xero"].get(name))
            if name in self.in_flight:
                if not same(name, xero[name], base, self.region):
                    self._note(name, xero[name])
                self.fields[name] = Merged(
                    practice[name], loaded(name, self.row["base_practice"].get(name)), base
                )
                continue
            self._record_notes(name, xero[name])
            state = self._state(name, practice[name], xero[name])
            policy = ConflictPolicy(self.organisation["conflict_policy"])
            if name in self.row["conflicts"] and not same(name, practice[name], xero[name], self.region):
                merged = Merged(practice[name], state.base_practice, state.base_xero, conflict=True)
            else:
                merged = merge(name, state, policy, self.region)
            self.fields[name] = merged
            self._record(name, state, merged)
            if merged.conflict:  # another one that Xero shows before a person decides has overwritten it
                self.notes[name] = [stored(xero[name])]

    @property
    def region(self) -> str | None:
        region: str | None = self.organisation["country_code"]
        return region

    def _state(self, name: SyncedField, practice: Value, xero: Value) -> FieldState:
        return FieldState(
            practice,
            xero,
            loaded(name, self.row["base_practice"].get(name)),
            loaded(name, self.row["base_xero"].get(name)),
            _time(self.contact["field_times"].get(name), self.contact["created_at"]),
            _time(self.xero["value_times"].get(name), self.xero["updated_at"])
            - timedelta(seconds=self.organisation["clock_ahead"]),
        )

    def _note(self, name: SyncedField, value: Value) -> None:
        noted = self.notes.setdefault(name, [])
        if stored(value) not in noted:
            noted.append(stored(value))
        self.owes_read = True

    def _record_notes(self, name: SyncedField, now: Value) -> None:
        """The value that is there now is merged; every other one that was noted was overwritten."""
        for text in self.notes.pop(name, []):
            value = loaded(name, text)
            if not same(name, value, now, self.region):
                self.changes.append(
                    Change(name, shown(value), shown(now), Side.XERO, text, restorable=value is not None)
                )

    def _record(self, name: SyncedField, state: FieldState, merged: Merged) -> None:
        if merged.lost_on is Side.PRACTICE:
            lost = stored(state.practice)
            self.changes.append(
                Change(name, shown(state.practice), shown(merged.practice), Side.PRACTICE, lost,
                       restorable=state.practice is not None)
            )  # fmt: skip
        elif merged.lost_on is Side.XERO:
            lost = stored(state.xero)
            self.changes.append(
                Change(name, shown(state.xero), shown(merged.practice), Side.XERO, lost,
                       restorable=state.xero is not None)
            )  # fmt: skip

    def to_practice(self) -> dict[SyncedField, Value]:
        before = practice_values(self.contact)
        return {
            name: merged.practice
            for name, merged in self.fields.items()
            if not same(name, merged.practice, before[name], self.region)
        }

    def conflicts(self) -> list[str]:
        return [name for name, merged in self.fields.items() if merged.conflict]

    def due(self) -> bool:
        """Whether the practice's side has something that goes out: it differs from its base, nobody is asked about
        it, and it is not what Xero has refused already."""
        return any(
            not merged.conflict
            and not same(name, merged.practice, merged.base_practice, self.region)
            and not refused(self.row["refused"], name, merged.practice, self.region)
            for name, merged in self.fields.items()
        )

    def failing(self) -> dict[str, Any]:
        """What Xero refused is a failure for as long as the practice wants it there."""
        held: dict[str, Any] = {"failure": self.row["failure"], "refused": self.row["refused"]}
        wanted = any(
            refused(held["refused"], name, merged.practice, self.region)
            and not same(name, merged.practice, merged.base_practice, self.region)
            for name, merged in self.fields.items()
        )
        return held if wanted or not held["refused"] else {"failure": None, "refused": {}}

    def written(self) -> dict[str, Any]:
        conflicts, due, tx, failing = self.conflicts(), self.due(), self.tx, self.failing()
        state = state_of({**self.row, **failing}, conflicts=bool(conflicts), due=due)
        moved = state != self.row["state"]
        return {
            "b_ws": tx.workspace, "b_id": self.row["id"], "state": state,
            "state_since": tx.now if moved else self.row["state_since"],
            "version": self.row["version"] + 1,
            "base_practice": {name: stored(merged.base_practice) for name, merged in self.fields.items()},
            "base_xero": {name: stored(merged.base_xero) for name, merged in self.fields.items()},
            "conflicts": conflicts, "notes": self.notes, **failing,
            "due_at": (self.row["due_at"] or tx.now) if due else None,
            "read_owed_at": tx.now if self.owes_read else self.row["read_owed_at"],
            "last_synced_at": self.row["last_synced_at"] if self.in_flight else tx.now,
        }  # fmt: skip

    def is_news(self) -> bool:
        """Whether anything of the link is to be written at all."""
        after = self.written()
        kept = (
            "state",
            "base_practice",
            "base_xero",
            "conflicts",
            "notes",
            "failure",
            "due_at",
            "read_owed_at",
        )
        return bool(self.changes) or any(after[name] != self.row[name] for name in kept)


def _time(text: str | None, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if text else otherwise


async def _merge_links(
    tx: Tx, organisation: Mapping[str, Any], xeros: Mapping[UUID, Mapping[str, Any]], *, quiet: bool
) -> None:
    held = await _lock_links(tx, organisation["id"], list(xeros))
    contacts = {row["id"]: row for row in await _contacts(tx, [row["contact_id"] for row in held])}
    in_flight = await _in_flight(tx, [row["id"] for row in held])
    restoring = await status_requests.restoring(tx, list(xeros))
    merged: list[_Link] = []
    for row in held:
        if row["xero_contact_id"] in restoring and xeros[row["xero_contact_id"]]["status"] != "ACTIVE":
            continue
        link = _Link(
            tx,
            organisation,
            row,
            contacts[row["contact_id"]],
            xeros[row["xero_contact_id"]],
            in_flight.get(row["id"], frozenset()),
        )
        link.decide()
        merged.append(link)
    await _write(tx, [link for link in merged if link.is_news()], quiet=quiet)


async def _lock_links(tx: Tx, organisation_id: UUID, xero_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """The active links of these Xero contacts; their contacts are locked first, as the order of locks has it."""
    which = (
        " from sync_link l where l.workspace_id = :ws and l.organisation_id = :organisation"
        " and l.xero_contact_id = any(:ids) and l.state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')"
    )
    values = {"organisation": organisation_id, "ids": list(xero_ids)}
    await tx.rows(
        f"select id from contact where workspace_id = :ws and id in (select l.contact_id {which}) order by id for update",
        **values,
    )
    return await tx.rows(f"select l.* {which} order by l.id for update", **values)


async def _contacts(tx: Tx, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    return await tx.rows("select * from contact where workspace_id = :ws and id = any(:ids)", ids=list(ids))


async def _in_flight(tx: Tx, link_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    rows = await tx.rows(
        "select link_id, sent from delivery_member where workspace_id = :ws and link_id = any(:ids) and open",
        ids=list(link_ids),
    )
    return {row["link_id"]: frozenset(row["sent"]) for row in rows}


async def _write(tx: Tx, merged: Sequence[_Link], *, quiet: bool) -> None:
    if not merged:
        return
    changed = [link for link in merged if link.to_practice()]
    organisation_id = merged[0].organisation["id"]
    await link_starting.write_contacts(
        tx, organisation_id, [(link.contact, link.to_practice()) for link in changed]
    )
    names = [name for name in merged[0].written() if not name.startswith("b_")]
    update = (
        sa.update(_LINK)
        .where(_LINK.c.workspace_id == sa.bindparam("b_ws"), _LINK.c.id == sa.bindparam("b_id"))
        .values({name: sa.bindparam(name) for name in names})
    )
    await tx.session.execute(
        update, [link.written() for link in merged], execution_options={"synchronize_session": False}
    )
    told = [_activity(link) for link in merged if link.changes]
    await activity.record_all(tx, told)
    if any(link.due() for link in merged):
        tx.notify_workers()
    by_link = {entry.link: entry.id for entry in told}
    for link in [] if quiet else merged:
        tx.publish(
            EventKind.LINK,
            link.row["id"],
            organisation=link.organisation["id"],
            activity=by_link.get(link.row["id"]),
        )
        if link.to_practice():
            tx.publish(EventKind.CONTACT, link.row["contact_id"])
    if changed:
        await issues.evaluate_contacts(tx, [link.row["contact_id"] for link in changed])


def _activity(link: _Link) -> activity.Entry:
    both = any(change.written_to is Side.XERO for change in link.changes)
    return activity.Entry(
        ActivityKind.CONFLICT_SETTLED if both else ActivityKind.CONTACT_CHANGED,
        f"{link.contact['name']} was changed in Xero.",
        organisation=link.organisation["id"],
        contact=link.row["contact_id"],
        link=link.row["id"],
        changes=link.changes,
    )
