"""A new invoice in place of one that was voided in Xero: checked before anything is voided, then made and sent."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from domain.invoices import eligibility
from domain.invoices import setup as invoice_setup
from domain.invoices.actions import lines_of, place_now
from domain.invoices.differences import merged
from domain.invoices.input import GivenLine
from domain.invoices.numbers import draw_number
from domain.invoices.rows import add, as_given, recorded, set_totals, totals_of, write_lines
from domain.invoices.setup import Account, Setup
from domain.invoices.totals import LineTotal
from domain.names.text_keys import name_key, search_key, visible
from domain.problems import Code, Problem, Refused
from domain.tables import AmountsAre, Invoice, InvoiceLine, InvoiceStatus, InvoiceSyncState, LineInXero
from domain.tx import Tx

ZERO = Decimal("0.00")
_INSTEAD = "Nothing was voided. Choose VOID_HERE and make the new invoice by hand."
_CODES = {
    "PERIOD_LOCKED": Code.PERIOD_LOCKED, "CURRENCY_MISMATCH": Code.CURRENCY_MISMATCH,
    "TAX_RATE_UNMAPPED": Code.UNMAPPED, "ACCOUNT_UNMAPPED": Code.UNMAPPED,
}  # fmt: skip


async def check(tx: Tx, invoice: Invoice) -> None:
    """Refuse if the new invoice would have another total than this one, or could not go to Xero. The refusal names each
    line that cannot be reissued."""
    lines = (await lines_of(tx, [invoice.id]))[invoice.id]
    found = await totals_of(tx, invoice, lines)
    setup = await invoice_setup.load(tx, invoice.organisation_id) if invoice.organisation_id else None
    goes = eligibility.eligible(setup.organisation if setup else None, invoice.issue_date) is None
    problems = [
        problem
        for number, (line, total) in enumerate(zip(lines, found.lines, strict=True), 1)
        for problem in _of_line(invoice, line, total, number, setup, goes=goes)
    ]
    if setup is not None and goes:
        problems += await _of_invoice(tx, setup, invoice)
    if not problems and found.total != invoice.total:
        problems.append(
            Problem(Code.INVALID, f"It came to {invoice.total:f}, and would come to {found.total:f}.")
        )
    if problems:
        raise Refused(
            [replace(one, message=f"{one.message} {_INSTEAD}", path=("invoiceId",)) for one in problems]
        )


def _of_line(
    invoice: Invoice, line: InvoiceLine, total: LineTotal, number: int, setup: Setup | None, *, goes: bool
) -> list[Problem]:
    """`goes`: the new invoice goes to Xero now. If the sync is off, its mappings may still be completed."""
    if _is_text_only(invoice, line):
        return [Problem(Code.INVALID, f"Line {number} is text without an amount, and cannot be sent again.")]
    if not visible(line.description).strip():
        return [Problem(Code.INVALID, f"Line {number} has no description, and Xero takes no such line.")]
    if line.tax_rate_id is None and invoice.amounts_are is not AmountsAre.NO_TAX:
        message = f"Line {number} has Xero's tax type {line.tax_type}, which no tax rate of the practice is mapped to."
        return [Problem(Code.UNMAPPED, message)]
    if setup is not None:
        chosen = _chosen_in_xero(setup, invoice, line)
        if chosen is None and _has_account_of_xero(line):
            message = f"Line {number} is on Xero's account {line.account_code}, which was archived there, or is not known yet."
            return [Problem(Code.WRONG_STATE, message)]
        _, found = eligibility.resolve(setup, _anew(line, chosen), invoice.amounts_are)
        if found and goes:
            return [
                Problem(_CODES.get(one.code, Code.WRONG_STATE), f"Line {number}: {one.message}")
                for one in found
            ]
    if line.amount != total.amount:
        message = f"Line {number} comes to {line.amount:f} in Xero, and would come to {total.amount:f}."
        return [Problem(Code.INVALID, message)]
    if line.tax_amount != total.tax:
        message = (
            f"Line {number} has {line.tax_amount:f} of tax typed over in Xero, and would have {total.tax:f}."
        )
        return [Problem(Code.INVALID, message)]
    return []


def _anew(line: InvoiceLine, account: Account | None) -> GivenLine:
    """The line of the new invoice: its account and tax type are resolved anew, unless the account was chosen in Xero."""
    return replace(as_given(line), id=None, xero_account_id=account.id if account else None)


def _has_account_of_xero(line: InvoiceLine) -> bool:
    """Whether the line's account was chosen in Xero and accepted here."""
    return line.xero_account_id is None and line.account_code is not None


