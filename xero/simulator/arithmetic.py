"""Xero's sums: rounded line by line, half up, and only then added.

Sources: Xero's guide on rounding and its staff's answers there. Otherwise the simulator assumes: halves go
away from zero on negative lines too; tax is taken from the rounded line; inclusive tax is line × rate ÷ (1 + rate).
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import NamedTuple

from xero.simulator.ledger import NOTHING, Line

CENTS = Decimal("0.01")
_UNITS = {2: CENTS, 4: Decimal("0.0001")}
_LONG_RATE = Decimal("0.000001")
EXCLUSIVE, INCLUSIVE, NO_TAX = "Exclusive", "Inclusive", "NoTax"
AMOUNTS_ARE = (EXCLUSIVE, INCLUSIVE, NO_TAX)
_EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
"""Enough digits for the product of the largest amounts that are read."""


class Sums(NamedTuple):
    sub_total: Decimal
    total_tax: Decimal
    total: Decimal
    total_discount: Decimal


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENTS, context=_EXACT)


def unit(amount: Decimal, places: int) -> Decimal:
    """Round a unit amount to 2 places, or to 4 with `unitdp=4`."""
    return amount.quantize(_UNITS[places], context=_EXACT)


def quantity(amount: Decimal) -> Decimal:
    return unit(amount, 4)


def line_amount(line: Line) -> Decimal:
    """Quantity × unit amount, less the discount."""
    with localcontext(_EXACT):
        if line.discount_rate is not None:
            return cents(before_discount(line) * (100 - line.discount_rate) / 100)
        return cents(before_discount(line) - (line.discount_amount or NOTHING))


def discount_rate(line: Line) -> Decimal | None:
    """The discount in per cent. If an amount was given, Xero computes the rate, to more than two places."""
    if line.discount_amount is None:
        return line.discount_rate
    whole = before_discount(line)
    if not whole:
        return NOTHING
    with localcontext(_EXACT):
        rate = (line.discount_amount * 100 / whole).quantize(_LONG_RATE)
    return Decimal(f"{rate.normalize():f}")


def discount_amount(line: Line) -> Decimal | None:
    """The amount by which the discount reduces the line."""
    if line.discount_rate is None:
        return line.discount_amount
    return cents(_EXACT.subtract(before_discount(line), line.line_amount))


def before_discount(line: Line) -> Decimal:
    return _EXACT.multiply(line.quantity or NOTHING, line.unit_amount or NOTHING)


def line_tax(amount: Decimal, percent: Decimal, amounts_are: str) -> Decimal:
    if amounts_are == NO_TAX:
        return cents(NOTHING)
    with localcontext(_EXACT):
        return cents(amount * percent / (100 + percent if amounts_are == INCLUSIVE else 100))


def add_up(lines: Iterable[Line], amounts_are: str) -> Sums:
    lines = list(lines)
    with localcontext(_EXACT):
        return _add_up(lines, amounts_are)


def _add_up(lines: list[Line], amounts_are: str) -> Sums:
    amounts = cents(sum((line.line_amount for line in lines), NOTHING))
    tax = cents(sum((line.tax_amount for line in lines), NOTHING))
    discounted = [
        line for line in lines if line.discount_rate is not None or line.discount_amount is not None
    ]
    discount = cents(sum((before_discount(line) - line.line_amount for line in discounted), NOTHING))
    sub_total = amounts - tax if amounts_are == INCLUSIVE else amounts
    return Sums(sub_total, tax, sub_total + tax, discount)
