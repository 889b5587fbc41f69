"""Mutations of invoices, one or many."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.mutations.invoice_inputs import CreateInvoiceInput, CreateInvoicesInput, UpdateInvoiceInput, values
from api.mutations.payloads import Payload, UserError, given, rows_told, too_many, write
from api.relay import ids
from api.relay.loaders import load
from api.schema.invoices import Invoice
from domain import tables
from domain.invoices import actions as invoice_actions
from domain.invoices import changes as invoice_changes
from domain.invoices.changes import Decision
from domain.problems import Refused
from domain.tables import InvoiceStatus, Scope
from domain.tx import Tx

_WRITE = "Needs WRITE."


@strawberry.input(description="Which invoice.")
class InvoiceInput:
    invoice_id: strawberry.ID = strawberry.field(description="The invoice's.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The one that was seen: STALE_VERSION if it has moved on."
    )


@strawberry.input(description="Which invoices.")
class InvoicesInput:
    invoices: list[InvoiceInput] = strawberry.field(description="At most 500.")


@strawberry.input(description="What is to become of a change inside Xero.")
class SettleInvoiceChangeInput:
    invoice_id: strawberry.ID = strawberry.field(description="The invoice's.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The one that was seen: STALE_VERSION if it has moved on."
    )
    decision: Decision = strawberry.field(description="What to do about it.")


@strawberry.type(description="The invoice as it is now.")
class InvoicePayload(Payload):
    invoice: Invoice | None = strawberry.field(description="As it stands now, also where it was refused.")
    replacement: Invoice | None = strawberry.field(description="The new invoice of a REISSUE.")


@strawberry.type(description="One result an invoice.")
class InvoicesPayload(Payload):
    results: list[InvoicePayload] = strawberry.field(description="In the order of the input.")


async def _payload(
    context: Context, key: UUID | None, errors: list[UserError], replacement: UUID | None = None
) -> InvoicePayload:
    """Both are asked for before either is awaited, so that many are read at once."""
    loading = [load(context, "Invoice", one) if one else None for one in (key, replacement)]
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
    errors = too_many(len(known), "invoices")
    if errors:
        return InvoicesPayload(results=[], user_errors=errors)
    outcome = await write(context, change)
    results = [
        _payload(
            context,
            key if isinstance(done, Refused) else done.id,
            rows_told(done, "invoices", str(n)),
        )
        for n, (key, done) in enumerate(zip(known, outcome.done or (), strict=False))
    ]
    return InvoicesPayload(results=await asyncio.gather(*results), user_errors=outcome.errors)


async def _move(context: Context, to: InvoiceStatus, rows: Sequence[InvoiceInput]) -> InvoicesPayload:
    keys = [ids.wanted("Invoice", row.invoice_id) or ids.NOWHERE for row in rows]
    wanted = [(key, given(row.version)) for key, row in zip(keys, rows, strict=True)]
    return await _many(context, lambda tx: invoice_actions.many(tx, to, wanted), keys)


def _key(invoice_id: strawberry.ID) -> UUID:
    return ids.take("Invoice", invoice_id, "invoiceId")


@strawberry.type
class InvoiceMutations:
    @strawberry.mutation(
        description=f"A new DRAFT; its number is drawn unless given. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def create_invoice(
        self, info: Info[Context, None], input: CreateInvoiceInput
    ) -> InvoicePayload | None:
        return await _one(
            info.context, lambda tx: invoice_actions.create(tx, values(input), given(input.idempotency_key))
        )

    @strawberry.mutation(description=f"Many at once. {_WRITE}", extensions=[require(Scope.WRITE)])
    async def create_invoices(
        self, info: Info[Context, None], input: CreateInvoicesInput
    ) -> InvoicesPayload | None:
        rows = [(values(row), given(row.idempotency_key)) for row in input.invoices]
        return await _many(info.context, lambda tx: invoice_actions.create_many(tx, rows), [None] * len(rows))

    @strawberry.mutation(
        description=f"Changes the fields given, where the status allows. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def update_invoice(
        self, info: Info[Context, None], input: UpdateInvoiceInput
    ) -> InvoicePayload | None:
        async def change(tx: Tx) -> tables.Invoice:
            key = _key(input.invoice_id)
            return await invoice_actions.update(tx, key, values(input), version=given(input.version))

        return await _one(info.context, change, input.invoice_id)

    @strawberry.mutation(description=f"DRAFT becomes APPROVED. {_WRITE}", extensions=[require(Scope.WRITE)])
    async def approve_invoice(self, info: Info[Context, None], input: InvoiceInput) -> InvoicePayload | None:
        async def change(tx: Tx) -> tables.Invoice:
            return await invoice_actions.approve(tx, _key(input.invoice_id), version=given(input.version))

        return await _one(info.context, change, input.invoice_id)

    @strawberry.mutation(
        description=f"The status becomes AWAITING_PAYMENT, and the invoice goes to Xero. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def send_invoice(self, info: Info[Context, None], input: InvoiceInput) -> InvoicePayload | None:
        async def change(tx: Tx) -> tables.Invoice:
            return await invoice_actions.send(tx, _key(input.invoice_id), version=given(input.version))

        return await _one(info.context, change, input.invoice_id)

    @strawberry.mutation(description=f"approveInvoice for many. {_WRITE}", extensions=[require(Scope.WRITE)])
    async def approve_invoices(
        self, info: Info[Context, None], input: InvoicesInput
    ) -> InvoicesPayload | None:
        return await _move(info.context, InvoiceStatus.APPROVED, input.invoices)

    @strawberry.mutation(description=f"sendInvoice for many. {_WRITE}", extensions=[require(Scope.WRITE)])
    async def send_invoices(self, info: Info[Context, None], input: InvoicesInput) -> InvoicesPayload | None:
        return await _move(info.context, InvoiceStatus.AWAITING_PAYMENT, input.invoices)

    @strawberry.mutation(
        description=f"VOIDED here and in Xero, if Xero allows. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def void_invoice(self, info: Info[Context, None], input: InvoiceInput) -> InvoicePayload | None:
        async def change(tx: Tx) -> tables.Invoice:
            return await invoice_actions.void(tx, _key(input.invoice_id), version=given(input.version))

        return await _one(info.context, change, input.invoice_id)

    @strawberry.mutation(description=f"Answers CHANGED_IN_XERO. {_WRITE}", extensions=[require(Scope.WRITE)])
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
