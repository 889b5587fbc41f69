"""The brake: it stops both directions if one side destroys much at once, until a person decides.

From Xero these changes count: archived, merged, under a GDPR request, a value made blank, and one same value over many
contacts. To Xero a value made blank counts. Other changes never count, however many there are. The brake counts what
waiting changes and those let through in the last ten minutes, before any waiting change is applied. So the first page of
a scan does no harm. While the brake holds, nothing is dropped: mirror rows stay dirty and links stay due. Time alone does
not release the brake: the ten minutes are those before it stopped.

Counting marks mirror rows only. The caller locks contacts afterwards, and must hold no link before.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain import activity
from domain.connection import organisations
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.synced import SYNCED, Kind, Synced, as_practice, mirrored
from domain.links import statements
from domain.problems import Code, Refused, disconnected, refuse
from domain.tables import (
    ACTIVE,
    ActivityKind,
    ConnectionHealth,
    EventKind,
    Organisation,
    RunPurpose,
    Side,
    SyncedField,
)
from domain.tx import TANDEM, Tx

LEAST = 20
SHARE = 0.30
WINDOW = timedelta(minutes=10)


def _any_blanked(base: str, columns: Mapping[SyncedField, str]) -> str:
    """SQL condition: one of the columns is blank, and the link's base value of that field is not."""
    return "(" + " or ".join(
        f"coalesce(cast({column} as text), '') = '' and coalesce(l.{base}->>'{field}', '') <> ''"
        for field, column in columns.items()
    ) + ")"  # fmt: skip


_BLANKED = _any_blanked("base_xero", {field: f"x.{one.xero_column}" for field, one in SYNCED.items()})
# SQL condition about link `l` and its practice contact `c`: a value that would be sent is blank, and its base value is not.
BLANKS = _any_blanked(
    "base_practice", {field: f"c.{one.column}" for field, one in SYNCED.items() if not one.required}
)
# `offset 0`: each link is looked up by its Xero contact. PostgreSQL knows nothing yet of the rows of a new practice, and would compare
# all Xero contacts with all links.
_WAITING = (
    " from xero_contact x cross join lateral (select * from sync_link one where one.workspace_id = :ws"
    f" and one.organisation_id = :organisation and one.xero_contact_id = x.id and one.state in {ACTIVE} offset 0) l"
    " where x.workspace_id = :ws and x.organisation_id = :organisation and x.dirty"
)


@dataclass(frozen=True)
class MassChange:
    """The counted changes of one side: `changed` of the `of` active links."""

    side: Side
    changed: int
    of: int


def is_mass(changed: int, of: int) -> bool:
    return changed >= LEAST and changed > SHARE * of


async def stops(tx: Tx, organisation: OrganisationCopy) -> bool:
    """Count what waits to be applied from Xero. True: nothing may be applied. The caller holds the organisation's lock.

    The brake is released if it held before and has no reason any more.
    """
    found = await _count_inbound(tx, organisation)
    if not is_mass(found.changed, found.of) and organisation.mass_change is not None:
        found = await _count_outbound(tx, organisation)
    if is_mass(found.changed, found.of):
        await _pause(tx, organisation, found)
        return True
    if organisation.mass_change is not None:
        await _release(tx, organisation.id)
    return False


async def stops_sending(tx: Tx, organisation: OrganisationCopy) -> bool:
    """Count the blanks that wait to be sent. True: nothing may be sent."""
    if organisation.mass_change is not None:
        return True
    found = await _count_outbound(tx, organisation)
    if is_mass(found.changed, found.of):
        await _pause(tx, organisation, found)
        return True
    return False


def _since(tx: Tx, organisation: OrganisationCopy) -> datetime:
    """The time from which changes count."""
    held = organisation.mass_change
    return (datetime.fromisoformat(str(held["since"])) if held else tx.now) - WINDOW


