"""Kept-apart pairs are never matched: a person's decision survives deletion and re-creation of either contact.

When a practice contact is deleted, a hash of its name and email, keyed by the workspace's own key, takes its place. A
contact that is created with both equal is kept apart from the same Xero contacts. A mirror row is never deleted: a Xero
contact that is first seen while no other of its name and email is active gets the pairs of the former one. After that
the pairs hold ids only, so matching knows no hash.

Erasing a contact, or a GDPR request in Xero, deletes these pairs too: a hash is still about a person.
"""

from collections.abc import Sequence
from uuid import UUID

from domain.decisions.reimport_marks import FAMILY
from domain.tx import Tx

# Of a contact `c`. Both keys, as one email may be shared by hundreds, and a name alone is another's too.
HASH = (
    "(select sha256(convert_to(w.memory_key || E'\\n' || c.name_key || E'\\n' || coalesce(c.email_key, ''), 'UTF8'))"
    " from workspace w where w.id = :ws)"
)


async def set_apart(tx: Tx, organisation_id: UUID, contact_id: UUID, xero_contact_id: UUID | None) -> None:
    """Keep the pair apart, by the ids of our rows. Nothing happens if there was no Xero contact (None)."""
    await tx.run(
        "insert into set_apart (workspace_id, organisation_id, xero_contact_id, contact_id, at)"
        " select :ws, :organisation, x.xero_contact_id, :contact, :now from xero_contact x"
        " where x.workspace_id = :ws and x.id = :xero on conflict do nothing",
        organisation=organisation_id, contact=contact_id, xero=xero_contact_id,
    )  # fmt: skip


async def forget_apart(
    tx: Tx, organisation_id: UUID, xero_contact_id: UUID, contact_ids: Sequence[UUID]
) -> None:
    """Forget that the pairs were kept apart, because a person decided for them. Contacts merged into the Xero contact count."""
    await tx.run(
        f"{FAMILY} delete from set_apart a using family f, contact c where a.workspace_id = :ws"
        " and a.organisation_id = :organisation and a.xero_contact_id = f.xero_id and c.workspace_id = :ws"
        f" and c.id = any(:contacts) and (a.contact_id = c.id or a.contact_hash = {HASH})",
        organisation=organisation_id, xero=xero_contact_id, contacts=list(contact_ids),
    )  # fmt: skip


async def contact_goes(tx: Tx, contact_id: UUID) -> None:
    """Replace the contact by its hash in its pairs, before it is deleted."""
    await tx.run(
        f"update set_apart a set contact_hash = {HASH} from contact c where a.workspace_id = :ws"
        " and a.contact_id = :contact and c.workspace_id = :ws and c.id = :contact",
        contact=contact_id,
    )


async def contacts_came(tx: Tx, contact_ids: Sequence[UUID]) -> None:
    """Give new contacts the pairs of deleted contacts with the same name and email, after they were linked.

    The hash is deleted: otherwise it would remain when the contact is renamed and then erased.
    """
    await tx.run(
        "with came as (select a.organisation_id, a.xero_contact_id, a.contact_id as gone_id, c.id, a.at from contact c"
        f" join set_apart a on a.workspace_id = :ws and a.contact_hash = {HASH} where c.workspace_id = :ws"
        " and c.id = any(:ids) and not exists (select 1 from sync_link l join xero_contact x on x.workspace_id = :ws"
        "  and x.id = l.xero_contact_id where l.workspace_id = :ws and l.contact_id = c.id"
        "  and l.organisation_id = a.organisation_id and x.xero_contact_id = a.xero_contact_id)),"
        " gone as (delete from set_apart a using came where a.workspace_id = :ws"
        "  and a.organisation_id = came.organisation_id and a.xero_contact_id = came.xero_contact_id"
        "  and a.contact_id = came.gone_id)"
        " insert into set_apart (workspace_id, organisation_id, xero_contact_id, contact_id, at)"
        " select :ws, organisation_id, xero_contact_id, id, min(at) from came"
        " group by organisation_id, xero_contact_id, id on conflict do nothing",
        ids=list(contact_ids),
    )


async def xero_contacts_came(tx: Tx, organisation_id: UUID, ids: Sequence[UUID]) -> None:
    """Give Xero contacts that were seen for the first time the pairs of the former ones.

    A contact's own push is never kept apart from the contact, even if the contact left behind was.
    """
    if not ids:
        return
    await tx.run(
        "insert into set_apart (workspace_id, organisation_id, xero_contact_id, contact_id, contact_hash, at)"
        " select distinct on (x.id, a.contact_id) :ws, a.organisation_id, x.xero_contact_id, a.contact_id,"
        " a.contact_hash, a.at from set_apart a join xero_contact o on o.workspace_id = :ws"
        " and o.organisation_id = a.organisation_id and o.xero_contact_id = a.xero_contact_id and o.status <> 'ACTIVE'"
        " join xero_contact x on x.workspace_id = :ws and x.organisation_id = a.organisation_id"
        " and x.name_key = o.name_key and x.email_key is not distinct from o.email_key and x.id = any(:ids)"
        " where a.workspace_id = :ws and a.organisation_id = :organisation and x.id <> o.id"
        " and not exists (select 1 from push p join sync_link l on l.workspace_id = :ws and l.id = p.link_id"
        "  where p.workspace_id = :ws and p.organisation_id = a.organisation_id"
        "  and p.contact_number = x.contact_number and l.contact_id = a.contact_id) on conflict do nothing",
        organisation=organisation_id, ids=list(ids),
    )  # fmt: skip


async def erase_contact(tx: Tx, contact_id: UUID) -> None:
    """Delete the pairs of the contact, and those of deleted contacts with the same name and email."""
    await tx.run(
        "delete from set_apart a using contact c where a.workspace_id = :ws and c.workspace_id = :ws and c.id = :contact"
        f" and (a.contact_id = c.id or a.contact_hash = {HASH})",
        contact=contact_id,
    )


async def forget_xero(tx: Tx, organisation_id: UUID, xero_contact_id: UUID) -> None:
    """Delete the pairs of a Xero contact, by Xero's own id, and hashes that may be of the same person."""
    await tx.run(
        "delete from set_apart where workspace_id = :ws and organisation_id = :organisation"
        " and xero_contact_id = :xero and contact_hash is not null",
        organisation=organisation_id, xero=xero_contact_id,
    )  # fmt: skip