def _chosen_in_xero(setup: Setup, invoice: Invoice, line: InvoiceLine) -> Account | None:
    """The active account that was chosen in Xero for the line: by Xero's id, as codes can be edited, else by code."""
    if not _has_account_of_xero(line):
        return None
    there = _in_xero(invoice, line)
    active = [one for one in setup.accounts.values() if one.active]
    by_id = [one for one in active if there and str(one.account_id) == there.account]
    return next(iter(by_id or [one for one in active if one.code == line.account_code]), None)


def _in_xero(invoice: Invoice, line: InvoiceLine) -> LineInXero | None:
    """The line as Xero last showed it."""
    shown = merged(invoice.xero_base, invoice.xero_shown).lines or ()
    return next((one for one in shown if one.id and one.id == line.xero_line_id), None)


def _is_text_only(invoice: Invoice, line: InvoiceLine) -> bool:
    """Whether Xero showed the line without a quantity and a unit price."""
    there = _in_xero(invoice, line)
    return not line.quantity and not line.unit_price and there is not None and there.quantity is None


async def _of_invoice(tx: Tx, setup: Setup, invoice: Invoice) -> list[Problem]:
    """Problems of the invoice as a whole. An ended connection is not a problem: both invoices wait for it."""
    linked = await eligibility.linked(tx, setup.organisation.id, [invoice.contact_id])
    found, _ = eligibility.check(setup, invoice, (), linked=invoice.contact_id in linked)
    return [
        Problem(_CODES.get(one.code, Code.WRONG_STATE), one.message)
        for one in found
        if one.code != "NEEDS_RECONNECT"
    ]


async def copy(tx: Tx, invoice: Invoice) -> Invoice:
    """The same invoice under a new number, sent at once. Item codes, tracking and accounts that were chosen in Xero go
    with it."""
    number = await draw_number(tx)
    made = Invoice(
        workspace_id=tx.workspace, id=uuid4(), number=number, number_key=name_key(number) or number,
        reference=invoice.reference, contact_id=invoice.contact_id, organisation_id=invoice.organisation_id,
        status=InvoiceStatus.AWAITING_PAYMENT, issue_date=invoice.issue_date, due_date=invoice.due_date,
        currency=invoice.currency, amounts_are=invoice.amounts_are, subtotal=ZERO, tax_total=ZERO, total=ZERO,
        total_cents=0, amount_paid=ZERO, amount_due=ZERO, created_at=tx.now, updated_at=tx.now, sent_at=tx.now,
        search_key=search_key(number, invoice.reference), sync_state=InvoiceSyncState.NOT_SENT,
    )  # fmt: skip
    lines = (await lines_of(tx, [invoice.id]))[invoice.id]
    found = await totals_of(tx, made, lines)
    set_totals(made, found)
    await add(tx, made)
    await write_lines(tx, made, [replace(as_given(line), id=None) for line in lines], {}, found)
    await _take_along(tx, invoice, made, lines)
    await place_now(tx, made)
    recorded(tx, made, f"was made anew from {invoice.number}")
    return made


def hold_void(old: Invoice, new: Invoice) -> None:
    """Let the void in Xero wait until Xero has the new invoice, which Xero may refuse: for an item or a tracking option that was
    deleted there, for example. A new invoice that does not go to Xero holds nothing back."""
    if old.due_at is not None and new.sync_state in (InvoiceSyncState.PENDING, InvoiceSyncState.FAILING):
        old.due_at, new.replaces_id = None, old.id


async def _take_along(tx: Tx, invoice: Invoice, made: Invoice, lines: Sequence[InvoiceLine]) -> None:
    """Item code and tracking of a line are what Xero last showed, whether or not a person has accepted other changes."""
    setup = await invoice_setup.load(tx, made.organisation_id) if made.organisation_id else None
    for own, source in zip((await lines_of(tx, [made.id]))[made.id], lines, strict=True):
        there = _in_xero(invoice, source)
        own.item_code = there.item_code if there else source.item_code
        own.tracking = (list(there.tracking) if there else source.tracking) or None
        chosen = _chosen_in_xero(setup, invoice, source) if setup else None
        own.xero_account_id = chosen.id if chosen else None
    await tx.session.flush()
