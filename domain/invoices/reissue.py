"""A new invoice in place of one that was voided in Xero: checked before anything is voided, then made and sent."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

from domain.invoices import eligibility
from domain.invoices import setup as invoice_setup
from domain.invoices.actions import lines_of, place_now
from domain.invoices.input import draw_number
from domain.invoices.rows import add, as_given, recorded, set_totals, totals_of, write_lines
from domain.invoices.setup import Setup
from domain.invoices.totals import LineTotal
from domain.names.text_keys import name_key, search_key
from domain.problems import Code, Problem, Refused
from domain.tables import AmountsAre, Invoice, InvoiceLine, InvoiceStatus, InvoiceSyncState
from domain.tx import Tx

ZERO = Decimal("0.00")
_INSTEAD = "Nothing was voided. Choose VOID_HERE and make the new invoice by hand."
_CODES = {
    "PERIOD_LOCKED": Code.PERIOD_LOCKED, "CURRENCY_MISMATCH": Code.CURRENCY_MISMATCH,
    "TAX_RATE_UNMAPPED": Code.UNMAPPED, "ACCOUNT_UNMAPPED": Code.UNMAPPED,
}  # fmt: skip


async def check(tx: Tx, invoice: Invoice) -> None:
    """Refused where the new invoice would come to another total than this one, or could not pass to Xero. The refusal
    names each line that stands in the way."""
    lines = (await lines_of(tx, [invoice.id]))[invoice.id]
    found = await totals_of(tx, invoice, lines)
    setup = await invoice_setup.load(tx, invoice.organisation_id) if invoice.organisation_id else None
    going = setup if setup and eligibility.eligible(setup.organisation, invoice.issue_date) is None else None
    problems = [
        problem
        for number, (line, total) in enumerate(zip(lines, found.lines, strict=True), 1)
        for problem in _of_line(invoice, line, total, number, going)
    ]
    if going is not None:
        problems += await _of_invoice(tx, going, invoice)
    if not problems and found.total != invoice.total:
        problems.append(
            Problem(Code.INVALID, f"It came to {invoice.total:f}, and would come to {found.total:f}.")
        )
    if problems:
        raise Refused(
            [replace(one, message=f"{one.message} {_INSTEAD}", path=("invoiceId",)) for one in problems]
        )


def _of_line(
    invoice: Invoice, line: InvoiceLine, total: LineTotal, number: int, setup: Setup | None
) -> list[Problem]:
    if _is_text_only(invoice, line):
        return [Problem(Code.INVALID, f"Line {number} is text without an amount, and cannot be sent again.")]
    if line.tax_rate_id is None and invoice.amounts_are is not AmountsAre.NO_TAX:
        message = f"Line {number} has Xero's tax type {line.tax_type}, which no tax rate of the practice is mapped to."
        return [Problem(Code.UNMAPPED, message)]
    if setup is not None:
        _, problems = eligibility.resolve(setup, line, invoice.amounts_are)
        if problems:
            return [
                Problem(_CODES.get(one.code, Code.WRONG_STATE), f"Line {number}: {one.message}")
                for one in problems
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


def _is_text_only(invoice: Invoice, line: InvoiceLine) -> bool:
    """Whether Xero showed the line without a quantity and a unit price."""
    shown = next(
        (one for one in (invoice.xero_base or {}).get("lines") or () if one["id"] == str(line.xero_line_id)),
        None,
    )
    return not line.quantity and not line.unit_price and shown is not None and shown["quantity"] is None


async def _of_invoice(tx: Tx, setup: Setup, invoice: Invoice) -> list[Problem]:
    """Problems of the invoice as a whole. A connection that has ended is none: both invoices wait for it."""
    linked = await eligibility.linked(tx, setup.organisation.id, [invoice.contact_id])
    found, _ = eligibility.check(setup, invoice, (), linked=invoice.contact_id in linked)
    return [
        Problem(_CODES.get(one.code, Code.WRONG_STATE), one.message)
        for one in found
        if one.code != "NEEDS_RECONNECT"
    ]


async def copy(tx: Tx, invoice: Invoice) -> Invoice:
    """The same invoice under a new number, sent at once. Item code, tracking and an account that were chosen inside Xero
    go with it."""
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
    await _take_along(tx, made, lines)
    await place_now(tx, made)
    recorded(tx, made, f"was made anew from {invoice.number}")
    return made


async def _take_along(tx: Tx, made: Invoice, lines: Sequence[InvoiceLine]) -> None:
    accounts = await _accounts(tx, made.organisation_id)
    for own, source in zip((await lines_of(tx, [made.id]))[made.id], lines, strict=True):
        own.item_code, own.tracking = source.item_code, source.tracking
        if source.xero_account_id is None and source.account_code is not None:  # accepted from Xero
            own.xero_account_id = accounts.get(source.account_code)
    await tx.session.flush()


async def _accounts(tx: Tx, organisation_id: UUID | None) -> dict[str, UUID]:
    rows = await tx.rows(
        "select id, code from xero_account where workspace_id = :ws and organisation_id = :organisation and active"
        " and code is not null",
        organisation=organisation_id,
    )
    return {row["code"]: row["id"] for row in rows}
