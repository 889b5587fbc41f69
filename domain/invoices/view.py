"""The computed fields of an invoice in the API: allowed actions, problems, and the preview of a draft."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from msgspec import UNSET
from sqlmodel import col, select

from domain.described import DescribedEnum
from domain.invoices import eligibility
from domain.invoices import setup as invoice_setup
from domain.invoices.actions import lines_of
from domain.invoices.input import (
    GivenInvoice,
    GivenLine,
    check_currency,
    check_fit,
    check_references,
    clean_header,
    clean_lines,
    compute,
    contact_exists,
    find_organisation,
)
from domain.invoices.setup import Account, Setup
from domain.problems import Code, Problem, not_found
from domain.tables import AmountsAre, Invoice, InvoiceLine, InvoiceLineKind, InvoiceStatus, InvoiceSyncState
from domain.tx import Tx


class Action(DescribedEnum):
    """An action that a person can take on an invoice in its present status."""

    UPDATE = "UPDATE", "Change it with updateInvoice. Not possible once Xero has it."
    APPROVE = "APPROVE", "Approve the draft with approveInvoice."
    SEND = "SEND", "Send the approved invoice with sendInvoice."
    VOID = "VOID", "Void it with voidInvoice. Not possible while payments or credits are allocated to it."
    SETTLE_CHANGE = (
        "SETTLE_CHANGE",
        "Decide with settleInvoiceChange about a change inside Xero, or take back a void that Xero refused.",
    )
    RETRY = "RETRY", "Try the failing invoice again now with retrySync."


class Standing(Protocol):
    """An invoice, or as much of it as decides the allowed actions."""

    @property
    def status(self) -> InvoiceStatus: ...
    @property
    def sync_state(self) -> InvoiceSyncState: ...
    @property
    def failure_code(self) -> str | None: ...
    @property
    def xero_invoice_id(self) -> UUID | None: ...
    @property
    def amount_paid(self) -> Decimal: ...


@dataclass(frozen=True)
class PreviewLine:
    """The amounts of one line. `notes` are sentences about what happens to the line without being asked for."""

    amount: Decimal
    tax_amount: Decimal
    account_code: str | None
    tax_type: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """`problems`: what would keep the invoice from Xero. `refusals`: the user errors."""

    lines: list[PreviewLine]
    subtotal: Decimal
    tax_total: Decimal
    total: Decimal
    problems: list[eligibility.Problem]
    refusals: list[Problem]


async def preview(tx: Tx, given: GivenInvoice) -> Preview:
    """The totals of a draft, and what would keep it from Xero. Nothing is saved."""
    refusals: list[Problem] = []
    given = replace(given, issue_date=given.issue_date or UNSET, due_date=given.due_date or UNSET)
    values = clean_header(given, refusals)
    lines = clean_lines(given.lines or (), refusals)
    known = await check_references(tx, [replace(line, id=None) for line in lines], {}, refusals)
    amounts_are = values.get("amounts_are", AmountsAre.TAX_EXCLUSIVE)
    found = compute(lines, known.percentages, amounts_are)
    currency = await check_currency(tx, values.get("currency"), refusals)
    refusals += check_fit(lines, found, amounts_are, currency)
    organisation = await find_organisation(tx, given.organisation_id, refusals)
    contact = values.get("contact_id")
    if contact is not None and not await contact_exists(tx, contact):
        refusals.append(not_found("contact", "contactId"))
    problems: list[eligibility.Problem] = []
    where = [eligibility.Resolved(None, None)] * len(lines)
    if organisation is not None and not any(one.code is Code.NOT_FOUND for one in refusals):
        setup = await invoice_setup.load(tx, organisation)
        linked = await eligibility.linked(tx, organisation, [contact] if contact else [])
        typed = _Typed(contact, values.get("issue_date"), currency, amounts_are)
        problems, where = eligibility.check(setup, typed, lines, linked=contact in linked)
    return Preview(
        [
            PreviewLine(
                total.amount, total.tax, to.account.code if to.account else None, to.tax_type,
                _notes(line, to.account, amounts_are),
            )
            for line, total, to in zip(lines, found.lines, where, strict=True)
        ],
        found.subtotal, found.tax, found.total, problems, refusals,
    )  # fmt: skip


def _notes(line: GivenLine, account: Account | None, amounts_are: AmountsAre) -> tuple[str, ...]:
    """Sentences on a line that names no service type, or names a tax rate that does not count."""
    found = []
    if line.kind is InvoiceLineKind.SERVICE and line.service_type_id is None:
        which = f" ({account.code} {account.name})" if account else ""
        found.append(f"This line has no service type, so it goes to the default revenue account{which}.")
    if line.tax_rate_id is not None and amounts_are is AmountsAre.NO_TAX:
        found.append(
            "The tax rate of this line does not count, because `amountsAre` is NO_TAX: it has no tax."
        )
    return tuple(found)


async def problems(tx: Tx, invoice_ids: Sequence[UUID]) -> dict[UUID, list[eligibility.Problem]]:
    """The problems that would keep each invoice from Xero if it were sent now. Empty once Xero has it.

    If Tandem finds nothing and Xero has refused the invoice, the problems are what Xero named. An invoice that stays here by
    choice (the sync is off, or starts later) has no problem.
    """
    rows = await tx.session.scalars(
        select(Invoice).where(col(Invoice.workspace_id) == tx.workspace, col(Invoice.id).in_(invoice_ids))
    )
    waiting = [
        one
        for one in rows
        if one.xero_invoice_id is None and one.organisation_id and one.status is not InvoiceStatus.VOIDED
    ]
    lines = await lines_of(tx, [one.id for one in waiting])
    answer: dict[UUID, list[eligibility.Problem]] = {invoice_id: [] for invoice_id in invoice_ids}
    for organisation in {one.organisation_id for one in waiting if one.organisation_id}:
        own = [one for one in waiting if one.organisation_id == organisation]
        setup = await invoice_setup.load(tx, organisation)
        linked = await eligibility.linked(tx, organisation, [one.contact_id for one in own])
        for one in own:
            found, _ = eligibility.check(setup, one, lines[one.id], linked=one.contact_id in linked)
            found = [*_unfit(setup, one, lines[one.id]), *found]
            answer[one.id] = found or _refused_by_xero(one)
    return answer


def _refused_by_xero(invoice: Invoice) -> list[eligibility.Problem]:
    """The problems that Xero named when it refused the invoice, each with its own code and remedy."""
    failure = invoice.failure
    if failure is None or not failure.get("refused"):
        return []
    each = failure.get("each")
    return [eligibility.Problem.of(one) for one in each] if each else [eligibility.Problem.of(failure)]


def _unfit(setup: Setup, invoice: Invoice, lines: Sequence[InvoiceLine]) -> list[eligibility.Problem]:
    """The problems that keep a draft from being approved. `check` reports tax rates in its own words."""
    percentages = {key: rate.percentage for key, rate in setup.tax_rates.items()}
    found = compute(lines, percentages, invoice.amounts_are)
    return [
        eligibility.Problem("INVALID_IN_XERO", told.message, "UPDATE_INVOICE", (f"Invoice:{invoice.id}",))
        for told in check_fit(lines, found, invoice.amounts_are, invoice.currency)
        if told.path[-1] != "taxRateId"
    ]


def allowed(invoice: Standing) -> list[Action]:
    """The actions that the invoice's status allows."""
    if invoice.status is InvoiceStatus.DRAFT:
        return [Action.UPDATE, Action.APPROVE, Action.VOID]
    if invoice.status is InvoiceStatus.APPROVED:
        return [Action.UPDATE, Action.SEND, Action.VOID]
    found = []
    failing = invoice.sync_state is InvoiceSyncState.FAILING
    if invoice.status is InvoiceStatus.AWAITING_PAYMENT:
        here = invoice.sync_state in (InvoiceSyncState.SYNC_OFF, InvoiceSyncState.BEFORE_START_DATE)
        if here or (failing and invoice.xero_invoice_id is None and invoice.failure_code != "UNCERTAIN"):
            found.append(Action.UPDATE)
        if invoice.amount_paid <= 0:
            found.append(Action.VOID)
    if invoice.sync_state is InvoiceSyncState.CHANGED_IN_XERO or invoice.failure_code == "HAS_PAYMENTS":
        found.append(Action.SETTLE_CHANGE)
    if failing and invoice.failure_code != "TOTAL_MISMATCH":
        found.append(Action.RETRY)
    return found


@dataclass
class _Typed:
    contact_id: UUID | None
    issue_date: date | None
    currency: str
    amounts_are: AmountsAre
