"""Retry: a refused link is sent again with its present values, and an uncertain one is looked up at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.connection import health as connection_health
from domain.connection import organisations
from domain.links import failures, statements
from domain.links import link as links
from domain.outbound.deliveries import INTERACTIVE_MOST
from domain.problems import Problem, Refused, not_found
from domain.tx import Tx


@dataclass(frozen=True)
class Retried:
    """`link_ids` are the failing links that are tried again."""

    link_ids: tuple[UUID, ...]


async def check_known(tx: Tx, link_ids: Sequence[UUID], invoice_ids: Sequence[UUID]) -> None:
    """Refuse unknown ids (NOT_FOUND), with the place of each."""
    problems: list[Problem] = []
    for table, what, path, ids in (
        ("sync_link", "link", "linkIds", link_ids),
        ("invoice", "invoice", "invoiceIds", invoice_ids),
    ):
        known = await tx.ids(
            f"select id from {table} where workspace_id = :ws and id = any(:ids)", ids=list(ids)
        )
        problems += [not_found(what, path, str(n)) for n, key in enumerate(ids) if key not in known]
    if problems:
        raise Refused(problems)


async def retry(tx: Tx, link_ids: Sequence[UUID] = (), organisation_id: UUID | None = None) -> Retried:
    """Retry the failing ones of the links, and all failing links of the organisation.

    A link that does not fail is left alone, and so is a link that only a new consent helps.
    """
    if organisation_id is not None:
        await organisations.get(tx, organisation_id)
    which = "(l.id = any(:ids) or l.organisation_id = cast(:organisation as uuid)) order by l.id"
    failing = await tx.ids(
        "select l.id from sync_link l where l.workspace_id = :ws and l.failure is not null"
        f" and l.state in ('FAILING', 'CONFLICT') and {which}",
        ids=list(link_ids), organisation=organisation_id,
    )  # fmt: skip
    waiting = await tx.ids(
        f"select l.id from sync_link l{connection_health.HELD_LINK} where l.workspace_id = :ws"
        f" and held.code = 'XERO_UNAVAILABLE' and {which}",
        ids=list(link_ids), organisation=organisation_id,
    )  # fmt: skip
    await links.lock_all(tx, [*failing, *waiting])
    for key in failing:
        await failures.try_again(tx, key, bulk=len(failing) > INTERACTIVE_MOST)
    await _reach_out(tx, waiting)
    tx.notify_workers()
    return Retried((*failing, *waiting))


async def _reach_out(tx: Tx, link_ids: Sequence[UUID]) -> None:
    """Make the links, and the reads that they require, due at once."""
    await tx.run(
        "update import_run set due_at = :now where workspace_id = :ws and finished_at is null and due_at > :now"
        " and organisation_id in (select organisation_id from sync_link where workspace_id = :ws and id = any(:ids))",
        ids=list(link_ids),
    )
    await statements.try_at_once(tx, link_ids)
