"""Service types and tax rates of the practice."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Self
from uuid import UUID

import strawberry

from api.context import Context
from api.relay import ids
from api.relay.loaders import batch
from api.relay.node import Node
from api.relay.rows import columns
from api.schema.amounts import plain
from api.schema.refs import SERVICE_TYPE, TAX_RATE
from domain.tx import Reader


class ServiceTypeRow(NamedTuple):
    id: UUID
    name: str
    archived_at: datetime | None


class TaxRateRow(NamedTuple):
    id: UUID
    name: str
    percentage: Decimal
    archived_at: datetime | None


_SERVICE_TYPES = f"select {columns(ServiceTypeRow, 's')} from service_type s where s.workspace_id = :ws"
_TAX_RATES = f"select {columns(TaxRateRow, 't')} from tax_rate t where t.workspace_id = :ws"


@strawberry.type(
    description="A kind of work that the practice bills, such as Bookkeeping. An organisation's account"
    " mapping says to which Xero account its lines go."
)
class ServiceType(Node):
    name: str = strawberry.field(
        description="At most 255 characters. No two service types that are not archived have the same name."
    )
    archived_at: datetime | None = strawberry.field(
        description="Since when the type is no longer offered for new lines. Lines that have it keep it."
        " Null: in use."
    )

    @classmethod
    def of(cls, row: ServiceTypeRow) -> Self:
        return cls(id=ids.encode("ServiceType", row.id), name=row.name, archived_at=row.archived_at)


@strawberry.type(
    description="A tax rate of the practice. An organisation's tax mapping says which of Xero's tax rates is used for it."
)
class TaxRate(Node):
    name: str = strawberry.field(
        description="At most 255 characters. No two tax rates that are not archived have the same name."
    )
    percentage: Decimal = strawberry.field(
        description="In per cent: '15' is 15 %. It never changes, because invoices were computed with it."
        " Make a new tax rate instead."
    )
    archived_at: datetime | None = strawberry.field(
        description="Since when the rate is no longer offered for new lines. Lines that have it keep it."
        " Null: in use."
    )

    @classmethod
    def of(cls, row: TaxRateRow) -> Self:
        return cls(
            id=ids.encode("TaxRate", row.id),
            name=row.name,
            percentage=plain(row.percentage),
            archived_at=row.archived_at,
        )


@batch(SERVICE_TYPE, node="ServiceType")
async def _service_types(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, ServiceType]:
    rows = await tx.read(ServiceTypeRow, f"{_SERVICE_TYPES} and s.id = any(:ids)", ids=list(keys))
    return {row.id: ServiceType.of(row) for row in rows}


@batch(TAX_RATE, node="TaxRate")
async def _tax_rates(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, TaxRate]:
    rows = await tx.read(TaxRateRow, f"{_TAX_RATES} and t.id = any(:ids)", ids=list(keys))
    return {row.id: TaxRate.of(row) for row in rows}


async def service_types(context: Context) -> list[ServiceType]:
    async with context.transaction() as tx:
        rows = await tx.read(ServiceTypeRow, f"{_SERVICE_TYPES} order by s.name_key, s.id")
    return [ServiceType.of(row) for row in rows]


async def tax_rates(context: Context) -> list[TaxRate]:
    async with context.transaction() as tx:
        rows = await tx.read(TaxRateRow, f"{_TAX_RATES} order by t.name_key, t.id")
    return [TaxRate.of(row) for row in rows]
