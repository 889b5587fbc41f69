"""The state of the invoice mappings: what is chosen, what is missing, and what another start date would send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain.invoices import eligibility, mappings
from domain.invoices import setup as invoice_setup
from domain.invoices.actions import lines_of
from domain.invoices.eligibility import account_problem, rate_problem
from domain.invoices.setup import Setup
from domain.tables import Invoice, InvoiceLineKind
from domain.tx import Tx

A_CALL = 50  # invoices in one call
_SAMPLE = 500  # invoices whose problems a preview looks at


@dataclass(frozen=True)
class Preview:
    """`invoices` are sent invoices that another start date would newly send; `earliest` is their first issue date.

    `calls` is the number of calls at Xero. `problems` are `SyncProblem` rows of all of them together.
    """

    invoices: int
    total: Decimal
    earliest: date | None
    calls: int
    problems: list[dict[str, Any]]


async def preview(tx: Tx, organisation_id: UUID, start_date: date) -> Preview:
    """What `set_sync` with this start date would newly send."""
    await mappings.get(tx, organisation_id)
    found = await mappings.kept_here(tx, organisation_id, start_date)
    ids = await tx.rows(
        f"select id {mappings.KEPT_HERE} order by issue_date, id limit {_SAMPLE}",
        organisation=organisation_id,
        start=start_date,
    )
    problems = await _problems_of(tx, organisation_id, [row["id"] for row in ids])
    calls = -(-found["invoices"] // A_CALL)
    return Preview(found["invoices"], found["total"], found["earliest"], calls, problems)


async def gaps(tx: Tx, organisation_id: UUID) -> list[dict[str, Any]]:
    """What still keeps invoices from syncing: rows of code, message, subjects (as 'TaxRate:id') and remedy."""
    setup = await invoice_setup.load(tx, organisation_id)
    found: list[eligibility.Problem] = []
    organisation = setup.organisation
    if not setup.connected:
        found.append(eligibility.unconnected(setup))
    currency = await tx.row("select currency from workspace where id = :ws")
    if currency and organisation.base_currency not in ("", currency["currency"]):
        message = (
            f"{organisation.name} keeps its books in {organisation.base_currency}, but the practice bills in"
            f" {currency['currency']}. Both must use the same currency."
        )
        found.append(eligibility.Problem("CURRENCY_MISMATCH", message, "UPDATE_WORKSPACE", (setup.subject,)))
    for kind, what, chosen in (
        (InvoiceLineKind.SERVICE, "revenue", organisation.revenue_account_id),
        (InvoiceLineKind.EXPENSE, "expense", organisation.expense_account_id),
    ):
        account = setup.accounts.get(chosen) if chosen else None
        problem = (
            account_problem(account, kind, "SET_DEFAULT_ACCOUNTS")
            if account
            else eligibility.Problem(
                "ACCOUNT_UNMAPPED",
                f"There is no default {what} account. Set one with setDefaultAccounts.",
                "SET_DEFAULT_ACCOUNTS",
                (setup.subject,),
            )
        )
        found += [problem] if problem else []
    rows = [problem.as_json() for problem in found]
    for mapping in [*await _account_mappings(tx, setup), *await _tax_mappings(tx, setup)]:
        rows += [mapping["problem"]] if mapping["problem"] else []
    return rows


async def account_mappings(tx: Tx, organisation_id: UUID) -> list[Mapping[str, Any]]:
    """A row for each service type that is offered, used by a line or mapped: service_type_id, xero_account_id or None,
    and `problem` (as in `gaps`) or None."""
    return await _account_mappings(tx, await invoice_setup.load(tx, organisation_id))


async def _account_mappings(tx: Tx, setup: Setup) -> list[Mapping[str, Any]]:
    rows = await _in_use(tx, "service_type", "account_mapping", setup.organisation.id)
    found: list[Mapping[str, Any]] = []
    for row in rows:
        chosen = setup.service_accounts.get(row["id"])
        problem = (
            account_problem(setup.accounts[chosen], InvoiceLineKind.SERVICE, "SET_ACCOUNT_MAPPING")
            if chosen
            else None
        )
        found.append(
            {
                "service_type_id": row["id"],
                "xero_account_id": chosen,
                "problem": problem.as_json() if problem else None,
            }
        )
    return found


async def tax_mappings(tx: Tx, organisation_id: UUID) -> list[Mapping[str, Any]]:
    """As account_mappings: tax_rate_id, xero_tax_rate_id or None, `problem` or None."""
    return await _tax_mappings(tx, await invoice_setup.load(tx, organisation_id))


async def _tax_mappings(tx: Tx, setup: Setup) -> list[Mapping[str, Any]]:
    rows = await _in_use(tx, "tax_rate", "tax_mapping", setup.organisation.id)
    found: list[Mapping[str, Any]] = []
    for row in rows:
        chosen, own = setup.rate_choices.get(row["id"]), setup.tax_rates[row["id"]]
        problem = (
            rate_problem(setup.xero_rates[chosen], own.percentage)
            if chosen
            else eligibility.unmapped_rate(own)
        )
        found.append(
            {
                "tax_rate_id": row["id"],
                "xero_tax_rate_id": chosen,
                "problem": problem.as_json() if problem else None,
            }
        )
    return found


async def _in_use(tx: Tx, table: str, mapping: str, organisation_id: UUID) -> list[dict[str, Any]]:
    """Service types or tax rates that are offered, mapped, or on a line that is still to go."""
    return await tx.rows(
        f"select t.id from {table} t where t.workspace_id = :ws and (t.archived_at is null"
        f" or exists (select 1 from {mapping} m where m.workspace_id = :ws and m.organisation_id = :organisation"
        f" and m.{table}_id = t.id)"
        f" or exists (select 1 from invoice_line l join invoice i on i.workspace_id = :ws and i.id = l.invoice_id"
        f" where l.workspace_id = :ws and l.{table}_id = t.id and i.xero_invoice_id is null"
        " and i.status in ('DRAFT', 'APPROVED', 'AWAITING_PAYMENT'))) order by t.name_key, t.id",
        organisation=organisation_id,
    )


async def _problems_of(tx: Tx, organisation_id: UUID, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    setup = await invoice_setup.load(tx, organisation_id)
    found = await tx.session.scalars(
        select(Invoice).where(col(Invoice.workspace_id) == tx.workspace, col(Invoice.id).in_(ids))
    )
    invoices = found.all()
    lines = await lines_of(tx, ids)
    linked = await eligibility.linked(tx, organisation_id, [one.contact_id for one in invoices])
    problems: dict[eligibility.Problem, None] = {}
    for one in invoices:
        own, _ = eligibility.check(setup, one, lines[one.id], linked=one.contact_id in linked)
        problems |= dict.fromkeys(own)
    return [problem.as_json() for problem in problems]