async def decide(tx: Tx, organisation_id: UUID, *, apply: bool) -> None:
    """Carry out a person's decision about the brake.

    `apply` lets through exactly the counted changes. Otherwise Xero is read again as a whole and the changes are counted
    again; the brake holds until then.
    """
    organisation = await organisations.lock(tx, organisation_id)
    if organisation.disconnected_at is not None:
        raise Refused([disconnected()])
    if organisation.mass_change is None:
        raise refuse(
            Code.WRONG_STATE,
            "No mass change of this organisation waits for a decision. Read `massChange` again.",
            "organisationId",
        )
    if apply:
        await _pass_counted(tx, organisation)
        await _release(tx, organisation_id)
        message = "A mass change was let through."
    else:
        await _read_again(tx, organisation)
        message = "After a mass change, Xero is being read again."
    activity.record(tx, ActivityKind.SETTING_CHANGED, message, organisation=organisation_id)
    if not await _resume(tx, organisation_id):
        await organisations.begin_run(tx, organisation_id, RunPurpose.DELTA if apply else RunPurpose.SCAN)


class _Counted(NamedTuple):
    changed: int
    of: int


COUNT_DESTROYED = (
    f"with destroyed as materialized (select x.id {_WAITING} and x.brake is null and (x.status <> 'ACTIVE' or {_BLANKED}))"
    " update xero_contact t set brake = 'COUNTED' from destroyed d where t.workspace_id = :ws and t.id = d.id"
)


async def _count_inbound(tx: Tx, organisation: OrganisationCopy) -> MassChange:
    await tx.run(COUNT_DESTROYED, organisation=organisation.id)
    since = _since(tx, organisation)
    spread = await _count_same(tx, organisation.id, since)
    counted = await tx.read_one(
        _Counted,
        f"with waiting as (select l.id {_WAITING} and x.brake = 'COUNTED'), done as"
        " (select id, state from sync_link where workspace_id = :ws and organisation_id = :organisation"
        "  and destroyed_at > cast(:since as timestamptz))"
        " select (select count(*) from (select id from waiting union select id from done"
        "  union select unnest(cast(:spread as uuid[]))) u) as changed,"
        " (select count(*) from done where state = 'BROKEN') + (select count(*) from sync_link"
        f" where workspace_id = :ws and organisation_id = :organisation and state in {ACTIVE}) as of",
        organisation=organisation.id, since=since, spread=list(spread),
    )  # fmt: skip
    assert counted is not None
    return MassChange(Side.XERO, counted.changed, counted.of)


@dataclass(frozen=True)
class _Held:
    """A field that may come with one value over many contacts, as the mirror `x` and the link's base value hold it.

    `came`: the mirror's value differs from the base value, and would overwrite a value of the practice.
    """

    field: SyncedField
    value: str
    came: str


def _spreadable(one: Synced) -> _Held:
    """The fields that count. A value that fills a blank destroys nothing and does not count."""
    base, column = f"l.base_xero->'{one.field}'", f"x.{one.xero_column}"
    overwrites = (
        "exists (select 1 from contact c where c.workspace_id = :ws and c.id = l.contact_id"
        f" and c.{one.column} is not null)"
    )
    if one.kind is Kind.PHONE:  # the base holds a phone as one text: _count_group compares it
        return _Held(one.field, column, overwrites)
    return _Held(
        one.field, f"to_jsonb({column})", f"{base} is distinct from to_jsonb({column}) and {overwrites}"
    )


