"""The mapping of invoices: default accounts, service type → account, tax rate → Xero tax rate, start date and switch.

Only this module writes these settings. Accounts and tax rates are chosen from the catalogue. A choice stays when Xero
archives the account or tax rate, or when the organisation is connected again. The choice is flagged, and a person makes
another one. Each correction sends the invoices that waited for it. Refused: NOT_FOUND for unknown ids and codes, each at
its place in the input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from domain import activity
from domain.activity import Change
from domain.connection import held_invoices
from domain.inbound.webhook_inbox import OVERLAP
from domain.invoices import setup as invoice_setup
from domain.invoices import waiting as waiting_invoices
from domain.invoices.eligibility import GONE, account_problem, rate_problem
from domain.invoices.input import currency_of
from domain.invoices.setup import Setup
from domain.problems import Code, Problem, Refused, counted, disconnected, not_found, refuse
from domain.tables import (
    ActivityKind,
    EventKind,
    InvoiceLineKind,
    Organisation,
)
from domain.tx import Tx

_OF_ACCOUNTS = ("ACCOUNT_UNMAPPED", "ACCOUNT_UNAVAILABLE")
_OF_RATES = ("TAX_RATE_UNMAPPED", "TAX_RATE_UNAVAILABLE")
# Sent, and kept here by switch or date. One without an organisation goes to the only one that is on.
KEPT_HERE = (
    " from invoice where workspace_id = :ws and status = 'AWAITING_PAYMENT' and xero_invoice_id is null"
    " and sync_state in ('SYNC_OFF', 'BEFORE_START_DATE') and issue_date >= :start"
    " and (organisation_id = :organisation or organisation_id is null and not exists (select 1 from organisation o"
    " where o.workspace_id = :ws and o.invoice_sync and o.id <> :organisation))"
)
_OUR_TURN = (
    " where workspace_id = :ws and organisation_id = :organisation and not exists (select 1 from delivery_member m"
    " where m.workspace_id = :ws and m.invoice_id = invoice.id and m.open)"
)
_AT_REST = f"{_OUR_TURN} and status = 'AWAITING_PAYMENT' and xero_invoice_id is null"
# Voided here, and not yet in Xero.
_TO_VOID = f"{_OUR_TURN} and status = 'VOIDED' and xero_invoice_id is not null and xero_status not in {GONE}"


async def set_default_accounts(
    tx: Tx, organisation_id: UUID, revenue_account_code: str, expense_account_code: str
) -> None:
    """Set the default accounts. Refused (INVALID) for an account that may not take such lines.

    Revenue needs class REVENUE; billed expenses need REVENUE or EXPENSE. Archived accounts, system accounts and bank
    accounts are refused.
    """
    organisation, setup = await _lock(tx, organisation_id)
    problems: list[Problem] = []
    revenue = _account(
        setup, revenue_account_code, InvoiceLineKind.SERVICE, ("revenueAccountCode",), problems
    )
    expense = _account(
        setup, expense_account_code, InvoiceLineKind.EXPENSE, ("expenseAccountCode",), problems
    )
    _raise(problems)
    changes = [
        Change("defaultRevenueAccount", _name(setup, organisation.revenue_account_id), _name(setup, revenue)),
        Change("defaultExpenseAccount", _name(setup, organisation.expense_account_id), _name(setup, expense)),
    ]
    organisation.revenue_account_id, organisation.expense_account_id = revenue, expense
    await _changed(tx, organisation_id, "The default accounts were set.", changes, _OF_ACCOUNTS)


async def set_account_mapping(
    tx: Tx, organisation_id: UUID, service_type_id: UUID, account_code: str | None
) -> None:
    """Map a service type to an account. None removes the mapping: the default revenue account is used."""
    _, setup = await _lock(tx, organisation_id)
    problems: list[Problem] = []
    change = await _map_account(tx, setup, service_type_id, account_code, (), problems)
    _raise(problems)
    await _changed(tx, organisation_id, "An account was mapped.", [change], _OF_ACCOUNTS)


async def set_tax_mapping(
    tx: Tx, organisation_id: UUID, tax_rate_id: UUID, xero_tax_type: str | None
) -> None:
    """Map a tax rate to Xero's. None removes the mapping: invoices with that rate wait.

    Refused (INVALID) if Xero's rate has another percentage, is archived, or may not be used for revenue.
    """
    _, setup = await _lock(tx, organisation_id)
    problems: list[Problem] = []
    change = await _map_rate(tx, setup, tax_rate_id, xero_tax_type, (), problems)
    _raise(problems)
    await _changed(tx, organisation_id, "A tax rate was mapped.", [change], _OF_RATES)


async def set_mappings(
    tx: Tx,
    organisation_id: UUID,
    accounts: Sequence[tuple[UUID, str | None]],
    tax_rates: Sequence[tuple[UUID, str | None]],
) -> None:
    """Set all mappings or none. All problems are given at once, with paths as (accounts, 2, accountCode)."""
    _, setup = await _lock(tx, organisation_id)
    problems: list[Problem] = []
    changes = [
        await _map_account(tx, setup, *row, ("accounts", str(place)), problems)
        for place, row in enumerate(accounts)
    ]
    changes += [
        await _map_rate(tx, setup, *row, ("taxRates", str(place)), problems)
        for place, row in enumerate(tax_rates)
    ]
    _raise(problems)
    await _changed(tx, organisation_id, "The mappings were set.", changes, (*_OF_ACCOUNTS, *_OF_RATES))


async def set_sync(
    tx: Tx,
    organisation_id: UUID,
    *,
    enabled: bool | None = None,
    start_date: date | None = None,
    accept_invoices: int | None = None,
) -> None:
    """Set the switch and the start date. None leaves a setting as it is.

    Refused: on without a start date (REQUIRED); a currency other than the workspace's (CURRENCY_MISMATCH); an earlier date
    that newly sends invoices, without their count from `preview` (CONFIRMATION_NEEDED, also if the count has grown). A later
    date takes nothing back from Xero.
    """
    organisation, _ = await _lock(tx, organisation_id)
    on = organisation.invoice_sync if enabled is None else enabled
    start, before = start_date or organisation.invoice_start_date, organisation.invoice_start_date
    if on:
        await _check_fit(tx, organisation, start)
    if before is not None and start is not None and start < before:
        waiting = await kept_here(tx, organisation_id, start)
        if waiting.invoices > (accept_invoices or 0):
            more = counted(waiting.invoices, "more invoice")
            message = (
                f"This start date sends {more} to Xero. Give that number as `acceptInvoices` to confirm."
            )
            raise refuse(Code.CONFIRMATION_NEEDED, message, "acceptInvoices")
    changes = [
        Change(name, _text(was), _text(now))
        for name, was, now in (
            ("enabled", organisation.invoice_sync, on),
            ("startDate", before, start),
        )
        if was != now
    ]
    if not changes:
        return
    organisation.invoice_sync, organisation.invoice_start_date = on, start
    if on:
        organisation.invoice_cursor = organisation.invoice_cursor or tx.now - OVERLAP
        organisation.invoice_poll_due_at = organisation.invoice_poll_due_at or tx.now
    await tx.session.flush()
    await _place_again(tx, organisation_id, start if on else None)
    await waiting_invoices.catalogue_wanted(tx, organisation_id, tx.now)
    await _changed(tx, organisation_id, "The invoice sync was set.", changes, ())


async def get(tx: Tx, organisation_id: UUID) -> Organisation:
    found = await tx.session.get(Organisation, (tx.workspace, organisation_id), populate_existing=True)
    if found is None:
        raise Refused([not_found("Xero organisation", "organisationId")])
    return found


async def _lock(tx: Tx, organisation_id: UUID) -> tuple[Organisation, Setup]:
    """Lock the set-up, so that no invoice is checked while it changes."""
    await held_invoices.lock_setup(tx, organisation_id, change=True)
    return await get(tx, organisation_id), await invoice_setup.load(tx, organisation_id)


def _raise(problems: list[Problem]) -> None:
    if problems:
        raise Refused(problems)


def _text(value: object) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _name(setup: Setup, account_id: UUID | None) -> str | None:
    account = setup.accounts.get(account_id) if account_id else None
    return f"{account.code} {account.name}" if account else None


def _account(
    setup: Setup, code: str, kind: InvoiceLineKind, path: tuple[str, ...], problems: list[Problem]
) -> UUID | None:
    """The account with this code, an active one before an archived one."""
    fit = sorted(
        (account for account in setup.accounts.values() if account.code == code),
        key=lambda account: not account.active,
    )
    if not fit:
        problems.append(
            Problem(
                Code.NOT_FOUND,
                f"Xero has no account with the code {code!r}. Choose one of the organisation's `accounts`.",
                path,
            )
        )
        return None
    wrong = account_problem(fit[0], kind, "")
    if wrong:
        problems.append(Problem(Code.INVALID, wrong.message, path))
    return fit[0].id


async def _map_account(
    tx: Tx, setup: Setup, service: UUID, code: str | None, path: tuple[str, ...], problems: list[Problem]
) -> Change:
    own = setup.service_types.get(service)
    if own is None:
        problems.append(not_found("service type", *path, "serviceTypeId"))
    account = (
        _account(setup, code, InvoiceLineKind.SERVICE, (*path, "accountCode"), problems)
        if code is not None
        else None
    )
    if not problems:
        await _choose(tx, "account_mapping", "service_type_id", "xero_account_id", setup, service, account)
    before = setup.service_accounts.get(service)
    return Change(f"account of {own or ''}", _name(setup, before), _name(setup, account))


async def _map_rate(
    tx: Tx, setup: Setup, rate: UUID, tax_type: str | None, path: tuple[str, ...], problems: list[Problem]
) -> Change:
    own = setup.tax_rates.get(rate)
    chosen = next((one for one in setup.xero_rates.values() if one.tax_type == tax_type), None)
    if own is None:
        problems.append(not_found("tax rate", *path, "taxRateId"))
    if tax_type is not None and chosen is None:
        message = (
            f"Xero has no tax rate with the code {tax_type!r}. Choose one of the organisation's `taxRates`."
        )
        problems.append(Problem(Code.NOT_FOUND, message, (*path, "xeroTaxType")))
    wrong = rate_problem(chosen, own.percentage) if own and chosen else None
    if wrong:
        problems.append(Problem(Code.INVALID, wrong.message, (*path, "xeroTaxType")))
    if not problems:
        key = chosen.id if chosen else None
        await _choose(tx, "tax_mapping", "tax_rate_id", "xero_tax_rate_id", setup, rate, key)
    before = setup.xero_rates.get(setup.rate_choices.get(rate, rate))
    return Change(
        f"tax rate of {own.name if own else ''}",
        before.tax_type if before else None,
        chosen.tax_type if chosen else None,
    )


async def _choose(
    tx: Tx, table: str, own: str, other: str, setup: Setup, key: UUID, chosen: UUID | None
) -> None:
    bound = {"organisation": setup.organisation.id, "key": key}
    if chosen is None:
        await tx.run(
            f"delete from {table} where workspace_id = :ws and organisation_id = :organisation and {own} = :key",
            **bound,
        )
        return
    await tx.run(
        f"insert into {table} (workspace_id, organisation_id, {own}, {other}) values (:ws, :organisation, :key, :chosen)"
        f" on conflict (workspace_id, organisation_id, {own}) do update set {other} = excluded.{other}",
        chosen=chosen,
        **bound,
    )


async def _changed(
    tx: Tx, organisation_id: UUID, message: str, changes: Sequence[Change], corrected: Sequence[str]
) -> None:
    told = [change for change in changes if change.before != change.after]
    if told:
        activity.record(tx, ActivityKind.SETTING_CHANGED, message, organisation=organisation_id, changes=told)
    if corrected:
        await waiting_invoices.release(tx, organisation_id, corrected)
    tx.publish(EventKind.CONNECTION, organisation_id, organisation=organisation_id)


async def _check_fit(tx: Tx, organisation: Organisation, start: date | None) -> None:
    problems = []
    if organisation.disconnected_at is not None:
        problems.append(disconnected())
    if start is None:
        message = "A start date is needed: the first issue date whose invoices go to Xero. Give `startDate`."
        problems.append(Problem(Code.REQUIRED, message, ("startDate",)))
    currency = await currency_of(tx)
    if organisation.base_currency not in ("", currency):
        message = (
            f"{organisation.name} keeps its books in {organisation.base_currency}, but the practice bills in {currency}."
            " Both must use the same currency."
        )
        problems.append(Problem(Code.CURRENCY_MISMATCH, message, ("organisationId",)))
    _raise(problems)


@dataclass(frozen=True)
class KeptHere:
    """Sent invoices that only the switch or the start date keeps here; `earliest` is their first issue date."""

    invoices: int
    total: Decimal
    earliest: date | None


async def kept_here(tx: Tx, organisation_id: UUID, start: date) -> KeptHere:
    found = await tx.read_one(
        KeptHere,
        f"select count(*) as invoices, coalesce(sum(total), 0.00) as total, min(issue_date) as earliest {KEPT_HERE}",
        organisation=organisation_id,
        start=start,
    )
    assert found is not None
    return found


async def _place_again(tx: Tx, organisation_id: UUID, start: date | None) -> None:
    """Place sent invoices and voids that Xero does not have again, by the new switch and date. `start` None: off.

    Invoices in flight stay as they are; each is evaluated again if it is freed.
    """
    bound = {"organisation": organisation_id}
    rest = "failure = null, failure_code = null, due_at = null, next_attempt_at = null"
    if start is None:
        ids = await tx.ids(
            f"update invoice set sync_state = 'SYNC_OFF', {rest} where workspace_id = :ws and id in"
            f" (select id from invoice {_AT_REST} union select id from invoice {_TO_VOID}) returning id",
            **bound,
        )
    else:
        early = await tx.ids(
            f"update invoice set sync_state = 'BEFORE_START_DATE', {rest} {_AT_REST} and issue_date < :start"
            " returning id",
            start=start,
            **bound,
        )
        count = (await kept_here(tx, organisation_id, start)).invoices
        due = await tx.ids(
            "update invoice set sync_state = 'PENDING', organisation_id = :organisation, due_at = :now, bulk = :bulk"
            f" where workspace_id = :ws and id in (select id {KEPT_HERE}) returning id",
            start=start,
            bulk=count > waiting_invoices.MOST_INTERACTIVE,
            **bound,
        )
        voids = await tx.ids(
            f"update invoice set sync_state = 'PENDING', due_at = :now {_TO_VOID} and sync_state = 'SYNC_OFF'"
            " returning id",
            **bound,
        )
        ids = [*early, *due, *voids]
        tx.notify_workers()
    tx.publish_all(EventKind.INVOICE, ids, organisation_id)
