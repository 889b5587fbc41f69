"""Sends invoices: claim, call, settle, by the rules of `sending`. A create whose answer was lost is looked up by its
number; it is ours if its Url is. The same number without it is somebody else's, and never taken for ours."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from domain import deliveries, invoice_deliveries, organisations
from domain.deliveries import Claimed, Next
from domain.invoice_deliveries import UNAVAILABLE, Answered, Outgoing
from domain.invoice_sync import GONE, Problem
from domain.tables import DeliveryKind
from domain.tx import XERO
from domain.values import SeenInvoice
from workers import catalogues, health, unanswered
from workers.parts import Parts
from workers.sending import BUSY, HINDERED, MARGIN
from workers.translate_invoices import mark, new_invoice, refusal, seen_invoice, voided
from xero.allowance import Priority
from xero.client import IDS_A_CALL, Client, Written
from xero.errors import (
    Disconnected,
    NeedsReconnect,
    Reason,
    Refused,
    Rejected,
    Retry,
    Uncertain,
    XeroError,
)
from xero.invoices import InvoiceCreations, InvoiceUpdates, WrittenInvoice

log = structlog.get_logger()
_OUTAGE = (Reason.OFFLINE, Reason.UNREACHABLE, Reason.SERVER_ERROR)


async def send_due(parts: Parts, workspace: UUID, organisation_id: UUID) -> bool:
    """Send one batch of what is due; False where there is nothing to send now. Safe to run twice and at once."""
    if not await catalogues.fresh_for_bulk(parts, workspace, organisation_id):
        return False
    return await _send(parts, workspace, organisation_id)


async def _send(parts: Parts, workspace: UUID, organisation_id: UUID, only: Sequence[UUID] = ()) -> bool:
    """`only`: no other members than these, as when a batch is halved."""
    making = partial(build, parts.settings.public_url)
    async with parts.database.transaction(workspace, XERO) as tx:
        claimed = await invoice_deliveries.claim(tx, organisation_id, making, only)
        organisation = await organisations.get(tx, organisation_id)
    if claimed is None:
        return False
    priority = Priority.BULK if claimed.delivery.bulk else Priority.INTERACTIVE
    await _call(parts, workspace, claimed, organisation.model_dump(), priority)
    return True


def build(
    public_url: str, kind: DeliveryKind, chosen: Sequence[Outgoing]
) -> tuple[bytes, dict[UUID, Problem]]:
    """The exact bytes, and why Xero would not take the rest."""
    if kind is DeliveryKind.UPDATE:
        return InvoiceUpdates.of(voided(one) for one in chosen).content, {}
    news, unfit = [], {}
    for one in chosen:
        new = new_invoice(one, mark(public_url, one.invoice.id))
        try:
            InvoiceCreations.of([new])
        except ValueError as error:
            unfit[one.invoice.id] = Problem(
                "VALUE_TOO_LONG", f"Xero takes no such invoice: {error}.", "UPDATE_INVOICE"
            )
        else:
            news.append(new)
    return (InvoiceCreations.of(news).content if news else b""), unfit


async def _call(
    parts: Parts, workspace: UUID, claimed: Claimed, organisation: Mapping[str, Any], priority: Priority
) -> None:
    """Send the delivery's bytes under its key, and settle by what comes back."""
    delivery = claimed.delivery
    if delivery.lease_until - parts.database.clock.now() <= MARGIN or delivery.body is None:
        return
    client = parts.client(organisation, priority)
    try:
        async with health.watched(parts, workspace, organisation, write=True):
            written = await _write(client, claimed)
            answers = await _answers(parts, workspace, client, claimed, written)
    except Uncertain as error:
        look_up = partial(_look_up, parts, workspace, claimed, client, free_absent=True)
        await unanswered.wait(parts, workspace, invoice_deliveries, claimed, error, look_up)
    except Rejected as error:
        await _rejected(parts, workspace, claimed, error)
    except (Retry, Refused) as error:
        await _later(parts, workspace, claimed, error)
    else:
        async with parts.database.transaction(workspace, XERO) as tx:
            await invoice_deliveries.settle(tx, claimed, answers)
            if len(answers) < len(claimed.members):
                await invoice_deliveries.wait(tx, claimed, tx.now + unanswered.RESEND_AFTER)


