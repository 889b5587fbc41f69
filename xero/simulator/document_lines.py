"""The lines of a document: how Xero stores the sent lines, and which it refuses."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypedDict
from uuid import uuid4

from msgspec.structs import replace

from xero.simulator import arithmetic
from xero.simulator.arithmetic import NO_TAX, cents
from xero.simulator.catalogue import Tracked
from xero.simulator.document_input import LineInput
from xero.simulator.ledger import NOTHING, SALE, Document, Line, account_by
from xero.simulator.world import Organisation

_NO_TAX = "NONE"  # known in every country, also where no tax rate has it
MOST = Decimal("9999999999.99")
"""The largest amount of a line."""
_APPLIES = {
    "REVENUE": "CanApplyToRevenue",
    "EXPENSE": "CanApplyToExpenses",
    "ASSET": "CanApplyToAssets",
    "LIABILITY": "CanApplyToLiabilities",
    "EQUITY": "CanApplyToEquity",
}


def make_lines(
    organisation: Organisation, document: Document, asked: Iterable[LineInput], places: int, errors: list[str]
) -> tuple[Line, ...]:
    """Make the lines anew. `document` is as it will be, but for its lines.

    A sent line with a known id keeps the members that it omits. A sent line without one is created. Lines that were not sent
    are deleted.
    """
    old = {line.id: line for line in document.lines}
    return tuple(_make_line(organisation, document, sent, old, places, errors) for sent in asked)


def _make_line(
    organisation: Organisation,
    document: Document,
    sent: LineInput,
    old: dict[str, Line],
    places: int,
    errors: list[str],
) -> Line:
    before = old.get(sent.id or "") or Line(id=str(uuid4()))
    line = replace(
        before,
        description=before.description if sent.description is None else sent.description,
        account_id=_find_account_id(organisation, sent, before, errors),
        tax_type=sent.tax_type or before.tax_type,
        **_discount(sent, before),
        item_code=before.item_code if sent.item_code is None else sent.item_code,
        tracking=_tracked(organisation, sent, before, errors),
        tax_amount=NOTHING if sent.tax_amount is None else cents(sent.tax_amount),
        tax_given=sent.tax_amount is not None,
    )
    if document.type != SALE and (line.discount_rate is not None or line.discount_amount is not None):
        errors.append("Discounts can be used on sales invoices only.")
    return with_tax(organisation, document.amounts_are, _with_amount(line, sent, places, errors))


class _Discount(TypedDict):
    discount_rate: Decimal | None
    discount_amount: Decimal | None


def _discount(sent: LineInput, before: Line) -> _Discount:
    """A rate counts before an amount that is sent with it (github.com/waynerobinson/xeroizer/pull/483). A discount that
    is sent replaces the line's."""
    if sent.discount_rate is not None:
        return {"discount_rate": sent.discount_rate, "discount_amount": None}
    if sent.discount_amount is not None:
        return {"discount_rate": None, "discount_amount": cents(sent.discount_amount)}
    return {"discount_rate": before.discount_rate, "discount_amount": before.discount_amount}


def _tracked(
    organisation: Organisation, sent: LineInput, before: Line, errors: list[str]
) -> tuple[Tracked, ...]:
    if sent.tracking is None:
        return before.tracking
    found = [organisation.catalogue.find_tracked(entry, errors) for entry in sent.tracking]
    return tuple(tracked for tracked in found if tracked is not None)


def _find_account_id(
    organisation: Organisation, sent: LineInput, before: Line, errors: list[str]
) -> str | None:
    """Find the account by AccountID if the line has one, else by code. The line keeps the id, because codes can be
    edited."""
    if sent.account_id:
        account = account_by(organisation.accounts, "AccountID", sent.account_id)
    elif sent.account_code:
        account = account_by(organisation.accounts, "Code", sent.account_code)
    else:
        return before.account_id
    if account is None:
        named = sent.account_code or sent.account_id
        errors.append(f"Account code '{named}' is not a valid code for this document.")
        return None
    account_id: str = account["AccountID"]
    return account_id


