"""Mutations of invoices, one or many."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.declared import mutation
from api.mutations.invoice_inputs import (
    CreateInvoiceInput,
    CreateInvoicesInput,
    UpdateInvoiceInput,
    of_create,
    of_update,
)
from api.mutations.payloads import (
    Payload,
    UserError,
    given,
    nothing_to_change,
    row_errors,
    write,
    wrong_count,
)
from api.relay import ids
from api.relay.loaders import load
from api.schema.invoices import Invoice
from api.schema.refs import INVOICE
from domain import tables
from domain.invoices import actions as invoice_actions
from domain.invoices import changes as invoice_changes
from domain.invoices.changes import Decision
from domain.invoices.input import GivenInvoice
from domain.problems import Refused
from domain.tables import InvoiceStatus, Scope
from domain.tx import Tx


@strawberry.input(description="Which invoice to change, and the version that the person saw.")
class InvoiceInput:
    invoice_id: strawberry.ID = strawberry.field(description="The global id of the invoice to change.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the invoice has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: no check.",
    )


@strawberry.input(
    description="Many invoices to approve or to send, each with the version that the person saw."
)
class InvoicesInput:
    invoices: list[InvoiceInput] = strawberry.field(
        description="At most 500 invoices. Each is changed or refused on its own."
    )


@strawberry.input(description="Which changed invoice, and what to do about the change.")
class SettleInvoiceChangeInput:
    invoice_id: strawberry.ID = strawberry.field(
        description="The id of an invoice that is CHANGED_IN_XERO, or whose void Xero refused (HAS_PAYMENTS)."
    )
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the invoice has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: no check.",
    )
    decision: Decision = strawberry.field(description="The decision about the invoice on both sides.")


@strawberry.type(description="The answer to a mutation of one invoice.")
class InvoicePayload(Payload):
    invoice: Invoice | None = strawberry.field(
        description="The invoice after the mutation; unchanged if it was refused. Null if it could not be"
        " created, or if the id is unknown."
    )
    replacement: Invoice | None = strawberry.field(
        description="The new invoice that REISSUE made and sent. Null for every other mutation."
    )


@strawberry.type(description="The answer to a mutation of many invoices.")
class InvoicesPayload(Payload):
    results: list[InvoicePayload] = strawberry.field(
        description="One result for each invoice, in the order of the input. Empty if the whole request was"
        " refused."
    )


async def _payload(
    context: Context, key: UUID | None, errors: list[UserError], replacement: UUID | None = None
) -> InvoicePayload:
    """Both reads begin before the first is awaited, so that the loaders read many invoices at once."""
    loading = [load(context, INVOICE, one) if one else None for one in (key, replacement)]
    found = [await one if one else None for one in loading]
    return InvoicePayload(invoice=found[0], replacement=found[1], user_errors=errors)


async def _one(
    context: Context, change: Callable[[Tx], Awaitable[tables.Invoice]], invoice_id: str | None = None
) -> InvoicePayload:
    outcome = await write(context, change)
    known = ids.find("Invoice", invoice_id) if invoice_id else None
    return await _payload(context, outcome.done.id if outcome.done else known, outcome.errors)


async def _many(
    context: Context,
    change: Callable[[Tx], Awaitable[Sequence[tables.Invoice | Refused]]],
    known: Sequence[UUID | None],
) -> InvoicesPayload:
    errors = wrong_count(len(known), "invoices")
    if errors:
        return InvoicesPayload(results=[], user_errors=errors)
    outcome = await write(context, change)
    results = [
        _payload(
            context,
            key if isinstance(done, Refused) else done.id,
            row_errors(done, "invoices", str(n)),
        )
        for n, (key, done) in enumerate(zip(known, outcome.done or (), strict=False))
    ]
    return InvoicesPayload(results=await asyncio.gather(*results), user_errors=outcome.errors)


async def _move(context: Context, to: InvoiceStatus, rows: Sequence[InvoiceInput]) -> InvoicesPayload:
    keys = [ids.wanted("Invoice", row.invoice_id) or ids.NOWHERE for row in rows]
    wanted = [(key, given(row.version)) for key, row in zip(keys, rows, strict=True)]
    return await _many(context, lambda tx: invoice_actions.many(tx, to, wanted), keys)


def _key(invoice_id: strawberry.ID) -> UUID:
    return ids.get("Invoice", invoice_id, "invoiceId")


@strawberry.type
class InvoiceMutations:
    @mutation(
        Scope.WRITE,
        "Creates an invoice as DRAFT. Its number is drawn from the sequence unless the input gives one.",
    )
    async def create_invoice(
        self, info: Info[Context, None], input: CreateInvoiceInput
    ) -> InvoicePayload | None:
        return await _one(
            info.context,
            lambda tx: invoice_actions.create(tx, of_create(input), given(input.idempotency_key)),
        )

    @mutation(
        Scope.WRITE,
        "Creates many invoices as DRAFT.",
    )
    async def create_invoices(
        self, info: Info[Context, None], input: CreateInvoicesInput
    ) -> InvoicesPayload | None:
        rows = [(of_create(row), given(row.idempotency_key)) for row in input.invoices]
        return await _many(info.context, lambda tx: invoice_actions.create_many(tx, rows), [None] * len(rows))

    @mutation(
        Scope.WRITE,
        "Changes the fields that are given. Refused (WRONG_STATE) once Xero has the invoice, or may have it.",
    )
    async def update_invoice(
        self, info: Info[Context, None], input: UpdateInvoiceInput
    ) -> InvoicePayload | None:
        async def change(tx: Tx) -> tables.Invoice:
            key, new = _key(input.invoice_id), of_update(input)
            changed = await invoice_actions.update(tx, key, new, version=given(input.version))
            if new == GivenInvoice():
                raise nothing_to_change("invoiceId", "version")
            return changed

        return await _one(info.context, change, input.invoice_id)

    @mutation(
        Scope.WRITE,
        "Turns a DRAFT into an APPROVED invoice, after checking that Xero can take it.",
    )
    async def approve_invoice(self, info: Info[Context, None], input: InvoiceInput) -> InvoicePayload | None:
        async def change(tx: Tx) -> tables.Invoice:
            return await invoice_actions.approve(tx, _key(input.invoice_id), version=given(input.version))

        return await _one(info.context, change, input.invoice_id)

    @mutation(
        Scope.WRITE,
        "Turns an APPROVED invoice into one that awaits payment, and hands it to Xero if the invoice sync"
        " is on.",
    )
    async def send_invoice(self, info: Info[Context, None], input: InvoiceInput) -> InvoicePayload | None:
        async def change(tx: Tx) -> tables.Invoice:
            return await invoice_actions.send(tx, _key(input.invoice_id), version=given(input.version))

        return await _one(info.context, change, input.invoice_id)

    @mutation(
        Scope.WRITE,
        "Does what approveInvoice does, for many invoices.",
    )
    async def approve_invoices(
        self, info: Info[Context, None], input: InvoicesInput
    ) -> InvoicesPayload | None:
        return await _move(info.context, InvoiceStatus.APPROVED, input.invoices)

    @mutation(
        Scope.WRITE,
        "Does what sendInvoice does, for many invoices.",
    )
    async def send_invoices(self, info: Info[Context, None], input: InvoicesInput) -> InvoicesPayload | None:
        return await _move(info.context, InvoiceStatus.AWAITING_PAYMENT, input.invoices)

    @mutation(
        Scope.WRITE,
        "Voids an invoice here at once, and then in Xero. Refused (HAS_PAYMENTS) if payments or credits are"
        " allocated to it, and (PERIOD_LOCKED) if Xero's books are locked.",
    )
    async def void_invoice(self, info: Info[Context, None], input: InvoiceInput) -> InvoicePayload | None:
        async def change(tx: Tx) -> tables.Invoice:
            return await invoice_actions.void(tx, _key(input.invoice_id), version=given(input.version))

        return await _one(info.context, change, input.invoice_id)

    @mutation(
        Scope.WRITE,
        "Decides what happens to an invoice that somebody changed inside Xero.",
    )
    async def settle_invoice_change(
        self, info: Info[Context, None], input: SettleInvoiceChangeInput
    ) -> InvoicePayload | None:
        async def change(tx: Tx) -> tuple[tables.Invoice, tables.Invoice | None]:
            key = _key(input.invoice_id)
            return await invoice_changes.settle_change(tx, key, input.decision, version=given(input.version))

        outcome = await write(info.context, change)
        replacement = outcome.done[1] if outcome.done else None
        return await _payload(
            info.context,
            ids.find("Invoice", input.invoice_id),
            outcome.errors,
            replacement.id if replacement else None,
        )
