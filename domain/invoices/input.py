"""A person's input of an invoice, checked. All errors are given at once, each at its path by the schema's names."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypedDict, TypeVar
from uuid import UUID

from msgspec import UNSET, UnsetType
from sqlmodel import col, select

from domain.invoices.totals import Line, Totals, line_total, totals
from domain.names.text_keys import visible
from domain.practice.workspaces import clean_currency
from domain.problems import Code, Problem, archived, control_characters, not_found, too_long
from domain.tables import (
    AmountsAre,
    Contact,
    Invoice,
    InvoiceLine,
    InvoiceLineKind,
    Organisation,
    ServiceType,
    TaxRate,
    Workspace,
)
from domain.tx import Tx

NamedT = TypeVar("NamedT", ServiceType, TaxRate)

LINES = 500
TEXT, DESCRIPTION = 255, 4000  # Xero's limits
DECIMALS = 4
MOST = Decimal("9999999999.99")  # Xero's limit of a line's amount
_HUGE = Decimal(10) ** 13  # beyond any line before its discount
FIRST_DAY = date(1900, 1, 1)


@dataclass(frozen=True)
class GivenLine:
    """`id`: of a line that exists and stays. The other fields are the columns of `invoice_line`. A discount of 0 is none."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    service_type_id: UUID | None = None
    tax_rate_id: UUID | None = None
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    kind: InvoiceLineKind = InvoiceLineKind.SERVICE
    id: UUID | None = None
    xero_account_id: UUID | None = None
    tax_type: str | None = None


@dataclass(frozen=True)
class GivenInvoice:
    """The values of an invoice by its columns. UNSET: not given, so that it stays as it is. None in `reference` makes it
    blank; elsewhere None is the same as UNSET."""

    contact_id: UUID | UnsetType | None = UNSET
    number: str | UnsetType | None = UNSET
    reference: str | UnsetType | None = UNSET
    issue_date: date | UnsetType | None = UNSET
    due_date: date | UnsetType | None = UNSET
    currency: str | UnsetType | None = UNSET
    amounts_are: AmountsAre | UnsetType | None = UNSET
    lines: Sequence[GivenLine] | None = None
    organisation_id: UUID | None = None


class Header(TypedDict, total=False):
    """The columns of `invoice` that a person gives, cleaned."""

    contact_id: UUID
    number: str | None
    reference: str | None
    issue_date: date
    due_date: date
    currency: str
    amounts_are: AmountsAre


def clean_text(value: str | None, path: str, problems: list[Problem]) -> str | None:
    text = (value or "").strip()
    if not visible(text).strip():
        return None
    if len(text) > TEXT:
        problems.append(too_long(TEXT, len(text), path))
    if _controls(text, but=""):
        problems.append(control_characters(path))
    return text


def clean_header(given: GivenInvoice, problems: list[Problem]) -> Header:
    """The columns that are given. A date that is None is a problem."""
    values = Header()
    if given.number is not UNSET:
        values["number"] = clean_text(given.number, "number", problems)
    if given.reference is not UNSET:
        values["reference"] = clean_text(given.reference, "reference", problems)
    if given.issue_date is not UNSET and (day := _clean_date(given.issue_date, "issueDate", problems)):
        values["issue_date"] = day
    if given.due_date is not UNSET and (day := _clean_date(given.due_date, "dueDate", problems)):
        values["due_date"] = day
    if given.currency:
        values["currency"] = clean_currency(given.currency, problems, "currency")
    if given.amounts_are:
        values["amounts_are"] = given.amounts_are
    if given.contact_id:
        values["contact_id"] = given.contact_id
    return values


def _clean_date(day: date | None, path: str, problems: list[Problem]) -> date | None:
    if day is None:
        problems.append(Problem(Code.REQUIRED, "A date is needed, such as 2026-11-23.", (path,)))
    elif day < FIRST_DAY:
        message = f"This date is too early. Give {FIRST_DAY.isoformat()} or a later day."
        problems.append(Problem(Code.INVALID, message, (path,)))
    return day


def check_dates(issued: date | None, due: date | None, problems: list[Problem]) -> None:
    if issued and due and due < issued:
        problems.append(
            Problem(
                Code.INVALID,
                "The due date lies before the issue date. Give the issue date or a later day.",
                ("dueDate",),
            )
        )


def clean_lines(given: Sequence[GivenLine], problems: list[Problem]) -> list[GivenLine]:
    if len(given) > LINES:
        problems.append(
            Problem(
                Code.TOO_MANY,
                f"An invoice has at most {LINES} lines, and this one has {len(given):,}. Split it.",
                ("lines",),
            )
        )
        return []
    named = [line.id for line in given if line.id is not None]
    if len(named) != len(set(named)):
        problems.append(
            Problem(Code.INVALID, "Two lines have the same `id`. Name each existing line once.", ("lines",))
        )
    return [_clean_line(line, str(place), problems) for place, line in enumerate(given)]


