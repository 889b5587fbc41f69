"""Mutations of how an organisation's invoices are synced."""

from collections.abc import Awaitable, Callable
from datetime import date
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.mutations.organisations import OrganisationPayload, organisation_payload
from api.mutations.payloads import MOST_ROWS, given, too_many, write
from api.relay import ids
from domain.invoices import mappings
from domain.tables import Scope
from domain.tx import Tx

_ADMIN = "Needs ADMIN."


@strawberry.input(description="Switch and start date of invoice sync. An absent field stays as it is.")
class SetInvoiceSyncInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation's.")
    enabled: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether invoices go to Xero."
    )
    start_date: date | None = strawberry.field(
        default=strawberry.UNSET, description="The first issue date that goes to Xero."
    )
    accept_invoices: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The count that invoiceSyncPreview gave; CONFIRMATION_NEEDED if it is missing or has grown.",
    )


@strawberry.input(description="The two default accounts.")
class SetDefaultAccountsInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation's.")
    revenue_account_code: strawberry.ID = strawberry.field(
        description="Where services go that no mapping names."
    )
    expense_account_code: strawberry.ID = strawberry.field(description="Where expenses go.")


@strawberry.input(description="The account of one service type.")
class AccountMappingInput:
    service_type_id: strawberry.ID = strawberry.field(description="The service type's.")
    account_code: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Null removes the mapping."
    )


@strawberry.input(description="The Xero tax rate of one of the practice's.")
class TaxMappingInput:
    tax_rate_id: strawberry.ID = strawberry.field(description="The tax rate's.")
    xero_tax_type: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Null removes the mapping."
    )


@strawberry.input(description="The account of one service type.")
class SetAccountMappingInput(AccountMappingInput):
    organisation_id: strawberry.ID = strawberry.field(description="The organisation's.")


@strawberry.input(description="The Xero tax rate of one of the practice's.")
class SetTaxMappingInput(TaxMappingInput):
    organisation_id: strawberry.ID = strawberry.field(description="The organisation's.")


@strawberry.input(description="Many mappings, all or none. Rows that are not named stay as they are.")
class SetInvoiceMappingsInput:
    organisation_id: strawberry.ID = strawberry.field(description="The organisation's.")
    accounts: list[AccountMappingInput] = strawberry.field(
        default_factory=list, description=f"At most {MOST_ROWS}."
    )
    tax_rates: list[TaxMappingInput] = strawberry.field(
        default_factory=list, description=f"At most {MOST_ROWS}."
    )


def _account(input: AccountMappingInput) -> tuple[UUID, str | None]:
    return ids.wanted("ServiceType", input.service_type_id) or ids.NOWHERE, given(input.account_code)


def _rate(input: TaxMappingInput) -> tuple[UUID, str | None]:
    return ids.wanted("TaxRate", input.tax_rate_id) or ids.NOWHERE, given(input.xero_tax_type)


async def _set(
    context: Context, organisation_id: strawberry.ID, change: Callable[[Tx, UUID], Awaitable[None]]
) -> OrganisationPayload:
    async def set_up(tx: Tx) -> None:
        await change(tx, ids.take("XeroOrganisation", organisation_id, "organisationId"))

    outcome = await write(context, set_up)
    return await organisation_payload(context, organisation_id, outcome.errors)


@strawberry.type
class MappingMutations:
    @strawberry.mutation(
        description=f"Switch and start date; an earlier date than before needs `acceptInvoices`. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def set_invoice_sync(
        self, info: Info[Context, None], input: SetInvoiceSyncInput
    ) -> OrganisationPayload | None:
        async def change(tx: Tx, organisation: UUID) -> None:
            await mappings.set_sync(
                tx,
                organisation,
                enabled=given(input.enabled),
                start_date=given(input.start_date),
                accept_invoices=given(input.accept_invoices),
            )

        return await _set(info.context, input.organisation_id, change)

    @strawberry.mutation(
        description=f"Where lines go that no mapping names. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def set_default_accounts(
        self, info: Info[Context, None], input: SetDefaultAccountsInput
    ) -> OrganisationPayload | None:
        async def change(tx: Tx, organisation: UUID) -> None:
            await mappings.set_default_accounts(
                tx, organisation, input.revenue_account_code, input.expense_account_code
            )

        return await _set(info.context, input.organisation_id, change)

    @strawberry.mutation(
        description=f"The account of one service type. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def set_account_mapping(
        self, info: Info[Context, None], input: SetAccountMappingInput
    ) -> OrganisationPayload | None:
        return await _set(
            info.context,
            input.organisation_id,
            lambda tx, organisation: mappings.set_account_mapping(tx, organisation, *_account(input)),
        )

    @strawberry.mutation(
        description=f"The Xero tax rate of one of the practice's. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def set_tax_mapping(
        self, info: Info[Context, None], input: SetTaxMappingInput
    ) -> OrganisationPayload | None:
        return await _set(
            info.context,
            input.organisation_id,
            lambda tx, organisation: mappings.set_tax_mapping(tx, organisation, *_rate(input)),
        )

    @strawberry.mutation(
        description=f"Many mappings at once, all or none: the set-up table saved as a whole. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def set_invoice_mappings(
        self, info: Info[Context, None], input: SetInvoiceMappingsInput
    ) -> OrganisationPayload | None:
        errors = too_many(len(input.accounts), "accounts") + too_many(len(input.tax_rates), "taxRates")
        if errors:
            return await organisation_payload(info.context, input.organisation_id, errors)
        accounts, rates = [_account(row) for row in input.accounts], [_rate(row) for row in input.tax_rates]
        return await _set(
            info.context,
            input.organisation_id,
            lambda tx, organisation: mappings.set_mappings(tx, organisation, accounts, rates),
        )
