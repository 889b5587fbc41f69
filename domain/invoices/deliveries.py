"""Deliveries of invoices: claimed, sent by a worker, settled, by the rules of `domain.outbound.deliveries`.

An invoice is created once. At the claim it is checked against the present set-up, its lines are resolved and stored, and
the exact bytes are stored before they are sent. A lost create is looked up by its number, and is ours only if its Url is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET
from sqlmodel import col, select

from domain import activity
from domain.connection import held_invoices
from domain.fields.values import SeenInvoice
from domain.invoices import changes as invoice_changes
from domain.invoices import eligibility
from domain.invoices import refusals as invoice_refusals
from domain.invoices import setup as invoice_setup
from domain.invoices import waiting as waiting_invoices
from domain.invoices.actions import lines_of
from domain.invoices.eligibility import GONE, LINKED, Problem
from domain.invoices.rows import touch
from domain.invoices.setup import Setup
from domain.links import failures
from domain.outbound import deliveries
from domain.outbound.deliveries import INTERACTIVE_MOST, MOST, Claimed
from domain.tables import (
    ActivityKind,
    DeliveryKind,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    InvoiceSyncState,
)
from domain.tx import Tx

UNCERTAIN = "UNCERTAIN"
UNAVAILABLE = Problem("XERO_UNAVAILABLE", "Xero is not available just now.", "WAIT")
CALL_BYTES, LINE_BYTES = 3_000_000, 300  # Xero takes 3.5 MB; a line's members but its description
_PASSING = (UNCERTAIN, UNAVAILABLE.code, held_invoices.CODE)


@dataclass(frozen=True)
class Outgoing:
    """`contact` is Xero's own id of the contact. None for a void, which needs no contact."""

    invoice: Invoice
    lines: Sequence[InvoiceLine]
    contact: UUID | None


@dataclass(frozen=True)
class Answered:
    """The invoice as Xero showed it, or the reason why Xero refused it. Both are set if the invoice was looked up after a
    refusal."""

    invoice_id: UUID
    seen: SeenInvoice | None = None
    problem: Problem | None = None


Build = Callable[[DeliveryKind, Sequence[Outgoing]], tuple[bytes, dict[UUID, Problem]]]
# Of invoices `i`: a webhook has announced something in Xero that nobody has read.
_UNREAD = (
    "(i.xero_invoice_id is not null"
    " and i.xero_invoice_id in (select door.unread_webhooks(:organisation, 'INVOICE')))"
)
# Of invoices `i`, what is due; `:only` these, if any.
_DUE = (
    " i.workspace_id = :ws and i.organisation_id = :organisation"
    " and (i.due_at is not null and coalesce(i.next_attempt_at, i.due_at) <= :now"
    " or i.failure_code = 'CONTACT_NOT_SYNCED' and i.due_at is null and exists (select 1 from sync_link l"
    " join xero_contact x on x.workspace_id = :ws and x.id = l.xero_contact_id and x.status = 'ACTIVE'"
    " where l.workspace_id = :ws and l.organisation_id = :organisation and l.contact_id = i.contact_id"
    f" and l.state in {LINKED}))"
    " and (cardinality(cast(:only as uuid[])) = 0 or i.id = any(:only))"
    " and i.bulk = coalesce(cast(:bulk as boolean), i.bulk)"
    " and not exists (select 1 from delivery_member m where m.workspace_id = :ws and m.invoice_id = i.id and m.open)"
)


class _Target(NamedTuple):
    xero_invoice_id: UUID


async def unread(
    tx: Tx, organisation_id: UUID, only: Sequence[UUID], most: int, *, bulk: bool | None
) -> list[UUID]:
    """Xero's ids of the due invoices that must be read before they are written: a change in Xero was announced."""
    rows = await tx.read(
        _Target,
        f"select i.xero_invoice_id from invoice i where {_DUE} and {_UNREAD} order by i.due_at, i.id limit :most",
        organisation=organisation_id, only=list(only), bulk=bulk, most=most,
    )  # fmt: skip
    return [row.xero_invoice_id for row in rows]