def _clean_line(given: GivenLine, place: str, problems: list[Problem]) -> GivenLine:
    def wrong(code: Code, message: str, field: str) -> None:
        problems.append(Problem(code, message, ("lines", place, field)))

    description = given.description.strip()
    if not visible(description).strip():
        wrong(Code.REQUIRED, "A line needs a description. Say what it bills.", "description")
    elif len(description) > DESCRIPTION:
        problems.append(too_long(DESCRIPTION, len(description), "lines", place, "description"))
    if _controls(description, but="\n\r\t"):
        problems.append(control_characters("lines", place, "description"))
    if given.kind is InvoiceLineKind.EXPENSE and given.service_type_id is not None:
        wrong(
            Code.INVALID,
            "An expense has no service type. Leave `serviceTypeId` out, or make the line a SERVICE.",
            "serviceTypeId",
        )
    quantity, price = given.quantity, given.unit_price
    for value, field in ((quantity, "quantity"), (price, "unitPrice")):
        if not value.is_finite() or value != round(value, DECIMALS):
            wrong(Code.INVALID, f"At most {DECIMALS} decimals are possible. Round the number.", field)
            quantity = price = Decimal(0)
    rate, off = _clean_discount(given, quantity, price, wrong)
    if abs(quantity * price) >= _HUGE or abs(_amount(quantity, price, rate, off)) > MOST:
        wrong(
            Code.INVALID,
            f"A line comes to {MOST:,f} at most in Xero. Check `quantity` and `unitPrice`.",
            "unitPrice",
        )
        quantity = price = Decimal(0)
        rate = off = None
    return replace(
        given,
        description=description,
        quantity=quantity,
        unit_price=price,
        discount_rate=rate,
        discount_amount=off,
    )


def _clean_discount(
    given: GivenLine, quantity: Decimal, price: Decimal, wrong: Callable[[Code, str, str], None]
) -> tuple[Decimal | None, Decimal | None]:
    """The rate and the amount, at most one of them; a discount of 0 is none."""
    rate, off = given.discount_rate or None, given.discount_amount or None
    if rate is not None and off is not None:
        wrong(Code.INVALID, "Give a discountRate or a discountAmount, not both.", "discountAmount")
        return None, None
    if rate is not None and not (rate.is_finite() and 0 <= rate <= 100 and rate == round(rate, DECIMALS)):
        message = f"A discount rate is between 0 and 100 per cent, with at most {DECIMALS} decimals."
        wrong(Code.INVALID, message, "discountRate")
        return None, None
    if off is not None:
        if not (off.is_finite() and off >= 0 and off == round(off, 2)):
            wrong(
                Code.INVALID,
                "A discount amount is not negative and has at most 2 decimals.",
                "discountAmount",
            )
        elif off > quantity * price:
            wrong(Code.INVALID, "A discount cannot be more than quantity × unitPrice.", "discountAmount")
        else:
            return None, off
        return None, None
    return rate, None


def _amount(quantity: Decimal, price: Decimal, rate: Decimal | None, off: Decimal | None) -> Decimal:
    return line_total(Line(quantity, price, None, rate, off), AmountsAre.NO_TAX).amount


def _controls(text: str, *, but: str) -> bool:
    return any(
        (ord(c) < 32 and c not in but) or 127 <= ord(c) < 160 or 0xD800 <= ord(c) <= 0xDFFF for c in text
    )


@dataclass(frozen=True)
class Known:
    """The practice's tax rates and service types that lines name, by id."""

    percentages: Mapping[UUID, Decimal]


async def check_references(
    tx: Tx, lines: Sequence[GivenLine], kept: Mapping[UUID, InvoiceLine], problems: list[Problem]
) -> Known:
    """Refuse references that do not exist, and archived ones unless a kept line (`kept`, by id) has them already."""
    services = await _lock_named(tx, ServiceType, {line.service_type_id for line in lines})
    rates = await _lock_named(tx, TaxRate, {line.tax_rate_id for line in lines})
    for place, line in enumerate(lines):
        before = kept.get(line.id) if line.id else None
        if line.id is not None and before is None:
            problems.append(
                Problem(
                    Code.NOT_FOUND,
                    "This invoice has no line with the id given as `id`. Leave `id` out to add a new line.",
                    ("lines", str(place), "id"),
                )
            )
        if service := line.service_type_id:
            path = ("lines", str(place), "serviceTypeId")
            if service not in services:
                problems.append(not_found("service type", *path))
            elif services[service].archived_at and not (before and before.service_type_id == service):
                problems.append(archived("service type", "updateServiceType", *path))
        if rate := line.tax_rate_id:
            path = ("lines", str(place), "taxRateId")
            if rate not in rates:
                problems.append(not_found("tax rate", *path))
            elif rates[rate].archived_at and not (before and before.tax_rate_id == rate):
                problems.append(archived("tax rate", "updateTaxRate", *path))
    return Known({rate.id: rate.percentage for rate in rates.values()})


