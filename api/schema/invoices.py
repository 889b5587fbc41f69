"""The practice's invoices; `invoice_lists` has their pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, NamedTuple, Self
from uuid import UUID

import strawberry
from sqlmodel import col, select
from strawberry.types import Info

from api.context import Context
from api.mutations.payloads import given
from api.relay import ids
from api.relay.loaders import BatchName, batch, batch_in_transaction, load, load_known, load_later
from api.relay.node import Node
from api.relay.paging import After, Before, First, Last, asked
from api.schema.amounts import money
from api.schema.deep_links import deep_link
from api.schema.invoice_lines import InvoiceLine, Payment
from api.schema.refs import (
    ACTIVITY_CONNECTION_OF_INVOICE,
    CONTACT,
    INVOICE,
    INVOICE_LINES_OF_INVOICE,
    PAYMENTS_OF_INVOICE,
    XERO_ORGANISATION,
    ActivityConnectionRef,
    ContactRef,
    XeroOrganisationRef,
)
from api.schema.sync_problems import SyncFailure, SyncProblem
from domain import tables
from domain.invoices import view as invoice_view
from domain.invoices.differences import Difference, contact_names, differences
from domain.invoices.eligibility import Problem
from domain.invoices.view import Action
from domain.tables import (
    ActivityKind,
    AmountsAre,
    InvoiceStatus,
    InvoiceSyncState,
    Scope,
    StoredFailure,
)
from domain.tx import Reader, Tx

COLUMNS = (
    "i.id, i.number, i.reference, i.contact_id, i.organisation_id, i.status, i.issue_date, i.due_date, i.currency,"
    " i.amounts_are, i.subtotal, i.tax_total, i.total, i.amount_paid, i.amount_due, i.created_at, i.updated_at,"
    " i.sent_at, i.version, i.sync_state, i.warnings, i.failure, i.failure_code, i.xero_invoice_id, i.xero_total,"
    " i.last_synced_at, o.short_code"
)
SOURCE = "invoice i left join organisation o on o.workspace_id = i.workspace_id and o.id = i.organisation_id"


class InvoiceRow(NamedTuple):
    """The columns of COLUMNS."""

    id: UUID
    number: str
    reference: str | None
    contact_id: UUID
    organisation_id: UUID | None
    status: str
    issue_date: date
    due_date: date
    currency: str
    amounts_are: str
    subtotal: Decimal
    tax_total: Decimal
    total: Decimal
    amount_paid: Decimal
    amount_due: Decimal
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    version: int
    sync_state: str
    warnings: list[str]
    failure: StoredFailure | None
    failure_code: str | None
    xero_invoice_id: UUID | None
    xero_total: Decimal | None
    last_synced_at: datetime | None
    short_code: str | None


@strawberry.type(description="A field of an invoice that somebody changed inside Xero.")
class InvoiceDifference:
    field: str = strawberry.field(description="The name of the field, such as `dueDate`, `lines` or `total`.")
    practice: str | None = strawberry.field(
        description="The value that both sides had agreed on, in one line. Null: blank."
    )
    xero: str | None = strawberry.field(description="The value that Xero has now, in one line. Null: blank.")


@strawberry.type(
    description="The state of an invoice towards Xero: whether it is there, and what went wrong."
)
class InvoiceSync:
    key: strawberry.Private[UUID]
    id: strawberry.ID = strawberry.field(
        description="An id of this object itself, for caches. It stays the same for the invoice's lifetime;"
        " `node` does not take it."
    )
    state: InvoiceSyncState = strawberry.field(
        description="Whether Xero has the invoice, waits for it, or shows something else."
    )
    xero_invoice_id: strawberry.ID | None = strawberry.field(
        description="Xero's own id of the invoice (InvoiceID). Null until Xero has it."
    )
    url: str | None = strawberry.field(
        description="The address of the invoice's page in Xero, for a person to open. Null until Xero has it."
    )
    last_synced_at: datetime | None = strawberry.field(
        description="When both sides were last found equal. Null if they never were."
    )
    xero_total: Decimal | None = strawberry.field(
        description="The total that Xero last showed, in the invoice's currency. Null until Xero has the"
        " invoice."
    )
    warnings: list[str] = strawberry.field(
        description="Xero's remarks about the last write that it accepted, in Xero's own words. The invoice"
        " is in Xero; look at it there. Usually empty."
    )
    failure: SyncFailure | None = strawberry.field(
        description="The reason why the invoice, or its void, cannot go to Xero. Null: there is none."
    )

    @classmethod
    def of(cls, row: InvoiceRow) -> Self:
        there = row.xero_invoice_id
        return cls(
            key=row.id,
            id=ids.encode("InvoiceSync", row.id),
            state=InvoiceSyncState(row.sync_state),
            xero_invoice_id=strawberry.ID(str(there)) if there else None,
            url=invoice_url(row.short_code, there) if there else None,
            last_synced_at=row.last_synced_at,
            xero_total=None if row.xero_total is None else money(row.xero_total),
            failure=SyncFailure.of(row.failure),
            warnings=row.warnings,
        )

    @strawberry.field(
        description="The changes that somebody made inside Xero, field by field. Empty unless the state is"
        " CHANGED_IN_XERO."
    )
    async def differences(self, info: Info[Context, None]) -> list[InvoiceDifference]:
        if self.state is not InvoiceSyncState.CHANGED_IN_XERO:
            return []
        found = await load(info.context, _INVOICE_DIFFERENCES_OF_INVOICE, self.key)
        return [
            InvoiceDifference(field=one.field, practice=one.practice, xero=one.xero) for one in found or ()
        ]


def invoice_url(short_code: str | None, xero_invoice_id: UUID | str) -> str:
    return deep_link(short_code, f"/AccountsReceivable/View.aspx?InvoiceID={xero_invoice_id}")


@dataclass(frozen=True)
class _Standing:
    """The values that decide which actions an invoice allows."""

    status: InvoiceStatus
    sync_state: InvoiceSyncState
    failure_code: str | None
    xero_invoice_id: UUID | None
    amount_paid: Decimal


@strawberry.type(
    description="An invoice of the practice. sendInvoice hands it to Xero, if the organisation's invoice"
    " sync is on; payments come back from there."
)
class Invoice(Node):
    key: strawberry.Private[UUID]
    row: strawberry.Private[InvoiceRow]
    number: str = strawberry.field(
        description="The invoice number, unique in the practice without regard to case. Xero shows the same"
        " number."
    )
    reference: str | None = strawberry.field(
        description="The client's own reference, such as an order number. Null: none."
    )
    status: InvoiceStatus = strawberry.field(
        description="How far the invoice has come: draft, approved, sent, paid or voided."
    )
    issue_date: date = strawberry.field(
        description="The date on the invoice. It decides whether the invoice is on or after the start date"
        " of the invoice sync."
    )
    due_date: date = strawberry.field(description="The date by which the client should pay.")
    currency: str = strawberry.field(
        description="The ISO 4217 code of all amounts of the invoice. Always the workspace's currency."
    )
    amounts_are: AmountsAre = strawberry.field(description="Whether the prices of the lines contain tax.")
    subtotal: Decimal = strawberry.field(
        description="The sum of the lines without tax, in the invoice's currency."
    )
    tax_total: Decimal = strawberry.field(
        description="The sum of the tax of all lines, each rounded to 2 decimals as Xero rounds it."
    )
    total: Decimal = strawberry.field(description="The amount that the client owes in all, tax included.")
    amount_paid: Decimal = strawberry.field(
        description="The sum of the payments and credits that Xero shows for the invoice."
    )
    amount_due: Decimal = strawberry.field(
        description="The amount that the client still has to pay. 0 for a voided invoice."
    )
    sync: InvoiceSync = strawberry.field(
        description="Whether Xero has the invoice, and what keeps it back if not."
    )
    created_at: datetime = strawberry.field(
        description="When somebody created the invoice here, with createInvoice or by a REISSUE."
    )
    updated_at: datetime = strawberry.field(
        description="When the invoice last changed, no matter who changed it."
    )
    sent_at: datetime | None = strawberry.field(
        description="When sendInvoice sent the invoice. Null: not sent yet."
    )
    version: int = strawberry.field(
        description="A number that rises with every change. Send it with a mutation, so that a change which"
        " you have not seen is not overwritten."
    )

    @classmethod
    def of(cls, row: InvoiceRow) -> Self:
        return cls(
            id=ids.encode("Invoice", row.id),
            key=row.id,
            row=row,
            number=row.number,
            reference=row.reference,
            status=InvoiceStatus(row.status),
            issue_date=row.issue_date,
            due_date=row.due_date,
            currency=row.currency,
            amounts_are=AmountsAre(row.amounts_are),
            subtotal=money(row.subtotal),
            tax_total=money(row.tax_total),
            total=money(row.total),
            amount_paid=money(row.amount_paid),
            amount_due=money(row.amount_due),
            sync=InvoiceSync.of(row),
            created_at=row.created_at,
            updated_at=row.updated_at,
            sent_at=row.sent_at,
            version=row.version,
        )

    @strawberry.field(
        description="The contact that is billed. A contact with invoices can be archived, but not deleted."
    )
    def contact(self, info: Info[Context, None]) -> ContactRef:
        return load_later(info.context, CONTACT, self.row.contact_id)

    @strawberry.field(
        description="The Xero organisation that the invoice goes to. Null while that is undecided."
    )
    def organisation(self, info: Info[Context, None]) -> XeroOrganisationRef | None:
        key = self.row.organisation_id
        return load_later(info.context, XERO_ORGANISATION, key) if key else None

    @strawberry.field(description="The lines in their order, at most 500.")
    async def lines(self, info: Info[Context, None]) -> list[InvoiceLine]:
        rows = await load_known(info.context, INVOICE_LINES_OF_INVOICE, self.key)
        return [InvoiceLine.of(row) for row in rows]

    @strawberry.field(
        description="The payments and credits that Xero showed, the oldest first, reversed ones too."
    )
    def payments(self, info: Info[Context, None]) -> list[Payment]:
        return load_later(info.context, PAYMENTS_OF_INVOICE, self.key)

    @strawberry.field(
        description="The problems for which the invoice could not go to Xero if it were sent now. Empty once Xero has it."
        " That the invoice sync is off or starts later is no problem; `sync` says so once the invoice is"
        " sent."
    )
    async def problems(self, info: Info[Context, None]) -> list[SyncProblem]:
        rows = await load(info.context, _INVOICE_PROBLEMS_OF_INVOICE, self.key)
        return [SyncProblem.of(row) for row in rows or ()]

    @strawberry.field(
        description="The actions that this viewer may take on the invoice in its present status. Empty without the"
        " scope WRITE."
    )
    async def allowed_actions(self, info: Info[Context, None]) -> list[Action]:
        viewer = info.context.viewer
        if viewer is None or Scope.WRITE not in viewer.scopes:
            return []
        standing = _Standing(
            self.status,
            self.sync.state,
            self.row.failure_code,
            self.row.xero_invoice_id,
            self.row.amount_paid,
        )
        return invoice_view.allowed(standing)

    @strawberry.field(description="The history of this invoice, the newest event first.")
    def activity(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        kind: Annotated[
            list[ActivityKind] | None,
            strawberry.argument(
                description="Only events of one of these kinds. Left out, null or empty: all kinds."
            ),
        ] = strawberry.UNSET,
    ) -> ActivityConnectionRef:
        arguments = (asked(first, after, last, before), tuple(given(kind) or ()))
        return load_later(info.context, ACTIVITY_CONNECTION_OF_INVOICE, (self.key, arguments))


@batch(INVOICE, node="Invoice")
async def _invoices(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, Invoice]:
    rows = await tx.read(
        InvoiceRow,
        f"select {COLUMNS} from {SOURCE} where i.workspace_id = :ws and i.id = any(:ids)",
        ids=list(keys),
    )
    return {row.id: Invoice.of(row) for row in rows}


_INVOICE_PROBLEMS_OF_INVOICE = BatchName[UUID, list[Problem]]("InvoiceProblems.of_invoice")


@batch_in_transaction(_INVOICE_PROBLEMS_OF_INVOICE)
async def _problems(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[Problem]]:
    return await invoice_view.problems(tx, keys)


_INVOICE_DIFFERENCES_OF_INVOICE = BatchName[UUID, list[Difference]]("InvoiceDifferences.of_invoice")


@batch_in_transaction(_INVOICE_DIFFERENCES_OF_INVOICE)
async def _differences(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[Difference]]:
    rows = await tx.session.scalars(
        select(tables.Invoice).where(
            col(tables.Invoice.workspace_id) == tx.workspace, col(tables.Invoice.id).in_(keys)
        )
    )
    found = {}
    for row in rows:
        names = await contact_names(tx, row.organisation_id, row.xero_base, row.xero_shown)
        found[row.id] = differences(row, names)
    return found
