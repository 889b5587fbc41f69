"""The statements about many links, each with a name. Links are locked in the order of their ids."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.links.link import next_state_sql
from domain.tables import ACTIVE, EventKind, StoredFailure, SyncedField
from domain.tx import Tx


class Written(NamedTuple):
    """A link that a statement wrote."""

    id: UUID
    organisation_id: UUID


async def mark_due(
    tx: Tx,
    contact_id: UUID,
    fields: Collection[SyncedField],
    *,
    entry: UUID | None = None,
    but: UUID | None = None,
    bulk: bool = False,
) -> None:
    """Make the active links of a contact due, because its synced fields changed.

    `but` is the organisation that the values came from. `bulk`: no person waits; an interactive link stays interactive.
    """
    if not fields:
        return
    names = [str(field) for field in fields]
    # A failure of one of these fields is over. So is one of no field in particular, which Xero gives when it refuses
    # several. All refused values end with the failure: a value that Xero still refuses is shown again.
    corrected = "coalesce(failure->>'field' = any(:fields), refused <> '{}')"
    state = next_state_sql(failing=f"failure is not null and not {corrected}", waiting="true")
    rows = await tx.read(
        Written,
        "update sync_link set bulk = :bulk and (bulk or due_at is null), due_at = coalesce(due_at, :now),"
        " version = version + 1, attempts = 0, brake = null, next_attempt_at = null,"
        f" refused = case when {corrected} then '{{}}' else refused - cast(:fields as text[]) end,"
        f" failure = case when {corrected} then null else failure end, state = {state},"
        f" state_since = case when state = {state} then state_since else :now end"
        f" where workspace_id = :ws and contact_id = :contact and state in {ACTIVE}"
        " and organisation_id is distinct from cast(:but as uuid) returning id, organisation_id",
        contact=contact_id, fields=names, but=but, bulk=bulk,
    )  # fmt: skip
    # A conflict ends by itself where both sides now hold the same: the next run compares them.
    await tx.run(
        "update xero_contact x set dirty = true from sync_link l where l.workspace_id = :ws and l.id = any(:ids)"
        " and l.conflicts && cast(:fields as text[]) and x.workspace_id = :ws and x.id = l.xero_contact_id",
        ids=[row.id for row in rows], fields=names,
    )  # fmt: skip
    _publish(tx, rows, activity=entry)
    if rows:
        tx.notify_workers()


async def show_uncertain(tx: Tx, delivery_id: UUID, failure: StoredFailure) -> None:
    """The links of a delivery without an answer show UNCERTAIN, unless they show another failure. Links that show it already
    get the new message."""
    state = next_state_sql(failing="true", waiting="true")
    rows = await tx.read(
        Written,
        "update sync_link set failure = case when failure is null then cast(:failure as jsonb)"
        " else failure || jsonb_build_object('message', cast(:message as text)) end,"
        f" version = version + 1, state = {state},"
        f" state_since = case when state = {state} then state_since else :now end"
        " where workspace_id = :ws and (failure is null and state in ('PENDING', 'CONFLICT')"
        "  or failure->>'code' = 'UNCERTAIN' and failure->>'message' <> cast(:message as text)) and id in"
        " (select link_id from delivery_member where workspace_id = :ws and delivery_id = :delivery and open)"
        " returning id, organisation_id",
        delivery=delivery_id, failure=json.dumps(failure), message=failure["message"],
    )  # fmt: skip
    _publish(tx, rows)


async def end_uncertain(tx: Tx, links: Sequence[UUID]) -> None:
    """Make the links wait like any other: Xero did not do the write."""
    state = next_state_sql(failing="false", waiting="due_at is not null or xero_contact_id is null")
    rows = await tx.read(
        Written,
        f"update sync_link set failure = null, version = version + 1, state = {state},"
        f" state_since = case when state = {state} then state_since else :now end"
        f" where workspace_id = :ws and id = any(:links) and failure->>'code' = 'UNCERTAIN' and state in {ACTIVE}"
        " returning id, organisation_id",
        links=list(links),
    )
    _publish(tx, rows)


async def make_due_again(tx: Tx, links: Sequence[UUID], until: datetime | None) -> None:
    """Make the links due again, not before `until`: their write did nothing. A link with notes requires a re-read."""
    await tx.run(
        "update sync_link set due_at = coalesce(due_at, :now), next_attempt_at = cast(:until as timestamptz),"
        " read_owed_at = case when notes = '{}' then read_owed_at else :now end"
        f" where workspace_id = :ws and id = any(:links) and state in {ACTIVE}",
        links=list(links), until=until,
    )  # fmt: skip


async def end_reads(tx: Tx, organisation_id: UUID, xero_contact_ids: Sequence[UUID], asked: datetime) -> None:
    """End the required re-reads of Xero contacts (Xero's ids) that were read at `asked`, if they were required before."""
    await tx.run(
        "update sync_link l set read_owed_at = null from xero_contact x where x.workspace_id = :ws"
        " and x.organisation_id = :organisation and x.xero_contact_id = any(:ids) and l.workspace_id = :ws"
        " and l.xero_contact_id = x.id and l.read_owed_at < cast(:asked as timestamptz)",
        organisation=organisation_id, ids=list(xero_contact_ids), asked=asked,
    )  # fmt: skip


async def try_at_once(tx: Tx, links: Sequence[UUID]) -> None:
    """Make the next attempt of the links due at once."""
    await tx.run(
        "update sync_link set next_attempt_at = null where workspace_id = :ws and id = any(:ids)"
        " and next_attempt_at > :now",
        ids=list(links),
    )


async def make_postponed_due(tx: Tx, organisation_id: UUID) -> None:
    """Make the postponed links of the organisation due. A link that failed for a reason of its own keeps its time."""
    await tx.run(
        "update sync_link set next_attempt_at = null where workspace_id = :ws and organisation_id = :organisation"
        " and due_at is not null and next_attempt_at > :now and failure is null",
        organisation=organisation_id,
    )


async def postpone(tx: Tx, links: Sequence[UUID], by: timedelta, *, attempted: bool = False) -> None:
    """Delay the next attempt of the links by `by`. `attempted`: an attempt has failed, and counts."""
    await tx.run(
        "update sync_link set next_attempt_at = cast(:now as timestamptz) + cast(:by as interval),"
        " attempts = attempts + cast(cast(:attempted as boolean) as int) where workspace_id = :ws and id = any(:ids)",
        ids=list(links), by=by, attempted=attempted,
    )  # fmt: skip


async def remember_blanked(tx: Tx, links: Sequence[UUID]) -> None:
    """Remember for ten minutes, for the mass-change counter, that a blank was sent of each link."""
    await tx.run(
        "update sync_link set blanked_at = :now where workspace_id = :ws and id = any(:ids)", ids=list(links)
    )


async def remember_destroyed(tx: Tx, xero_contact_ids: Sequence[UUID]) -> None:
    """Remember for ten minutes, for the mass-change counter, that a counted change of these mirror rows was applied."""
    await tx.run(
        "update sync_link l set destroyed_at = :now from xero_contact x where x.workspace_id = :ws and x.id = any(:ids)"
        " and x.brake = 'COUNTED' and l.workspace_id = :ws and l.xero_contact_id = x.id"
        f" and l.state in {ACTIVE}",
        ids=list(xero_contact_ids),
    )


async def count_blanks(tx: Tx, organisation_id: UUID, blanks: str) -> None:
    """Mark the links with a blank to send as counted. `blanks` is SQL about a link `l` and its contact `c`."""
    await tx.run(
        "with counted as (select l.id from sync_link l join contact c on c.workspace_id = :ws and c.id = l.contact_id"
        "  where l.workspace_id = :ws and l.organisation_id = :organisation and l.due_at is not null"
        f"  and l.brake is null and l.state in {ACTIVE} and {blanks} order by l.id for update of l)"
        " update sync_link set brake = 'COUNTED' where workspace_id = :ws and id in (select id from counted)",
        organisation=organisation_id,
    )


async def let_counted_through(tx: Tx, organisation_id: UUID) -> None:
    """Take the counted links out of the count, because a person let the change through."""
    await tx.run(
        "with counted as (select id from sync_link where workspace_id = :ws and organisation_id = :organisation"
        "  and (brake = 'COUNTED' or destroyed_at is not null or blanked_at is not null) order by id for update)"
        " update sync_link set brake = case when brake = 'COUNTED' then 'PASSED' else brake end,"
        " destroyed_at = null, blanked_at = null where workspace_id = :ws and id in (select id from counted)",
        organisation=organisation_id,
    )


async def forget_values(tx: Tx, links: Sequence[UUID], failure: StoredFailure) -> None:
    """Delete Xero's values from the links. Nothing is sent, and a BROKEN link shows the failure."""
    rows = await tx.read(
        Written,
        "update sync_link set base_practice = '{}', base_xero = '{}', notes = '{}', refused = '{}', conflicts = '{}', warnings = '{}',"
        " due_at = null, read_owed_at = null, version = version + 1, failure = case when state = 'BROKEN'"
        " then cast(:failure as jsonb) end where workspace_id = :ws and id = any(:ids) returning id, organisation_id",
        ids=list(links), failure=json.dumps(failure),
    )  # fmt: skip
    _publish(tx, rows)


async def move_unsynced(tx: Tx, organisation_id: UUID, merges: Mapping[UUID, UUID]) -> None:
    """Move the UNSYNCED links of each merge's loser to its survivor (`merges`: mirror's ids). A link ends if that pair is linked already."""
    pairs = "unnest(cast(:losers as uuid[]), cast(:survivors as uuid[])) as merge(loser, survivor)"
    bound = {
        "organisation": organisation_id, "losers": list(merges), "survivors": list(merges.values()),
    }  # fmt: skip
    gone = await tx.ids(
        f"delete from sync_link m using {pairs} where m.workspace_id = :ws and m.organisation_id = :organisation"
        " and m.xero_contact_id = merge.loser and m.state = 'UNSYNCED' and exists (select 1 from sync_link k"
        "  where k.workspace_id = :ws and k.organisation_id = :organisation and k.xero_contact_id = merge.survivor"
        f"  and k.contact_id = m.contact_id and k.state in {ACTIVE}) returning m.id",
        **bound,
    )
    moved = await tx.read(
        Written,
        f"update sync_link m set xero_contact_id = merge.survivor, version = m.version + 1 from {pairs}"
        " where m.workspace_id = :ws and m.organisation_id = :organisation and m.xero_contact_id = merge.loser"
        " and m.state = 'UNSYNCED' returning m.id, m.organisation_id",
        **bound,
    )
    for link_id in gone:
        tx.publish(EventKind.DELETION, f"SyncLink:{link_id}", organisation=organisation_id)
    _publish(tx, moved)


def _publish(tx: Tx, rows: Sequence[Written], activity: UUID | None = None) -> None:
    for row in rows:
        tx.publish(EventKind.LINK, row.id, organisation=row.organisation_id, activity=activity)
