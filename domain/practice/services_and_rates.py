"""The practice's service types and tax rates."""

from decimal import Decimal
from uuid import UUID, uuid4

from domain import activity
from domain.practice.workspaces import name_row
from domain.problems import Code, Refused, not_found, refuse
from domain.tables import ActivityKind, EventKind, ServiceType, TaxRate
from domain.tx import Tx

DECIMALS = 4


async def create_service_type(tx: Tx, name: str) -> ServiceType:
    """Refuse (TAKEN) the name of another service type that is not archived."""
    made = ServiceType(workspace_id=tx.workspace, id=uuid4(), name="", name_key="", created_at=tx.now)
    await name_row(tx, made, name, "service type")
    _record(tx, f"The service type {made.name} was added.")
    return made


async def update_service_type(
    tx: Tx, service_type_id: UUID, *, name: str | None = None, archived: bool | None = None
) -> ServiceType:
    """Change what is not None. Invoices keep an archived service type, and its name becomes free."""
    found = await tx.session.get(
        ServiceType, (tx.workspace, service_type_id), with_for_update=True, populate_existing=True
    )
    if found is None:
        raise Refused([not_found("service type", "serviceTypeId")])
    await _update(tx, found, "service type", name, archived)
    return found


async def create_tax_rate(tx: Tx, name: str, percentage: Decimal) -> TaxRate:
    """`percentage` is from 0 to 100 with at most 4 decimals. The rate never changes afterwards, because invoices use it."""
    if not 0 <= percentage <= 100 or percentage != round(percentage, DECIMALS):
        raise refuse(
            Code.INVALID,
            f"A percentage is a number from 0 to 100 with at most {DECIMALS} decimals, such as '15'.",
            "percentage",
        )
    made = TaxRate(
        workspace_id=tx.workspace,
        id=uuid4(),
        name="",
        name_key="",
        percentage=percentage,
        created_at=tx.now,
    )
    await name_row(tx, made, name, "tax rate")
    _record(tx, f"The tax rate {made.name} was added.")
    return made


async def update_tax_rate(
    tx: Tx, tax_rate_id: UUID, *, name: str | None = None, archived: bool | None = None
) -> TaxRate:
    """Change what is not None. Invoices keep an archived tax rate, and its name becomes free."""
    found = await tx.session.get(
        TaxRate, (tx.workspace, tax_rate_id), with_for_update=True, populate_existing=True
    )
    if found is None:
        raise Refused([not_found("tax rate", "taxRateId")])
    await _update(tx, found, "tax rate", name, archived)
    return found


async def _update(
    tx: Tx, row: ServiceType | TaxRate, what: str, name: str | None, archived: bool | None
) -> None:
    before = (row.name, row.archived_at)
    if archived is not None and archived != (row.archived_at is not None):
        row.archived_at = tx.now if archived else None
    await name_row(tx, row, row.name if name is None else name, what)
    if before != (row.name, row.archived_at):
        _record(tx, f"The {what} {row.name} was changed.")


def _record(tx: Tx, message: str) -> None:
    activity.record(tx, ActivityKind.SETTING_CHANGED, message)
    tx.publish(EventKind.WORKSPACE, tx.workspace)
