"""Totals of an invoice, computed as Xero computes them. Pure.

A line is quantity × unit price less its discount, to 2 decimals. Its tax is that line × the rate, to 2 decimals, ties
away from zero. Totals are sums of lines, and are never computed from sums. If prices include tax, a line's tax is
line × rate / (100 + rate).
Xero's own example: 25.06, 25.61 and 25.63 at 15 % have 3.76 + 3.84 + 3.84 = 11.44 of tax, not 11.45.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from domain.tables import AmountsAre

CENT = Decimal("0.01")
# ROUND_HALF_UP of `decimal` takes ties away from zero. Inputs have 19 digits at most: nothing is lost on the way.
_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class Line:
    """`percentage`: 15 is 15 %; None if the line has no tax rate. `discount_rate` is per cent off quantity × unit price,
    `discount_amount` an amount off it; at most one of the two is set."""

    quantity: Decimal
    unit_price: Decimal
    percentage: Decimal | None = None
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None


@dataclass(frozen=True)
class LineTotal:
    """`exact`: nothing was rounded to get `amount`."""

    amount: Decimal
    tax: Decimal
    exact: bool


@dataclass(frozen=True)
class Totals:
    lines: tuple[LineTotal, ...]
    subtotal: Decimal
    tax: Decimal
    total: Decimal


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, context=_EXACT)


def before_discount(quantity: Decimal, unit_price: Decimal) -> Decimal:
    """Quantity × unit price, exact."""
    return _EXACT.multiply(quantity, unit_price)


def line_total(line: Line, amounts_are: AmountsAre) -> LineTotal:
    product = before_discount(line.quantity, line.unit_price)
    if line.discount_rate is not None:
        product = _EXACT.divide(_EXACT.multiply(product, 100 - line.discount_rate), Decimal(100))
    elif line.discount_amount is not None:
        product = _EXACT.subtract(product, line.discount_amount)
    amount = rounded(product)
    return LineTotal(amount, _tax(amount, line.percentage, amounts_are), amount == product)


def discount_shown(
    quantity: Decimal, unit_price: Decimal, amount: Decimal, rate: Decimal | None, off: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """The discount of a line that Xero shows with this `amount`: a rate or an amount, never both.

    Xero's lists show a rate alone, which has many decimals where a person typed an amount; a single invoice shows both
    (github.com/XeroAPI/Xero-OpenAPI/issues/592). A rate of at most 2 decimals counts first, then the amount, then the
    difference that the line shows, and last a long rate. The first of these that gives the amount of the line counts.
    """
    if rate is None and off is None:
        return None, None
    difference = before_discount(quantity, unit_price) - amount
    ways: list[tuple[Decimal | None, Decimal | None]] = []
    if rate is not None and rate == round(rate, 2):
        ways.append((rate, None))
    if off is not None:
        ways.append((None, off))
    if difference >= 0:
        ways.append((None, rounded(difference)))
    if rate is not None:
        ways.append((rate, None))
    for way in ways:
        if line_total(Line(quantity, unit_price, None, *way), AmountsAre.NO_TAX).amount == amount:
            return way
    return ways[0]


def _tax(amount: Decimal, percentage: Decimal | None, amounts_are: AmountsAre) -> Decimal:
    if percentage is None or amounts_are is AmountsAre.NO_TAX:
        return rounded(Decimal(0))
    whole = Decimal(100) if amounts_are is AmountsAre.TAX_EXCLUSIVE else _EXACT.add(Decimal(100), percentage)
    return rounded(_EXACT.divide(_EXACT.multiply(amount, percentage), whole))


def totals(lines: Sequence[Line], amounts_are: AmountsAre) -> Totals:
    found = tuple(line_total(line, amounts_are) for line in lines)
    amount = sum((line.amount for line in found), rounded(Decimal(0)))
    tax = sum((line.tax for line in found), rounded(Decimal(0)))
    if amounts_are is AmountsAre.TAX_INCLUSIVE:
        return Totals(found, amount - tax, tax, amount)
    return Totals(found, amount, tax, amount + tax)


def cents(amount: Decimal) -> int:
    return int(amount.scaleb(2, context=_EXACT))
