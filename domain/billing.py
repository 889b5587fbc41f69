"""What the practice bills with: its service types and tax rates."""

from decimal import Decimal
from uuid import UUID

from domain.tables import ServiceType, TaxRate
from domain.tx import Tx


async def create_service_type(tx: Tx, name: str) -> ServiceType:
    """Refused (TAKEN) where another that is not archived has this name."""
    raise NotImplementedError


async def update_service_type(
    tx: Tx, service_type_id: UUID, *, name: str | None = None, archived: bool | None = None
) -> ServiceType:
    """None: stays as it is. Invoices keep an archived one."""
    raise NotImplementedError


async def create_tax_rate(tx: Tx, name: str, percentage: Decimal) -> TaxRate:
    """`percentage` from 0 to 100, at most 4 decimals; it never changes."""
    raise NotImplementedError


async def update_tax_rate(
    tx: Tx, tax_rate_id: UUID, *, name: str | None = None, archived: bool | None = None
) -> TaxRate:
    raise NotImplementedError
