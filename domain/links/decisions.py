"""A person's decisions about pairs and about Xero contacts, which are never made again automatically.

A kept-apart pair is never matched. A Xero contact with a re-import mark is neither matched nor imported. A link that a
person makes ends both.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from domain.decisions.kept_apart import HASH
from domain.links import ending
from domain.tables import EventKind
from domain.tx import Tx

# The Xero contact and all that were merged into it, however long ago; `union` ends a circle.
_FAMILY = (
    "with recursive family(id, xero_id) as ("
    " select id, xero_contact_id from xero_contact where workspace_id = :ws and id = :xero"
    " union select x.id, x.xero_contact_id from family f join xero_contact x on x.workspace_id = :ws"
    " and x.organisation_id = :organisation and x.merged_to = f.xero_id)"
)


async def set_apart(tx: Tx, organisation_id: UUID, contact_id: UUID, xero_contact_id: UUID | None) -> None:
    """Keep the pair apart, by the ids of our rows. Nothing happens if there was no Xero contact (None)."""
    await tx.run(
        "insert into set_apart (workspace_id, organisation_id, xero_contact_id, contact_id, at)"
        " select :ws, :organisation, x.xero_contact_id, :contact, :now from xero_contact x"
        " where x.workspace_id = :ws and x.id = :xero on conflict do nothing",
        organisation=organisation_id, contact=contact_id, xero=xero_contact_id,
    )  # fmt: skip


async def mark(tx: Tx, organisation_id: UUID, xero_contact_ids: Sequence[UUID]) -> None:
    """Set re-import marks."""
    await tx.run(
        "insert into reimport_mark (workspace_id, organisation_id, xero_contact_id, at)"
        " select :ws, :organisation, x.xero_contact_id, :now from xero_contact x"
        " where x.workspace_id = :ws and x.id = any(:ids) on conflict do nothing",
        organisation=organisation_id, ids=list(xero_contact_ids),
    )  # fmt: skip


async def lift_mark(tx: Tx, organisation_id: UUID, xero_contact_id: UUID) -> None:
    await tx.run(
        f"{_FAMILY} delete from reimport_mark m using family f where m.workspace_id = :ws"
        " and m.organisation_id = :organisation and m.xero_contact_id = f.xero_id",
        organisation=organisation_id, xero=xero_contact_id,
    )  # fmt: skip


async def forget_apart(
    tx: Tx, organisation_id: UUID, xero_contact_id: UUID, contact_ids: Sequence[UUID]
) -> None:
    """Forget that the pairs were kept apart, because a person decided for them. Contacts merged into the Xero contact count."""
    await tx.run(
        f"{_FAMILY} delete from set_apart a using family f, contact c where a.workspace_id = :ws"
        " and a.organisation_id = :organisation and a.xero_contact_id = f.xero_id and c.workspace_id = :ws"
        f" and c.id = any(:contacts) and (a.contact_id = c.id or a.contact_hash = {HASH})",
        organisation=organisation_id, xero=xero_contact_id, contacts=list(contact_ids),
    )  # fmt: skip


class Ended(NamedTuple):
    """A link that gives way to another one."""

    id: UUID
    contact_id: UUID
    xero_contact_id: UUID


async def taken(
    tx: Tx, organisation_id: UUID, contact_id: UUID, xero_contact_id: UUID, *, keep: UUID | None = None
) -> tuple[UUID, ...]:
    """End the decisions and links that contradict a new link of a person. Returns the deleted links.

    The re-import mark and the kept-apart pair are deleted. The pair's UNSYNCED and BROKEN links end, and so do BROKEN links of the
    Xero contact to others, whose pairs are then kept apart. An IGNORED or CREATED_SEPARATE issue of the Xero contact ends.
    `keep` is the link that begins again.
    """
    await lift_mark(tx, organisation_id, xero_contact_id)
    ended = await tx.read(
        Ended,
        f"{_FAMILY} select l.id, l.contact_id, l.xero_contact_id from sync_link l join family f"
        " on f.id = l.xero_contact_id where l.workspace_id = :ws and l.organisation_id = :organisation"
        " and l.id is distinct from cast(:keep as uuid)"
        " and (l.state = 'BROKEN' or l.state = 'UNSYNCED' and l.contact_id = :contact)",
        organisation=organisation_id, xero=xero_contact_id, contact=contact_id, keep=keep,
    )  # fmt: skip
    for link in ended:
        if link.contact_id != contact_id:
            await set_apart(tx, organisation_id, link.contact_id, link.xero_contact_id)
        await ending.remove(tx, link.id, "A link that had ended gave way to another one.")
    await forget_apart(tx, organisation_id, xero_contact_id, [contact_id])
    issues = await tx.ids(
        "update match_issue set resolution = 'OBSOLETE', version = version + 1 where workspace_id = :ws"
        " and organisation_id = :organisation and xero_contact_id = :xero"
        " and resolution in ('IGNORED', 'CREATED_SEPARATE') returning id",
        organisation=organisation_id, xero=xero_contact_id,
    )  # fmt: skip
    for issue in issues:
        tx.publish(EventKind.MATCH_ISSUE, issue, organisation=organisation_id)
    return tuple(link.id for link in ended)
