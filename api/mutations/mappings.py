"""Mutations of how an organisation's invoices are synced."""

from collections.abc import Awaitable, Callable
from datetime import date
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.declared import mutation
from api.mutations.organisations import OrganisationPayload, organisation_payload
from api.mutations.payloads import given, nothing_to_change, too_many, write
from api.relay import ids
from domain.invoices import mappings
from domain.tables import Scope
from domain.tx import Tx


@strawberry.input(
    description="The switch and the start date of an organisation's invoice sync. A field that is left out"
    " stays as it is."
)
class SetInvoiceSyncInput:
    organisation_id: strawberry.ID = strawberry.field(
        description="The id of the Xero organisation to which invoices go."
    )
    enabled: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether invoices go to Xero. Switching on needs a start date and the same currency on"
        " both sides.",
    )
    start_date: date | None = strawberry.field(
        default=strawberry.UNSET,
        description="The first issue date whose invoices go to Xero. A later date takes nothing back from"
        " Xero.",
    )
    accept_invoices: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The count of `invoiceSyncPreview`, as confirmation. Needed if an earlier start date"
        " newly sends invoices; refused (CONFIRMATION_NEEDED) if it is missing or smaller than their number"
        " now.",
    )


@strawberry.input(description="The two accounts that are used where no mapping applies.")
class SetDefaultAccountsInput:
    organisation_id: strawberry.ID = strawberry.field(
        description="The id of the Xero organisation that has both accounts."
    )
    revenue_account_code: strawberry.ID = strawberry.field(
        description="The code of the account for service lines without a mapping. It must be active and of"
        " class REVENUE."
    )
    expense_account_code: strawberry.ID = strawberry.field(
        description="The code of the account for expense lines. It must be active and of class REVENUE or"
        " EXPENSE."
    )


@strawberry.input(description="A service type, and the account that its lines go to.")
class AccountMappingInput:
    service_type_id: strawberry.ID = strawberry.field(description="The id of the practice's service type.")
    account_code: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The code of an active Xero account of class REVENUE. Null or left out: the mapping is"
        " removed, and the default revenue account is used.",
    )


@strawberry.input(description="A tax rate of the practice, and the Xero tax rate that is used for it.")
class TaxMappingInput:
    tax_rate_id: strawberry.ID = strawberry.field(
        description="The id of the practice's tax rate that needs a Xero tax rate."
    )
    xero_tax_type: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="Xero's code of an active tax rate with the same percentage, such as OUTPUT2. Null or"
        " left out: the mapping is removed, and invoices with this tax rate wait.",
    )


@strawberry.input(description="The account for the lines of one service type.")
class SetAccountMappingInput(AccountMappingInput):
    organisation_id: strawberry.ID = strawberry.field(
        description="The id of the Xero organisation that has the account."
    )


@strawberry.input(
    description="The Xero tax rate that is used for one of the practice's tax rates in an organisation."
)
class SetTaxMappingInput(TaxMappingInput):
    organisation_id: strawberry.ID = strawberry.field(
        description="The id of the Xero organisation that has the tax rate."
    )


@strawberry.input(
    description="Many mappings, saved together or not at all. Mappings that are not named stay as they are."
)
class SetInvoiceMappingsInput:
    organisation_id: strawberry.ID = strawberry.field(
        description="The id of the Xero organisation that has the accounts and tax rates."
    )
    accounts: list[AccountMappingInput] = strawberry.field(
        default_factory=list, description="The accounts of at most 500 service types."
    )
    tax_rates: list[TaxMappingInput] = strawberry.field(
        default_factory=list, description="The Xero tax rates for at most 500 of the practice's tax rates."
    )


def _account(input: AccountMappingInput) -> tuple[UUID, str | None]:
    return ids.wanted("ServiceType", input.service_type_id) or ids.NOWHERE, given(input.account_code)


def _rate(input: TaxMappingInput) -> tuple[UUID, str | None]:
    return ids.wanted("TaxRate", input.tax_rate_id) or ids.NOWHERE, given(input.xero_tax_type)


async def _set(
    context: Context, organisation_id: strawberry.ID, change: Callable[[Tx, UUID], Awaitable[None]]
) -> OrganisationPayload:
    async def set_up(tx: Tx) -> None:
        await change(tx, ids.get("XeroOrganisation", organisation_id, "organisationId"))

    outcome = await write(context, set_up)
    return await organisation_payload(context, organisation_id, outcome.errors)


@strawberry.type
class MappingMutations:
    @mutation(
        Scope.ADMIN,
        "Switches the invoice sync on or off, and sets its start date. An earlier start date that newly"
        " sends invoices needs `acceptInvoices`.",
    )
    async def set_invoice_sync(
        self, info: Info[Context, None], input: SetInvoiceSyncInput
    ) -> OrganisationPayload | None:
        async def change(tx: Tx, organisation: UUID) -> None:
            enabled, start_date = given(input.enabled), given(input.start_date)
            await mappings.set_sync(
                tx,
                organisation,
                enabled=enabled,
                start_date=start_date,
                accept_invoices=given(input.accept_invoices),
            )
            if enabled is None and start_date is None:
                raise nothing_to_change("organisationId", "acceptInvoices")

        return await _set(info.context, input.organisation_id, change)

    @mutation(
        Scope.ADMIN,
        "Chooses the Xero accounts for lines that no mapping covers. Invoices that waited for this are sent.",
    )
    async def set_default_accounts(
        self, info: Info[Context, None], input: SetDefaultAccountsInput
    ) -> OrganisationPayload | None:
        async def change(tx: Tx, organisation: UUID) -> None:
            await mappings.set_default_accounts(
                tx, organisation, input.revenue_account_code, input.expense_account_code
            )

        return await _set(info.context, input.organisation_id, change)

    @mutation(
        Scope.ADMIN,
        "Chooses the Xero account for the lines of one service type. Invoices that waited for this are sent.",
    )
    async def set_account_mapping(
        self, info: Info[Context, None], input: SetAccountMappingInput
    ) -> OrganisationPayload | None:
        return await _set(
            info.context,
            input.organisation_id,
            lambda tx, organisation: mappings.set_account_mapping(tx, organisation, *_account(input)),
        )

    @mutation(
        Scope.ADMIN,
        "Chooses the Xero tax rate for one of the practice's tax rates. Invoices that waited for this are"
        " sent.",
    )
    async def set_tax_mapping(
        self, info: Info[Context, None], input: SetTaxMappingInput
    ) -> OrganisationPayload | None:
        return await _set(
            info.context,
            input.organisation_id,
            lambda tx, organisation: mappings.set_tax_mapping(tx, organisation, *_rate(input)),
        )

    @mutation(
        Scope.ADMIN,
        "Saves many mappings together, all or none, as one table.",
    )
    async def set_invoice_mappings(
        self, info: Info[Context, None], input: SetInvoiceMappingsInput
    ) -> OrganisationPayload | None:
        errors = too_many(len(input.accounts), "accounts") + too_many(len(input.tax_rates), "taxRates")
        if errors:
            return await organisation_payload(info.context, input.organisation_id, errors)
        accounts, rates = [_account(row) for row in input.accounts], [_rate(row) for row in input.tax_rates]

        async def change(tx: Tx, organisation: UUID) -> None:
            await mappings.set_mappings(tx, organisation, accounts, rates)
            if not (accounts or rates):
                raise nothing_to_change("organisationId")

        return await _set(info.context, input.organisation_id, change)
