"""How the practice's invoices become Xero's: default accounts, service type → account, tax rate → Xero tax rate, start
date and switch. The only writer of these settings.

Accounts and tax rates are chosen among what `catalogue` mirrors. A choice stays when what it names is archived in Xero,
or the organisation is connected anew: it is flagged, and a person makes another. Whatever is mended here sends what has
waited for it. Refused: NOT_FOUND for ids and codes that are not there, each at its place in the input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.tx import Tx


@dataclass(frozen=True)
class Preview:
    """`invoices`: sent ones that another start date would newly send; `earliest` their first issue date. `calls`: what
    sending them takes of Xero's calls. `problems`: as `SyncProblem` rows, of all of them together."""

    invoices: int
    total: Decimal
    earliest: date | None
    calls: int
    problems: list[dict[str, Any]]


async def set_default_accounts(
    tx: Tx, organisation_id: UUID, revenue_account_code: str, expense_account_code: str
) -> None:
    """Refused (INVALID) for an account that may not take what it is meant for: revenue must be of class REVENUE; expenses
    that are billed on may be of REVENUE or EXPENSE. Also for archived ones, system accounts and bank accounts."""
    raise NotImplementedError


async def set_account_mapping(
    tx: Tx, organisation_id: UUID, service_type_id: UUID, account_code: str | None
) -> None:
    """None removes the mapping: the default revenue account serves."""
    raise NotImplementedError


async def set_tax_mapping(
    tx: Tx, organisation_id: UUID, tax_rate_id: UUID, xero_tax_type: str | None
) -> None:
    """None removes the mapping: invoices with that rate wait. Refused (INVALID) where Xero's rate is another percentage,
    is archived, or may not be used for revenue."""
    raise NotImplementedError


async def set_mappings(
    tx: Tx,
    organisation_id: UUID,
    accounts: Sequence[tuple[UUID, str | None]],
    tax_rates: Sequence[tuple[UUID, str | None]],
) -> None:
    """All or none, every problem at once, with paths as (accounts, 2, accountCode)."""
    raise NotImplementedError


async def set_sync(
    tx: Tx,
    organisation_id: UUID,
    *,
    enabled: bool | None = None,
    start_date: date | None = None,
    accept_invoices: int | None = None,
) -> None:
    """None leaves as it is. On without a start date is refused (REQUIRED), as is another currency than the workspace's
    (CURRENCY_MISMATCH). An earlier date that newly sends invoices needs their count, from `preview`
    (CONFIRMATION_NEEDED, also where it has grown). A later one takes nothing back from Xero."""
    raise NotImplementedError


async def preview(tx: Tx, organisation_id: UUID, start_date: date) -> Preview:
    """What `set_sync` with this start date would newly send."""
    raise NotImplementedError


async def gaps(tx: Tx, organisation_id: UUID) -> list[dict[str, Any]]:
    """What still keeps invoices from syncing: rows of code, message, subjects (as 'TaxRate:id') and remedy."""
    raise NotImplementedError


async def account_mappings(tx: Tx, organisation_id: UUID) -> list[Mapping[str, Any]]:
    """A row for each service type that is offered, used by a line or mapped: service_type_id, xero_account_id or None,
    and `problem` (as in `gaps`) or None."""
    raise NotImplementedError


async def tax_mappings(tx: Tx, organisation_id: UUID) -> list[Mapping[str, Any]]:
    """As account_mappings: tax_rate_id, xero_tax_rate_id or None, `problem` or None."""
    raise NotImplementedError