async def claim(
    tx: Tx, organisation_id: UUID, build: Build, only: Sequence[UUID] = (), *, bulk: bool | None = None
) -> Claimed | None:
    """Claim due invoices for one write. None if nothing is to be sent.

    Creates and voids never share a delivery, and neither do interactive and bulk work. `only` limits the claim to these
    invoices, as when a batch is halved. `bulk` limits it to that lane.
    """
    await held_invoices.lock_setup(tx, organisation_id)
    setup = await invoice_setup.load(tx, organisation_id)
    if not setup.connected:
        return None
    while held := await _lock_due(tx, organisation_id, only, bulk):
        ready = await _judge(tx, setup, held)
        if not ready:
            await tx.session.flush()
            continue
        first = ready[0]
        kind = DeliveryKind.UPDATE if first.contact is None else DeliveryKind.CREATE
        is_bulk = first.invoice.bulk
        chosen = _fitting(
            [
                one
                for one in ready
                if (one.contact is None) is (first.contact is None) and one.invoice.bulk is is_bulk
            ][: MOST if is_bulk else INTERACTIVE_MOST]
        )
        body, unfit = build(kind, chosen)
        for one in chosen:
            if one.invoice.id in unfit:
                invoice_refusals.refuse(
                    tx,
                    one.invoice,
                    invoice_refusals.named(setup, one.invoice, one.lines, unfit[one.invoice.id]),
                )
        sent = [one.invoice.id for one in chosen if one.invoice.id not in unfit]
        await tx.session.flush()
        if sent:
            delivery = await deliveries.start(tx, organisation_id, kind, is_bulk, body, invoices=sent)
            return Claimed(delivery, tuple(sent))
    return None


def _fitting(chosen: list[Outgoing]) -> list[Outgoing]:
    """The first invoices that fit into one call by the length of their texts; at least one."""
    size = 0
    for count, one in enumerate(chosen):
        size += sum(LINE_BYTES + 2 * len(line.description.encode()) for line in one.lines)
        if size > CALL_BYTES and count:
            return chosen[:count]
    return chosen


async def _lock_due(tx: Tx, organisation_id: UUID, only: Sequence[UUID], bulk: bool | None) -> list[Invoice]:
    """Due invoices, and invoices that failed for want of a link that exists now: interactive first, voids first. An invoice
    with an unread event is left."""
    ids = await tx.ids(
        f"select i.id from invoice i where {_DUE} and not {_UNREAD}"
        f" order by i.bulk, i.status <> 'VOIDED', i.due_at, i.id limit {MOST} for update of i skip locked",
        organisation=organisation_id, only=list(only), bulk=bulk,
    )  # fmt: skip
    found = await tx.session.scalars(
        select(Invoice)
        .where(col(Invoice.workspace_id) == tx.workspace, col(Invoice.id).in_(ids))
        .execution_options(populate_existing=True)
    )
    return sorted(found, key=lambda invoice: ids.index(invoice.id))


async def _judge(tx: Tx, setup: Setup, held: Sequence[Invoice]) -> list[Outgoing]:
    """The invoices that may go. The others are placed where they belong, and are not due any more."""
    lines = await lines_of(tx, [invoice.id for invoice in held])
    contacts = await eligibility.linked(tx, setup.organisation.id, [invoice.contact_id for invoice in held])
    ready = []
    for invoice in held:
        known = invoice.xero_invoice_id is not None
        if invoice.status is InvoiceStatus.VOIDED and known and invoice.xero_status not in GONE:
            if setup.organisation.invoice_sync:
                ready.append(Outgoing(invoice, lines[invoice.id], None))
            else:
                eligibility.rest(invoice, InvoiceSyncState.SYNC_OFF)
                touch(tx, invoice)
        elif invoice.status is InvoiceStatus.AWAITING_PAYMENT and not known:
            invoice.due_at = invoice.due_at or tx.now
            before = invoice.failure, invoice.sync_state
            contact = contacts.get(invoice.contact_id)
            await eligibility.place(
                tx, setup, invoice, lines[invoice.id], linked=contact is not None, bulk=invoice.bulk
            )
            if invoice.sync_state is InvoiceSyncState.PENDING and contact is not None:
                ready.append(Outgoing(invoice, lines[invoice.id], contact))
            if (invoice.failure, invoice.sync_state) != before:
                touch(tx, invoice)
        else:
            eligibility.rest(invoice, InvoiceSyncState.SYNCED if known else InvoiceSyncState.NOT_SENT)
            touch(tx, invoice)
    return ready


