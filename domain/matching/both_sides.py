"""Whether the two sides of a match issue are free to be linked."""

from typing import NamedTuple
from uuid import UUID

from domain.problems import Code, refuse
from domain.tables import ACTIVE, MatchIssue
from domain.tx import Tx


async def find_link(tx: Tx, issue: MatchIssue, contact_id: UUID) -> UUID | None:
    """The active link between the issue's Xero contact and this contact."""
    found = await tx.ids(
        "select id from sync_link where workspace_id = :ws and organisation_id = :organisation and contact_id = :contact"
        f" and xero_contact_id = :xero and state in {ACTIVE}",
        organisation=issue.organisation_id, contact=contact_id, xero=issue.xero_contact_id,
    )  # fmt: skip
    return found[0] if found else None


async def is_linked(tx: Tx, organisation_id: UUID, contact_id: UUID) -> bool:
    found = await tx.ids(
        "select id from sync_link where workspace_id = :ws and organisation_id = :organisation and contact_id = :contact"
        f" and state in {ACTIVE}",
        organisation=organisation_id, contact=contact_id,
    )  # fmt: skip
    return bool(found)


class _Mirrored(NamedTuple):
    status: str
    linked: bool


async def require_free_xero_contact(tx: Tx, organisation_id: UUID, xero_id: UUID) -> None:
    row = await tx.read_one(
        _Mirrored,
        "select x.status, exists (select 1 from sync_link l where l.workspace_id = :ws and l.xero_contact_id = x.id"
        f" and l.organisation_id = :organisation and l.state in {ACTIVE}) as linked"
        " from xero_contact x where x.workspace_id = :ws and x.id = :id",
        organisation=organisation_id, id=xero_id,
    )  # fmt: skip
    if row is None or row.status != "ACTIVE":
        raise refuse(
            Code.WRONG_STATE,
            "The Xero contact is no longer active in Xero, so it cannot be linked. Restore it there first.",
            "issueId",
        )
    if row.linked:
        raise refuse(
            Code.ALREADY_LINKED,
            "The Xero contact of this issue is linked already. Unsync that link first.",
            "issueId",
        )
