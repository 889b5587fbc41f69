"""Actions on the practice's invoices. Only this module writes what a person sets in `invoice` and `invoice_line`.

DRAFT → APPROVED → AWAITING_PAYMENT → PAID, or VOIDED. DRAFT and APPROVED can be edited. AWAITING_PAYMENT can be edited
while it is known that Xero has no such invoice (FAILING, no open delivery); an approved invoice must stay fit to be
sent. PAID follows from what Xero shows.

All that is wrong with an input is refused at once, each problem at its path by the schema's names, as
('lines', '3', 'quantity').
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID, uuid4

from msgspec import UNSET
from sqlmodel import col, select

from domain import bulk, idempotency
from domain.activity import Change
from domain.connection import held_invoices
from domain.invoices import eligibility
from domain.invoices import setup as invoice_setup
from domain.invoices import waiting as waiting_invoices
from domain.invoices.input import (
    GivenInvoice,
    Header,
    check_currency,
    check_dates,
    check_fit,
    check_references,
    clean_header,
    clean_lines,
    compute,
    contact_exists,
    currency_problems,
    find_organisation,
)
from domain.invoices.numbers import draw_number
from domain.invoices.rows import add, as_given, recorded, set_totals, totals_of, touch, write_lines
from domain.invoices.setup import Setup
from domain.names.text_keys import name_key, search_key
from domain.problems import Code, Problem, Refused, not_found, refuse, stale
from domain.tables import (
    AmountsAre,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    InvoiceSyncState,
)
from domain.tx import Tx

ZERO = Decimal("0.00")
_SENT = (InvoiceStatus.AWAITING_PAYMENT, InvoiceStatus.PAID)


async def find(tx: Tx, invoice_id: UUID) -> Invoice | None:
    return await tx.session.get(Invoice, (tx.workspace, invoice_id))


async def lock(tx: Tx, invoice_id: UUID) -> Invoice:
    """Lock the invoice, and its organisation's set-up against change. Refused if the invoice is unknown."""
    organisation = await tx.session.scalar(
        select(Invoice.organisation_id).where(
            col(Invoice.workspace_id) == tx.workspace, col(Invoice.id) == invoice_id
        )
    )
    if organisation is not None:
        await held_invoices.lock_setup(tx, organisation)
    key = (tx.workspace, invoice_id)
    invoice = await tx.session.get(Invoice, key, with_for_update=True, populate_existing=True)
    if invoice is None:
        raise Refused([not_found("invoice", "invoiceId")])
    return invoice


def check_version(invoice: Invoice, version: int | None) -> None:
    if version is not None and version != invoice.version:
        raise stale("invoice")


async def lines_of(tx: Tx, invoice_ids: Sequence[UUID]) -> dict[UUID, list[InvoiceLine]]:
    """The lines of the invoice, in their order."""
    found = await tx.session.scalars(
        select(InvoiceLine)
        .where(col(InvoiceLine.workspace_id) == tx.workspace, col(InvoiceLine.invoice_id).in_(invoice_ids))
        .order_by(col(InvoiceLine.invoice_id), col(InvoiceLine.place))
        .execution_options(populate_existing=True)
    )
    lines: dict[UUID, list[InvoiceLine]] = {invoice_id: [] for invoice_id in invoice_ids}
    for line in found:
        lines[line.invoice_id].append(line)
    return lines


