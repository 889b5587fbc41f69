"""The totals of an invoice, compared with a second computation in whole numbers, which follows Xero's documentation of its
rounding."""

from decimal import Decimal
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.invoices.totals import Line, cents, discount_shown, totals
from domain.tables import AmountsAre


def nearest(value: int, per: int) -> int:
    """value / per as a whole number; a half goes away from zero (Xero: 2.165 is 2.17)."""
    whole, rest = divmod(abs(value), per)
    return (1 if value >= 0 else -1) * (whole + (2 * rest >= per))


def as_documented(lines: list[Line], amounts_are: AmountsAre) -> tuple[int, int, int]:
    """Subtotal, tax and total in cents. Line: quantity × unit price less its discount, to 2. Tax: of each line, to 2.
    Totals: sums."""
    amount = tax = 0
    for line in lines:
        quantity, price, rate = (
            int(value * 10_000) for value in (line.quantity, line.unit_price, line.percentage or 0)
        )
        less = int((line.discount_rate or 0) * 10_000)
        off = int((line.discount_amount or 0) * 100)
        own = nearest(quantity * price * (10**6 - less) - off * 10**12, 10**12)
        amount += own
        if amounts_are is AmountsAre.TAX_EXCLUSIVE:
            tax += nearest(own * rate, 10**6)
        elif amounts_are is AmountsAre.TAX_INCLUSIVE:
            tax += nearest(own * rate, 10**6 + rate)
    if amounts_are is AmountsAre.TAX_INCLUSIVE:
        return amount - tax, tax, amount
    return amount, tax, amount + tax


RATES = [None, *map(Decimal, ("0", "5", "10", "12.5", "15", "20", "8.875", "7.6923"))]


def awkward(random: Random) -> Line:
    """Hours and pieces, discounts, prices with four decimals, sums near the limits."""
    quantity = random.choice((Decimal(random.randint(1, 400)), Decimal(random.randint(1, 999_999)) / 10_000))
    price = random.choice(
        (
            Decimal(random.randint(-50_000, 50_000)) / 100,
            Decimal(random.randint(-99_999_999, 99_999_999)) / 10_000,
            Decimal("0.005"),
            Decimal("999999999.99"),
        )
    )
    discount = random.choice(
        (
            (None, None),
            (Decimal(random.randint(0, 1_000_000)) / 10_000, None),
            (Decimal(50), None),
            (None, Decimal(random.randint(1, 99_999)) / 100),
        )
    )
    return Line(quantity, price, random.choice(RATES), *discount)


def assert_as_documented(lines: list[Line], amounts_are: AmountsAre) -> None:
    found = totals(lines, amounts_are)
    assert (cents(found.subtotal), cents(found.tax), cents(found.total)) == as_documented(lines, amounts_are)
    assert found.subtotal + found.tax == found.total
    assert {amount.as_tuple().exponent for amount in (found.subtotal, found.tax, found.total)} == {-2}


def test_totals_of_ten_thousand_invoices_equal_xeros_to_the_cent() -> None:
    random = Random(20261124)
    for _ in range(10_000):
        lines = [awkward(random) for _ in range(random.randint(1, 60))]
        assert_as_documented(lines, random.choice(list(AmountsAre)))


lines_of_any_kind = st.lists(
    st.builds(
        Line,
        st.decimals(Decimal(0), Decimal(1000), places=4),
        st.decimals(Decimal(-10000), Decimal(10000), places=4),
        st.sampled_from(RATES),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=100)
@given(lines_of_any_kind, st.sampled_from(AmountsAre))
@example([Line(Decimal("-0.5"), Decimal("0.01"), Decimal(15))], AmountsAre.TAX_EXCLUSIVE)
def test_totals_equal_xeros_for_small_invoices_found_by_random_search(
    lines: list[Line], amounts_are: AmountsAre
) -> None:
    assert_as_documented(lines, amounts_are)
    for line, found in zip(lines, totals(lines, amounts_are).lines, strict=True):
        assert found.exact == (int(line.quantity * 10_000) * int(line.unit_price * 10_000) % 10**6 == 0)


def test_tax_is_rounded_line_by_line_as_in_xeros_own_example() -> None:
    lines = [Line(Decimal(1), Decimal(text), Decimal(15)) for text in ("25.06", "25.61", "25.63")]
    found = totals(lines, AmountsAre.TAX_EXCLUSIVE)
    assert (found.tax, found.total) == (Decimal("11.44"), Decimal("87.74"))


@pytest.mark.parametrize(
    ("price", "percentage", "amounts_are", "tax"),
    [
        ("14.43", "15", AmountsAre.TAX_EXCLUSIVE, "2.16"),  # 2.1645
        ("14.4333", "15", AmountsAre.TAX_EXCLUSIVE, "2.16"),  # of the rounded line
        ("21.65", "10", AmountsAre.TAX_EXCLUSIVE, "2.17"),  # 2.165: a half goes up
        ("-21.65", "10", AmountsAre.TAX_EXCLUSIVE, "-2.17"),  # and away from zero
        ("115.00", "15", AmountsAre.TAX_INCLUSIVE, "15.00"),
        ("100.00", "15", AmountsAre.TAX_INCLUSIVE, "13.04"),  # 13.0434…
        ("100.00", "15", AmountsAre.NO_TAX, "0.00"),
    ],
)
def test_tax_of_a_line_is_rounded_to_the_cent_and_halves_away_from_zero(
    price: str, percentage: str, amounts_are: AmountsAre, tax: str
) -> None:
    [line] = totals([Line(Decimal(1), Decimal(price), Decimal(percentage))], amounts_are).lines
    assert line.tax == Decimal(tax)


@pytest.mark.parametrize(
    ("quantity", "price", "rate", "off", "amount"),
    [
        ("3", "33.33", "50", None, "50.00"),  # 49.995
        ("1", "1400", None, "250", "1150.00"),
        ("1", "0.01", "50", None, "0.01"),  # 0.005: a half goes up
        ("1", "100", "100", None, "0.00"),
        ("2", "-50", "10", None, "-90.00"),
    ],
)
def test_a_discount_is_taken_off_before_the_line_is_rounded(
    quantity: str, price: str, rate: str | None, off: str | None, amount: str
) -> None:
    line = Line(
        Decimal(quantity),
        Decimal(price),
        Decimal(15),
        (rate and Decimal(rate)) or None,
        (off and Decimal(off)) or None,
    )
    [found] = totals([line], AmountsAre.TAX_EXCLUSIVE).lines
    assert found.amount == Decimal(amount)


@pytest.mark.parametrize(
    ("rate", "off", "amount", "shown"),
    [
        (None, None, "1400", (None, None)),
        ("50", None, "700", ("50", None)),
        (None, "250", "1150", (None, "250")),
        ("17.857142", None, "1150", (None, "250")),  # a list of Xero's, which leaves the amount out
        ("17.857142", "250", "1150", (None, "250")),
        ("50", "700", "700", ("50", None)),
        ("33.3333", None, "933.33", (None, "466.67")),
        ("10", None, "1", (None, "1399")),  # what the line came to counts
    ],
)
def test_a_discount_is_read_so_that_the_line_amount_equals_xeros(
    rate: str | None, off: str | None, amount: str, shown: tuple[str | None, str | None]
) -> None:
    found = discount_shown(
        Decimal(1),
        Decimal(1400),
        Decimal(amount),
        (rate and Decimal(rate)) or None,
        (off and Decimal(off)) or None,
    )
    assert found == tuple(one and Decimal(one) for one in shown)
