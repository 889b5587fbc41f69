"""A person's input of an invoice, checked: by the names of the schema in, by column out. All errors are given at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.invoices.totals import Line, Totals, line_total, totals
from domain.names.text_keys import name_key, visible
from domain.practice.workspaces import clean_currency
from domain.problems import Code, Problem, archived, control_characters, not_found, too_long
from domain.tables import AmountsAre, Invoice, InvoiceLineKind
from domain.tx import Tx

LINES = 500
TEXT, DESCRIPTION = 255, 4000  # Xero's limits
DECIMALS = 4
MOST = Decimal("9999999999.99")  # Xero's limit of a line's amount
_HUGE = Decimal(10) ** 13  # beyond any line before its discount
FIRST_DAY = date(1900, 1, 1)
NUMBER = "TI-{:05d}"  # not Xero's own INV-, so that the two sequences do not meet


@dataclass(frozen=True)
class GivenLine:
    """`id`: of a line that exists and stays. The other fields are the columns of `invoice_line`. A discount of 0 is none."""

    id: UUID | None
    kind: InvoiceLineKind
    description: str
    quantity: Decimal
    unit_price: Decimal
    service_type_id: UUID | None
    tax_rate_id: UUID | None
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    xero_account_id: UUID | None = None
    tax_type: str | None = None


def clean_text(value: Any, path: str, problems: list[Problem]) -> str | None:
    text = (value or "").strip()
    if not visible(text).strip():
        return None
    if len(text) > TEXT:
        problems.append(too_long(TEXT, len(text), path))
    if _controls(text, but=""):
        problems.append(control_characters(path))
    return text


def clean_header(given: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The columns of `invoice` that `given` names. Dates that are given must be in order."""
    values: dict[str, Any] = {}
    for name, column in (("number", "number"), ("reference", "reference")):
        if name in given:
            values[column] = clean_text(given[name], name, problems)
    for name, column in (("issueDate", "issue_date"), ("dueDate", "due_date")):
        if name in given:
            values[column] = given[name]
            if given[name] is None:
                problems.append(Problem(Code.REQUIRED, "A date is needed, such as 2026-11-23.", (name,)))
            elif given[name] < FIRST_DAY:
                problems.append(
                    Problem(
                        Code.INVALID,
                        f"This date is too early. Give {FIRST_DAY.isoformat()} or a later day.",
                        (name,),
                    )
                )
    if given.get("currency") is not None:
        values["currency"] = clean_currency(given["currency"], problems, "currency")
    if given.get("amountsAre") is not None:
        values["amounts_are"] = AmountsAre(given["amountsAre"])
    if given.get("contactId") is not None:
        values["contact_id"] = given["contactId"]
    return values


def check_dates(issued: date | None, due: date | None, problems: list[Problem]) -> None:
    if issued and due and due < issued:
        problems.append(
            Problem(
                Code.INVALID,
                "The due date lies before the issue date. Give the issue date or a later day.",
                ("dueDate",),
            )
        )


def clean_lines(given: Sequence[Mapping[str, Any]], problems: list[Problem]) -> list[GivenLine]:
    if len(given) > LINES:
        problems.append(
            Problem(
                Code.TOO_MANY,
                f"An invoice has at most {LINES} lines, and this one has {len(given):,}. Split it.",
                ("lines",),
            )
        )
        return []
    named = [line["id"] for line in given if line.get("id") is not None]
    if len(named) != len(set(named)):
        problems.append(
            Problem(Code.INVALID, "Two lines have the same `id`. Name each existing line once.", ("lines",))
        )
    return [_clean_line(line, str(place), problems) for place, line in enumerate(given)]


def _clean_line(given: Mapping[str, Any], place: str, problems: list[Problem]) -> GivenLine:
    def wrong(code: Code, message: str, field: str) -> None:
        problems.append(Problem(code, message, ("lines", place, field)))

    description = (given.get("description") or "").strip()
    if not visible(description).strip():
        wrong(Code.REQUIRED, "A line needs a description. Say what it bills.", "description")
    elif len(description) > DESCRIPTION:
        problems.append(too_long(DESCRIPTION, len(description), "lines", place, "description"))
    if _controls(description, but="\n\r\t"):
        problems.append(control_characters("lines", place, "description"))
    kind = InvoiceLineKind(given.get("kind") or InvoiceLineKind.SERVICE)
    if kind is InvoiceLineKind.EXPENSE and given.get("serviceTypeId") is not None:
        wrong(
            Code.INVALID,
            "An expense has no service type. Leave `serviceTypeId` out, or make the line a SERVICE.",
            "serviceTypeId",
        )
    quantity, price = given["quantity"], given["unitPrice"]
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
    return GivenLine(
        given.get("id"),
        kind,
        description,
        quantity,
        price,
        given.get("serviceTypeId"),
        given.get("taxRateId"),
        rate,
        off,
    )