async def create(tx: Tx, given: GivenInvoice, idempotency_key: str | None = None) -> Invoice:
    """Create a DRAFT. Without a number, one is drawn.

    With an idempotency key that was used for the same input within 24 hours, the invoice created then is returned. Refused:
    a currency other than the practice's (CURRENCY_MISMATCH), because such an invoice could only be voided; an archived
    service type or tax rate on a new line.
    """
    invoice_id = uuid4()
    before = await idempotency.answered(tx, "createInvoice", idempotency_key, asdict(given), invoice_id)
    if before is not None:
        return await lock(tx, before)
    problems: list[Problem] = []
    given = replace(given, issue_date=given.issue_date or None, due_date=given.due_date or None)
    values = clean_header(given, problems)
    check_dates(values.get("issue_date"), values.get("due_date"), problems)
    lines = clean_lines(given.lines or (), problems)
    known = await check_references(tx, lines, {}, problems)
    if "contact_id" not in values:
        problems.append(
            Problem(Code.REQUIRED, "An invoice needs a contact. Give `contactId`.", ("contactId",))
        )
    elif not await contact_exists(tx, values["contact_id"]):
        problems.append(not_found("contact", "contactId"))
    organisation = await find_organisation(tx, given.organisation_id, problems)
    currency = await check_currency(tx, values.get("currency"), problems)
    if problems:
        raise Refused(problems)
    amounts_are = values.get("amounts_are", AmountsAre.TAX_EXCLUSIVE)
    number = values.get("number") or await draw_number(tx)
    invoice = Invoice(
        workspace_id=tx.workspace, id=invoice_id, number=number, number_key=name_key(number) or number,
        reference=values.get("reference"), contact_id=values["contact_id"], organisation_id=organisation,
        status=InvoiceStatus.DRAFT, issue_date=values["issue_date"], due_date=values["due_date"],
        currency=currency, amounts_are=amounts_are, subtotal=ZERO,
        tax_total=ZERO, total=ZERO, total_cents=0, amount_paid=ZERO, amount_due=ZERO, created_at=tx.now,
        updated_at=tx.now, search_key=search_key(number, values.get("reference")),
        sync_state=InvoiceSyncState.NOT_SENT,
    )  # fmt: skip
    set_totals(invoice, compute(lines, known.percentages, amounts_are))
    await add(tx, invoice)
    await write_lines(tx, invoice, lines, {}, compute(lines, known.percentages, amounts_are))
    recorded(tx, invoice, "was created")
    return invoice


async def create_many(tx: Tx, rows: Sequence[tuple[GivenInvoice, str | None]]) -> list[Invoice | Refused]:
    """Create each invoice on its own, each with its idempotency key."""
    return await bulk.each(tx, rows, lambda row: create(tx, *row))


async def update(tx: Tx, invoice_id: UUID, given: GivenInvoice, *, version: int | None = None) -> Invoice:
    """Change what is given, but for the number, the currency and the organisation, which stay.

    `lines` replace all lines. A line that names the id of a line of this invoice keeps that id.
    """
    invoice = await lock(tx, invoice_id)
    check_version(invoice, version)
    await _check_editable(tx, invoice)
    problems: list[Problem] = []
    values = clean_header(replace(given, number=UNSET, currency=UNSET), problems)
    check_dates(
        values.get("issue_date", invoice.issue_date), values.get("due_date", invoice.due_date), problems
    )
    kept = {line.id: line for line in (await lines_of(tx, [invoice.id]))[invoice.id]}
    if given.lines is not None:
        lines = clean_lines(given.lines, problems)
    else:
        lines = [as_given(line) for line in kept.values()]
    known = await check_references(tx, lines, kept, problems)
    if "contact_id" in values and not await contact_exists(tx, values["contact_id"]):
        problems.append(not_found("contact", "contactId"))
    amounts_are = values.get("amounts_are", invoice.amounts_are)
    found = compute(lines, known.percentages, amounts_are)
    if not problems and invoice.status is not InvoiceStatus.DRAFT:
        problems += check_fit(lines, found, amounts_are, invoice.currency)
    if problems:
        raise Refused(problems)
    changes = _changes(invoice, values)
    lines_changed = [as_given(line) for line in kept.values()] != lines
    if not changes and not lines_changed:
        return invoice
    total_before = invoice.total
    for column, value in values.items():
        setattr(invoice, column, value)
    invoice.search_key = search_key(invoice.number, invoice.reference)
    set_totals(invoice, found)
    await write_lines(tx, invoice, lines, kept, found)
    if lines_changed:
        changes.append(Change("lines", _text(total_before), _text(invoice.total)))
    touch(tx, invoice)
    if invoice.status is InvoiceStatus.AWAITING_PAYMENT:
        await place_now(tx, invoice)
    recorded(tx, invoice, "was changed", changes)
    return invoice


