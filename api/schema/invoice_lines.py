"""The lines of the practice's invoices, and the payments of the invoices in Xero."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Self
from uuid import UUID

import strawberry
from sqlmodel import col, select
from strawberry.types import Info

from api.context import Context
from api.relay import ids
from api.relay.loaders import batch_in_transaction, load_later
from api.schema.amounts import money, plain, price
from api.schema.billing import ServiceType, TaxRate
from api.schema.refs import INVOICE_LINES_OF_INVOICE, PAYMENTS_OF_INVOICE, SERVICE_TYPE, TAX_RATE
from domain import tables
from domain.invoices import actions as invoice_actions
from domain.tables import InvoiceLineKind
from domain.tx import Tx


@strawberry.type(description="A line of an invoice, with its amounts as Xero computes them.")
class InvoiceLine:
    row: strawberry.Private[tables.InvoiceLine]
    id: strawberry.ID = strawberry.field(
        description="The id of the line. It stays the same while updateInvoice names it; `node` does not"
        " take it."
    )
    kind: InvoiceLineKind = strawberry.field(description="Whether the line bills work or a cost.")
    description: str = strawberry.field(
        description="The service or expense that the line bills, in words for the client."
    )
    quantity: Decimal = strawberry.field(
        description="How many hours, pieces or the like, with at most 4 decimals."
    )
    unit_price: Decimal = strawberry.field(
        description="The price of one, with at most 4 decimals. It contains tax if `amountsAre` is"
        " TAX_INCLUSIVE."
    )
    discount_rate: Decimal | None = strawberry.field(
        description="Per cent off `quantity` × `unitPrice`. At most one of the two discounts is set."
    )
    discount_amount: Decimal | None = strawberry.field(
        description="An amount off `quantity` × `unitPrice`. At most one of the two discounts is set."
    )
    amount: Decimal = strawberry.field(
        description="`quantity` × `unitPrice` less the discount, rounded to 2 decimals. It contains tax if"
        " `amountsAre` is TAX_INCLUSIVE."
    )
    tax_amount: Decimal = strawberry.field(
        description="The tax on the amount, or the tax that it contains, rounded to 2 decimals."
    )
    account_code: str | None = strawberry.field(
        description="The code of the Xero account to which the line goes. Decided when the invoice is sent,"
        " and kept from then on. Null before."
    )
    tax_type: str | None = strawberry.field(
        description="Xero's code of the tax rate, such as OUTPUT2. Decided when the invoice is sent, and"
        " kept from then on. Null before."
    )

    @classmethod
    def of(cls, row: tables.InvoiceLine) -> Self:
        return cls(
            row=row,
            id=ids.encode("InvoiceLine", row.id),
            kind=row.kind,
            description=row.description,
            quantity=plain(row.quantity),
            unit_price=price(row.unit_price),
            discount_rate=None if row.discount_rate is None else plain(row.discount_rate),
            discount_amount=None if row.discount_amount is None else money(row.discount_amount),
            amount=money(row.amount),
            tax_amount=money(row.tax_amount),
            account_code=row.account_code,
            tax_type=row.tax_type,
        )

    @strawberry.field(
        description="The kind of work that the line bills. Null for expenses, and for work without a"
        " service type."
    )
    def service_type(self, info: Info[Context, None]) -> ServiceType | None:
        key = self.row.service_type_id
        return load_later(info.context, SERVICE_TYPE, key) if key else None

    @strawberry.field(
        description="The practice's tax rate on the line. Null: none, which is possible only with NO_TAX or"
        " in a draft."
    )
    def tax_rate(self, info: Info[Context, None]) -> TaxRate | None:
        key = self.row.tax_rate_id
        return load_later(info.context, TAX_RATE, key) if key else None


@strawberry.type(description="A payment or credit that Xero allocated to the invoice. Tandem only reads it.")
class Payment:
    id: strawberry.ID = strawberry.field(
        description="The id of the payment, for caches. `node` does not take it."
    )
    paid_on: date = strawberry.field(
        name="date", description="The date of the payment or credit, as Xero has it."
    )
    amount: Decimal = strawberry.field(
        description="How much was paid or credited, in the invoice's currency."
    )
    reference: str | None = strawberry.field(
        description="The payment's reference in Xero, such as a bank text. Null: none."
    )
    reversed: bool = strawberry.field(
        description="True if the payment was removed in Xero after Tandem had seen it. It no longer counts."
    )

    @classmethod
    def of(cls, row: tables.Payment) -> Self:
        return cls(
            id=ids.encode("Payment", row.id),
            paid_on=row.paid_on,
            amount=money(row.amount),
            reference=row.reference,
            reversed=row.reversed,
        )


@batch_in_transaction(INVOICE_LINES_OF_INVOICE)
async def _lines(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[tables.InvoiceLine]]:
    return await invoice_actions.lines_of(tx, keys)


@batch_in_transaction(PAYMENTS_OF_INVOICE)
async def _payments(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[Payment]]:
    rows = await tx.session.scalars(
        select(tables.Payment)
        .where(
            col(tables.Payment.workspace_id) == tx.workspace,
            col(tables.Payment.invoice_id).in_(keys),
        )
        .order_by(col(tables.Payment.paid_on), col(tables.Payment.id))
    )
    found: dict[UUID, list[Payment]] = {key: [] for key in keys}
    for row in rows:
        found[row.invoice_id].append(Payment.of(row))
    return found