def _clean_discount(
    given: Mapping[str, Any], quantity: Decimal, price: Decimal, wrong: Callable[[Code, str, str], None]
) -> tuple[Decimal | None, Decimal | None]:
    """The rate and the amount, at most one of them; a discount of 0 is none."""
    rate, off = given.get("discountRate") or None, given.get("discountAmount") or None
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
    tx: Tx, lines: Sequence[GivenLine], kept: Mapping[UUID, Any], problems: list[Problem]
) -> Known:
    """Refuse references that do not exist, and archived ones unless a kept line (`kept`, by id) has them already."""
    services = await _rows(tx, "service_type", "id, archived_at", [line.service_type_id for line in lines])
    rates = await _rows(tx, "tax_rate", "id, archived_at, percentage", [line.tax_rate_id for line in lines])
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
        for found, wanted, had, field, what, mutation in (
            (
                services,
                line.service_type_id,
                before and before.service_type_id,
                "serviceTypeId",
                "service type",
                "updateServiceType",
            ),
            (
                rates,
                line.tax_rate_id,
                before and before.tax_rate_id,
                "taxRateId",
                "tax rate",
                "updateTaxRate",
            ),
        ):
            path = ("lines", str(place), field)
            if wanted is None:
                continue
            if wanted not in found:
                problems.append(not_found(what, *path))
            elif found[wanted]["archived_at"] is not None and wanted != had:
                problems.append(archived(what, mutation, *path))
    return Known({key: row["percentage"] for key, row in rates.items()})


async def _rows(tx: Tx, table: str, columns: str, ids: Sequence[UUID | None]) -> dict[UUID, dict[str, Any]]:
    """Lock the rows, so that nobody archives them now."""
    rows = await tx.rows(
        f"select {columns} from {table} where workspace_id = :ws and id = any(:ids) order by id for share",
        ids=list({one for one in ids if one is not None}),
    )
    return {row["id"]: row for row in rows}


# ISO 4217. What is billed there by the third decimal would be rounded away at Xero; elsewhere nothing smaller is due.
OF_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def compute(lines: Sequence[Any], percentages: Mapping[UUID, Decimal], amounts_are: AmountsAre) -> Totals:
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


def check_fit(lines: Sequence[Any], found: Totals, amounts_are: AmountsAre, currency: str) -> list[Problem]:
    """What keeps an invoice from being approved: Xero would refuse it, or come to another total."""
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
    found = await tx.row(
        "select 1 from contact where workspace_id = :ws and id = :id for key share", id=contact_id
    )
    return found is not None


async def find_organisation(tx: Tx, given: UUID | None, problems: list[Problem]) -> UUID | None:
    """The given organisation, else the only one with invoice sync on, else the only one."""
    rows = await tx.rows(
        "select id, invoice_sync, disconnected_at from organisation where workspace_id = :ws order by id"
    )
    if given is not None:
        if given not in [row["id"] for row in rows]:
            problems.append(not_found("Xero organisation", "organisationId"))
        return given
    on = [row["id"] for row in rows if row["invoice_sync"]]
    connected = [row["id"] for row in rows if row["disconnected_at"] is None]
    for some in (on, connected, [row["id"] for row in rows]):
        if len(some) == 1:
            only: UUID = some[0]
            return only
    if rows:
        message = "Several Xero organisations come into question. Give `organisationId`."
        problems.append(Problem(Code.REQUIRED, message, ("organisationId",)))
    return None


async def currency_of(tx: Tx) -> str:
    row = await tx.row("select currency from workspace where id = :ws")
    assert row is not None
    currency: str = row["currency"]
    return currency


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
        row = await tx.row(
            "select name, base_currency from organisation where workspace_id = :ws and id = :id",
            id=invoice.organisation_id,
        )
        if row is not None and row["base_currency"]:
            wanted["Xero organisation"] = row["base_currency"]
    return [
        Problem(
            Code.CURRENCY_MISMATCH,
            f"The invoice is in {invoice.currency}, but the {whose} uses {currency}. Void it and make another one.",
            ("invoiceId",),
        )
        for whose, currency in wanted.items()
        if currency != invoice.currency
    ]


async def draw_number(tx: Tx) -> str:
    """Draw the next number. Numbers that people have taken are passed over.

    The sequence's row stays locked, so that a create that fails gives its number back.
    """
    while True:
        row = await tx.row(
            "insert into invoice_sequence (workspace_id, next) values (:ws, 2) on conflict (workspace_id)"
            " do update set next = invoice_sequence.next + 1 returning next - 1 as drawn"
        )
        assert row is not None
        number = NUMBER.format(row["drawn"])
        taken = await tx.row(
            "select 1 from invoice where workspace_id = :ws and number_key = :key", key=name_key(number)
        )
        if taken is None:
            return number