async def _write(client: Client, claimed: Claimed) -> Written[WrittenInvoice]:
    delivery = claimed.delivery
    assert delivery.body is not None
    if delivery.kind is DeliveryKind.CREATE:
        return await client.create_invoices(InvoiceCreations(delivery.body), delivery.idempotency_key)
    return await client.update_invoices(InvoiceUpdates(delivery.body), delivery.idempotency_key)


async def _answers(
    parts: Parts, workspace: UUID, client: Client, claimed: Claimed, written: Written[WrittenInvoice]
) -> list[Answered]:
    """Answers come in the order sent. Where elements were left out, all of them are as uncertain as a lost answer."""
    asked = parts.database.clock.now()
    if len(written.items) != len(claimed.members) or written.unreadable:
        return []
    answers = [
        Answered(invoice_id, seen_invoice(element, asked))
        if element.saved
        else Answered(invoice_id, problem=refusal(element.messages))
        for invoice_id, element in zip(claimed.members, written.items, strict=True)
    ]
    if any(answer.problem for answer in answers):
        try:
            return await _looked_into(parts, workspace, client, claimed, answers)
        except XeroError:
            # Who holds a number is not known: those answers are as good as lost. The others stand.
            return [one for one in answers if one.problem is None or one.problem.code not in _TO_LOOK_INTO]
    return answers


_TO_LOOK_INTO = ("INVOICE_NUMBER_TAKEN", "INVALID_IN_XERO", "HAS_PAYMENTS")


async def _looked_into(
    parts: Parts, workspace: UUID, client: Client, claimed: Claimed, answers: Sequence[Answered]
) -> list[Answered]:
    """A taken number may be our own create whose answer was lost; a void that is refused may have been done."""
    if claimed.delivery.kind is DeliveryKind.CREATE:
        taken = [
            one.invoice_id for one in answers if one.problem and one.problem.code == "INVOICE_NUMBER_TAKEN"
        ]
        found = await _found(parts, workspace, client, claimed, taken)
        return [found.get(one.invoice_id, one) for one in answers]
    refused = [one.invoice_id for one in answers if one.problem]
    shown = await _shown(parts, workspace, client, claimed, refused)
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


async def _found(
    parts: Parts, workspace: UUID, client: Client, claimed: Claimed, members: Sequence[UUID]
) -> dict[UUID, Answered]:
    """Of these creates, those whose number Xero has: ours, or somebody else's."""
    async with parts.database.transaction(workspace, XERO) as tx:
        numbers = await invoice_deliveries.numbers(tx, claimed)
    found: dict[UUID, Answered] = {}
    for invoice_id in members:
        asked = parts.database.clock.now()
        shown = (await client.find_invoice_by_number(numbers[invoice_id])).value
        if shown is None:
            continue
        if shown.url == mark(parts.settings.public_url, invoice_id):
            found[invoice_id] = Answered(invoice_id, seen_invoice(shown, asked))
        else:
            message = f"Another invoice in Xero has the number {numbers[invoice_id]}."
            found[invoice_id] = Answered(
                invoice_id, problem=Problem("INVOICE_NUMBER_TAKEN", message, "VOID_INVOICE")
            )
    return found


async def _shown(
    parts: Parts, workspace: UUID, client: Client, claimed: Claimed, members: Sequence[UUID]
) -> dict[UUID, SeenInvoice]:
    """By member: its invoice as a read shows it now."""
    async with parts.database.transaction(workspace, XERO) as tx:
        targets = await invoice_deliveries.targets(tx, claimed)
    wanted = [targets[one] for one in members if one in targets]
    asked = parts.database.clock.now()
    seen: dict[UUID, SeenInvoice] = {}
    for start in range(0, len(wanted), IDS_A_CALL):
        page = await client.invoices_by_ids(wanted[start : start + IDS_A_CALL])
        seen |= {shown.invoice_id: seen_invoice(shown, asked) for shown in page.items}
    return {one: seen[targets[one]] for one in members if targets.get(one) in seen}


