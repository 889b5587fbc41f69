"""How numbers are rounded and printed in answers."""

from decimal import Decimal

from domain.invoices.totals import rounded


def money(value: Decimal) -> Decimal:
    """An amount of money, always with two decimals."""
    return rounded(value)


def price(value: Decimal) -> Decimal:
    """A unit price: two decimals, or up to four if it has more than two."""
    return money(value) if value == money(value) else value.normalize()


def plain(value: Decimal) -> Decimal:
    """A quantity or a percentage, without trailing zeros."""
    return value.normalize() if value else Decimal(0)
