"""Trying again now what failed: what Xero refused is sent as it stands, what is uncertain is looked up at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain import failures, links, organisations
from domain.deliveries import INTERACTIVE_MOST
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
        await failures.try_again(tx, key, bulk=len(found) > INTERACTIVE_MOST)
    tx.ring()
    return Retried(tuple(found))
