"""What becomes of links whose Xero contact is archived, merged, restored or to be forgotten.

A merge moves the link to the survivor, whose values are then judged against the old base, unless a person's memory
keeps the survivor from it. A survivor that is linked already is for a person to decide. The caller holds the
organisation's lock, and has locked the contacts and links (`lock`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from domain import activity
from domain.inbound import gdpr
from domain.links import starting as link_starting
from domain.matching import issue_review
from domain.mirror import status_requests
from domain.tables import ACTIVE_STATES, ActivityKind, EventKind, SyncState, XeroContactStatus
from domain.tx import Tx

LONGEST_CHAIN = 100
_ACTIVE = "('SYNCED', 'PENDING', 'FAILING', 'CONFLICT')"


@dataclass(frozen=True)
class Survivor:
    """Where a merged contact's chain of merges ends, by Xero's id; `row` is None where no read has shown it yet, or
    where the chain is a circle."""

    xero_contact_id: UUID
    row: Mapping[str, Any] | None
    circle: bool


@dataclass
class Ended:
    """`contacts`: of which a link ended or moved, so that issues are judged again. `survivors`: mirror rows to which
    a link has moved."""

    contacts: set[UUID] = field(default_factory=set)
    survivors: set[UUID] = field(default_factory=set)


async def find_survivors(tx: Tx, organisation_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Survivor]:
    """By the mirror's ids of the merged ones among `ids`."""
    found = await tx.rows(
        "with recursive chain as (select x.id as start, x.merged_to as at, array[x.xero_contact_id] as path"
        " from xero_contact x where x.workspace_id = :ws and x.id = any(:ids) and x.status <> 'ACTIVE'"
        " and x.merged_to is not null"
        " union all select c.start, y.merged_to, c.path || y.xero_contact_id from chain c join xero_contact y"
        " on y.workspace_id = :ws and y.organisation_id = :organisation and y.xero_contact_id = c.at"
        " and y.status <> 'ACTIVE' and y.merged_to is not null and y.xero_contact_id <> all(c.path)"
        " where cardinality(c.path) < :longest)"
        " select distinct on (start) start, at, at = any(path) as circle from chain"
        " order by start, cardinality(path) desc",
        organisation=organisation_id, ids=list(ids), longest=LONGEST_CHAIN,
    )  # fmt: skip
    if not found:
        return {}
    rows = await tx.rows(
        "select * from xero_contact where workspace_id = :ws and organisation_id = :organisation"
        " and xero_contact_id = any(:ids)",
        organisation=organisation_id, ids=[row["at"] for row in found if not row["circle"]],
    )  # fmt: skip
    by_xero = {row["xero_contact_id"]: row for row in rows}
    return {row["start"]: Survivor(row["at"], by_xero.get(row["at"]), row["circle"]) for row in found}


