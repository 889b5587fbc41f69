"""Links between practice contacts and Xero contacts: every link starts here, in one function.

A person's acts hold the locks of all organisations first (`issues.evaluating`), so a link and its contact cannot part
between the two locks that follow.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm.util import identity_key

from domain import activity
from domain.activity import Change
from domain.contacts import search_keys
from domain.contacts.edits import XeroEnd, check_fit, mark_links
from domain.fields.merge import FieldStart, Winner
from domain.fields.merge import start as start_field
from domain.fields.synced import (
    SYNCED,
    Values,
    columns,
    loaded,
    mirror_values,
    practice_values,
    same,
    shown,
    stored,
    xero_values,
)
from domain.fields.values import Value
from domain.mirror import status_requests, xero_contacts
from domain.problems import Refused, not_found, stale
from domain.tables import (
    ActivityKind,
    Contact,
    EventKind,
    LinkOrigin,
    Side,
    SyncedField,
    SyncLink,
    SyncState,
    XeroContactStatus,
)
from domain.tx import Tx

_CONTACT: sa.Table = Contact.__table__  # type: ignore[attr-defined]  # SQLModel sets it and does not declare it
_LINK: sa.Table = SyncLink.__table__  # type: ignore[attr-defined]  # as above
# What a link that begins again has left behind.
_AFRESH: dict[str, Any] = {
    "failure": None, "notes": {}, "refused": {}, "attempts": 0, "next_attempt_at": None,
}  # fmt: skip


_HOW = {
    LinkOrigin.FULL_MATCH: "a full match",
    LinkOrigin.CONFIRMED: "confirmed by a person",
    LinkOrigin.CREATED_FROM_XERO: "created from Xero",
    LinkOrigin.PUSHED_TO_XERO: "pushed to Xero",
    LinkOrigin.REMATCHED: "matched again",
}


@dataclass(frozen=True)
class Pair:
    """What is to be linked, by the ids of our rows; `winners` for the fields where `winner` does not hold. `link_id`:
    an ended link that begins again with this pair. `restored`: the Xero contact is archived, and restored first.
    `named_by`: where a person's input names it. A person is refused what Xero would not take; what the machine links
    says so on the link."""

    contact_id: UUID
    xero_contact_id: UUID
    origin: LinkOrigin
    winner: Winner
    winners: Mapping[SyncedField, Winner] = field(default_factory=dict)
    link_id: UUID | None = None
    restored: bool = False
    named_by: str | None = None


@dataclass(frozen=True)
class Acted:
    """What a person's act on a link came to. `activity_id`: the event whose changes it made; `contact_ids`: whose
    open issues are to be judged again."""

    link_id: UUID
    contact_ids: tuple[UUID, ...]
    activity_id: UUID | None = None
    previous_contact_id: UUID | None = None


@dataclass(frozen=True)
class Started:
    link_id: UUID
    activity_id: UUID
    pair: Pair


def refused(held: Mapping[str, Any], name: SyncedField, value: Value, region: str | None) -> bool:
    """Whether Xero has refused just this value of the field."""
    return name in held and same(name, loaded(name, held[name]), value, region)


def state_of(link: Mapping[str, Any], *, conflicts: bool, due: bool) -> SyncState:
    """What an active link's state is, by what is the matter with it."""
    if conflicts:
        return SyncState.CONFLICT
    if link["failure"] is not None:
        return SyncState.FAILING
    return SyncState.PENDING if due or link["xero_contact_id"] is None else SyncState.SYNCED


