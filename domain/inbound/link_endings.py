"""The end and the return of links whose Xero contact is archived, merged, restored or forgotten.

A merge moves the link to the survivor, whose values are compared with the old base values, unless a person's decision
keeps the survivor from the link. If the survivor is linked already, a person decides. The caller holds the organisation's
lock, and has locked the contacts and links (`lock`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from domain.connection.organisation_copy import OrganisationCopy
from domain.inbound import gdpr
from domain.links import ending, failures, statements
from domain.links import link as links
from domain.matching import issue_review
from domain.mirror import status_requests, xero_contacts
from domain.tables import ACTIVE, SyncLink, SyncState, XeroContact, XeroContactStatus
from domain.tx import Tx

LONGEST_CHAIN = 100


@dataclass(frozen=True)
class Survivor:
    """The end of a merged contact's chain of merges, by Xero's id.

    `row` is None if no read has shown it yet, or if the chain is a circle.
    """

    xero_contact_id: UUID
    row: XeroContact | None
    circle: bool


@dataclass
class Ended:
    """`contacts` had a link that ended or moved: their issues are evaluated again. `survivors` are mirror rows that got a link."""

    contacts: set[UUID] = field(default_factory=set)
    survivors: set[UUID] = field(default_factory=set)


class _End(NamedTuple):
    """The end of the chain of merges from `start`: a Xero contact by Xero's id, or a circle."""

    start: UUID
    at: UUID
    circle: bool