async def _rejected(parts: Parts, workspace: UUID, claimed: Claimed, error: Rejected) -> None:
    """Nothing was done with the whole batch: it is halved until the bad one stands alone."""
    async with parts.database.transaction(workspace, XERO) as tx:
        if len(claimed.members) == 1:
            messages = error.messages or (f"Xero refused the request ({error.status}).",)
            answer = Answered(claimed.members[0], problem=refusal(messages))
            await invoice_deliveries.settle(tx, claimed, [answer])
            return
        await invoice_deliveries.free(tx, claimed)
    half = len(claimed.members) // 2
    for part in (claimed.members[:half], claimed.members[half:]):
        await _send(parts, workspace, claimed.delivery.organisation_id, part)


async def _later(parts: Parts, workspace: UUID, claimed: Claimed, error: XeroError) -> None:
    """Nothing was done. To a resend that says nothing about the first send, which stays uncertain."""
    at: datetime | None = error.at if isinstance(error, Retry) else None
    out = isinstance(error, Retry) and error.reason in _OUTAGE
    ended = isinstance(error, Disconnected | NeedsReconnect)
    pause = HINDERED if isinstance(error, Refused) and not ended else BUSY
    async with parts.database.transaction(workspace, XERO) as tx:
        until = at or tx.now + pause
        if claimed.delivery.sends == 1 and not claimed.delivery.uncertain:
            await invoice_deliveries.free(tx, claimed, until, why=UNAVAILABLE if out else None)
            if ended:
                await invoice_deliveries.unreachable(
                    tx, claimed.delivery.organisation_id, "Xero has ended the connection; connect it again."
                )
        else:
            await invoice_deliveries.wait(tx, claimed, until)


async def recover(parts: Parts, workspace: UUID, delivery_id: UUID) -> None:
    """A delivery of invoices without an answer whose time has come: the same bytes again, or look what became of it."""
    async with parts.database.transaction(workspace, XERO) as tx:
        claimed = await deliveries.hold(tx, delivery_id)
        if claimed is None:
            return
        what, when = deliveries.plan_recovery(claimed.delivery, tx.now, changed_meanwhile=False)
        if what is Next.WAIT:
            await invoice_deliveries.wait(tx, claimed, when)
            return
        organisation = await organisations.get(tx, claimed.delivery.organisation_id)
        if what is Next.RESEND and not await deliveries.sent_again(tx, claimed):
            return
    row = organisation.model_dump()
    if what is Next.RESEND:
        await _call(parts, workspace, claimed, row, Priority.INTERACTIVE)
        return
    client = parts.client(row, Priority.INTERACTIVE)
    landed = claimed.delivery.last_sent_at + deliveries.LANDED_AFTER
    try:
        async with health.watched(parts, workspace, row):
            if what is Next.LOOK_UP:
                free = parts.database.clock.now() >= landed
                await _look_up(parts, workspace, claimed, client, free_absent=free)
            else:
                shown = await _shown(parts, workspace, client, claimed, claimed.members)
                async with parts.database.transaction(workspace, XERO) as tx:
                    await invoice_deliveries.settle_read(tx, claimed, list(shown.items()))
    except XeroError as error:
        await _later(parts, workspace, claimed, error)


async def _look_up(
    parts: Parts, workspace: UUID, claimed: Claimed, client: Client, *, free_absent: bool
) -> None:
    """Each create by its number."""
    found = await _found(parts, workspace, client, claimed, claimed.members)
    await unanswered.settle(parts, workspace, invoice_deliveries, claimed, found, free_absent=free_absent)
