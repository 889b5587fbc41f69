"""Sends invoices by `delivery_attempts`; INVOICES says how they differ from contacts.

A create whose answer was lost is looked up by its number. The invoice is ours if its Url is ours. An invoice with the same
number and another Url is somebody else's and is never adopted.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.values import SeenInvoice
from domain.invoices import deliveries as invoice_deliveries
from domain.invoices import reads as invoice_reads
from domain.invoices.deliveries import UNAVAILABLE, Answered, Outgoing
from domain.invoices.eligibility import GONE, Problem
from domain.outbound.deliveries import Claimed
from domain.tables import DeliveryKind
from domain.tx import XERO, Tx
from workers import catalogues, delivery_attempts, webhooks
from workers.delivery_attempts import HINDERED, DeliveryAttempt, DeliveryKindSpec
from workers.process import Process
from workers.translate_invoices import mark, new_invoice, seen_invoice, voided
from workers.translate_refusals import invoice_problem
from xero.allowance import Priority
from xero.client import IDS_A_CALL, Client, Written
from xero.errors import Reason, Retry, RightMissing, XeroError
from xero.invoices import InvoiceCreations, InvoiceUpdates, WrittenInvoice
from xero.messages import Said


class _UnreadError(Exception):
    """Invoices of the batch must be read before the batch is sent."""


_OUTAGE = (Reason.OFFLINE, Reason.UNREACHABLE, Reason.BLOCKED, Reason.SERVER_ERROR)
Attempt = DeliveryAttempt[WrittenInvoice, Answered, SeenInvoice]


async def send_invoices(process: Process, workspace: UUID, organisation_id: UUID, *, bulk: bool) -> bool:
    """Send one batch of due invoices of one lane. False if there is nothing to send now. Safe to run twice and at once."""
    if not await catalogues.fresh_for_bulk(process, workspace, organisation_id):
        return False
    return await _send(process, workspace, organisation_id, bulk=bulk)


async def recover(process: Process, workspace: UUID, delivery_id: UUID) -> None:
    await delivery_attempts.recover(process, workspace, lambda _: INVOICES, delivery_id)


async def _send(
    process: Process,
    workspace: UUID,
    organisation_id: UUID,
    only: Sequence[UUID] = (),
    *,
    bulk: bool | None = None,
) -> bool:
    """`only`: no other members than these, as when a batch is halved. `bulk`: only that lane. Invoices with an unread event
    are read first; what stays unread is not sent."""
    looked = False

    async def claim(tx: Tx, _: OrganisationCopy) -> Claimed | None:
        if not looked and await invoice_deliveries.unread(tx, organisation_id, only, 1, bulk=bulk):
            raise _UnreadError
        making = partial(build, process.settings.public_url)
        return await invoice_deliveries.claim(tx, organisation_id, making, only, bulk=bulk)

    with suppress(_UnreadError):
        return await delivery_attempts.send(process, workspace, INVOICES, organisation_id, claim)
    async with process.database.transaction(workspace, XERO) as tx:
        unread = await invoice_deliveries.unread(tx, organisation_id, only, IDS_A_CALL, bulk=bulk)
        events = await invoice_reads.claim(tx, organisation_id, unread)
    if events is not None:
        await webhooks.read_invoices_first(process, workspace, events, Priority.INTERACTIVE)
    looked = True
    return await delivery_attempts.send(process, workspace, INVOICES, organisation_id, claim)


def build(
    public_url: str, kind: DeliveryKind, chosen: Sequence[Outgoing]
) -> tuple[bytes, dict[UUID, Problem]]:
    """The exact bytes, and for each other invoice why Xero would refuse it."""
    if kind is DeliveryKind.UPDATE:
        return InvoiceUpdates.of(voided(one) for one in chosen).content, {}
    news, unfit = [], {}
    for one in chosen:
        new = new_invoice(one, mark(public_url, one.invoice.id))
        try:
            InvoiceCreations.of([new])
        except ValueError as error:
            unfit[one.invoice.id] = Problem(
                "VALUE_TOO_LONG", f"Xero does not accept this invoice: {error}.", "UPDATE_INVOICE"
            )
        else:
            news.append(new)
    return (InvoiceCreations.of(news).content if news else b""), unfit


async def _write(client: Client, kind: DeliveryKind, body: bytes, key: str) -> Written[WrittenInvoice]:
    if kind is DeliveryKind.CREATE:
        return await client.create_invoices(InvoiceCreations(body), key)
    return await client.update_invoices(InvoiceUpdates(body), key)


async def _answers(attempt: Attempt, elements: Sequence[WrittenInvoice]) -> list[Answered]:
    asked = attempt.process.database.clock.now()
    answers = [
        Answered(invoice_id, seen_invoice(element, asked))
        if element.saved
        else Answered(invoice_id, problem=invoice_problem(element.errors))
        for invoice_id, element in zip(attempt.claimed.members, elements, strict=True)
    ]
    if any(answer.problem for answer in answers):
        try:
            return await _read_refused(attempt, answers)
        except XeroError:
            # The holder of a taken number is not known: those answers count as lost. The other answers are settled.
            return [one for one in answers if one.problem is None or one.problem.code not in _READ_AGAIN]
    return answers


_READ_AGAIN = ("INVOICE_NUMBER_TAKEN", "INVALID_IN_XERO", "HAS_PAYMENTS")


async def _read_refused(attempt: Attempt, answers: Sequence[Answered]) -> list[Answered]:
    """Look into refusals: a taken number may belong to our own create whose answer was lost, and a refused void may have
    happened already."""
    if attempt.claimed.delivery.kind is DeliveryKind.CREATE:
        taken = [
            one.invoice_id for one in answers if one.problem and one.problem.code == "INVOICE_NUMBER_TAKEN"
        ]
        found = await delivery_attempts.found(attempt, taken)
        return [found.get(one.invoice_id, one) for one in answers]
    refused = [one.invoice_id for one in answers if one.problem]
    shown = await delivery_attempts.shown(attempt, refused)
    return [
        replace(
            one,
            seen=shown[one.invoice_id],
            problem=None if shown[one.invoice_id].status in GONE else one.problem,
        )
        if one.invoice_id in shown
        else one
        for one in answers
    ]


async def _find(attempt: Attempt, invoice_id: UUID, number: str) -> Answered | None:
    """The answer for the invoice that has this number in Xero. None if no invoice has the number."""
    asked = attempt.process.database.clock.now()
    shown = (await attempt.client.find_invoice_by_number(number)).value
    if shown is None:
        return None
    if shown.url == mark(attempt.process.settings.public_url, invoice_id):
        return Answered(invoice_id, seen_invoice(shown, asked))
    message = f"Another invoice in Xero has the number {number}."
    return Answered(invoice_id, problem=Problem("INVOICE_NUMBER_TAKEN", message, "VOID_INVOICE"))


async def _read(client: Client, ids: Sequence[UUID], asked: datetime) -> dict[UUID, SeenInvoice]:
    page = await client.invoices_by_ids(ids)
    return {shown.invoice_id: seen_invoice(shown, asked) for shown in page.items}


def _refused(invoice_id: UUID, said: Sequence[Said]) -> Answered:
    return Answered(invoice_id, problem=invoice_problem(said))


async def _again(attempt: Attempt, part: Sequence[UUID]) -> bool:
    await _send(attempt.process, attempt.workspace, attempt.claimed.delivery.organisation_id, part)
    return True


async def _give_back(tx: Tx, claimed: Claimed, until: datetime, error: XeroError) -> None:
    out = isinstance(error, Retry) and error.reason in _OUTAGE
    why = UNAVAILABLE if out else None
    if isinstance(error, RightMissing):
        why = replace(UNAVAILABLE, message=str(error))
    await invoice_deliveries.free(tx, claimed, until, why=why)


INVOICES: DeliveryKindSpec[WrittenInvoice, Answered, SeenInvoice] = DeliveryKindSpec(
    rules=invoice_deliveries,
    write=_write,
    answers=_answers,
    refused=_refused,
    numbers=invoice_deliveries.numbers,
    find=_find,
    read=_read,
    again=_again,
    give_back=_give_back,
    hindered=HINDERED,
)