def _with_amount(line: Line, sent: LineInput, places: int, errors: list[str]) -> Line:
    """Compute the missing amount. One of quantity, unit amount and line amount may be left out; a line with only a
    description may lack all of them."""
    quantity = line.quantity if sent.quantity is None else arithmetic.quantity(sent.quantity)
    unit = line.unit_amount if sent.unit_amount is None else arithmetic.unit(sent.unit_amount, places)
    if quantity is None and unit is None and sent.line_amount is None:
        return line
    quantity = Decimal(1) if quantity is None else quantity
    if unit is None:
        unit = arithmetic.unit((sent.line_amount or NOTHING) / (quantity or Decimal(1)), places)
        line = replace(line, quantity=quantity, unit_amount=unit)
        return replace(line, line_amount=cents(sent.line_amount or NOTHING))
    line = replace(line, quantity=quantity, unit_amount=unit)
    expected = arithmetic.line_amount(line)
    if line.discount_amount is not None and line.discount_amount > arithmetic.before_discount(line):
        errors.append(
            f"The discount rate '{line.discount_amount}' is invalid. Discount must not be greater than the line total."
        )
    if abs(expected) > MOST:
        errors.append(f"The LineAmount must not be greater than {MOST:f}.")
    if sent.line_amount is not None and cents(sent.line_amount) != expected:
        errors.append(
            f"The line total {cents(sent.line_amount)} does not match the expected line total {expected}"
        )
    return replace(line, line_amount=expected)


def with_tax(organisation: Organisation, amounts_are: str, line: Line) -> Line:
    """The tax type falls back to the account's. A tax amount that was sent stays, unless there is to be no tax."""
    account = account_by(organisation.accounts, "AccountID", line.account_id)
    tax_type = line.tax_type or (account["TaxType"] if account else None)
    if amounts_are == NO_TAX:
        return replace(line, tax_type=_NO_TAX, tax_amount=cents(NOTHING), tax_given=False)
    if line.tax_given:
        return replace(line, tax_type=tax_type)
    rate = find_tax_rate(organisation, tax_type)
    percent = Decimal(str(rate["EffectiveRate"])) if rate else NOTHING
    return replace(
        line, tax_type=tax_type, tax_amount=arithmetic.line_tax(line.line_amount, percent, amounts_are)
    )


def find_tax_rate(organisation: Organisation, tax_type: str | None) -> dict[str, Any] | None:
    return next((rate for rate in organisation.tax_rates if rate["TaxType"] == tax_type), None)


def line_errors(organisation: Organisation, line: Line, *, posting: bool, by_person: bool) -> list[str]:
    """`posting`: the document goes to the ledger, so nothing may be missing; but Xero's own pages (`by_person`) take a line
    of words alone."""
    if by_person and line.quantity is None and line.unit_amount is None and line.account_id is None:
        return []
    errors = []
    if line.item_code and not organisation.catalogue.has_item(line.item_code):
        errors.append("Item Code is invalid.")
    if line.tax_type not in (None, _NO_TAX) and find_tax_rate(organisation, line.tax_type) is None:
        errors.append(
            f"The TaxType code {line.tax_type} does not exist or cannot be used for this type of transaction."
        )
    if not line.description.strip():
        errors.append("Description must be at least 1 character long.")
    if posting and (line.quantity is None or line.unit_amount is None):
        errors.append("Line items must have a quantity and a unit amount.")
    account = account_by(organisation.accounts, "AccountID", line.account_id)
    if account is None:
        return [*errors, "Account code must be specified."] if posting else errors
    return errors + _account_errors(account) + _tax_errors(organisation, account, line.tax_type)


def _account_errors(account: dict[str, Any]) -> list[str]:
    code = account.get("Code", "")
    if account["Status"] != "ACTIVE":
        return [
            f"Account code '{code}' has been archived, or has been deleted."
            " Each line item must reference a valid account."
        ]
    # ROUNDING is the one system account that is meant to be posted to.
    if account["Type"] == "BANK" or account.get("SystemAccount", "") not in ("", "ROUNDING"):
        return [f"Account code '{code}' is not a valid code for this document."]
    return []


def _tax_errors(organisation: Organisation, account: dict[str, Any], tax_type: str | None) -> list[str]:
    rate = find_tax_rate(organisation, tax_type)
    applies = _APPLIES.get(account["Class"], "")
    if tax_type not in (None, _NO_TAX) and (
        rate is None or rate["Status"] != "ACTIVE" or rate.get(applies) is False
    ):
        return [
            f"The TaxType code '{tax_type}' cannot be used with account code '{account.get('Code', '')}'."
        ]
    return []