async def start(
    tx: Tx, organisation: Mapping[str, Any], pairs: Sequence[Pair], *, quiet: bool = False, bulk: bool = False
) -> list[Started]:
    """Link the pairs: settle each field, write what the practice's side takes over, and mark what Xero lacks.

    The caller holds the organisation's lock and knows that both ends are free; a unique index says so otherwise.
    `quiet`: tell subscribers nothing of each, as an import does, whose sending is `bulk` too. The number of statements
    does not grow with `pairs` that are new.
    """
    if not pairs:
        return []
    contacts = await _contacts(tx, [pair.contact_id for pair in pairs])
    xeros = await _xero_contacts(tx, [pair.xero_contact_id for pair in pairs])
    begun = [
        _Beginning(tx, organisation, pair, contacts[pair.contact_id], xeros[pair.xero_contact_id])
        for pair in pairs
    ]
    for one in begun:
        if one.pair.named_by is not None:
            sent = {name: one.fields[name].xero for name in SyncedField if name in one.to_xero}
            held = mirror_values(xeros[one.pair.xero_contact_id])
            check_fit(sent, [XeroEnd(organisation["country_code"], held)], one.pair.named_by)
    taken = [(one.contact, one.to_practice) for one in begun if one.to_practice]
    await write_contacts(tx, organisation["id"], taken)
    rows = [one.link() | {"bulk": quiet or bulk} for one in begun]
    fresh = [row for one, row in zip(begun, rows, strict=True) if one.pair.link_id is None]
    if fresh:
        await tx.session.execute(sa.insert(SyncLink), fresh)
    for one, row in zip(begun, rows, strict=True):
        if one.pair.link_id is not None:
            await begin_again(tx, row)
    await activity.record_all(tx, [one.entry() for one in begun])
    for one in begun:
        if one.pair.restored:
            await status_requests.owe(
                tx, organisation["id"], one.pair.xero_contact_id, XeroContactStatus.ACTIVE
            )
    if any(row["due_at"] for row in rows):
        tx.notify_workers()
    for one in [] if quiet else begun:
        tx.publish(EventKind.LINK, one.link_id, organisation=organisation["id"], activity=one.activity_id)
        tx.publish(EventKind.CONTACT, one.pair.contact_id)
    return [Started(one.link_id, one.activity_id, one.pair) for one in begun]


async def begin_again(tx: Tx, row: Mapping[str, Any]) -> None:
    """An ended link with these columns; it keeps its id, and its version rises."""
    key = {name: row[name] for name in ("workspace_id", "id")}
    values = {name: value for name, value in row.items() if name not in key} | _AFRESH
    await tx.session.execute(
        sa.update(_LINK)
        .where(_LINK.c.workspace_id == key["workspace_id"], _LINK.c.id == key["id"])
        .values(**(values | {"version": _LINK.c.version + 1}))
    )
    await xero_contacts.owe_reads(tx, [row["id"]])


class _Beginning:
    """One link that begins: every field settled, and the rows that say so."""

    def __init__(
        self,
        tx: Tx,
        organisation: Mapping[str, Any],
        pair: Pair,
        contact: Mapping[str, Any],
        xero: Mapping[str, Any],
    ) -> None:
        self.tx, self.organisation, self.pair, self.contact = tx, organisation, pair, contact
        self.link_id, self.activity_id = pair.link_id or uuid4(), uuid4()
        self.practice, self.xero = practice_values(contact), xero_values(xero)
        region = organisation["country_code"]
        self.fields: dict[SyncedField, FieldStart] = {
            name: start_field(
                name, self.practice[name], self.xero[name], pair.winners.get(name, pair.winner), region
            )
            for name in SyncedField
        }
        self.to_practice = {
            name: begun.practice for name, begun in self.fields.items()
            if not same(name, begun.practice, self.practice[name], region)
        }  # fmt: skip
        self.to_xero = {
            name for name, begun in self.fields.items() if not same(name, begun.xero, self.xero[name], region)
        }
        self.conflicts = [str(name) for name, begun in self.fields.items() if begun.conflict]
        self.due = bool(self.to_xero) or pair.restored

    def state(self) -> SyncState:
        if self.conflicts:
            return SyncState.CONFLICT
        return SyncState.PENDING if self.due else SyncState.SYNCED

    def base(self, name: SyncedField) -> tuple[Any, Any]:
        """What each side held when they agreed. A field that is still to go to Xero agrees on what Xero has now:
        the practice's value then differs from its base, and goes out."""
        if name in self.to_xero:
            return stored(self.xero[name]), stored(self.xero[name])
        begun = self.fields[name]
        return (None, None) if begun.conflict else (stored(begun.practice), stored(self.xero[name]))

    def link(self) -> dict[str, Any]:
        tx, bases = self.tx, {name: self.base(name) for name in SyncedField}
        return {
            "workspace_id": tx.workspace, "id": self.link_id, "organisation_id": self.organisation["id"],
            "contact_id": self.pair.contact_id, "xero_contact_id": self.pair.xero_contact_id,
            "state": self.state(), "state_since": tx.now, "origin": self.pair.origin, "linked_at": tx.now,
            "last_synced_at": tx.now, "version": 1,
            "base_practice": {name: base[0] for name, base in bases.items()},
            "base_xero": {name: base[1] for name, base in bases.items()},
            "conflicts": self.conflicts, "due_at": tx.now if self.due else None,
        }  # fmt: skip

    def changes(self) -> list[Change]:
        """What the practice takes over, and what Xero has that is to be overwritten: both can be restored."""
        taken = [
            self._change(name, self.practice[name], value, Side.PRACTICE)
            for name, value in self.to_practice.items()
        ]
        return taken + [
            self._change(name, self.xero[name], self.practice[name], Side.XERO)
            for name in SyncedField
            if name in self.to_xero and self.xero[name] is not None
        ]

    def _change(self, name: SyncedField, before: Value, after: Value, side: Side) -> Change:
        return Change(name, shown(before), shown(after), side, stored(before), restorable=before is not None)

    def entry(self) -> activity.Entry:
        name = shown(self.fields[SyncedField.NAME].practice) or ""
        return activity.Entry(
            ActivityKind.LINKED,
            f"{name} was linked with Xero ({_HOW[self.pair.origin]}).",
            id=self.activity_id,
            organisation=self.organisation["id"],
            contact=self.pair.contact_id,
            link=self.link_id,
            changes=self.changes(),
        )


