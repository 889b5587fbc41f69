"""Mutations of service types and tax rates."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.declared import mutation
from api.mutations.payloads import Payload, given, nothing_to_change, write
from api.mutations.workspace import NameInput
from api.relay import ids
from api.relay.loaders import load
from api.schema.billing import ServiceType, TaxRate
from api.schema.refs import SERVICE_TYPE, TAX_RATE
from api.schema.workspace import Workspace, workspace
from domain.practice import services_and_rates
from domain.tables import Scope
from domain.tx import Tx


@strawberry.input(description="New values for a service type. A field that is left out stays as it is.")
class UpdateServiceTypeInput:
    service_type_id: strawberry.ID = strawberry.field(
        description="The id of the service type that gets the new values."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The new name, at most 255 characters. Refused (TAKEN) if another type that is not"
        " archived has it.",
    )
    archived: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="True takes the type out of use; lines that have it keep it. False brings it back.",
    )


@strawberry.input(description="The name and the percentage of a new tax rate.")
class CreateTaxRateInput:
    name: str = strawberry.field(
        description="At most 255 characters. Refused (TAKEN) if another rate that is not archived has the"
        " same name."
    )
    percentage: Decimal = strawberry.field(
        description="In per cent, from 0 to 100 with at most 4 decimals: '15' is 15 %. It can never be"
        " changed later."
    )


@strawberry.input(
    description="New values for a tax rate. A field that is left out stays as it is. The percentage cannot"
    " be changed."
)
class UpdateTaxRateInput:
    tax_rate_id: strawberry.ID = strawberry.field(
        description="The id of the tax rate that gets the new values."
    )
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The new name, at most 255 characters. Refused (TAKEN) if another rate that is not"
        " archived has it.",
    )
    archived: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="True takes the rate out of use; lines that have it keep it. False brings it back.",
    )


@strawberry.type(description="The answer to a mutation of a service type.")
class ServiceTypePayload(Payload):
    service_type: ServiceType | None = strawberry.field(
        description="The service type after the mutation. Null if it could not be created, or if the id is"
        " unknown."
    )
    workspace: Workspace | None = strawberry.field(
        description="The workspace, so that a client can refresh its list of service types."
    )


@strawberry.type(description="The answer to a mutation of a tax rate.")
class TaxRatePayload(Payload):
    tax_rate: TaxRate | None = strawberry.field(
        description="The tax rate after the mutation. Null if it could not be created, or if the id is"
        " unknown."
    )
    workspace: Workspace | None = strawberry.field(
        description="The workspace, so that a client can refresh its list of tax rates."
    )


async def _service_type(
    context: Context, change: Callable[[Tx], Awaitable[UUID]], key: UUID | None = None
) -> ServiceTypePayload:
    outcome = await write(context, change)
    found = outcome.done or key
    return ServiceTypePayload(
        service_type=await load(context, SERVICE_TYPE, found) if found else None,
        workspace=await workspace(context),
        user_errors=outcome.errors,
    )


async def _tax_rate(
    context: Context, change: Callable[[Tx], Awaitable[UUID]], key: UUID | None = None
) -> TaxRatePayload:
    outcome = await write(context, change)
    found = outcome.done or key
    return TaxRatePayload(
        tax_rate=await load(context, TAX_RATE, found) if found else None,
        workspace=await workspace(context),
        user_errors=outcome.errors,
    )


@strawberry.type
class BillingMutations:
    @mutation(
        Scope.ADMIN,
        "Adds a service type, to which an account can then be mapped.",
    )
    async def create_service_type(
        self, info: Info[Context, None], input: NameInput
    ) -> ServiceTypePayload | None:
        async def create(tx: Tx) -> UUID:
            return (await services_and_rates.create_service_type(tx, input.name)).id

        return await _service_type(info.context, create)

    @mutation(
        Scope.ADMIN,
        "Renames a service type, takes it out of use or brings it back.",
    )
    async def update_service_type(
        self, info: Info[Context, None], input: UpdateServiceTypeInput
    ) -> ServiceTypePayload | None:
        async def update(tx: Tx) -> UUID:
            key = ids.get("ServiceType", input.service_type_id, "serviceTypeId")
            name, archived = given(input.name), given(input.archived)
            changed = await services_and_rates.update_service_type(tx, key, name=name, archived=archived)
            if name is None and archived is None:
                raise nothing_to_change("serviceTypeId")
            return changed.id

        return await _service_type(info.context, update, ids.find("ServiceType", input.service_type_id))

    @mutation(
        Scope.ADMIN,
        "Adds a tax rate. Its percentage can never be changed, because invoices are computed with it.",
    )
    async def create_tax_rate(
        self, info: Info[Context, None], input: CreateTaxRateInput
    ) -> TaxRatePayload | None:
        async def create(tx: Tx) -> UUID:
            return (await services_and_rates.create_tax_rate(tx, input.name, input.percentage)).id

        return await _tax_rate(info.context, create)

    @mutation(
        Scope.ADMIN,
        "Renames a tax rate, takes it out of use or brings it back.",
    )
    async def update_tax_rate(
        self, info: Info[Context, None], input: UpdateTaxRateInput
    ) -> TaxRatePayload | None:
        async def update(tx: Tx) -> UUID:
            key = ids.get("TaxRate", input.tax_rate_id, "taxRateId")
            name, archived = given(input.name), given(input.archived)
            changed = await services_and_rates.update_tax_rate(tx, key, name=name, archived=archived)
            if name is None and archived is None:
                raise nothing_to_change("taxRateId")
            return changed.id

        return await _tax_rate(info.context, update, ids.find("TaxRate", input.tax_rate_id))
