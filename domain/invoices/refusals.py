"""Xero's refusals of an invoice: the failure, its remedy, and the time of the next attempt."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.invoices import eligibility, xero_catalogue
from domain.invoices import waiting as waiting_invoices
from domain.invoices.eligibility import CONTACT, Problem
from domain.invoices.rows import touch
from domain.invoices.setup import Setup
from domain.tables import Invoice, InvoiceLine, InvoiceStatus, InvoiceSyncState
from domain.tx import Tx

# Failures that another set-up may correct at once. The other failures can be corrected in Xero's own pages.
_BY_SETUP = ("ACCOUNT_UNAVAILABLE", "TAX_RATE_UNAVAILABLE")
# These are corrected in Xero, or on the contact, and Tandem learns of some corrections only: tried again after the first
# pause, then after twice as long, up to the last. A contact's end is read at once, and then shown as CONTACT_NOT_SYNCED.
_HOURLY = (timedelta(hours=1), timedelta(days=1))
_AGAIN = {
    "INVOICE_NUMBER_TAKEN": _HOURLY,
    "INVALID_IN_XERO": _HOURLY,
    "VALUE_TOO_LONG": _HOURLY,
    "NAME_TAKEN_IN_XERO": _HOURLY,
    "XERO_UNAVAILABLE": (timedelta(minutes=5), timedelta(hours=1)),
    "ARCHIVED_IN_XERO": (timedelta(minutes=1), timedelta(minutes=1)),
}


def refuse(tx: Tx, invoice: Invoice, problem: Problem, again_at: datetime | None = None) -> None:
    """Show a refusal. `again_at`: the invoice is sent again automatically then."""
    eligibility.fail(tx, invoice, problem, next_at=again_at, attempted=True)
    invoice.due_at = tx.now if again_at else None
    touch(tx, invoice)


async def settle(
    tx: Tx, setup: Setup, invoice: Invoice, lines: Sequence[InvoiceLine], problem: Problem
) -> None:
    """Show the refusal. The invoice is not sent again before a fix.

    A fix that was made while the invoice was in flight sends it at once. If only a fix in Xero helps, the invoice is tried
    again from time to time. An invoice that was voided here meanwhile needs no fix.
    """
    if invoice.status is InvoiceStatus.VOIDED and invoice.xero_invoice_id is None:
        eligibility.rest(invoice, InvoiceSyncState.NOT_SENT)
        touch(tx, invoice)
        return
    problem = named(setup, invoice, lines, problem)
    if problem.code in _BY_SETUP and _resolves_anew(setup, invoice, lines):
        invoice.due_at, invoice.next_attempt_at = tx.now, None
        tx.notify_workers()
        return
    again_at = None
    if problem.code in _AGAIN and problem.remedy != "UPDATE_INVOICE":
        first, last = _AGAIN[problem.code]
        again_at = tx.now + min(first * 2 ** min(invoice.attempts, 12), last)
    refuse(tx, invoice, problem, again_at)
    if problem.code in waiting_invoices.CATALOGUE_CODES:
        await tx.session.flush()
        await xero_catalogue.wanted_after_failure(tx, setup.organisation.id)
    if problem.code == "ARCHIVED_IN_XERO":
        await _contacts_wanted(tx, setup.organisation.id)


async def _contacts_wanted(tx: Tx, organisation_id: UUID) -> None:
    """Request a read of the contact: Xero has archived or merged it, and the mirror does not show that yet."""
    await tx.run(
        "update organisation set poll_due_at = least(poll_due_at, :now) where workspace_id = :ws and id = :id",
        id=organisation_id,
    )
    tx.notify_workers()


def named(setup: Setup, invoice: Invoice, lines: Sequence[InvoiceLine], problem: Problem) -> Problem:
    """The refusal with its subjects, and with the remedy that fits these lines."""
    own = [line for place, line in enumerate(lines) if _is_about(problem, place, line)]
    remedy = problem.remedy
    if problem.code == "ACCOUNT_UNAVAILABLE" and own:
        default = all(line.service_type_id not in setup.service_accounts for line in own)
        remedy = "SET_DEFAULT_ACCOUNTS" if default else "SET_ACCOUNT_MAPPING"
    return replace(
        problem,
        remedy=remedy,
        subjects=_subjects(setup, invoice, own or lines, problem),
        each=tuple(named(setup, invoice, lines, one) for one in problem.each),
    )


def _is_about(problem: Problem, place: int, line: InvoiceLine) -> bool:
    """Whether Xero's words name this line, or quote its account (or its tax type, if they are about that)."""
    if problem.line is not None:
        return problem.line == place
    code = line.tax_type if problem.code == "TAX_RATE_UNAVAILABLE" else line.account_code
    return f"'{code}'" in problem.message


def _subjects(
    setup: Setup, invoice: Invoice, lines: Sequence[InvoiceLine], problem: Problem
) -> tuple[str, ...]:
    """The subjects of Xero's words. `lines` are the lines that they name, or all if they name none."""
    if problem.code == "ACCOUNT_UNAVAILABLE":
        return tuple(
            dict.fromkeys(f"XeroAccount:{line.xero_account_id}" for line in lines if line.xero_account_id)
        )
    if problem.code == "TAX_RATE_UNAVAILABLE":
        types = {line.tax_type for line in lines}
        return tuple(f"XeroTaxRate:{rate.id}" for rate in setup.xero_rates.values() if rate.tax_type in types)
    if problem.code in ("PERIOD_LOCKED", "CURRENCY_MISMATCH"):
        return (setup.subject,)
    if problem.code == "ARCHIVED_IN_XERO" or CONTACT in problem.subjects:
        return (f"Contact:{invoice.contact_id}",)
    return problem.subjects or (f"Invoice:{invoice.id}",)


def _resolves_anew(setup: Setup, invoice: Invoice, lines: Sequence[InvoiceLine]) -> bool:
    """Whether lines that Xero refused would be resolved to something else the next time."""
    sent = [(line.account_code, line.tax_type) for line in lines]
    for line in lines:
        line.xero_account_id, line.account_code, line.tax_type = None, None, None
    found = [eligibility.resolve(setup, line, invoice.amounts_are)[0] for line in lines]
    return sent != [(one.account.code if one.account else None, one.tax_type) for one in found]