async def settle(tx: Tx, claimed: Claimed, answers: Sequence[Answered]) -> None:
    """Settle each element on its own. Members that the answer left out stay open and UNCERTAIN."""
    organisation_id = claimed.delivery.organisation_id
    await held_invoices.lock_setup(tx, organisation_id)
    invoices = await _lock_members(tx, claimed, [answer.invoice_id for answer in answers])
    if not await deliveries.lock(tx, claimed):
        return
    setup = await invoice_setup.load(tx, organisation_id)
    contacts = await eligibility.linked(tx, organisation_id, [one.contact_id for one in invoices.values()])
    lines = await lines_of(tx, list(invoices))
    for answer in answers:
        invoice = invoices.get(answer.invoice_id)
        if invoice is None:
            continue
        if answer.seen is not None:
            contact = contacts.get(invoice.contact_id)
            await _acknowledge(tx, invoice, lines[invoice.id], answer.seen, contact)
            if invoice.failure_code != "TOTAL_MISMATCH":
                await waiting_invoices.void_replaced(tx, invoice)
        if answer.problem is not None:
            await invoice_refusals.settle(tx, setup, invoice, lines[invoice.id], answer.problem)
    await tx.session.flush()
    await deliveries.close(tx, claimed, [answer.invoice_id for answer in answers])
    await held_invoices.hold(tx, organisation_id, list(invoices))


async def free(
    tx: Tx,
    claimed: Claimed,
    until: datetime | None = None,
    members: Sequence[UUID] | None = None,
    why: Problem | None = None,
) -> None:
    """Free all members, or only `members`: nothing was done, and no attempt is counted. They are due again after `until`.

    `why` is shown meanwhile, if there is something to show.
    """
    await held_invoices.lock_setup(tx, claimed.delivery.organisation_id)
    which = list(claimed.members if members is None else members)
    invoices = await _lock_members(tx, claimed, which)
    if not await deliveries.lock(tx, claimed):
        return
    for invoice in invoices.values():
        invoice.due_at, invoice.next_attempt_at = invoice.due_at or tx.now, until
        if why is not None:
            eligibility.fail(tx, invoice, why, next_at=until)
        elif invoice.failure_code in _PASSING:
            invoice.sync_state, invoice.failure, invoice.failure_code = InvoiceSyncState.PENDING, None, None
            touch(tx, invoice)
    await tx.session.flush()
    await deliveries.close(tx, claimed, which)
    await held_invoices.hold(tx, claimed.delivery.organisation_id, which)
    tx.notify_workers()


async def wait(tx: Tx, claimed: Claimed, until: datetime) -> None:
    """Leave the delivery open and UNCERTAIN, because there is no answer yet. It is due again at `until`."""
    invoices = await _lock_members(tx, claimed, claimed.members)
    known_by = await deliveries.wait(tx, claimed, until)
    if known_by is None:
        return
    problem = Problem(UNCERTAIN, failures.uncertain(known_by), "WAIT")
    for invoice in invoices.values():
        if invoice.failure_code in (None, UNAVAILABLE.code) or _says_otherwise(invoice, problem):
            eligibility.fail(tx, invoice, problem, next_at=until)
    await tx.session.flush()


