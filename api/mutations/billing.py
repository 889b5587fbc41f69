"""Mutations of service types and tax rates."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.mutations.payloads import Payload, given, write
from api.relay import ids
from api.relay.loaders import load
from api.schema.billing import ServiceType, TaxRate
from api.schema.workspace import NameInput, Workspace, workspace
from domain.practice import services_and_rates
from domain.tables import Scope
from domain.tx import Tx

_ADMIN = "Needs ADMIN."


@strawberry.input(description="A service type's new name or place. An absent field stays as it is.")
class UpdateServiceTypeInput:
    service_type_id: strawberry.ID = strawberry.field(description="Which.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 255 characters.")
    archived: bool | None = strawberry.field(
        default=strawberry.UNSET, description="True: offered no more; false: offered again."
    )


@strawberry.input(description="A new tax rate.")
class CreateTaxRateInput:
    name: str = strawberry.field(description="At most 255 characters.")
    percentage: Decimal = strawberry.field(description="'15' is 15 %; 0 to 100. It never changes.")


@strawberry.input(description="A tax rate's new name or place. An absent field stays as it is.")
class UpdateTaxRateInput:
    tax_rate_id: strawberry.ID = strawberry.field(description="Which.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="At most 255 characters.")
    archived: bool | None = strawberry.field(
        default=strawberry.UNSET, description="True: offered no more; false: offered again."
    )


@strawberry.type(description="The service type, and the workspace that lists it.")
class ServiceTypePayload(Payload):
    service_type: ServiceType | None = strawberry.field(description="As it stands now.")
    workspace: Workspace | None = strawberry.field(description="With its list of service types.")


@strawberry.type(description="The tax rate, and the workspace that lists it.")
class TaxRatePayload(Payload):
    tax_rate: TaxRate | None = strawberry.field(description="As it stands now.")
    workspace: Workspace | None = strawberry.field(description="With its list of tax rates.")


async def _service_type(
    context: Context, change: Callable[[Tx], Awaitable[UUID]], key: UUID | None = None
) -> ServiceTypePayload:
    outcome = await write(context, change)
    found = outcome.done or key
    return ServiceTypePayload(
        service_type=await load(context, "ServiceType", found) if found else None,
        workspace=await workspace(context),
        user_errors=outcome.errors,
    )


async def _tax_rate(
    context: Context, change: Callable[[Tx], Awaitable[UUID]], key: UUID | None = None
) -> TaxRatePayload:
    outcome = await write(context, change)
    found = outcome.done or key
    return TaxRatePayload(
        tax_rate=await load(context, "TaxRate", found) if found else None,
        workspace=await workspace(context),
        user_errors=outcome.errors,
    )


@strawberry.type
class BillingMutations:
    @strawberry.mutation(
        description=f"A new service type. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def create_service_type(
        self, info: Info[Context, None], input: NameInput
    ) -> ServiceTypePayload | None:
        async def create(tx: Tx) -> UUID:
            return (await services_and_rates.create_service_type(tx, input.name)).id

        return await _service_type(info.context, create)

    @strawberry.mutation(
        description=f"Renames or archives a service type. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def update_service_type(
        self, info: Info[Context, None], input: UpdateServiceTypeInput
    ) -> ServiceTypePayload | None:
        async def update(tx: Tx) -> UUID:
            key = ids.take("ServiceType", input.service_type_id, "serviceTypeId")
            name, archived = given(input.name), given(input.archived)
            return (await services_and_rates.update_service_type(tx, key, name=name, archived=archived)).id

        return await _service_type(info.context, update, ids.find("ServiceType", input.service_type_id))

    @strawberry.mutation(
        description=f"A new tax rate; its percentage never changes, as invoices hold it. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def create_tax_rate(
        self, info: Info[Context, None], input: CreateTaxRateInput
    ) -> TaxRatePayload | None:
        async def create(tx: Tx) -> UUID:
            return (await services_and_rates.create_tax_rate(tx, input.name, input.percentage)).id

        return await _tax_rate(info.context, create)

    @strawberry.mutation(
        description=f"Renames or archives a tax rate. {_ADMIN}",
        extensions=[require(Scope.ADMIN)],
    )
    async def update_tax_rate(
        self, info: Info[Context, None], input: UpdateTaxRateInput
    ) -> TaxRatePayload | None:
        async def update(tx: Tx) -> UUID:
            key = ids.take("TaxRate", input.tax_rate_id, "taxRateId")
            name, archived = given(input.name), given(input.archived)
            return (await services_and_rates.update_tax_rate(tx, key, name=name, archived=archived)).id

        return await _tax_rate(info.context, update, ids.find("TaxRate", input.tax_rate_id))
