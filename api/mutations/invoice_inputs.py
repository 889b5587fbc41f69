"""What is given of invoices, and what one that is being typed would come to."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import strawberry

from api.context import Context
from api.mutations.payloads import UserError, given, told
from api.relay import ids
from api.schema.amounts import money
from api.schema.sync_problems import SyncProblem
from domain.invoices import view as invoice_view
from domain.tables import AmountsAre, InvoiceLineKind


@strawberry.input(description="A line. With the `id` of one that is there it stays; without, it is new.")
class InvoiceLineInput:
    id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Of a line that is there and stays. A line that is not named goes.",
    )
    kind: InvoiceLineKind = strawberry.field(default=InvoiceLineKind.SERVICE, description="What it bills.")
    description: str = strawberry.field(description="At most 4,000 characters.")
    quantity: Decimal = strawberry.field(description="At most 4 decimals.")
    unit_price: Decimal = strawberry.field(
        description="At most 4 decimals; with tax where `amountsAre` says so."
    )
    service_type_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The kind of work; none for an expense."
    )
    tax_rate_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The practice's tax rate."
    )


@strawberry.input(description="A new invoice.")
class CreateInvoiceInput:
    contact_id: strawberry.ID = strawberry.field(description="Whom it bills.")
    number: str | None = strawberry.field(default=strawberry.UNSET, description="Drawn where it is left out.")
    reference: str | None = strawberry.field(default=strawberry.UNSET, description="At most 255 characters.")
    issue_date: date = strawberry.field(description="When it is issued.")
    due_date: date = strawberry.field(description="When it is to be paid.")
    currency: str | None = strawberry.field(
        default=strawberry.UNSET, description="ISO 4217; the workspace's where it is left out."
    )
    amounts_are: AmountsAre = strawberry.field(
        default=AmountsAre.TAX_EXCLUSIVE, description="How its lines hold tax."
    )
    lines: list[InvoiceLineInput] = strawberry.field(description="At most 500.")
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Where it goes; may be left out where only one organisation has invoice sync on.",
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="1 to 200 characters of one's own. The same key within 24 hours gives the first answer again.",
    )


@strawberry.input(description="New invoices.")
class CreateInvoicesInput:
    invoices: list[CreateInvoiceInput] = strawberry.field(description="At most 500.")


@strawberry.input(
    description="Changes of an invoice. An absent field stays as it is; `lines` stand for all lines."
)
class UpdateInvoiceInput:
    invoice_id: strawberry.ID = strawberry.field(description="Which.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The one that was seen: STALE_VERSION if it has moved on. Left out: overwrite what is there.",
    )
    contact_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Whom it bills."
    )
    reference: str | None = strawberry.field(default=strawberry.UNSET, description="Null clears it.")
    issue_date: date | None = strawberry.field(default=strawberry.UNSET, description="When it is issued.")
    due_date: date | None = strawberry.field(default=strawberry.UNSET, description="When it is to be paid.")
    amounts_are: AmountsAre | None = strawberry.field(
        default=strawberry.UNSET, description="How its lines hold tax."
    )
    lines: list[InvoiceLineInput] | None = strawberry.field(
        default=strawberry.UNSET, description="All lines, in their order; at most 500."
    )


@strawberry.input(description="An invoice as far as it is typed.")
class InvoicePreviewInput:
    contact_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Whom it bills."
    )
    issue_date: date | None = strawberry.field(default=strawberry.UNSET, description="When it is issued.")
    currency: str | None = strawberry.field(
        default=strawberry.UNSET, description="ISO 4217; the workspace's where it is left out."
    )
    amounts_are: AmountsAre = strawberry.field(
        default=AmountsAre.TAX_EXCLUSIVE, description="How its lines hold tax."
    )
    lines: list[InvoiceLineInput] = strawberry.field(description="At most 500.")
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Where it would go."
    )


def values(input: CreateInvoiceInput | UpdateInvoiceInput | InvoicePreviewInput) -> dict[str, Any]:
    """What was given, by the schema's names, with keys for ids. What is no id of one is the key of none, which the rule
    tells at its place, together with all else that is wrong."""
    found: dict[str, Any] = {}
    for name, attribute in (
        ("number", "number"),
        ("reference", "reference"),
        ("issueDate", "issue_date"),
        ("dueDate", "due_date"),
        ("currency", "currency"),
        ("amountsAre", "amounts_are"),
    ):
        value = getattr(input, attribute, strawberry.UNSET)
        if value is not strawberry.UNSET:
            found[name] = value
    for name, kind, text in (
        ("contactId", "Contact", given(input.contact_id)),
        ("organisationId", "XeroOrganisation", given(getattr(input, "organisation_id", None))),
    ):
        if text is not None:
            found[name] = ids.wanted(kind, text)
    lines = given(input.lines)
    if lines is not None:
        found["lines"] = [_line(line) for line in lines]
    return found


def _line(line: InvoiceLineInput) -> dict[str, Any]:
    return {
        "id": ids.wanted("InvoiceLine", given(line.id)),
        "kind": line.kind,
        "description": line.description,
        "quantity": line.quantity,
        "unitPrice": line.unit_price,
        "serviceTypeId": ids.wanted("ServiceType", given(line.service_type_id)),
        "taxRateId": ids.wanted("TaxRate", given(line.tax_rate_id)),
    }


@strawberry.type(description="What one line would come to.")
class InvoicePreviewLine:
    amount: Decimal = strawberry.field(description="`quantity` times `unitPrice`.")
    tax_amount: Decimal | None = strawberry.field(description="The tax on it, or in it.")
    account_code: str | None = strawberry.field(description="Where it would go; null while nothing says so.")
    tax_type: str | None = strawberry.field(
        description="Xero's code of its tax rate; null while none is mapped."
    )


@strawberry.type(description="What an invoice would come to, and what would keep it from Xero.")
class InvoicePreview:
    lines: list[InvoicePreviewLine] = strawberry.field(description="In the order of the input.")
    subtotal: Decimal = strawberry.field(description="Without tax.")
    tax_total: Decimal = strawberry.field(description="The tax.")
    total: Decimal = strawberry.field(description="With tax.")
    problems: list[SyncProblem] = strawberry.field(
        description="What would keep it from Xero once `userErrors` are mended."
    )
    user_errors: list[UserError] = strawberry.field(description="What is wrong with what was typed.")


async def invoice_preview(context: Context, input: InvoicePreviewInput) -> InvoicePreview:
    async with context.transaction() as tx:
        found = await invoice_view.preview(tx, values(input))
    return InvoicePreview(
        lines=_preview_lines(found.lines),
        subtotal=money(found.subtotal),
        tax_total=money(found.tax_total),
        total=money(found.total),
        problems=[SyncProblem.of(row) for row in found.problems],
        user_errors=told(found.refusals),
    )


def _preview_lines(lines: Sequence[invoice_view.PreviewLine]) -> list[InvoicePreviewLine]:
    return [
        InvoicePreviewLine(
            amount=money(line.amount),
            tax_amount=money(line.tax_amount),
            account_code=line.account_code,
            tax_type=line.tax_type,
        )
        for line in lines
    ]