async def _lock_named(tx: Tx, table: type[NamedT], ids: Collection[UUID | None]) -> dict[UUID, NamedT]:
    """The service types or tax rates with these ids, locked so that nobody archives them now."""
    found = await tx.session.scalars(
        select(table)
        .where(col(table.workspace_id) == tx.workspace, col(table.id).in_([one for one in ids if one]))
        .order_by(col(table.id))
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    return {one.id: one for one in found}


# ISO 4217. What is billed there by the third decimal would be rounded away at Xero; elsewhere nothing smaller is due.
OF_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def compute(
    lines: Sequence[GivenLine | InvoiceLine],
    percentages: Mapping[UUID, Decimal],
    amounts_are: AmountsAre,
) -> Totals:
    """The totals. `lines` are given lines or rows. An unknown rate counts as no rate."""
    return totals(
        [
            Line(
                line.quantity,
                line.unit_price,
                percentages.get(line.tax_rate_id) if line.tax_rate_id else None,
                line.discount_rate,
                line.discount_amount,
            )
            for line in lines
        ],
        amounts_are,
    )


def check_fit(
    lines: Sequence[GivenLine | InvoiceLine], found: Totals, amounts_are: AmountsAre, currency: str
) -> list[Problem]:
    """The problems that keep an invoice from being approved: Xero would refuse it, or come to another total."""
    problems = [] if lines else [Problem(Code.REQUIRED, "An invoice needs at least one line.", ("lines",))]
    for place, (line, total) in enumerate(zip(lines, found.lines, strict=True)):
        if currency in OF_THREE_DECIMALS and not total.exact:
            message = f"Line {place + 1}: the amount needs a third decimal, but Xero keeps two in every currency. Change it."
            problems.append(Problem(Code.INVALID, message, ("lines", str(place), "unitPrice")))
        if line.tax_rate_id is None and amounts_are is not AmountsAre.NO_TAX:
            message = f"Line {place + 1} has no tax rate. Choose one, or set `amountsAre` to NO_TAX."
            problems.append(Problem(Code.REQUIRED, message, ("lines", str(place), "taxRateId")))
    if found.total < 0:
        problems.append(
            Problem(
                Code.INVALID, "The total of an invoice cannot be negative. Correct the lines.", ("lines",)
            )
        )
    return problems


async def contact_exists(tx: Tx, contact_id: UUID) -> bool:
    """Lock the contact, so that nobody deletes it now."""
    found = await tx.session.scalar(
        select(Contact.id)
        .where(col(Contact.workspace_id) == tx.workspace, col(Contact.id) == contact_id)
        .with_for_update(read=True, key_share=True)
    )
    return found is not None


class _Place(NamedTuple):
    id: UUID
    invoice_sync: bool
    connected: bool


async def find_organisation(tx: Tx, given: UUID | None, problems: list[Problem]) -> UUID | None:
    """The given organisation, else the only one with invoice sync on, else the only one."""
    known = await tx.read(
        _Place,
        "select id, invoice_sync, disconnected_at is null as connected from organisation where workspace_id = :ws"
        " order by id",
    )
    if given is not None:
        if given not in [one.id for one in known]:
            problems.append(not_found("Xero organisation", "organisationId"))
        return given
    on = [one for one in known if one.invoice_sync]
    connected = [one for one in known if one.connected]
    for some in (on, connected, known):
        if len(some) == 1:
            return some[0].id
    if known:
        message = "Several Xero organisations come into question. Give `organisationId`."
        problems.append(Problem(Code.REQUIRED, message, ("organisationId",)))
    return None


async def currency_of(tx: Tx) -> str:
    """The currency of the practice."""
    found = await tx.session.scalar(select(Workspace.currency).where(col(Workspace.id) == tx.workspace))
    assert found is not None
    return found


async def check_currency(tx: Tx, given: str | None, problems: list[Problem]) -> str:
    """Refuse a currency other than the practice's own. Only that one can be sent; it is fixed after the first invoice."""
    own = await currency_of(tx)
    malformed = any(problem.path == ("currency",) for problem in problems)
    if given is not None and given != own and not malformed:
        message = f"The practice bills in {own}. Give that currency, or leave `currency` out."
        problems.append(Problem(Code.CURRENCY_MISMATCH, message, ("currency",)))
    return own


async def currency_problems(tx: Tx, invoice: Invoice) -> list[Problem]:
    own = await currency_of(tx)
    wanted = {"practice": own}
    if invoice.organisation_id is not None:
        organisation = await tx.session.get(Organisation, (tx.workspace, invoice.organisation_id))
        if organisation is not None and organisation.base_currency:
            wanted["Xero organisation"] = organisation.base_currency
    return [
        Problem(
            Code.CURRENCY_MISMATCH,
            f"The invoice is in {invoice.currency}, but the {whose} uses {currency}. Void it and make another one.",
            ("invoiceId",),
        )
        for whose, currency in wanted.items()
        if currency != invoice.currency
    ]
