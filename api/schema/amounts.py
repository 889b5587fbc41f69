"""Numbers as answers show them."""

from decimal import Decimal

from domain.invoices.totals import rounded


def money(value: Decimal) -> Decimal:
    """Two decimals, always."""
    return rounded(value)


def price(value: Decimal) -> Decimal:
    """Two decimals, or up to four where it has them."""
    return money(value) if value == money(value) else value.normalize()


def plain(value: Decimal) -> Decimal:
    """No more decimals than it has: of quantities and percentages."""
    return value.normalize() if value else Decimal(0)
