"""The set-up of an organisation: all that decides where its invoices go, read at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from domain.tables import ConnectionHealth
from domain.tx import Tx

_UNCONNECTED = (ConnectionHealth.NEEDS_RECONNECT, ConnectionHealth.DISCONNECTED)


@dataclass(frozen=True)
class Account:
    """An account of Xero's chart. `id` is the mirror's, `account_id` Xero's. `active` is false for an archived account."""

    id: UUID
    account_id: UUID
    code: str | None
    name: str
    account_class: str
    system_account: str | None
    active: bool


@dataclass(frozen=True)
class XeroRate:
    """A tax rate of Xero's. `id` is the mirror's, `tax_type` Xero's code; 15 is 15 %."""

    id: UUID
    tax_type: str
    name: str
    effective_rate: Decimal
    active: bool
    can_apply_to_revenue: bool
    can_apply_to_expenses: bool


@dataclass(frozen=True)
class PracticeRate:
    """A tax rate of the practice; 15 is 15 %."""

    id: UUID
    name: str
    percentage: Decimal


@dataclass(frozen=True)
class Billed:
    """The organisation's settings for invoices. `revenue_account_id` and `expense_account_id` are the defaults."""

    id: UUID
    name: str
    base_currency: str
    disconnected_at: datetime | None
    health: str
    invoice_sync: bool
    invoice_start_date: date | None
    period_lock_date: date | None
    year_lock_date: date | None
    revenue_account_id: UUID | None
    expense_account_id: UUID | None


@dataclass(frozen=True)
class Setup:
    """`accounts` and `xero_rates` by the mirror's ids; `service_accounts` and `rate_choices` are the mappings that a person
    made; `service_types` holds their names."""

    organisation: Billed
    accounts: Mapping[UUID, Account]
    xero_rates: Mapping[UUID, XeroRate]
    service_accounts: Mapping[UUID, UUID]
    rate_choices: Mapping[UUID, UUID]
    service_types: Mapping[UUID, str]
    tax_rates: Mapping[UUID, PracticeRate]

    @property
    def connected(self) -> bool:
        return self.organisation.disconnected_at is None and self.organisation.health not in _UNCONNECTED

    @property
    def subject(self) -> str:
        return f"XeroOrganisation:{self.organisation.id}"


@dataclass(frozen=True)
class _Choice:
    """A mapping that a person made: a service type or tax rate to Xero's account or tax rate."""

    own: UUID
    theirs: UUID


@dataclass(frozen=True)
class _Named:
    id: UUID
    name: str


def _columns(kind: type[Account | XeroRate | PracticeRate | Billed]) -> str:
    """The columns that a row of this type holds."""
    return ", ".join(one.name for one in fields(kind))


async def load(tx: Tx, organisation_id: UUID) -> Setup:
    """Read the set-up. A caller that acts on it holds `held_invoices.lock_setup`."""
    bound = {"organisation": organisation_id}
    organisation = await tx.read_one(
        Billed,
        f"select {_columns(Billed)} from organisation where workspace_id = :ws and id = :organisation",
        **bound,
    )
    assert organisation is not None
    own = "where workspace_id = :ws and organisation_id = :organisation"
    accounts = await tx.read(Account, f"select {_columns(Account)} from xero_account {own}", **bound)
    xero_rates = await tx.read(XeroRate, f"select {_columns(XeroRate)} from xero_tax_rate {own}", **bound)
    services = await tx.read(
        _Choice,
        f"select service_type_id as own, xero_account_id as theirs from account_mapping {own}",
        **bound,
    )
    rates = await tx.read(
        _Choice, f"select tax_rate_id as own, xero_tax_rate_id as theirs from tax_mapping {own}", **bound
    )
    types = await tx.read(_Named, "select id, name from service_type where workspace_id = :ws")
    tax_rates = await tx.read(
        PracticeRate, f"select {_columns(PracticeRate)} from tax_rate where workspace_id = :ws"
    )
    return Setup(
        organisation,
        {one.id: one for one in accounts},
        {one.id: one for one in xero_rates},
        {one.own: one.theirs for one in services},
        {one.own: one.theirs for one in rates},
        {one.id: one.name for one in types},
        {one.id: one for one in tax_rates},
    )
