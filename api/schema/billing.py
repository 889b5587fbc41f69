"""Service types and tax rates of the practice."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import strawberry

from api.context import Context
from api.relay import ids
from api.relay.loaders import batch, by_id
from api.relay.node import Node
from api.schema.amounts import plain
from domain.tx import Tx


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
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(id=ids.encode("ServiceType", row["id"]), name=row["name"], archived_at=row["archived_at"])


@strawberry.type(
    description="A tax rate of the practice. An organisation's tax mapping says which of Xero's tax rates"
    " stands for it."
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
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=ids.encode("TaxRate", row["id"]),
            name=row["name"],
            percentage=plain(row["percentage"]),
            archived_at=row["archived_at"],
        )


_SERVICE_TYPES = "select id, name, archived_at from service_type where workspace_id = :ws"
_TAX_RATES = "select id, name, percentage, archived_at from tax_rate where workspace_id = :ws"


@batch("ServiceType", node="ServiceType")
async def _service_types(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, ServiceType]:
    return by_id(await tx.rows(f"{_SERVICE_TYPES} and id = any(:ids)", ids=list(keys)), ServiceType.of)


@batch("TaxRate", node="TaxRate")
async def _tax_rates(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, TaxRate]:
    return by_id(await tx.rows(f"{_TAX_RATES} and id = any(:ids)", ids=list(keys)), TaxRate.of)


async def service_types(context: Context) -> list[ServiceType]:
    async with context.transaction() as tx:
        return [ServiceType.of(row) for row in await tx.rows(f"{_SERVICE_TYPES} order by name_key, id")]


async def tax_rates(context: Context) -> list[TaxRate]:
    async with context.transaction() as tx:
        return [TaxRate.of(row) for row in await tx.rows(f"{_TAX_RATES} order by name_key, id")]