async def approve(tx: Tx, invoice_id: UUID, *, version: int | None = None) -> Invoice:
    """Approve a DRAFT. An approved invoice is returned as it is.

    Refused: a currency other than the organisation's (CURRENCY_MISMATCH); a line whose amount needs a third decimal, no
    lines, or a negative total (INVALID).
    """
    invoice = await lock(tx, invoice_id)
    if invoice.status is InvoiceStatus.APPROVED:
        return invoice
    check_version(invoice, version)
    if invoice.status is not InvoiceStatus.DRAFT:
        raise refuse(
            Code.WRONG_STATE, f"This invoice is {invoice.status}. Only a DRAFT can be approved.", "invoiceId"
        )
    lines = (await lines_of(tx, [invoice.id]))[invoice.id]
    problems = [
        replace(problem, path=("invoiceId",))
        for problem in check_fit(
            lines, await totals_of(tx, invoice, lines), invoice.amounts_are, invoice.currency
        )
    ]
    problems += await currency_problems(tx, invoice)
    if problems:
        raise Refused(problems)
    invoice.status = InvoiceStatus.APPROVED
    touch(tx, invoice)
    recorded(tx, invoice, "was approved")
    return invoice


async def send(tx: Tx, invoice_id: UUID, *, version: int | None = None) -> Invoice:
    """Send an APPROVED invoice: it becomes AWAITING_PAYMENT, and is due for Xero or waits with the reason why.

    A sent invoice is returned as it is.
    """
    invoice = await lock(tx, invoice_id)
    return await _send(tx, invoice, version, await _surroundings(tx, [invoice]), bulk=False)


async def _send(tx: Tx, invoice: Invoice, version: int | None, around: "_Around", *, bulk: bool) -> Invoice:
    if invoice.status in _SENT:
        return invoice
    if invoice.status is not InvoiceStatus.APPROVED:
        raise refuse(
            Code.WRONG_STATE,
            f"This invoice is {invoice.status}. Only an APPROVED invoice can be sent.",
            "invoiceId",
        )
    check_version(invoice, version)
    invoice.status, invoice.sent_at = InvoiceStatus.AWAITING_PAYMENT, tx.now
    touch(tx, invoice)
    await around.place(tx, invoice, bulk=bulk)
    recorded(tx, invoice, "was sent")
    return invoice


