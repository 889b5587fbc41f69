"""How numbers are rounded and printed in answers: by Python, and by PostgreSQL (`…_sql`)."""

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


def money_sql(value: str) -> str:
    return f"round({value}, 2)"


def price_sql(value: str) -> str:
    return f"case when {value} = {money_sql(value)} then {money_sql(value)} else {plain_sql(value)} end"


def plain_sql(value: str) -> str:
    return f"trim_scale({value})"