async def lock(tx: Tx, organisation_id: UUID, xeros: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every link of these mirror rows, ended ones too, and those that wait for one of them as a merge's survivor;
    their contacts are locked first, as the order of locks has it."""
    held = list(xeros)
    which = (
        " from sync_link l where l.workspace_id = :ws and l.organisation_id = :organisation"
        " and (l.xero_contact_id = any(:ids) or l.state = 'BROKEN' and l.failure->>'awaits' = any(:awaited))"
    )
    bound = {
        "organisation": organisation_id,
        "ids": [row["id"] for row in held],
        "awaited": [str(row["xero_contact_id"]) for row in held],
    }
    await tx.rows(
        f"select id from contact where workspace_id = :ws and id in (select l.contact_id {which}) order by id for update",
        **bound,
    )
    return await tx.rows(f"select l.* {which} order by l.id for update", **bound)


async def settle(
    tx: Tx,
    organisation: Mapping[str, Any],
    xeros: Mapping[UUID, Mapping[str, Any]],
    held: Sequence[Mapping[str, Any]],
) -> Ended:
    """`held`: what `lock` gave for `xeros`. Afterwards no active link has a Xero contact that is not active, but for
    those that are being restored."""
    ended = Ended()
    losers = [link["xero_contact_id"] for link in held if _awaits(link)]
    merged = await find_survivors(tx, organisation["id"], [*xeros, *losers])
    restoring = await status_requests.restoring(tx, list(xeros))
    for link in held:
        xero = xeros.get(link["xero_contact_id"])
        if _awaits(link) and link["xero_contact_id"] in merged:
            await _follow(tx, organisation, link, None, merged[link["xero_contact_id"]], ended)
        elif (
            xero is None
            or xero["status"] == XeroContactStatus.ACTIVE
            or link["state"] not in ACTIVE_STATES
            or xero["id"] in restoring
        ):
            continue
        elif xero["status"] == XeroContactStatus.GDPR_REQUEST or xero["id"] not in merged:
            await link_starting.break_off(tx, link, xero)
            ended.contacts.add(link["contact_id"])
        else:
            await _follow(tx, organisation, link, xero, merged[xero["id"]], ended)
    for xero in xeros.values():
        if xero["status"] == XeroContactStatus.GDPR_REQUEST:
            await gdpr.forget(tx, organisation, xero)
        elif xero["id"] in merged:
            await _move_memory(tx, organisation, xero, merged[xero["id"]])
    await _restore(tx, organisation, xeros, held, ended)
    return ended


def _awaits(link: Mapping[str, Any]) -> bool:
    return link["state"] == SyncState.BROKEN and bool((link["failure"] or {}).get("awaits"))


async def _follow(
    tx: Tx,
    organisation: Mapping[str, Any],
    link: Mapping[str, Any],
    loser: Mapping[str, Any] | None,
    survivor: Survivor,
    ended: Ended,
) -> None:
    """`loser` is None for a link that was broken already, and waited for the survivor to be shown."""
    row = survivor.row
    alive = row is not None and row["status"] == XeroContactStatus.ACTIVE
    kept = alive and row is not None and await _is_kept(tx, organisation["id"], link["contact_id"], row)
    taken = await _holder(tx, organisation["id"], row["id"]) if alive and row is not None else None
    ended.contacts.add(link["contact_id"])
    if row is not None and alive and not kept and taken is None:
        await _move(tx, link, row)
        ended.survivors.add(row["id"])
        return
    if loser is not None:
        waiting = row is None and not survivor.circle
        await link_starting.break_off(tx, link, loser, awaits=survivor.xero_contact_id if waiting else None)
    elif row is not None:
        await tx.run(
            "update sync_link set failure = failure - 'awaits' where workspace_id = :ws and id = :id",
            id=link["id"],
        )
    if row is not None and taken is not None and not kept:
        await issue_review.offer_both(tx, organisation, row["id"], [taken, link["contact_id"]])


async def _is_kept(tx: Tx, organisation_id: UUID, contact_id: UUID, survivor: Mapping[str, Any]) -> bool:
    """Whether something that a person decided keeps the survivor from this contact, or from every machine."""
    row = await tx.row(
        "select exists (select 1 from set_apart where workspace_id = :ws and organisation_id = :organisation"
        "  and xero_contact_id = :xero and contact_id = :contact)"
        " or exists (select 1 from reimport_mark where workspace_id = :ws and organisation_id = :organisation"
        "  and xero_contact_id = :xero)"
        " or exists (select 1 from sync_link where workspace_id = :ws and organisation_id = :organisation"
        "  and xero_contact_id = :id and state = 'UNSYNCED')"
        " or exists (select 1 from match_issue where workspace_id = :ws and organisation_id = :organisation"
        "  and xero_contact_id = :id and (resolution = 'IGNORED' or reopened and state = 'OPEN')) as kept",
        organisation=organisation_id, xero=survivor["xero_contact_id"], id=survivor["id"], contact=contact_id,
    )  # fmt: skip
    return bool(row and row["kept"])


async def _holder(tx: Tx, organisation_id: UUID, xero_id: UUID) -> UUID | None:
    """The practice contact that is linked with it."""
    row = await tx.row(
        "select contact_id from sync_link where workspace_id = :ws and organisation_id = :organisation"
        f" and xero_contact_id = :id and state in {_ACTIVE}",
        organisation=organisation_id, id=xero_id,
    )  # fmt: skip
    return row["contact_id"] if row else None


async def _move(tx: Tx, link: Mapping[str, Any], survivor: Mapping[str, Any]) -> None:
    """The base stays: what the survivor shows is judged against it. What was under way went to the other contact."""
    await link_starting.leave_deliveries(tx, link["id"])
    await tx.run(
        "update sync_link set xero_contact_id = :xero, version = version + 1, failure = null, refused = '{}',"
        " read_owed_at = null, state = case when state in ('FAILING', 'BROKEN') then 'PENDING' else state end"
        " where workspace_id = :ws and id = :id",
        id=link["id"], xero=survivor["id"],
    )  # fmt: skip
    entry = activity.record(
        tx, ActivityKind.LINKED, f"The Xero contact was merged into {survivor['name']}; the link has moved there.",
        organisation=link["organisation_id"], contact=link["contact_id"], link=link["id"],
    )  # fmt: skip
    tx.publish(EventKind.LINK, link["id"], organisation=link["organisation_id"], activity=entry)


async def _move_memory(
    tx: Tx, organisation: Mapping[str, Any], loser: Mapping[str, Any], survivor: Survivor
) -> None:
    """What a person decided about the loser holds for the survivor, or ends where that pair is linked."""
    if survivor.row is None:
        return
    bound = {
        "organisation": organisation["id"], "loser": loser["id"], "survivor": survivor.row["id"],
        "loser_id": loser["xero_contact_id"], "survivor_id": survivor.xero_contact_id,
    }  # fmt: skip
    linked = (
        "select 1 from sync_link k where k.workspace_id = :ws and k.organisation_id = :organisation"
        f" and k.xero_contact_id = :survivor and k.contact_id = m.contact_id and k.state in {_ACTIVE}"
    )
    await tx.run(
        "with m as (delete from set_apart where workspace_id = :ws and organisation_id = :organisation"
        " and xero_contact_id = :loser_id returning contact_id, contact_hash, at)"
        " insert into set_apart (workspace_id, organisation_id, xero_contact_id, contact_id, contact_hash, at)"
        f" select :ws, :organisation, :survivor_id, m.contact_id, m.contact_hash, m.at from m where not exists ({linked})"
        " on conflict do nothing",
        **bound,
    )
    gone = await tx.rows(
        "delete from sync_link m where m.workspace_id = :ws and m.organisation_id = :organisation"
        f" and m.xero_contact_id = :loser and m.state = 'UNSYNCED' and exists ({linked}) returning id",
        **bound,
    )
    moved = await tx.rows(
        "update sync_link set xero_contact_id = :survivor, version = version + 1 where workspace_id = :ws"
        " and organisation_id = :organisation and xero_contact_id = :loser and state = 'UNSYNCED' returning id",
        **bound,
    )
    for row in gone:
        tx.publish(EventKind.DELETION, f"SyncLink:{row['id']}", organisation=organisation["id"])
    for row in moved:
        tx.publish(EventKind.LINK, row["id"], organisation=organisation["id"])
    await issue_review.follow_merge(tx, organisation, loser["id"], survivor.row["id"])


async def _restore(
    tx: Tx,
    organisation: Mapping[str, Any],
    xeros: Mapping[UUID, Mapping[str, Any]],
    held: Sequence[Mapping[str, Any]],
    ended: Ended,
) -> None:
    """Links of contacts that are active again: back, where both ends are free, to be merged; else UNSYNCED."""
    broken = [
        link for link in held
        if link["state"] == SyncState.BROKEN and link["failure"]
        and link["failure"]["code"] in ("ARCHIVED_IN_XERO", "MERGED_IN_XERO")
        and link["xero_contact_id"] in xeros
        and xeros[link["xero_contact_id"]]["status"] == XeroContactStatus.ACTIVE
    ]  # fmt: skip
    for link in sorted(broken, key=lambda link: link["state_since"], reverse=True):
        xero = xeros[link["xero_contact_id"]]
        back = await _is_free(tx, organisation["id"], link["contact_id"], xero)
        await tx.run(
            "update sync_link set state = cast(:state as text), state_since = :now, version = version + 1,"
            " failure = null, refused = '{}', attempts = 0, next_attempt_at = null,"
            " due_at = case when :back then due_at end where workspace_id = :ws and id = :id",
            id=link["id"], back=back, state=SyncState.PENDING if back else SyncState.UNSYNCED,
        )  # fmt: skip
        goes_on = "its link goes on" if back else "its link has ended, as one of the two is linked otherwise"
        entry = activity.record(
            tx, ActivityKind.LINKED if back else ActivityKind.UNLINKED,
            f"{xero['name']} was restored in Xero; {goes_on}.", organisation=organisation["id"],
            contact=link["contact_id"], link=link["id"],
        )  # fmt: skip
        tx.publish(EventKind.LINK, link["id"], organisation=organisation["id"], activity=entry)
        ended.contacts.add(link["contact_id"])


async def _is_free(tx: Tx, organisation_id: UUID, contact_id: UUID, xero: Mapping[str, Any]) -> bool:
    """Whether neither end is linked, nor the two set apart by a person."""
    row = await tx.row(
        "select exists (select 1 from sync_link where workspace_id = :ws and organisation_id = :organisation"
        f"  and (contact_id = :contact or xero_contact_id = :id) and state in {_ACTIVE})"
        " or exists (select 1 from set_apart where workspace_id = :ws and organisation_id = :organisation"
        "  and xero_contact_id = :xero and contact_id = :contact) as busy",
        organisation=organisation_id, contact=contact_id, id=xero["id"], xero=xero["xero_contact_id"],
    )  # fmt: skip
    return not (row and row["busy"])