# Names are not among them: no two active contacts in Xero have the same name.
_SPREADABLE = tuple(_spreadable(one) for one in SYNCED.values() if not one.unique)
# Links whose value in the practice was last overwritten from Xero, of late and by no person's decision, and what Xero has
# there. A value that somebody in the practice has set since then does not count as a change from Xero.
_CAME_OF_LATE = (
    "select t.id as link, {value} as value from ("
    " select distinct on (l.id) l.id, l.xero_contact_id, c->>'before' is not null and a.organisation_id = :organisation"
    "  and a.kind in ('CONTACT_CHANGED', 'CONFLICT_SETTLED') and a.actor_kind in ('XERO', 'TANDEM') as overwritten"
    " from activity a cross join lateral jsonb_array_elements(a.changes) c"
    f" join sync_link l on l.workspace_id = :ws and l.organisation_id = :organisation and l.contact_id = a.contact_id and l.state in {ACTIVE}"
    " join organisation o on o.workspace_id = :ws and o.id = :organisation"
    " where a.workspace_id = :ws and a.at > cast(:since as timestamptz) and a.at > coalesce(o.let_through_at, '-infinity')"
    "  and c->>'writtenTo' = 'PRACTICE' and c->>'field' = '{field}' order by l.id, a.at desc) t"
    " join xero_contact x on x.workspace_id = :ws and x.id = t.xero_contact_id and not x.dirty"
    " where t.overwritten and {value} is not null"
)


class _Spread(NamedTuple):
    """A value that many contacts get, as the mirror holds it in JSON."""

    value: object


async def _count_same(tx: Tx, organisation_id: UUID, since: datetime) -> set[UUID]:
    """Count contacts that get one same value and had another, at once or within a few minutes.

    Returns the links that have got the value already. If nothing that waits destroys, no statement runs.
    """
    spread: set[UUID] = set()
    for held in _SPREADABLE:
        names = {"value": held.value, "field": held.field}
        groups = await tx.read(
            _Spread,
            f"with waiting as materialized (select l.id as link, {held.value} as value {_WAITING} and {held.value} is not null"
            f" and {held.came}), late as (select link, value from ({_CAME_OF_LATE.format(**names)}) late"
            f" where exists (select 1 from waiting) or exists (select 1 {_WAITING} and x.brake = 'COUNTED'))"
            " select value from (select * from waiting union select * from late) u group by value having count(*) >= :least",
            organisation=organisation_id, since=since, least=LEAST,
        )  # fmt: skip
        for group in groups:
            spread |= await _count_group(tx, organisation_id, since, held, group.value)
    return spread


async def _count_group(
    tx: Tx, organisation_id: UUID, since: datetime, held: _Held, value: object
) -> set[UUID]:
    came, text = held.came, None
    if SYNCED[held.field].kind is Kind.PHONE:
        came = f"l.base_xero->>'{held.field}' is distinct from cast(:text as text) and {held.came}"
        text = as_practice(mirrored(held.field, value))
    links = await tx.ids(
        f"with same as (select x.id, x.brake {_WAITING} and x.brake is distinct from 'PASSED'"
        f"  and {held.value} = cast(:json as jsonb) and {came}),"
        f" late as (select link from ({_CAME_OF_LATE.format(value=held.value, field=held.field)}) late"
        "  where value = cast(:json as jsonb)),"
        " many as (select 1 where (select count(*) from same) + (select count(*) from late) >= :least),"
        " counted as (update xero_contact set brake = 'COUNTED' where workspace_id = :ws"
        "  and id in (select id from same where brake is null) and exists (select 1 from many))"
        " select link from late where exists (select 1 from many)",
        organisation=organisation_id, since=since, least=LEAST, json=json.dumps(value), text=text,
    )  # fmt: skip
    return set(links)


async def _count_outbound(tx: Tx, organisation: OrganisationCopy) -> MassChange:
    counted = await tx.read_one(
        _Counted,
        "with waiting as (select l.id from sync_link l join contact c on c.workspace_id = :ws and c.id = l.contact_id"
        "  where l.workspace_id = :ws and l.organisation_id = :organisation and l.due_at is not null"
        f"  and l.state in {ACTIVE} and l.xero_contact_id is not null and l.brake is distinct from 'PASSED' and {BLANKS}),"
        " done as (select id from sync_link where workspace_id = :ws and organisation_id = :organisation"
        "  and blanked_at > cast(:since as timestamptz)),"
        " counted as (select count(*) as changed from (select id from waiting union select id from done) u)"
        f" select changed, case when changed < {LEAST} then 0 else (select count(*) from sync_link where workspace_id = :ws"
        f"  and organisation_id = :organisation and state in {ACTIVE}) end as of from counted",
        organisation=organisation.id, since=_since(tx, organisation),
    )  # fmt: skip
    assert counted is not None
    return MassChange(Side.PRACTICE, counted.changed, counted.of)


