"""What it means for an invoice that Xero refuses it: what is shown, what mends it, and when it is tried again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.invoices import eligibility, xero_catalogue
from domain.invoices import waiting as waiting_invoices
from domain.invoices.eligibility import Problem, Setup
from domain.invoices.rows import touch
from domain.tables import Invoice, InvoiceLine, InvoiceStatus, InvoiceSyncState
from domain.tx import Tx

# What another set-up may mend at once; Xero's own pages can mend the others.
_BY_SETUP = ("ACCOUNT_UNAVAILABLE", "TAX_RATE_UNAVAILABLE")
# Xero's own pages mend these, and nothing is told of it: tried again after the first, and twice as long up to the last.
# A contact's end is read at once, and then told as CONTACT_NOT_SYNCED. INVALID_IN_XERO: where only Xero can mend.
_HOURLY = (timedelta(hours=1), timedelta(days=1))
_AGAIN = {
    "INVOICE_NUMBER_TAKEN": _HOURLY,
    "INVALID_IN_XERO": _HOURLY,
    "ARCHIVED_IN_XERO": (timedelta(minutes=1), timedelta(minutes=1)),
}


def refuse(tx: Tx, invoice: Invoice, problem: Problem) -> None:
    eligibility.fail(tx, invoice, problem, attempted=True)
    invoice.due_at = None
    touch(tx, invoice)


async def settle(
    tx: Tx, setup: Setup, invoice: Invoice, lines: Sequence[InvoiceLine], problem: Problem
) -> None:
    """Shown, and not sent again before a fix. One that was made while it was on its way sends it at once; what Xero's
    own pages can mend is looked at from time to time. One that was voided here meanwhile needs no fix."""
    if invoice.status is InvoiceStatus.VOIDED and invoice.xero_invoice_id is None:
        eligibility.rest(invoice, InvoiceSyncState.NOT_SENT)
        touch(tx, invoice)
        return
    problem = named(setup, invoice, lines, problem)
    if problem.code in _BY_SETUP and _resolves_anew(setup, invoice, lines):
        invoice.due_at, invoice.next_attempt_at = tx.now, None
        tx.notify_workers()
        return
    refuse(tx, invoice, problem)
    if problem.code in _AGAIN and problem.remedy != "UPDATE_INVOICE":
        first, last = _AGAIN[problem.code]
        pause = min(first * 2 ** min(invoice.attempts - 1, 12), last)
        eligibility.fail(tx, invoice, problem, next_at=tx.now + pause)
        invoice.due_at = tx.now
    if problem.code in waiting_invoices.CATALOGUE_CODES:
        await tx.session.flush()
        await xero_catalogue.wanted_after_failure(tx, setup.organisation["id"])
    if problem.code == "ARCHIVED_IN_XERO":
        await _contacts_wanted(tx, setup.organisation["id"])


async def _contacts_wanted(tx: Tx, organisation_id: UUID) -> None:
    """Xero has archived or merged a contact, and the mirror does not know: it is read now."""
    await tx.run(
        "update organisation set poll_due_at = least(poll_due_at, :now) where workspace_id = :ws and id = :id",
        id=organisation_id,
    )
    tx.notify_workers()


def named(setup: Setup, invoice: Invoice, lines: Sequence[InvoiceLine], problem: Problem) -> Problem:
    """With what Xero's words are about, and the remedy that is the right one for these lines."""
    remedy = problem.remedy
    if problem.code == "ACCOUNT_UNAVAILABLE":
        default = all(
            line.service_type_id not in setup.service_accounts for line in lines if _names(line, problem)
        )
        remedy = "SET_DEFAULT_ACCOUNTS" if default else "SET_ACCOUNT_MAPPING"
    return replace(
        problem, remedy=remedy, subjects=problem.subjects or _subjects(setup, invoice, lines, problem)
    )


def _names(line: InvoiceLine, problem: Problem) -> bool:
    return f"'{line.account_code}'" in problem.message


def _subjects(
    setup: Setup, invoice: Invoice, lines: Sequence[InvoiceLine], problem: Problem
) -> tuple[str, ...]:
    """What Xero's words are about: of accounts and tax rates those that they name."""
    if problem.code == "ACCOUNT_UNAVAILABLE":
        named = [f"XeroAccount:{line.xero_account_id}" for line in lines if _names(line, problem)]
        return tuple(dict.fromkeys(named))
    if problem.code == "TAX_RATE_UNAVAILABLE":
        types = {line.tax_type for line in lines if f"'{line.tax_type}'" in problem.message}
        return tuple(
            f"XeroTaxRate:{rate['id']}" for rate in setup.xero_rates.values() if rate["tax_type"] in types
        )
    if problem.code in ("PERIOD_LOCKED", "CURRENCY_MISMATCH"):
        return (setup.subject,)
    if problem.code == "ARCHIVED_IN_XERO":
        return (f"Contact:{invoice.contact_id}",)
    return (f"Invoice:{invoice.id}",)


def _resolves_anew(setup: Setup, invoice: Invoice, lines: Sequence[InvoiceLine]) -> bool:
    """Lines that Xero refused are resolved again the next time; whether to something else."""
    sent = [(line.account_code, line.tax_type) for line in lines]
    for line in lines:
        line.xero_account_id, line.account_code, line.tax_type = None, None, None
    found = [eligibility.resolve(setup, line, invoice.amounts_are)[0] for line in lines]
    now: list[tuple[Any, Any]] = [
        (where.account["code"] if where.account else None, where.tax_type) for where in found
    ]
    return now != sent