async def _contacts(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """Locked, in the order of their ids."""
    rows = await tx.rows(
        f"select id, {', '.join(one.column for one in SYNCED.values())}, field_times, version from contact"
        " where workspace_id = :ws and id = any(:ids) order by id for update",
        ids=list(ids),
    )
    return {row["id"]: dict(row) for row in rows}


async def _xero_contacts(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
    rows = await tx.rows(
        f"select id, {', '.join(one.xero_column for one in SYNCED.values())} from xero_contact"
        " where workspace_id = :ws and id = any(:ids)",
        ids=list(ids),
    )
    return {row["id"]: dict(row) for row in rows}


async def write_contacts(
    tx: Tx, organisation_id: UUID, taken: Sequence[tuple[Mapping[str, Any], Mapping[SyncedField, Value]]]
) -> None:
    """Give each contact row the values that it takes over from this organisation, with all that follows from them:
    links in other organisations owe them to Xero."""
    if not taken:
        return
    rows = [_contact_row(tx, contact, values) for contact, values in taken]
    columns: dict[str, Any] = {name: sa.bindparam(name) for name in rows[0] if not name.startswith("b_")}
    update = (
        sa.update(_CONTACT)
        .where(_CONTACT.c.workspace_id == sa.bindparam("b_ws"), _CONTACT.c.id == sa.bindparam("b_id"))
        .values(columns)
    )
    await tx.session.execute(update, rows, execution_options={"synchronize_session": False})
    for contact, _ in taken:
        known = tx.session.sync_session.identity_map.get(identity_key(Contact, (tx.workspace, contact["id"])))
        if known is not None:
            await tx.session.refresh(known)
    elsewhere = await tx.rows(
        "select distinct contact_id from sync_link where workspace_id = :ws and contact_id = any(:ids)"
        " and organisation_id <> :organisation and state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')"
        " order by contact_id",
        organisation=organisation_id, ids=[contact["id"] for contact, _ in taken],
    )  # fmt: skip
    fields = {contact["id"]: set(values) for contact, values in taken}
    for row in elsewhere:
        key: UUID = row["contact_id"]
        await mark_links(tx, key, fields[key], but=organisation_id, bulk=True)


def _contact_row(tx: Tx, contact: Mapping[str, Any], taken: Values) -> dict[str, Any]:
    after = practice_values(contact) | dict(taken)
    return {
        "b_ws": tx.workspace, "b_id": contact["id"], **columns(after), **search_keys.of_values(after),
        "field_times": {**contact["field_times"], **dict.fromkeys(taken, tx.now.isoformat())},
        "updated_at": tx.now, "version": contact["version"] + 1,
    }  # fmt: skip


async def break_off(
    tx: Tx, link: Mapping[str, Any], xero: Mapping[str, Any], *, awaits: UUID | None = None
) -> None:
    """The Xero contact is archived, merged or forgotten: nothing flows, and what waits is kept. `awaits`: the merge's
    survivor, by Xero's id, where no read has shown it yet."""
    code, what = _BROKEN[XeroContactStatus(xero["status"])]
    if xero["merged_to"] is not None and xero["status"] != XeroContactStatus.GDPR_REQUEST:
        code, what = "MERGED_IN_XERO", "was merged into another contact in Xero"
    message = f"{xero['name'] or 'A contact'} {what}."
    failure = {
        "code": code, "message": message, "field": None, "subjects": [f"XeroContact:{xero['id']}"],
        "since": tx.now.isoformat(), "attempts": 0, "nextAttemptAt": None, "remedy": "REMATCH",
    }  # fmt: skip
    if awaits is not None:
        failure["awaits"] = str(awaits)
    await tx.run(
        "update sync_link set state = 'BROKEN', state_since = :now, version = version + 1,"
        " failure = cast(:failure as jsonb) where workspace_id = :ws and id = :id",
        id=link["id"], failure=json.dumps(failure),
    )  # fmt: skip
    await leave_deliveries(tx, link["id"])
    entry = activity.record(
        tx, ActivityKind.UNLINKED, message, organisation=link["organisation_id"],
        contact=link["contact_id"], link=link["id"],
    )  # fmt: skip
    tx.publish(EventKind.LINK, link["id"], organisation=link["organisation_id"], activity=entry)


_BROKEN = {
    XeroContactStatus.ARCHIVED: ("ARCHIVED_IN_XERO", "was archived in Xero"),
    XeroContactStatus.GDPR_REQUEST: ("FORGOTTEN_IN_XERO", "is to be forgotten, says Xero"),
    XeroContactStatus.ACTIVE: ("MERGED_IN_XERO", "was merged in Xero"),
}


async def leave_deliveries(tx: Tx, link_id: UUID) -> None:
    """The link is out of its open delivery: no answer is applied to it, and the delivery is never sent again. Should
    it begin again, it is not sent before a read that begins after now, as that delivery may still land."""
    left = await tx.rows(
        "update delivery_member set open = false where workspace_id = :ws and link_id = :id and open"
        " returning delivery_id",
        id=link_id,
    )
    if not left:
        return
    await tx.run(
        "update delivery set recalled = true where workspace_id = :ws and id = :id", id=left[0]["delivery_id"]
    )
    await tx.run("update sync_link set read_owed_at = :now where workspace_id = :ws and id = :id", id=link_id)


async def find(tx: Tx, link_id: UUID) -> dict[str, Any] | None:
    return await tx.row("select * from sync_link where workspace_id = :ws and id = :id", id=link_id)


async def lock(tx: Tx, link_id: UUID, version: int | None = None) -> dict[str, Any]:
    """The link, locked after its contact; refused where it is unknown or has moved on since `version`."""
    await lock_all(tx, [link_id])
    link = await find(tx, link_id)
    if link is None:
        raise Refused([not_found("link", "linkId")])
    if version is not None and version != link["version"]:
        raise stale("link")
    return link


async def lock_all(tx: Tx, link_ids: Sequence[UUID], contact_ids: Sequence[UUID] = ()) -> None:
    """All that a bulk form changes, up front: the contacts, those of the links too, then all links of both."""
    await tx.rows(
        "select id from contact where workspace_id = :ws and (id = any(:contacts) or id in"
        " (select contact_id from sync_link where workspace_id = :ws and id = any(:links))) order by id for update",
        contacts=list(contact_ids), links=list(link_ids),
    )  # fmt: skip
    await tx.rows(
        "select id from sync_link where workspace_id = :ws and (id = any(:links) or contact_id = any(:contacts))"
        " order by id for update",
        contacts=list(contact_ids), links=list(link_ids),
    )  # fmt: skip


async def active(tx: Tx, organisation_id: UUID, column: str, key: UUID) -> dict[str, Any] | None:
    """The active link of a contact or of a Xero contact; `column` says which."""
    return await tx.row(
        "select * from sync_link where workspace_id = :ws and organisation_id = :organisation"
        f" and {column} = :key and state in ('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')",
        organisation=organisation_id, key=key,
    )  # fmt: skip


async def remove(tx: Tx, link_id: UUID, message: str) -> UUID | None:
    """Take a link off, as when what made it is taken back; gives the id of the activity that says so."""
    await leave_deliveries(tx, link_id)
    gone = await tx.row(
        "delete from sync_link where workspace_id = :ws and id = :id returning organisation_id, contact_id",
        id=link_id,
    )
    if gone is None:
        return None
    tx.publish(EventKind.DELETION, f"SyncLink:{link_id}", organisation=gone["organisation_id"])
    tx.publish(EventKind.CONTACT, gone["contact_id"])
    return activity.record(
        tx,
        ActivityKind.UNLINKED,
        message,
        organisation=gone["organisation_id"],
        contact=gone["contact_id"],
        link=link_id,
    )
