"""The practice's invoices; `invoice_lists` has their pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import strawberry
from sqlmodel import col, select
from strawberry.types import Info

from api.context import Context
from api.mutations.payloads import given
from api.relay import ids
from api.relay.loaders import batch, by_id, grouped, load
from api.relay.node import Node
from api.relay.paging import First, Last, asked
from api.schema.amounts import money, plain, price
from api.schema.billing import ServiceType, TaxRate
from api.schema.deep_links import deep_link
from api.schema.links import SyncFailure
from api.schema.refs import ActivityConnectionRef, ContactRef, XeroOrganisationRef
from api.schema.sync_problems import SyncProblem
from domain import tables
from domain.invoices import actions as invoice_actions
from domain.invoices import changes as invoice_changes
from domain.invoices import view as invoice_view
from domain.invoices.view import Action
from domain.tables import (
    ActivityKind,
    AmountsAre,
    InvoiceLineKind,
    InvoiceStatus,
    InvoiceSyncState,
    Scope,
)
from domain.tx import Tx

COLUMNS = (
    "i.id, i.number, i.reference, i.contact_id, i.organisation_id, i.status, i.issue_date, i.due_date, i.currency,"
    " i.amounts_are, i.subtotal, i.tax_total, i.total, i.amount_paid, i.amount_due, i.created_at, i.updated_at,"
    " i.sent_at, i.version, i.sync_state, i.failure, i.failure_code, i.xero_invoice_id, i.xero_total,"
    " i.last_synced_at, o.short_code"
)
SOURCE = "invoice i left join organisation o on o.workspace_id = i.workspace_id and o.id = i.organisation_id"


@strawberry.type(description="A line of an invoice.")
class InvoiceLine:
    row: strawberry.Private[tables.InvoiceLine]
    id: strawberry.ID = strawberry.field(description="Its own, for as long as updateInvoice names it.")
    kind: InvoiceLineKind = strawberry.field(description="What it bills.")
    description: str = strawberry.field(description="In words.")
    quantity: Decimal = strawberry.field(description="Hours, pieces and the like.")
    unit_price: Decimal = strawberry.field(description="Of one; with tax where `amountsAre` says so.")
    amount: Decimal = strawberry.field(description="`quantity` times `unitPrice`.")
    tax_amount: Decimal = strawberry.field(description="The tax on it, or in it.")
    account_code: str | None = strawberry.field(description="Resolved when the invoice is sent, then frozen.")
    tax_type: str | None = strawberry.field(
        description="Xero's code; resolved when the invoice is sent, then frozen."
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
            amount=money(row.amount),
            tax_amount=money(row.tax_amount),
            account_code=row.account_code,
            tax_type=row.tax_type,
        )

    @strawberry.field(description="The kind of work; null for an expense.")
    async def service_type(self, info: Info[Context, None]) -> ServiceType | None:
        key = self.row.service_type_id
        found: ServiceType | None = await load(info.context, "ServiceType", key) if key else None
        return found

    @strawberry.field(description="The practice's tax rate.")
    async def tax_rate(self, info: Info[Context, None]) -> TaxRate | None:
        key = self.row.tax_rate_id
        found: TaxRate | None = await load(info.context, "TaxRate", key) if key else None
        return found


@strawberry.type(description="A payment or credit that Xero recorded.")
class Payment:
    id: strawberry.ID = strawberry.field(description="Its own.")
    paid_on: date = strawberry.field(name="date", description="Of the payment.")
    amount: Decimal = strawberry.field(description="In the invoice's currency.")
    reference: str | None = strawberry.field(description="As Xero has it.")
    reversed: bool = strawberry.field(description="Xero showed it once, and does not any more.")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=ids.encode("Payment", row["id"]),
            paid_on=row["paid_on"],
            amount=money(row["amount"]),
            reference=row["reference"],
            reversed=row["reversed"],
        )


@strawberry.type(description="A field that was changed inside Xero.")
class InvoiceDifference:
    field: str = strawberry.field(description="Which field, by its name here.")
    practice: str | None = strawberry.field(description="What the practice has, in one line.")
    xero: str | None = strawberry.field(description="What Xero has, in one line.")


@strawberry.type(description="How an invoice stands with Xero.")
class InvoiceSync:
    key: strawberry.Private[UUID]
    id: strawberry.ID = strawberry.field(description="Its own, the same for as long as the invoice's.")
    state: InvoiceSyncState = strawberry.field(description="How it stands.")
    xero_invoice_id: strawberry.ID | None = strawberry.field(
        description="Xero's own id; null until it is there."
    )
    url: str | None = strawberry.field(description="Its own page in Xero.")
    last_synced_at: datetime | None = strawberry.field(description="When both sides were last found in step.")
    xero_total: Decimal | None = strawberry.field(description="The total that Xero last gave.")
    failure: SyncFailure | None = strawberry.field(description="What keeps it from Xero, if something does.")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        there = row["xero_invoice_id"]
        return cls(
            key=row["id"],
            id=ids.encode("InvoiceSync", row["id"]),
            state=InvoiceSyncState(row["sync_state"]),
            xero_invoice_id=strawberry.ID(str(there)) if there else None,
            url=deep_link(row["short_code"], f"/AccountsReceivable/View.aspx?InvoiceID={there}")
            if there
            else None,
            last_synced_at=row["last_synced_at"],
            xero_total=None if row["xero_total"] is None else money(row["xero_total"]),
            failure=SyncFailure.of(row["failure"]),
        )

    @strawberry.field(description="What was changed inside Xero, while the state is CHANGED_IN_XERO.")
    async def differences(self, info: Info[Context, None]) -> list[InvoiceDifference]:
        if self.state is not InvoiceSyncState.CHANGED_IN_XERO:
            return []
        found = await load(info.context, "InvoiceDifferences.of_invoice", self.key)
        return [InvoiceDifference(**one) for one in found or ()]


@dataclass(frozen=True)
class _Standing:
    """What decides what may be done with an invoice."""

    status: InvoiceStatus
    sync_state: InvoiceSyncState
    failure_code: str | None
    xero_invoice_id: UUID | None
    amount_paid: Decimal


@strawberry.type(description="An invoice of the practice.")
class Invoice(Node):
    key: strawberry.Private[UUID]
    row: strawberry.Private[Mapping[str, Any]]
    number: str = strawberry.field(description="Unique in the practice, whatever its case.")
    reference: str | None = strawberry.field(description="The client's own.")
    status: InvoiceStatus = strawberry.field(description="How far it is.")
    issue_date: date = strawberry.field(description="When it is issued.")
    due_date: date = strawberry.field(description="When it is to be paid.")
    currency: str = strawberry.field(description="ISO 4217, of all amounts here.")
    amounts_are: AmountsAre = strawberry.field(description="How its lines hold tax.")
    subtotal: Decimal = strawberry.field(description="Without tax.")
    tax_total: Decimal = strawberry.field(description="The tax.")
    total: Decimal = strawberry.field(description="With tax.")
    amount_paid: Decimal = strawberry.field(description="Payments and credits that Xero shows.")
    amount_due: Decimal = strawberry.field(description="What remains to be paid.")
    sync: InvoiceSync = strawberry.field(description="How it stands with Xero.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    sent_at: datetime | None = strawberry.field(description="When sendInvoice sent it.")
    version: int = strawberry.field(
        description="Rises with every change. Give it to a mutation, and what you have not seen is not overwritten."
    )

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=ids.encode("Invoice", row["id"]),
            key=row["id"],
            row=row,
            number=row["number"],
            reference=row["reference"],
            status=InvoiceStatus(row["status"]),
            issue_date=row["issue_date"],
            due_date=row["due_date"],
            currency=row["currency"],
            amounts_are=AmountsAre(row["amounts_are"]),
            subtotal=money(row["subtotal"]),
            tax_total=money(row["tax_total"]),
            total=money(row["total"]),
            amount_paid=money(row["amount_paid"]),
            amount_due=money(row["amount_due"]),
            sync=InvoiceSync.of(row),
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            sent_at=row["sent_at"],
            version=row["version"],
        )

    @strawberry.field(description="Whom it bills. A contact with invoices can be archived, not deleted.")
    async def contact(self, info: Info[Context, None]) -> ContactRef:
        found: ContactRef = await load(info.context, "Contact", self.row["contact_id"])
        return found

    @strawberry.field(description="Where it goes; null while the workspace has no organisation.")
    async def organisation(self, info: Info[Context, None]) -> XeroOrganisationRef | None:
        key = self.row["organisation_id"]
        found: XeroOrganisationRef | None = await load(info.context, "XeroOrganisation", key) if key else None
        return found

    @strawberry.field(description="At most 500, in their order.")
    async def lines(self, info: Info[Context, None]) -> list[InvoiceLine]:
        rows = await load(info.context, "InvoiceLines.of_invoice", self.key)
        return [InvoiceLine.of(row) for row in rows]

    @strawberry.field(description="The oldest first, reversed ones too.")
    async def payments(self, info: Info[Context, None]) -> list[Payment]:
        found: list[Payment] = await load(info.context, "Payments.of_invoice", self.key)
        return found

    @strawberry.field(
        description="What would keep it from Xero if it were sent now; empty once it is there. That invoices stay here by"
        " choice, as the sync is off or starts after `issueDate`, is no problem: see the organisation's `invoiceSync`, and"
        " once it is sent, `sync`."
    )
    async def problems(self, info: Info[Context, None]) -> list[SyncProblem]:
        rows = await load(info.context, "InvoiceProblems.of_invoice", self.key)
        return [SyncProblem.of(row) for row in rows or ()]

    @strawberry.field(description="What this viewer may do with it in its status.")
    async def allowed_actions(self, info: Info[Context, None]) -> list[Action]:
        viewer = info.context.viewer
        if viewer is None or Scope.WRITE not in viewer.scopes:
            return []
        standing = _Standing(
            self.status,
            self.sync.state,
            self.row["failure_code"],
            self.row["xero_invoice_id"],
            self.row["amount_paid"],
        )
        return invoice_view.allowed(standing)

    @strawberry.field(description="What happened to it, the newest first.")
    async def activity(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
        kind: list[ActivityKind] | None = strawberry.UNSET,
    ) -> ActivityConnectionRef:
        arguments = (asked(first, after, last, before), tuple(given(kind) or ()))
        found: ActivityConnectionRef = await load(
            info.context, "ActivityConnection.of_invoice", (self.key, arguments)
        )
        return found


@batch("Invoice", node="Invoice")
async def _invoices(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, Invoice]:
    rows = await tx.rows(
        f"select {COLUMNS} from {SOURCE} where i.workspace_id = :ws and i.id = any(:ids)", ids=list(keys)
    )
    return by_id(rows, Invoice.of)


@batch("InvoiceLines.of_invoice")
async def _lines(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[tables.InvoiceLine]]:
    return await invoice_actions.lines_of(tx, keys)


@batch("Payments.of_invoice")
async def _payments(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[Payment]]:
    rows = await tx.rows(
        "select id, invoice_id, paid_on, amount, reference, reversed from payment"
        " where workspace_id = :ws and invoice_id = any(:ids) order by paid_on, id",
        ids=list(keys),
    )
    return grouped(keys, rows, "invoice_id", Payment.of)


@batch("InvoiceProblems.of_invoice")
async def _problems(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    return await invoice_view.problems(tx, keys)


@batch("InvoiceDifferences.of_invoice")
async def _differences(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[dict[str, str | None]]]:
    rows = await tx.session.scalars(
        select(tables.Invoice).where(
            col(tables.Invoice.workspace_id) == tx.workspace, col(tables.Invoice.id).in_(keys)
        )
    )
    found = {}
    for row in rows:
        names = await invoice_changes.contact_names(tx, row.organisation_id, row.xero_base, row.xero_shown)
        found[row.id] = invoice_changes.differences(row, names)
    return found