def _says_otherwise(invoice: Invoice, problem: Problem) -> bool:
    """Whether the invoice shows UNCERTAIN with an older time: its bytes were sent again."""
    failure = invoice.failure
    return failure is not None and failure["code"] == UNCERTAIN and failure["message"] != problem.message


async def settle_read(tx: Tx, claimed: Claimed, shown: Mapping[UUID, SeenInvoice]) -> None:
    """Settle voids that can take effect no more, by what a read shows of each. The rest is freed."""
    landed = [Answered(invoice_id, seen) for invoice_id, seen in shown.items() if seen.status in GONE]
    settled = {answer.invoice_id for answer in landed}
    await settle(tx, claimed, landed)
    await free(tx, claimed, members=[one for one in claimed.members if one not in settled])


async def show(tx: Tx, claimed: Claimed, shown: Sequence[SeenInvoice]) -> None:
    """Apply a read of members while the delivery is open."""
    await held_invoices.lock_setup(tx, claimed.delivery.organisation_id)
    await invoice_changes.apply(tx, claimed.delivery.organisation_id, shown)


async def numbers(tx: Tx, members: Sequence[UUID]) -> dict[UUID, str]:
    """The number of each member. A lost create is looked up by it."""
    return {one.id: one.number for one in await _of(tx, members)}


async def targets(tx: Tx, members: Sequence[UUID]) -> dict[UUID, UUID]:
    """Xero's own id of each member that has one."""
    return {one.id: one.xero_invoice_id for one in await _of(tx, members) if one.xero_invoice_id}


async def _of(tx: Tx, members: Sequence[UUID]) -> Sequence[Invoice]:
    found = await tx.session.scalars(
        select(Invoice).where(col(Invoice.workspace_id) == tx.workspace, col(Invoice.id).in_(members))
    )
    return found.all()


async def _lock_members(tx: Tx, claimed: Claimed, ids: Sequence[UUID]) -> dict[UUID, Invoice]:
    """Lock the members that are still in the delivery."""
    inside = await tx.ids(
        "select invoice_id from delivery_member where workspace_id = :ws and delivery_id = :delivery and open"
        " and invoice_id = any(:ids)",
        delivery=claimed.delivery.id, ids=list(ids),
    )  # fmt: skip
    found = await tx.session.scalars(
        select(Invoice)
        .where(
            col(Invoice.workspace_id) == tx.workspace,
            col(Invoice.id).in_(inside),
        )
        .order_by(col(Invoice.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {invoice.id: invoice for invoice in found}


async def _acknowledge(
    tx: Tx, invoice: Invoice, lines: Sequence[InvoiceLine], seen: SeenInvoice, contact: UUID | None
) -> None:
    """Record that Xero has the invoice. Its total, and a void here meanwhile, are evaluated as after any read."""
    created = invoice.xero_invoice_id is None
    invoice.xero_invoice_id = seen.xero_invoice_id
    invoice.attempts, invoice.next_attempt_at = 0, None
    invoice.warnings = list(seen.warnings)
    if invoice.failure_code != "TOTAL_MISMATCH":
        invoice.failure, invoice.failure_code = None, None
    if isinstance(seen.lines, tuple) and len(seen.lines) == len(lines):
        for line, shown in zip(lines, seen.lines, strict=True):
            line.xero_line_id = shown.line_id
    if invoice.status is InvoiceStatus.VOIDED and seen.status not in GONE:
        invoice.sync_state, invoice.due_at = InvoiceSyncState.PENDING, tx.now
        tx.notify_workers()
    await invoice_changes.show(tx, invoice, seen, contact)
    if seen.updated_at is not UNSET:
        invoice.own_write_at = seen.updated_at
    touch(tx, invoice)
    if created:
        activity.record(
            tx, ActivityKind.INVOICE_SYNCED, f"Invoice {invoice.number} is in Xero.",
            organisation=invoice.organisation_id, contact=invoice.contact_id, invoice=invoice.id,
        )  # fmt: skip
