"""Invoices, their lines, payments and mappings, and Xero's accounts and tax rates."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import msgspec
import sqlalchemy as sa
from msgspec import UNSET, UnsetType
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from domain.described import DescribedEnum
from domain.tables.base import (
    Row,
    Table,
    amount_column,
    choice_column,
    foreign_key,
    json_column,
    key_column,
    struct_column,
    time_column,
)
from domain.tables.links import StoredFailure


class InvoiceStatus(DescribedEnum):
    """How far an invoice has come, from the draft to the payment."""

    DRAFT = "DRAFT", "The invoice is being written. It can be changed, approved and voided."
    APPROVED = "APPROVED", "The invoice was checked and can be sent. It can still be changed."
    AWAITING_PAYMENT = (
        "AWAITING_PAYMENT",
        "The invoice was sent with sendInvoice, and something is still due.",
    )
    PAID = (
        "PAID",
        "Xero shows that nothing is due any more. If a payment is removed there, the invoice awaits payment"
        " again.",
    )
    VOIDED = "VOIDED", "The invoice no longer counts. Voiding cannot be undone, except where Xero refused it."


class AmountsAre(DescribedEnum):
    """Whether the prices of the lines contain tax."""

    TAX_EXCLUSIVE = "TAX_EXCLUSIVE", "Prices are without tax; tax is added to them."
    TAX_INCLUSIVE = "TAX_INCLUSIVE", "Prices contain tax; the tax is computed out of them."
    NO_TAX = "NO_TAX", "The invoice has no tax at all, even if its lines name tax rates."


class InvoiceLineKind(DescribedEnum):
    """The kind of thing that an invoice line bills. It decides which account the line goes to."""

    SERVICE = (
        "SERVICE",
        "Work of the practice. The line goes to the account of its service type, or else to the default"
        " revenue account.",
    )
    EXPENSE = (
        "EXPENSE",
        "A cost that the practice bills on to the client. The line goes to the default expense account and"
        " has no service type.",
    )


class InvoiceSyncState(DescribedEnum):
    """Whether an invoice has reached Xero, waits, fails, stays here, or was changed there."""

    NOT_SENT = (
        "NOT_SENT",
        "The invoice was not sent yet, or was voided before Xero had it. Nothing goes to Xero.",
    )
    SYNC_OFF = (
        "SYNC_OFF",
        "The invoice was sent, but the organisation's invoice sync is off, or there is no organisation. It"
        " goes to Xero once the sync is on. A voided invoice in this state is still open in Xero, and is"
        " voided there once the sync is on.",
    )
    BEFORE_START_DATE = (
        "BEFORE_START_DATE",
        "The invoice was sent, but its issue date lies before the start date of the invoice sync, so it"
        " stays here.",
    )
    PENDING = (
        "PENDING",
        "The invoice, or its void, waits to be sent to Xero or is being sent. This usually takes seconds.",
    )
    SYNCED = "SYNCED", "Xero has the invoice, and both sides agree. Payments come in by themselves."
    FAILING = (
        "FAILING",
        "Something keeps the invoice, or its void, from Xero; `failure` says what, and what helps.",
    )
    CHANGED_IN_XERO = (
        "CHANGED_IN_XERO",
        "Somebody edited or voided the invoice inside Xero. A person must decide with settleInvoiceChange.",
    )


class PaymentKind(StrEnum):
    """The kind of a payment in Xero. All kinds reduce the amount due and count as paid."""

    PAYMENT = "PAYMENT"
    CREDIT_NOTE = "CREDIT_NOTE"
    PREPAYMENT = "PREPAYMENT"
    OVERPAYMENT = "OVERPAYMENT"


class XeroAccount(Row, table=True):
    """The mirror of an account in Xero. `account_id` is Xero's own id, which stays when the code is edited. `active` is false
    for an archived account, and for one that Xero does not list any more."""

    __tablename__ = "xero_account"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        sa.UniqueConstraint("workspace_id", "organisation_id", "account_id"),
        sa.Index("ix_xero_account_code", "workspace_id", "organisation_id", "code"),
    )
    organisation_id: UUID
    account_id: UUID
    code: str | None = key_column()
    name: str
    account_class: str
    account_type: str
    tax_type: str | None = None
    system_account: str | None = None
    active: bool
    search_key: str = key_column()


class XeroTaxRate(Row, table=True):
    """The mirror of a tax rate in Xero. `tax_type` is Xero's code; `effective_rate` is a percentage."""

    __tablename__ = "xero_tax_rate"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        sa.UniqueConstraint("workspace_id", "organisation_id", "tax_type"),
    )
    organisation_id: UUID
    tax_type: str
    name: str
    effective_rate: Decimal = amount_column()
    active: bool
    can_apply_to_revenue: bool
    can_apply_to_expenses: bool


