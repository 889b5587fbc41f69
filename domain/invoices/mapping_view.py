"""The state of the invoice mappings: the choices, the gaps, and the invoices that another start date would send."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlmodel import col, select

from domain.invoices import eligibility, mappings
from domain.invoices import setup as invoice_setup
from domain.invoices.actions import lines_of
from domain.invoices.eligibility import Problem, account_problem, rate_problem
from domain.invoices.input import currency_of
from domain.invoices.setup import Setup
from domain.tables import Invoice, InvoiceLineKind
from domain.tx import Tx

A_CALL = 50  # invoices in one call
_SAMPLE = 500  # invoices whose problems a preview looks at


@dataclass(frozen=True)
class Preview:
    """`invoices` are sent invoices that another start date would newly send; `earliest` is their first issue date.

    `calls` is the number of calls at Xero. `problems` are those of all of them together.
    """

    invoices: int
    total: Decimal
    earliest: date | None
    calls: int
    problems: list[Problem]


@dataclass(frozen=True)
class AccountChoice:
    """The account of a service type. None: the default revenue account."""

    service_type_id: UUID
    xero_account_id: UUID | None
    problem: Problem | None


@dataclass(frozen=True)
class RateChoice:
    """Xero's tax rate for a tax rate of the practice. None: none is chosen."""

    tax_rate_id: UUID
    xero_tax_rate_id: UUID | None
    problem: Problem | None


async def preview(tx: Tx, organisation_id: UUID, start_date: date) -> Preview:
    """The invoices that `set_sync` with this start date would newly send."""
    await mappings.get(tx, organisation_id)
    found = await mappings.kept_here(tx, organisation_id, start_date)
    ids = await tx.ids(
        f"select id {mappings.KEPT_HERE} order by issue_date, id limit {_SAMPLE}",
        organisation=organisation_id,
        start=start_date,
    )
    problems = await _problems_of(tx, organisation_id, ids)
    return Preview(found.invoices, found.total, found.earliest, -(-found.invoices // A_CALL), problems)


async def gaps(tx: Tx, organisation_id: UUID) -> list[Problem]:
    """The problems of the set-up that still keep invoices from syncing."""
    setup = await invoice_setup.load(tx, organisation_id)
    found: list[Problem] = []
    organisation = setup.organisation
    if not setup.connected:
        found.append(eligibility.unconnected(setup))
    currency = await currency_of(tx)
    if organisation.base_currency not in ("", currency):
        message = (
            f"{organisation.name} keeps its books in {organisation.base_currency}, but the practice bills in"
            f" {currency}. Both must use the same currency."
        )
        found.append(Problem("CURRENCY_MISMATCH", message, "UPDATE_WORKSPACE", (setup.subject,)))
    for kind, what, chosen in (
        (InvoiceLineKind.SERVICE, "revenue", organisation.revenue_account_id),
        (InvoiceLineKind.EXPENSE, "expense", organisation.expense_account_id),
    ):
        account = setup.accounts.get(chosen) if chosen else None
        problem = (
            account_problem(account, kind, "SET_DEFAULT_ACCOUNTS")
            if account
            else Problem(
                "ACCOUNT_UNMAPPED",
                f"There is no default {what} account. Set one with setDefaultAccounts.",
                "SET_DEFAULT_ACCOUNTS",
                (setup.subject,),
            )
        )
        found += [problem] if problem else []
    accounts, rates = await _account_mappings(tx, setup), await _tax_mappings(tx, setup)
    of_mappings = [*(one.problem for one in accounts), *(one.problem for one in rates)]
    return [*found, *(one for one in of_mappings if one is not None)]


async def account_mappings(tx: Tx, organisation_id: UUID) -> list[AccountChoice]:
    """The choice for each service type that is offered, used by a line or mapped."""
    return await _account_mappings(tx, await invoice_setup.load(tx, organisation_id))


async def _account_mappings(tx: Tx, setup: Setup) -> list[AccountChoice]:
    found = []
    for service in await _in_use(tx, "service_type", "account_mapping", setup.organisation.id):
        chosen = setup.service_accounts.get(service)
        problem = (
            account_problem(setup.accounts[chosen], InvoiceLineKind.SERVICE, "SET_ACCOUNT_MAPPING")
            if chosen
            else None
        )
        found.append(AccountChoice(service, chosen, problem))
    return found


async def tax_mappings(tx: Tx, organisation_id: UUID) -> list[RateChoice]:
    """The choice for each tax rate that is offered, used by a line or mapped."""
    return await _tax_mappings(tx, await invoice_setup.load(tx, organisation_id))


async def _tax_mappings(tx: Tx, setup: Setup) -> list[RateChoice]:
    found = []
    for rate in await _in_use(tx, "tax_rate", "tax_mapping", setup.organisation.id):
        chosen, own = setup.rate_choices.get(rate), setup.tax_rates[rate]
        problem = (
            rate_problem(setup.xero_rates[chosen], own.percentage)
            if chosen
            else eligibility.unmapped_rate(own)
        )
        found.append(RateChoice(rate, chosen, problem))
    return found


async def _in_use(tx: Tx, table: str, mapping: str, organisation_id: UUID) -> list[UUID]:
    """Service types or tax rates that are offered, mapped, or on a line that is still to go."""
    return await tx.ids(
        f"select t.id from {table} t where t.workspace_id = :ws and (t.archived_at is null"
        f" or exists (select 1 from {mapping} m where m.workspace_id = :ws and m.organisation_id = :organisation"
        f" and m.{table}_id = t.id)"
        f" or exists (select 1 from invoice_line l join invoice i on i.workspace_id = :ws and i.id = l.invoice_id"
        f" where l.workspace_id = :ws and l.{table}_id = t.id and i.xero_invoice_id is null"
        " and i.status in ('DRAFT', 'APPROVED', 'AWAITING_PAYMENT'))) order by t.name_key, t.id",
        organisation=organisation_id,
    )


async def _problems_of(tx: Tx, organisation_id: UUID, ids: Sequence[UUID]) -> list[Problem]:
    setup = await invoice_setup.load(tx, organisation_id)
    found = await tx.session.scalars(
        select(Invoice).where(col(Invoice.workspace_id) == tx.workspace, col(Invoice.id).in_(ids))
    )
    invoices = found.all()
    lines = await lines_of(tx, ids)
    linked = await eligibility.linked(tx, organisation_id, [one.contact_id for one in invoices])
    problems: dict[Problem, None] = {}
    for one in invoices:
        own, _ = eligibility.check(setup, one, lines[one.id], linked=one.contact_id in linked)
        problems |= dict.fromkeys(own)
    return list(problems)
