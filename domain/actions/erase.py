"""Erasure of a contact: no personal value of it stays in any table, and nothing brings one back.

Tandem erases nothing in Xero: a person archives the contact there or makes a GDPR request. The mirror keeps only the ids of
its Xero contacts, and a mark: every later snapshot of them is stored blank.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from domain.actions import delete as delete_action
from domain.decisions import kept_apart
from domain.links import link as links
from domain.links import push_numbers
from domain.matching import issues
from domain.mirror import xero_contacts
from domain.tx import Tx

ERASED = "About a contact that was erased."


@dataclass(frozen=True)
class Erased:
    """`left_in_xero`: the linked contacts that Xero still has, by the organisation's name and Xero's own id."""

    left_in_xero: tuple[tuple[str, UUID], ...]


class _Left(NamedTuple):
    """A Xero contact that Xero still has: its organisation's name, and Xero's own id of the contact."""

    name: str
    xero_contact_id: UUID


async def erase(tx: Tx, contact_id: UUID) -> Erased:
    """Erase the contact. Runs within `issues.evaluating`. Refused (IN_USE) if it has invoices, which the law keeps."""
    held = await links.of_contact(tx, contact_id)
    ids = [link.id for link in held]
    by_organisation: dict[UUID, list[UUID]] = {}
    for link in held:
        if link.xero_contact_id is not None:
            by_organisation.setdefault(link.organisation_id, []).append(link.xero_contact_id)
    xeros = [xero for found in by_organisation.values() for xero in found]
    about = await tx.ids(
        "select id from match_issue where workspace_id = :ws and xero_contact_id = any(:ids)", ids=xeros
    )
    await tx.run(
        "update delivery set body = null, recalled = true where workspace_id = :ws and body is not null and id in"
        " (select delivery_id from delivery_member where workspace_id = :ws and link_id = any(:ids))",
        ids=ids,
    )
    await kept_apart.erase_contact(tx, contact_id)
    await delete_action.delete(tx, contact_id)
    for link_id in ids:
        for push in await push_numbers.lock_open(tx, link_id):
            push.erased = True
    await tx.session.flush()
    for organisation, found in by_organisation.items():
        await xero_contacts.erase(tx, organisation, found)
        await issues.evaluate_all(tx, {organisation: found})
    await _blank_history(tx, contact_id, ids, about)
    left = await tx.read(
        _Left,
        "select o.name, x.xero_contact_id from xero_contact x join organisation o on o.workspace_id = :ws"
        " and o.id = x.organisation_id where x.workspace_id = :ws and x.id = any(:ids)"
        " and x.status <> 'GDPR_REQUEST' order by o.name, x.xero_contact_id",
        ids=xeros,
    )
    return Erased(tuple((row.name, row.xero_contact_id) for row in left))


async def _blank_history(tx: Tx, contact_id: UUID, link_ids: Sequence[UUID], about: Sequence[UUID]) -> None:
    """Blank the values in the activity. The lines keep their kind, time and actor."""
    await tx.session.flush()
    await tx.run(
        "update activity set message = :erased, changes = '[]' where workspace_id = :ws"
        " and (contact_id = :contact or link_id = any(:links) or issue_id = any(:issues))",
        erased=ERASED, contact=contact_id, links=list(link_ids), issues=list(about),
    )  # fmt: skip
    await tx.run(
        "delete from match_candidate where workspace_id = :ws and issue_id = any(:issues)", issues=list(about)
    )
    await tx.run(
        "delete from idempotency_key where workspace_id = :ws and made = :contact", contact=contact_id
    )
