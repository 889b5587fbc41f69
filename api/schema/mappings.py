"""How an organisation's invoices are synced: switch, start date, default accounts and mappings."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Protocol, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay import ids
from api.relay.loaders import BatchName, batch_in_transaction, load, load_known, load_later
from api.schema.amounts import money
from api.schema.billing import ServiceType, TaxRate
from api.schema.catalogue import XeroAccount, XeroTaxRate
from api.schema.refs import SERVICE_TYPE, TAX_RATE, XERO_ACCOUNT, XERO_TAX_RATE
from api.schema.sync_problems import SyncProblem
from domain.invoices import mapping_view
from domain.invoices.eligibility import Problem
from domain.invoices.mapping_view import AccountChoice, RateChoice
from domain.tx import Tx


async def _account(context: Context, key: UUID | None) -> XeroAccount | None:
    found: XeroAccount | None = await load(context, XERO_ACCOUNT, key) if key else None
    return found


@strawberry.type(
    description="The Xero account for invoice lines of one service type. Without `account`, the default"
    " revenue account is used."
)
class AccountMapping:
    row: strawberry.Private[AccountChoice]
    problem: SyncProblem | None = strawberry.field(
        description="Why the chosen account cannot be used: it was archived, or may not take revenue. Null:"
        " no problem."
    )

    @classmethod
    def of(cls, row: AccountChoice) -> Self:
        return cls(row=row, problem=SyncProblem.of(row.problem) if row.problem else None)

    @strawberry.field(description="The practice's service type whose lines the mapping is for.")
    def service_type(self, info: Info[Context, None]) -> ServiceType:
        return load_later(info.context, SERVICE_TYPE, self.row.service_type_id)

    @strawberry.field(description="The chosen Xero account. Null: the default revenue account is used.")
    async def account(self, info: Info[Context, None]) -> XeroAccount | None:
        return await _account(info.context, self.row.xero_account_id)


@strawberry.type(
    description="The Xero tax rate that is used for one of the practice's tax rates. Without `xeroTaxRate`,"
    " invoices with this tax rate wait."
)
class TaxMapping:
    row: strawberry.Private[RateChoice]
    problem: SyncProblem | None = strawberry.field(
        description="Why the tax rate cannot be used: none is chosen, or the chosen one was archived, has"
        " another percentage, or may not be used for revenue. Null: no problem."
    )

    @classmethod
    def of(cls, row: RateChoice) -> Self:
        return cls(row=row, problem=SyncProblem.of(row.problem) if row.problem else None)

    @strawberry.field(description="The practice's tax rate that the mapping is for.")
    def tax_rate(self, info: Info[Context, None]) -> TaxRate:
        return load_later(info.context, TAX_RATE, self.row.tax_rate_id)

    @strawberry.field(
        description="The chosen Xero tax rate. Null: none, so invoices with this tax rate wait."
    )
    def xero_tax_rate(self, info: Info[Context, None]) -> XeroTaxRate | None:
        key = self.row.xero_tax_rate_id
        return load_later(info.context, XERO_TAX_RATE, key) if key else None


class InvoiceSettingsRow(Protocol):
    """The columns of `organisation` that set up its invoices."""

    @property
    def id(self) -> UUID: ...
    @property
    def invoice_sync(self) -> bool: ...
    @property
    def invoice_start_date(self) -> date | None: ...
    @property
    def revenue_account_id(self) -> UUID | None: ...
    @property
    def expense_account_id(self) -> UUID | None: ...


@strawberry.type(description="Whether and how the practice's invoices go to a Xero organisation.")
class InvoiceSyncSettings:
    row: strawberry.Private[InvoiceSettingsRow]
    id: strawberry.ID = strawberry.field(
        description="An id of the settings object itself, for caches. It stays the same for the"
        " organisation's lifetime; `node` does not take it."
    )
    enabled: bool = strawberry.field(
        description="Whether invoices go to Xero. While false, sent invoices stay here as SYNC_OFF."
    )
    start_date: date | None = strawberry.field(
        description="The first issue date whose invoices go to Xero. Earlier ones stay here as"
        " BEFORE_START_DATE. Null: not set yet."
    )

    @classmethod
    def of(cls, row: InvoiceSettingsRow) -> Self:
        """The settings from a row of `organisation`."""
        return cls(
            row=row,
            id=ids.encode("InvoiceSyncSettings", row.id),
            enabled=row.invoice_sync,
            start_date=row.invoice_start_date,
        )

    @strawberry.field(
        description="The account for service lines without a mapping of their service type. Null: none, so"
        " such lines wait."
    )
    async def default_revenue_account(self, info: Info[Context, None]) -> XeroAccount | None:
        return await _account(info.context, self.row.revenue_account_id)

    @strawberry.field(description="The account for expense lines. Null: none, so such lines wait.")
    async def default_expense_account(self, info: Info[Context, None]) -> XeroAccount | None:
        return await _account(info.context, self.row.expense_account_id)

    @strawberry.field(
        description="A row for each service type that is in use, mapped or not, sorted by name."
    )
    async def account_mappings(self, info: Info[Context, None]) -> list[AccountMapping]:
        rows = await load_known(info.context, _ACCOUNT_MAPPINGS_OF_ORGANISATION, self.row.id)
        return [AccountMapping.of(row) for row in rows]

    @strawberry.field(description="A row for each tax rate that is in use, mapped or not, sorted by name.")
    async def tax_mappings(self, info: Info[Context, None]) -> list[TaxMapping]:
        rows = await load_known(info.context, _TAX_MAPPINGS_OF_ORGANISATION, self.row.id)
        return [TaxMapping.of(row) for row in rows]

    @strawberry.field(
        description="The gaps because of which invoices do not go to Xero yet: missing or unusable accounts and"
        " tax rates, another currency, no connection. Empty: the set-up is complete."
    )
    async def gaps(self, info: Info[Context, None]) -> list[SyncProblem]:
        rows = await load_known(info.context, _INVOICE_SYNC_GAPS_OF_ORGANISATION, self.row.id)
        return [SyncProblem.of(row) for row in rows]


_ACCOUNT_MAPPINGS_OF_ORGANISATION = BatchName[UUID, list[AccountChoice]]("AccountMappings.of_organisation")


@batch_in_transaction(_ACCOUNT_MAPPINGS_OF_ORGANISATION)
async def _account_mappings(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[AccountChoice]]:
    return {key: await mapping_view.account_mappings(tx, key) for key in keys}


_TAX_MAPPINGS_OF_ORGANISATION = BatchName[UUID, list[RateChoice]]("TaxMappings.of_organisation")


@batch_in_transaction(_TAX_MAPPINGS_OF_ORGANISATION)
async def _tax_mappings(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[RateChoice]]:
    return {key: await mapping_view.tax_mappings(tx, key) for key in keys}


_INVOICE_SYNC_GAPS_OF_ORGANISATION = BatchName[UUID, list[Problem]]("InvoiceSyncGaps.of_organisation")


@batch_in_transaction(_INVOICE_SYNC_GAPS_OF_ORGANISATION)
async def _gaps(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[Problem]]:
    return {key: await mapping_view.gaps(tx, key) for key in keys}


@strawberry.type(description="The invoices that another start date would newly send to Xero.")
class InvoiceSyncPreview:
    invoices: int = strawberry.field(
        description="The number of sent invoices that the start date would newly send to Xero. Give it to"
        " setInvoiceSync as `acceptInvoices`."
    )
    total: Decimal = strawberry.field(description="The sum of their totals, in the workspace's currency.")
    earliest: date | None = strawberry.field(
        description="The first issue date among them. Null if there are none."
    )
    expected_xero_calls: int = strawberry.field(
        description="How many calls to Xero are needed, at 50 invoices a call."
    )
    problems: list[SyncProblem] = strawberry.field(
        description="The problems that would hold back some of them. Only the first 500 invoices are examined."
    )


async def invoice_sync_preview(context: Context, organisation: UUID, start_date: date) -> InvoiceSyncPreview:
    async with context.transaction() as tx:
        found = await mapping_view.preview(tx, organisation, start_date)
    return InvoiceSyncPreview(
        invoices=found.invoices,
        total=money(found.total),
        earliest=found.earliest,
        expected_xero_calls=found.calls,
        problems=[SyncProblem.of(row) for row in found.problems],
    )