async def _pause(tx: Tx, organisation: OrganisationCopy, found: MassChange) -> None:
    held = organisation.mass_change
    if found.side is Side.PRACTICE:
        await statements.count_blanks(tx, organisation.id, BLANKS)
    where = "In Xero" if found.side is Side.XERO else "In the practice"
    message = (
        f"{where}, {found.changed} of {found.of} linked contacts were archived, merged or emptied at once."
    )
    row = await tx.lock(Organisation, organisation.id)
    assert row is not None
    row.mass_change = {
        "side": found.side, "changed": found.changed, "of": found.of,
        "since": held["since"] if held else tx.now.isoformat(),
    }  # fmt: skip
    if row.health is not ConnectionHealth.PAUSED:
        row.health_since = tx.now
    row.health, row.health_message = ConnectionHealth.PAUSED, message
    await tx.session.flush()
    if held is None:
        entry = activity.record(
            tx, ActivityKind.MASS_CHANGE_STOPPED, f"{message} Nothing of it is applied before somebody decides.",
            organisation=organisation.id, actor=TANDEM,
        )  # fmt: skip
        tx.publish(EventKind.CONNECTION, organisation.id, organisation=organisation.id, activity=entry)
    else:
        tx.publish(EventKind.CONNECTION, organisation.id, organisation=organisation.id)


async def _release(tx: Tx, organisation_id: UUID) -> None:
    row = await tx.lock(Organisation, organisation_id)
    assert row is not None
    row.mass_change = None
    if row.health is ConnectionHealth.PAUSED:
        row.health = ConnectionHealth.CATCHING_UP if row.catching_up else ConnectionHealth.HEALTHY
        row.health_message, row.health_since = None, tx.now
    await tx.session.flush()
    tx.publish(EventKind.CONNECTION, organisation_id, organisation=organisation_id)
    tx.notify_workers()


async def _pass_counted(tx: Tx, organisation: Organisation) -> None:
    """Take the changes that a person let through, and all earlier ones, out of the count."""
    await tx.run(
        "update xero_contact set brake = 'PASSED' where workspace_id = :ws and organisation_id = :organisation"
        " and brake = 'COUNTED'",
        organisation=organisation.id,
    )
    organisation.let_through_at = tx.now
    await statements.let_counted_through(tx, organisation.id)


async def _read_again(tx: Tx, organisation: Organisation) -> None:
    """Make a run that waits to be applied read everything again. The brake counts it afterwards."""
    await tx.run(
        "update import_run set phase = 'READING', next_page = 1, modified_since = null, match_pass = null,"
        " position = null, done = 0, total = null, started_at = :now,"
        " purpose = case when purpose = 'DELTA' then 'SCAN' else purpose end"
        " where workspace_id = :ws and organisation_id = :organisation and finished_at is null and phase = 'MATCHING'",
        organisation=organisation.id,
    )
    organisation.health_message = "After a mass change, Xero is being read again."
    tx.publish(EventKind.CONNECTION, organisation.id, organisation=organisation.id)


async def _resume(tx: Tx, organisation_id: UUID) -> bool:
    """Resume the stopped run. False if there is none."""
    found = await tx.run(
        "update import_run set due_at = :now, lease_until = null, attempts = 0 where workspace_id = :ws"
        " and organisation_id = :organisation and finished_at is null",
        organisation=organisation_id,
    )
    if found:
        tx.notify_workers()
    return found > 0