async def find_survivors(tx: Tx, organisation_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Survivor]:
    """The survivors, by the mirror's ids of the merged ones among `ids`."""
    found = await tx.read(
        _End,
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
    by_xero = await xero_contacts.read_shown(tx, organisation_id, [row.at for row in found if not row.circle])
    return {row.start: Survivor(row.at, by_xero.get(row.at), row.circle) for row in found}


async def lock(tx: Tx, organisation_id: UUID, xeros: Iterable[XeroContact]) -> list[SyncLink]:
    """Lock every link of these mirror rows and of those that wait for one of them, after their contacts.

    Returns the links that may change here: BROKEN ones, and those whose Xero contact is not active or missing.
    """
    held = list(xeros)
    which = (
        " from sync_link l where l.workspace_id = :ws and l.organisation_id = :organisation"
        " and (l.xero_contact_id = any(:ids) or l.state = 'BROKEN' and l.failure->>'awaits' = any(:awaited))"
    )
    bound = {
        "organisation": organisation_id,
        "ids": [row.id for row in held],
        "awaited": [str(row.xero_contact_id) for row in held],
    }
    await tx.ids(
        f"select id from contact where workspace_id = :ws and id in (select l.contact_id {which}) order by id for update",
        **bound,
    )
    await tx.ids(f"select l.id {which} order by l.id for update", **bound)
    inactive = [row.id for row in held if row.status is not XeroContactStatus.ACTIVE or is_missing(row)]
    changing = await tx.ids(
        f"select l.id {which} and (l.state = 'BROKEN' or l.xero_contact_id = any(:inactive))",
        **bound, inactive=inactive,
    )  # fmt: skip
    return await links.lock_links(tx, changing) if changing else []


def is_missing(xero: XeroContact) -> bool:
    """Whether neither a scan nor a later read by itself has shown the contact, which is not archived as far as Tandem knows."""
    return (
        xero.status is XeroContactStatus.ACTIVE
        and xero.missing_since is not None
        and xero.read_due_at is None
    )


async def settle(
    tx: Tx,
    organisation: OrganisationCopy,
    xeros: Mapping[UUID, XeroContact],
    held: Sequence[SyncLink],
) -> Ended:
    """Settle the endings. `held` is the result of `lock`. Afterwards only links in restoration have an inactive Xero contact."""
    ended = Ended()
    losers = [link.xero_contact_id for link in held if _awaits(link) and link.xero_contact_id]
    merged = await find_survivors(tx, organisation.id, [*xeros, *losers])
    restoring = await status_requests.restoring(tx, list(xeros))
    for link in held:
        if link.xero_contact_id is None:
            continue
        xero = xeros.get(link.xero_contact_id)
        if _awaits(link) and link.xero_contact_id in merged:
            await _follow(tx, organisation, link, None, merged[link.xero_contact_id], ended)
        elif xero is not None and is_missing(xero):
            if links.is_active(link) and link.failure is None:
                await failures.not_shown(tx, link)
        elif (
            xero is None
            or xero.status is XeroContactStatus.ACTIVE
            or not links.is_active(link)
            or xero.id in restoring
        ):
            continue
        elif xero.status is XeroContactStatus.GDPR_REQUEST or xero.id not in merged:
            await ending.break_off(tx, link, xero)
            ended.contacts.add(link.contact_id)
        else:
            await _follow(tx, organisation, link, xero, merged[xero.id], ended)
    for xero in xeros.values():
        if xero.status is XeroContactStatus.GDPR_REQUEST:
            await gdpr.forget(tx, organisation.id, xero)
    followed = [
        (xero, survivor)
        for xero in xeros.values()
        if xero.status is not XeroContactStatus.GDPR_REQUEST
        and xero.id in merged
        and (survivor := merged[xero.id].row) is not None
    ]
    await _move_memory(tx, organisation, followed)
    await _restore(tx, organisation.id, xeros, held, ended)
    return ended


def _awaits(link: SyncLink) -> bool:
    return link.state is SyncState.BROKEN and link.failure is not None and "awaits" in link.failure


async def _follow(
    tx: Tx,
    organisation: OrganisationCopy,
    link: SyncLink,
    loser: XeroContact | None,
    survivor: Survivor,
    ended: Ended,
) -> None:
    """Follow a merge. `loser` is None for a BROKEN link that waited for the survivor to be shown."""
    row = survivor.row
    alive = row if row is not None and row.status is XeroContactStatus.ACTIVE else None
    kept = alive is not None and await _is_kept(tx, organisation.id, link.contact_id, alive)
    held_by = await links.active(tx, organisation.id, "xero_contact_id", alive.id) if alive else None
    ended.contacts.add(link.contact_id)
    if alive is not None and not kept and held_by is None:
        await ending.move(tx, link, alive)
        ended.survivors.add(alive.id)
        return
    if loser is not None:
        waiting = row is None and not survivor.circle
        await ending.break_off(tx, link, loser, awaits=survivor.xero_contact_id if waiting else None)
    elif row is not None:
        await ending.stop_waiting(tx, link)
    if alive is not None and held_by is not None and not kept:
        await issue_review.offer_both(tx, organisation, alive.id, [held_by.contact_id, link.contact_id])


async def _is_kept(tx: Tx, organisation_id: UUID, contact_id: UUID, survivor: XeroContact) -> bool:
    """Whether a person's decision keeps the survivor from this contact, or from automatic matching."""
    kept = await tx.ids(
        "select x.id from xero_contact x where x.workspace_id = :ws and x.id = :id and ("
        "exists (select 1 from set_apart where workspace_id = :ws and organisation_id = :organisation"
        "  and xero_contact_id = :xero and contact_id = :contact)"
        " or exists (select 1 from reimport_mark where workspace_id = :ws and organisation_id = :organisation"
        "  and xero_contact_id = :xero)"
        " or exists (select 1 from sync_link where workspace_id = :ws and organisation_id = :organisation"
        "  and xero_contact_id = :id and state = 'UNSYNCED')"
        " or exists (select 1 from match_issue where workspace_id = :ws and organisation_id = :organisation"
        "  and xero_contact_id = :id and (resolution = 'IGNORED' or reopened and state = 'OPEN')))",
        organisation=organisation_id, xero=survivor.xero_contact_id, id=survivor.id, contact=contact_id,
    )  # fmt: skip
    return bool(kept)


async def _move_memory(
    tx: Tx, organisation: OrganisationCopy, merges: Sequence[tuple[XeroContact, XeroContact]]
) -> None:
    """Move a person's decisions about each loser to its survivor. A decision ends if that pair is linked. As many
    statements for many merges as for one, but for issues of earlier merges."""
    if not merges:
        return
    await tx.run(
        "with merge as (select * from unnest(cast(:losers as uuid[]), cast(:survivors as uuid[]), cast(:survivor_rows as uuid[]))"
        "  as m(loser, survivor, survivor_row)),"
        " gone as (delete from set_apart a using merge where a.workspace_id = :ws and a.organisation_id = :organisation"
        "  and a.xero_contact_id = merge.loser returning a.contact_id, a.contact_hash, a.at, merge.survivor, merge.survivor_row)"
        " insert into set_apart (workspace_id, organisation_id, xero_contact_id, contact_id, contact_hash, at)"
        " select :ws, :organisation, g.survivor, g.contact_id, g.contact_hash, g.at from gone g where not exists"
        " (select 1 from sync_link k where k.workspace_id = :ws and k.organisation_id = :organisation"
        f"  and k.xero_contact_id = g.survivor_row and k.contact_id = g.contact_id and k.state in {ACTIVE})"
        " on conflict do nothing",
        organisation=organisation.id, losers=[loser.xero_contact_id for loser, _ in merges],
        survivors=[survivor.xero_contact_id for _, survivor in merges],
        survivor_rows=[survivor.id for _, survivor in merges],
    )  # fmt: skip
    await statements.move_unsynced(tx, organisation.id, {loser.id: survivor.id for loser, survivor in merges})
    await issue_review.follow_merges(tx, organisation, {loser.id: survivor.id for loser, survivor in merges})


async def _restore(
    tx: Tx,
    organisation_id: UUID,
    xeros: Mapping[UUID, XeroContact],
    held: Sequence[SyncLink],
    ended: Ended,
) -> None:
    """Bring back links of contacts that are active again, the latest first: active if both ends are free, else UNSYNCED."""
    broken = [
        (link, xero) for link in held
        if link.state is SyncState.BROKEN and link.failure
        and link.failure["code"] in ("ARCHIVED_IN_XERO", "MERGED_IN_XERO")
        and link.xero_contact_id and (xero := xeros.get(link.xero_contact_id))
        and xero.status is XeroContactStatus.ACTIVE
    ]  # fmt: skip
    for link, xero in sorted(broken, key=lambda pair: pair[0].state_since, reverse=True):
        await ending.restore(tx, link, xero, free=await _is_free(tx, organisation_id, link.contact_id, xero))
        ended.contacts.add(link.contact_id)


async def _is_free(tx: Tx, organisation_id: UUID, contact_id: UUID, xero: XeroContact) -> bool:
    """Whether neither end is linked and the pair is not kept apart."""
    busy = await tx.ids(
        "select x.id from xero_contact x where x.workspace_id = :ws and x.id = :id and ("
        "exists (select 1 from sync_link where workspace_id = :ws and organisation_id = :organisation"
        f"  and (contact_id = :contact or xero_contact_id = :id) and state in {ACTIVE})"
        " or exists (select 1 from set_apart where workspace_id = :ws and organisation_id = :organisation"
        "  and xero_contact_id = :xero and contact_id = :contact))",
        organisation=organisation_id, contact=contact_id, id=xero.id, xero=xero.xero_contact_id,
    )  # fmt: skip
    return not busy
