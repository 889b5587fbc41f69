"""Trying again now what failed: what Xero refused is sent as it stands, what is uncertain is looked up at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain import failures, links, organisations
from domain.deliveries import INTERACTIVE_MOST
from domain.links import state_of
from domain.problems import Code, Problem, Refused
from domain.tx import Tx


@dataclass(frozen=True)
class Retried:
    """`link_ids`: those that had failed, and are tried again."""

    link_ids: tuple[UUID, ...]


async def check_known(tx: Tx, link_ids: Sequence[UUID], invoice_ids: Sequence[UUID]) -> None:
    """Refused (NOT_FOUND) with the place of each id that is unknown."""
    problems: list[Problem] = []
    for table, path, ids in (("sync_link", "linkIds", link_ids), ("invoice", "invoiceIds", invoice_ids)):
        rows = await tx.rows(
            f"select id from {table} where workspace_id = :ws and id = any(:ids)", ids=list(ids)
        )
        known = {row["id"] for row in rows}
        problems += [
            Problem(Code.NOT_FOUND, "There is nothing with this id.", (path, str(n)))
            for n, key in enumerate(ids)
            if key not in known
        ]
    if problems:
        raise Refused(problems)


async def retry(tx: Tx, link_ids: Sequence[UUID] = (), organisation_id: UUID | None = None) -> Retried:
    """Those of the links that fail, and all that do in the organisation. A link that does not fail is left alone."""
    if organisation_id is not None:
        await organisations.get(tx, organisation_id)
    failing = (
        "select id from sync_link where workspace_id = :ws and failure is not null"
        " and state in ('FAILING', 'CONFLICT')"
        " and (id = any(:ids) or organisation_id = cast(:organisation as uuid)) order by id"
    )
    found = [row["id"] for row in await tx.rows(failing, ids=list(link_ids), organisation=organisation_id)]
    await links.lock_all(tx, found)
    for key in found:
        await _retry(tx, key, bulk=len(found) > INTERACTIVE_MOST)
    tx.ring()
    return Retried(tuple(found))


async def _retry(tx: Tx, link_id: UUID, *, bulk: bool) -> None:
    """While a write of it is open, what became of that is looked up now by its rules, which free nothing early."""
    link = await links.find(tx, link_id)
    if link is None or link["failure"] is None:
        return
    opened = await tx.run(
        "update delivery d set due_at = :now from delivery_member m where d.workspace_id = :ws and d.ended_at is null"
        " and m.workspace_id = :ws and m.delivery_id = d.id and m.link_id = :id and m.open",
        id=link_id,
    )
    if opened:
        return
    await tx.run(
        "update owed_status set due_at = :now where workspace_id = :ws and xero_contact_id = :id and due_at is null",
        id=link["xero_contact_id"],
    )
    after = {**link, "failure": None}
    await failures.write(
        tx, link, failure=None, refused={}, due_at=tx.now, next_attempt_at=None, bulk=bulk,
        state=state_of(after, conflicts=bool(link["conflicts"]), due=True),
    )  # fmt: skip