class AccountMapping(Table, table=True):
    """The account for the lines of a service type. Without a row, lines go to the default revenue account."""

    __tablename__ = "account_mapping"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        foreign_key("service_type", "service_type_id", "CASCADE"),
        foreign_key("xero_account", "xero_account_id", "CASCADE"),
    )
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    service_type_id: UUID = Field(primary_key=True)
    xero_account_id: UUID


class TaxMapping(Table, table=True):
    """The Xero tax rate for a tax rate of the practice. Without a row, invoices with that rate wait."""

    __tablename__ = "tax_mapping"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        foreign_key("tax_rate", "tax_rate_id", "CASCADE"),
        foreign_key("xero_tax_rate", "xero_tax_rate_id", "CASCADE"),
    )
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    tax_rate_id: UUID = Field(primary_key=True)
    xero_tax_rate_id: UUID


class InvoiceSequence(Table, table=True):
    """The next invoice number. Its row is locked until the commit, so that a failed create leaves no gap."""

    __tablename__ = "invoice_sequence"
    workspace_id: UUID = Field(primary_key=True)
    next: int = Field(sa_type=sa.BigInteger)


class LineInXero(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A line of an invoice as Xero showed it; None for values that Xero did not show. `id` is Xero's, `account` Xero's id
    of the account or else its code. `tracking` is by Xero's names."""

    id: UUID | None = None
    description: str | None = None
    quantity: Decimal | None = None
    unit_price: Decimal | None = None
    account: str | None = None
    account_code: str | None = None
    tax_type: str | None = None
    amount: Decimal | None = None
    tax_amount: Decimal | None = None
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    item_code: str | None = None
    tracking: tuple[dict[str, str], ...] = ()


class InvoiceInXero(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The members of an invoice that can be edited in Xero, as Xero showed them. UNSET: Xero left the member out. `contact` is Xero's id.
    `status` is AUTHORISED or VOIDED."""

    status: str = "AUTHORISED"
    number: str | UnsetType | None = UNSET
    reference: str | UnsetType | None = UNSET
    contact: UUID | UnsetType = UNSET
    issue_date: date | UnsetType = UNSET
    due_date: date | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    amounts_are: AmountsAre | UnsetType = UNSET
    lines: tuple[LineInXero, ...] | UnsetType = UNSET
    subtotal: Decimal | UnsetType = UNSET
    tax_total: Decimal | UnsetType = UNSET
    total: Decimal | UnsetType = UNSET


class Invoice(Row, table=True):
    """An invoice of the practice, and its state in Xero.

    Amounts have two decimals, in `currency`; `total_cents` is for sorting. `amount_paid`: payments and credits that Xero
    shows. `due_at`: since when something of it is to be sent (created, or voided where it is VOIDED here); null while it
    waits for a person's fix. `failure_code` is failure's. `xero_base`: what Xero showed when both last agreed;
    `xero_shown`: Xero's present values, if they differ. `warnings`: Xero's remarks about the last write of this invoice
    that Xero accepted. `replaces_id`: the invoice whose void waits until Xero has this one. `own_write_at`, `own_event_at`,
    `read_event_at`: as XeroContact's.
    """

    model_config = Row.model_config | {"arbitrary_types_allowed": True}
    __tablename__ = "invoice"
    __table_args__ = (
        foreign_key("contact", "contact_id"),
        foreign_key("organisation", "organisation_id"),
        sa.UniqueConstraint("workspace_id", "number_key"),
        sa.Index("ix_invoice_issue_date", "workspace_id", "issue_date", "id"),
        sa.Index("ix_invoice_due_date", "workspace_id", "due_date", "id"),
        sa.Index("ix_invoice_total", "workspace_id", "total_cents", "id"),
        sa.Index("ix_invoice_updated", "workspace_id", "updated_at", "id"),
        sa.Index("ix_invoice_contact", "workspace_id", "contact_id", "issue_date"),
        sa.Index("ix_invoice_status", "workspace_id", "status", "issue_date"),
        sa.Index("ix_invoice_sync", "workspace_id", "organisation_id", "sync_state", "failure_code"),
        sa.Index("ix_invoice_xero", "workspace_id", "organisation_id", "xero_invoice_id"),
        sa.Index(
            "ix_invoice_due",
            "workspace_id",
            "organisation_id",
            "bulk",
            "due_at",
            postgresql_where="due_at is not null",
        ),
        sa.Index(
            "ix_invoice_unlinked",
            "workspace_id",
            "organisation_id",
            "contact_id",
            postgresql_where="failure_code = 'CONTACT_NOT_SYNCED'",
        ),
        sa.Index(
            "ix_invoice_search",
            "workspace_id",
            "search_key",
            postgresql_using="gin",
            postgresql_ops={"search_key": "gin_trgm_ops"},
        ),
    )
    number: str
    number_key: str = key_column()
    reference: str | None = None
    contact_id: UUID
    organisation_id: UUID | None = None
    status: InvoiceStatus = choice_column(InvoiceStatus)
    issue_date: date
    due_date: date
    currency: str
    amounts_are: AmountsAre = choice_column(AmountsAre)
    subtotal: Decimal = amount_column()
    tax_total: Decimal = amount_column()
    total: Decimal = amount_column()
    total_cents: int = Field(sa_type=sa.BigInteger)
    amount_paid: Decimal = amount_column()
    amount_due: Decimal = amount_column()
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    sent_at: datetime | None = time_column(nullable=True)
    version: int = 1
    search_key: str = key_column()
    sync_state: InvoiceSyncState = choice_column(InvoiceSyncState)
    failure: StoredFailure | None = json_column()
    failure_code: str | None = None
    due_at: datetime | None = time_column(nullable=True)
    bulk: bool = False
    attempts: int = 0
    next_attempt_at: datetime | None = time_column(nullable=True)
    xero_invoice_id: UUID | None = None
    replaces_id: UUID | None = None
    xero_total: Decimal | None = amount_column(nullable=True)
    xero_status: str | None = None
    xero_updated_at: datetime | None = time_column(nullable=True)
    xero_seen_at: datetime | None = time_column(nullable=True)
    xero_base: InvoiceInXero | None = struct_column(InvoiceInXero)
    xero_shown: InvoiceInXero | None = struct_column(InvoiceInXero)
    last_synced_at: datetime | None = time_column(nullable=True)
    own_write_at: datetime | None = time_column(nullable=True)
    own_event_at: datetime | None = time_column(nullable=True)
    read_event_at: datetime | None = time_column(nullable=True)
    warnings: list[str] = Field(
        default_factory=list, sa_column=sa.Column(ARRAY(sa.Text), nullable=False, server_default="{}")
    )


class InvoiceLine(Row, table=True):
    """`unit_price` and `amount` include tax where the invoice is TAX_INCLUSIVE. At most one of the two discounts is set:
    `discount_rate` per cent, or `discount_amount`, off quantity × unit price. Account and tax type are resolved when the
    invoice is sent and then stay: `xero_account_id` is ours of the mirror, `xero_line_id` Xero's of the line. `item_code`
    and `tracking` (tracking categories by Xero's names) were set inside Xero and go out again with a reissue."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        foreign_key("invoice", "invoice_id", "CASCADE"),
        foreign_key("service_type", "service_type_id"),
        foreign_key("tax_rate", "tax_rate_id"),
        sa.Index("ix_invoice_line_invoice", "workspace_id", "invoice_id", "place"),
        sa.Index("ix_invoice_line_service_type", "workspace_id", "service_type_id"),
        sa.Index("ix_invoice_line_tax_rate", "workspace_id", "tax_rate_id"),
    )
    invoice_id: UUID
    place: int
    kind: InvoiceLineKind = choice_column(InvoiceLineKind)
    description: str
    quantity: Decimal = amount_column()
    unit_price: Decimal = amount_column()
    discount_rate: Decimal | None = amount_column(nullable=True)
    discount_amount: Decimal | None = amount_column(nullable=True)
    service_type_id: UUID | None = None
    tax_rate_id: UUID | None = None
    amount: Decimal = amount_column()
    tax_amount: Decimal = amount_column()
    xero_account_id: UUID | None = None
    account_code: str | None = None
    tax_type: str | None = None
    item_code: str | None = None
    tracking: list[dict[str, str]] | None = json_column()
    xero_line_id: UUID | None = None


class Payment(Row, table=True):
    """A payment or credit on an invoice, as Xero showed it. `xero_id`: of the payment, credit note, prepayment or
    overpayment. `reversed`: Xero showed it once and does not any more."""

    __tablename__ = "payment"
    __table_args__ = (
        foreign_key("invoice", "invoice_id", "CASCADE"),
        sa.UniqueConstraint("workspace_id", "invoice_id", "xero_id"),
    )
    invoice_id: UUID
    kind: PaymentKind = choice_column(PaymentKind)
    xero_id: UUID
    paid_on: date
    amount: Decimal = amount_column()
    reference: str | None = None
    reversed: bool = False