async def many(tx: Tx, to: InvoiceStatus, rows: Sequence[tuple[UUID, int | None]]) -> list[Invoice | Refused]:
    """Approve or send each invoice on its own. All are locked first. More than 10 are bulk work."""
    ids = [invoice_id for invoice_id, _ in rows]
    organisations = await tx.ids(
        "select distinct organisation_id from invoice where workspace_id = :ws and id = any(:ids)"
        " and organisation_id is not null order by 1",
        ids=ids,
    )
    for organisation in organisations:
        await held_invoices.lock_setup(tx, organisation)
    held = await tx.session.scalars(
        select(Invoice)
        .where(col(Invoice.workspace_id) == tx.workspace, col(Invoice.id).in_(ids))
        .order_by(col(Invoice.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    known = {invoice.id: invoice for invoice in held}
    around = await _surroundings(tx, list(known.values()))

    async def change(row: tuple[UUID, int | None]) -> Invoice:
        if to is InvoiceStatus.APPROVED:
            return await approve(tx, row[0], version=row[1])
        invoice = known.get(row[0]) or await lock(tx, row[0])
        return await _send(tx, invoice, row[1], around, bulk=len(rows) > waiting_invoices.MOST_INTERACTIVE)

    return await bulk.each(tx, rows, change)


async def void(tx: Tx, invoice_id: UUID, *, version: int | None = None) -> Invoice:
    """Void the invoice here at once; it becomes due to be voided in Xero. A voided invoice is returned as it is.

    Refused if Xero has shown a payment or credit on it (HAS_PAYMENTS), or if Xero's books are locked (PERIOD_LOCKED).
    """
    invoice = await lock(tx, invoice_id)
    if invoice.status is InvoiceStatus.VOIDED:
        return invoice
    check_version(invoice, version)
    if invoice.amount_paid > 0:
        raise refuse(
            Code.HAS_PAYMENTS,
            "Payments or credits are allocated to this invoice in Xero. Remove them there first.",
            "invoiceId",
        )
    if invoice.xero_invoice_id is not None and invoice.organisation_id is not None:
        setup = await invoice_setup.load(tx, invoice.organisation_id)
        if locked := eligibility.locked(setup.organisation, invoice.issue_date):
            raise refuse(Code.PERIOD_LOCKED, locked[0].message, "invoiceId")
    await end(tx, invoice)
    waits = invoice.sync_state is InvoiceSyncState.SYNC_OFF
    recorded(
        tx, invoice, "was voided; in Xero it will be once the invoice sync is on" if waits else "was voided"
    )
    return invoice


async def end(tx: Tx, invoice: Invoice) -> None:
    """Void the invoice here. The void in Xero becomes due if Xero has the invoice or may have it."""
    invoice.status, invoice.amount_due = InvoiceStatus.VOIDED, ZERO
    touch(tx, invoice)
    await waiting_invoices.void_replaced(tx, invoice)
    if invoice.xero_status in eligibility.GONE:
        eligibility.rest(invoice, InvoiceSyncState.SYNCED)
        invoice.xero_base, invoice.xero_shown = invoice.xero_shown or invoice.xero_base, None
    elif invoice.organisation_id is not None and invoice.xero_invoice_id is not None:
        eligibility.place_void(tx, await invoice_setup.load(tx, invoice.organisation_id), invoice)
    elif await _in_flight(tx, invoice.id):
        eligibility.rest(invoice, InvoiceSyncState.PENDING)
        invoice.due_at, invoice.bulk, invoice.attempts = tx.now, False, 0
        tx.notify_workers()
    else:
        eligibility.rest(invoice, InvoiceSyncState.NOT_SENT)


async def place_now(tx: Tx, invoice: Invoice) -> None:
    """Evaluate again where a sent invoice belongs that Xero does not have. The work is interactive."""
    await (await _surroundings(tx, [invoice])).place(tx, invoice, bulk=False)


class _Failing(NamedTuple):
    id: UUID
    organisation_id: UUID | None
    failure_code: str


async def retry(tx: Tx, invoice_ids: Sequence[UUID], organisation_id: UUID | None = None) -> int:
    """Retry failing invoices: the named ones, and all of the organisation. Returns their number.

    An UNCERTAIN invoice is looked up now, and never sent again before the result is known. An invoice with another total is
    never sent again. If accounts, tax rates or lock dates are the reason, they are read again too.
    """
    failing = await tx.read(
        _Failing,
        "update invoice set due_at = :now, next_attempt_at = null, bulk = false where workspace_id = :ws and id in ("
        " select id from invoice where workspace_id = :ws and sync_state = 'FAILING' and failure_code <> 'TOTAL_MISMATCH'"
        " and (id = any(:ids) or organisation_id = cast(:organisation as uuid)) order by id for update) returning id, organisation_id, failure_code",
        ids=list(invoice_ids), organisation=organisation_id,
    )  # fmt: skip
    doubted = {
        one.organisation_id
        for one in failing
        if one.organisation_id and one.failure_code in waiting_invoices.CATALOGUE_CODES
    }
    for one in sorted(doubted):
        await waiting_invoices.catalogue_wanted(tx, one, tx.now)
    await tx.run(
        "update delivery set due_at = :now where workspace_id = :ws and ended_at is null and lease_until <= :now"
        " and id in (select delivery_id from delivery_member where workspace_id = :ws and open"
        " and invoice_id = any(:ids))",
        ids=[one.id for one in failing],
    )
    if failing:
        tx.notify_workers()
    return len(failing)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _changes(invoice: Invoice, values: Header) -> list[Change]:
    """The changes that the values make, by the schema's names, for the activity."""
    told = (
        ("contactId", invoice.contact_id, values.get("contact_id", invoice.contact_id)),
        ("reference", invoice.reference, values.get("reference", invoice.reference)),
        ("issueDate", invoice.issue_date, values.get("issue_date", invoice.issue_date)),
        ("dueDate", invoice.due_date, values.get("due_date", invoice.due_date)),
        ("amountsAre", invoice.amounts_are, values.get("amounts_are", invoice.amounts_are)),
    )
    return [Change(name, _text(was), _text(now)) for name, was, now in told if was != now]


@dataclass(frozen=True)
class _Around:
    """The set-up that decides where invoices go when they are sent. It is read once for all of them."""

    setups: Mapping[UUID, Setup]
    linked: Mapping[UUID, Mapping[UUID, UUID]]
    lines: Mapping[UUID, Sequence[InvoiceLine]]

    async def place(self, tx: Tx, invoice: Invoice, *, bulk: bool) -> None:
        organisation = invoice.organisation_id
        await eligibility.place(
            tx,
            self.setups.get(organisation) if organisation else None,
            invoice,
            self.lines[invoice.id],
            linked=organisation is not None and invoice.contact_id in self.linked[organisation],
            bulk=bulk,
        )


async def _surroundings(tx: Tx, invoices: Sequence[Invoice]) -> _Around:
    """Read the set-up. An invoice without an organisation gets the organisation that exists by now."""
    homeless = [invoice for invoice in invoices if invoice.organisation_id is None]
    found = await find_organisation(tx, None, []) if homeless else None
    if found is not None:
        await held_invoices.lock_setup(tx, found)
        for invoice in homeless:
            invoice.organisation_id = found
    await tx.session.flush()
    organisations = {invoice.organisation_id for invoice in invoices if invoice.organisation_id}
    contacts = {invoice.contact_id for invoice in invoices}
    return _Around(
        {one: await invoice_setup.load(tx, one) for one in organisations},
        {one: await eligibility.linked(tx, one, list(contacts)) for one in organisations},
        await lines_of(tx, [invoice.id for invoice in invoices]),
    )


async def _check_editable(tx: Tx, invoice: Invoice) -> None:
    if invoice.status in (InvoiceStatus.DRAFT, InvoiceStatus.APPROVED):
        return
    if invoice.status is InvoiceStatus.VOIDED:
        raise refuse(
            Code.WRONG_STATE, "This invoice is voided and cannot be changed. Make another one.", "invoiceId"
        )
    failing = invoice.sync_state is InvoiceSyncState.FAILING and invoice.xero_invoice_id is None
    waiting = failing or invoice.sync_state in (InvoiceSyncState.SYNC_OFF, InvoiceSyncState.BEFORE_START_DATE)
    if (
        invoice.status is not InvoiceStatus.AWAITING_PAYMENT
        or not waiting
        or await _in_flight(tx, invoice.id)
    ):
        raise refuse(
            Code.WRONG_STATE,
            "Xero has this invoice, or may have it. Void it and make another one, or edit it in Xero.",
            "invoiceId",
        )


async def _in_flight(tx: Tx, invoice_id: UUID) -> bool:
    found = await tx.ids(
        "select delivery_id from delivery_member where workspace_id = :ws and invoice_id = :id and open",
        id=invoice_id,
    )
    return bool(found)
