"""The inputs of invoices, and the preview of an invoice that is being typed."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar

import strawberry
from msgspec import UNSET, UnsetType

from api.context import Context
from api.mutations.payloads import UserError, given, user_errors
from api.relay import ids
from api.schema.amounts import money
from api.schema.sync_problems import SyncProblem
from domain.invoices import view as invoice_view
from domain.invoices.input import GivenInvoice, GivenLine
from domain.tables import AmountsAre, InvoiceLineKind


@strawberry.input(
    description="A line to write. With the `id` of a line of the invoice, that line is kept and changed;"
    " without `id`, a new line is added."
)
class InvoiceLineInput:
    id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The id of an existing line of the same invoice. Existing lines that the input does not"
        " name are removed.",
    )
    kind: InvoiceLineKind = strawberry.field(
        default=InvoiceLineKind.SERVICE, description="Whether the line bills work or a cost."
    )
    description: str = strawberry.field(
        description="The service or expense that the line bills, in words for the client. At most 4,000 characters."
    )
    quantity: Decimal = strawberry.field(
        description="How many hours, pieces or the like, with at most 4 decimals. A string, such as '1.5'."
    )
    unit_price: Decimal = strawberry.field(
        description="The price of one, with at most 4 decimals. It contains tax if `amountsAre` is"
        " TAX_INCLUSIVE. A string, such as '149.50'."
    )
    discount_rate: Decimal | None = strawberry.field(
        default=strawberry.UNSET,
        description="Per cent off `quantity` × `unitPrice`: 0 to 100, with at most 4 decimals. Give this or"
        " `discountAmount`, not both.",
    )
    discount_amount: Decimal | None = strawberry.field(
        default=strawberry.UNSET,
        description="An amount off `quantity` × `unitPrice`, at most that product, with at most 2 decimals. Give"
        " this or `discountRate`, not both.",
    )
    service_type_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The kind of work, which decides the Xero account. Left out: the default revenue"
        " account is used. Not allowed for an expense.",
    )
    tax_rate_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The practice's tax rate on the line. Needed for approval unless `amountsAre` is NO_TAX.",
    )


@strawberry.input(description="The values of a new invoice, which begins as a DRAFT.")
class CreateInvoiceInput:
    contact_id: strawberry.ID = strawberry.field(
        description="The contact whom the invoice bills. It need not be linked yet."
    )
    number: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A number of your own, at most 255 characters and unique in the practice. Left out: the"
        " next of the sequence TI-00001, TI-00002 and so on.",
    )
    reference: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The client's own reference, such as an order number. At most 255 characters.",
    )
    issue_date: date = strawberry.field(description="The date on the invoice, not before 1900-01-01.")
    due_date: date = strawberry.field(
        description="The date by which the client should pay, not before the issue date."
    )
    currency: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only the workspace's currency is possible, so it may be left out. Any other is refused"
        " (CURRENCY_MISMATCH).",
    )
    amounts_are: AmountsAre = strawberry.field(
        default=AmountsAre.TAX_EXCLUSIVE, description="Whether the prices of the lines contain tax."
    )
    lines: list[InvoiceLineInput] = strawberry.field(description="The lines in their order, at most 500.")
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The Xero organisation that the invoice goes to. Leave it out if there is only one possible"
        " organisation: the only one with invoice sync on, or the only one connected.",
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A key of your own, 1 to 200 characters. If the same key comes again within 24 hours"
        " with the same input, the answer is the invoice that it made the first time; with another input it"
        " is refused (KEY_REUSED).",
    )


@strawberry.input(description="Many new invoices, each with its own idempotency key if it has one.")
class CreateInvoicesInput:
    invoices: list[CreateInvoiceInput] = strawberry.field(
        description="At most 500 invoices. Each is created or refused on its own."
    )


@strawberry.input(
    description="New values for an invoice. A field that is left out stays as it is; `lines` replaces all"
    " lines."
)
class UpdateInvoiceInput:
    invoice_id: strawberry.ID = strawberry.field(
        description="The id of the invoice that gets the new values."
    )
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the invoice has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: changes that others made meanwhile are overwritten.",
    )
    contact_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Another contact whom the invoice should bill."
    )
    reference: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The client's own reference, at most 255 characters. Null makes it blank.",
    )
    issue_date: date | None = strawberry.field(
        default=strawberry.UNSET, description="The date on the invoice, not before 1900-01-01."
    )
    due_date: date | None = strawberry.field(
        default=strawberry.UNSET,
        description="The date by which the client should pay, not before the issue date.",
    )
    amounts_are: AmountsAre | None = strawberry.field(
        default=strawberry.UNSET, description="Whether the prices of the lines contain tax."
    )
    lines: list[InvoiceLineInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="All lines in their order, at most 500. Existing lines that are not named by `id` are"
        " removed.",
    )


@strawberry.input(description="An invoice that is being written, as far as it goes.")
class InvoicePreviewInput:
    contact_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The contact to bill, if chosen already."
    )
    issue_date: date | None = strawberry.field(
        default=strawberry.UNSET, description="The date on the invoice, if chosen already."
    )
    currency: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only the workspace's currency is possible, so it may be left out.",
    )
    amounts_are: AmountsAre = strawberry.field(
        default=AmountsAre.TAX_EXCLUSIVE, description="Whether the prices of the lines contain tax."
    )
    lines: list[InvoiceLineInput] = strawberry.field(description="The lines in their order, at most 500.")
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The Xero organisation that the invoice would go to, if several come into question.",
    )


Given = TypeVar("Given")


def of_create(input: CreateInvoiceInput) -> GivenInvoice:
    return GivenInvoice(
        contact_id=ids.wanted("Contact", input.contact_id),
        number=_kept(input.number),
        reference=_kept(input.reference),
        issue_date=input.issue_date,
        due_date=input.due_date,
        currency=_kept(input.currency),
        amounts_are=input.amounts_are,
        lines=_lines(input.lines),
        organisation_id=ids.wanted("XeroOrganisation", given(input.organisation_id)),
    )


def of_update(input: UpdateInvoiceInput) -> GivenInvoice:
    lines = given(input.lines)
    return GivenInvoice(
        contact_id=ids.wanted("Contact", given(input.contact_id)) or UNSET,
        reference=_kept(input.reference),
        issue_date=_kept(input.issue_date),
        due_date=_kept(input.due_date),
        amounts_are=_kept(input.amounts_are),
        lines=None if lines is None else _lines(lines),
    )


def of_preview(input: InvoicePreviewInput) -> GivenInvoice:
    return GivenInvoice(
        contact_id=ids.wanted("Contact", given(input.contact_id)) or UNSET,
        issue_date=_kept(input.issue_date),
        currency=_kept(input.currency),
        amounts_are=input.amounts_are,
        lines=_lines(input.lines),
        organisation_id=ids.wanted("XeroOrganisation", given(input.organisation_id)),
    )


def _kept(value: Given | None) -> Given | UnsetType | None:
    """The value as the domain takes it: a field that is left out is UNSET, and null stays null."""
    return UNSET if value is strawberry.UNSET else value


def _lines(lines: Sequence[InvoiceLineInput]) -> list[GivenLine]:
    return [
        GivenLine(
            id=ids.wanted("InvoiceLine", given(line.id)),
            kind=line.kind,
            description=line.description,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount_rate=given(line.discount_rate),
            discount_amount=given(line.discount_amount),
            service_type_id=ids.wanted("ServiceType", given(line.service_type_id)),
            tax_rate_id=ids.wanted("TaxRate", given(line.tax_rate_id)),
        )
        for line in lines
    ]


@strawberry.type(
    description="The amounts of one line of the preview, and the account and tax type to which it would go."
)
class InvoicePreviewLine:
    amount: Decimal = strawberry.field(
        description="`quantity` × `unitPrice` less the discount, rounded to 2 decimals."
    )
    tax_amount: Decimal | None = strawberry.field(
        description="The tax on the amount, or the tax that it contains, rounded to 2 decimals."
    )
    account_code: str | None = strawberry.field(
        description="The code of the Xero account to which the line would go. Null if none is chosen."
    )
    tax_type: str | None = strawberry.field(
        description="Xero's code of the tax rate that the line would have. Null if none is chosen."
    )
    notes: list[str] = strawberry.field(
        description="Sentences for people about choices that Tandem made for the line: that a line"
        " without a service type goes to the default revenue account, or that its tax rate does not count"
        " with NO_TAX."
    )


@strawberry.type(description="The totals of an invoice, and the problems for which it could not go to Xero.")
class InvoicePreview:
    lines: list[InvoicePreviewLine] = strawberry.field(
        description="The amounts of each line, in the order of the input."
    )
    subtotal: Decimal = strawberry.field(
        description="The sum of the lines without tax, in the workspace's currency."
    )
    tax_total: Decimal = strawberry.field(
        description="The sum of the tax of all lines, each rounded to 2 decimals as Xero rounds it."
    )
    total: Decimal = strawberry.field(
        description="The amount that the client would owe in all, tax included."
    )
    problems: list[SyncProblem] = strawberry.field(
        description="The problems for which the invoice could not go to Xero after the `userErrors` are corrected."
    )
    user_errors: list[UserError] = strawberry.field(
        description="The errors for which createInvoice or approveInvoice would refuse this input."
    )


async def invoice_preview(context: Context, input: InvoicePreviewInput) -> InvoicePreview:
    async with context.transaction() as tx:
        found = await invoice_view.preview(tx, of_preview(input))
    return InvoicePreview(
        lines=_preview_lines(found.lines),
        subtotal=money(found.subtotal),
        tax_total=money(found.tax_total),
        total=money(found.total),
        problems=[SyncProblem.of(row) for row in found.problems],
        user_errors=user_errors(found.refusals),
    )


def _preview_lines(lines: Sequence[invoice_view.PreviewLine]) -> list[InvoicePreviewLine]:
    return [
        InvoicePreviewLine(
            amount=money(line.amount),
            tax_amount=money(line.tax_amount),
            account_code=line.account_code,
            tax_type=line.tax_type,
            notes=list(line.notes),
        )
        for line in lines
    ]
