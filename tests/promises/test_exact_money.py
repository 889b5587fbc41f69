"""Promise: Tandem predicts the totals of an invoice in Xero exactly. The simulator computes them on its own."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.invoices.totals import Line, discount_shown, line_total, totals
from domain.tables import AmountsAre
from xero.simulator import arithmetic
from xero.simulator.ledger import Line as XeroLine

NAMES = {
    AmountsAre.TAX_EXCLUSIVE: arithmetic.EXCLUSIVE,
    AmountsAre.TAX_INCLUSIVE: arithmetic.INCLUSIVE,
    AmountsAre.NO_TAX: arithmetic.NO_TAX,
}
# Four places each, so that ties at the third decimal are common.
quantities = st.integers(-(10**7), 10**7).map(lambda n: Decimal(n) / 10**4)
prices = st.one_of(
    st.integers(-(10**9), 10**9).map(lambda n: Decimal(n) / 10**4),
    st.integers(-(10**5), 10**5).map(lambda n: Decimal(n) / 200),
)
rates = st.sampled_from([Decimal(text) for text in ("0", "5", "10", "12.5", "15", "20", "8.875", "7.6923")])
no_discount = st.none()
discount_rates = st.integers(0, 10**6).map(lambda n: Decimal(n) / 10**4)
discount_amounts = st.integers(1, 10**9).map(lambda n: Decimal(n) / 100)
lines = st.lists(
    st.one_of(
        st.builds(Line, quantities, prices, rates),
        st.builds(Line, quantities, prices, rates, discount_rates),
        st.builds(Line, quantities, prices, rates, no_discount, discount_amounts),
    ),
    max_size=30,
)


def typed(line: Line) -> XeroLine:
    """The line as Xero reads it with `unitdp=4`."""
    return XeroLine(
        id="",
        quantity=arithmetic.quantity(line.quantity),
        unit_amount=arithmetic.unit(line.unit_price, 4),
        discount_rate=line.discount_rate,
        discount_amount=line.discount_amount,
    )


def in_xero(line: Line, amounts_are: str) -> XeroLine:
    amount = arithmetic.line_amount(typed(line))
    tax = arithmetic.line_tax(amount, line.percentage or Decimal(0), amounts_are)
    return XeroLine(id="", line_amount=amount, tax_amount=tax)


@given(lines, st.sampled_from(AmountsAre))
def test_totals_equal_xeros(given_lines: list[Line], amounts_are: AmountsAre) -> None:
    ours = totals(given_lines, amounts_are)
    theirs = [in_xero(line, NAMES[amounts_are]) for line in given_lines]
    assert [(line.amount, line.tax) for line in ours.lines] == [
        (line.line_amount, line.tax_amount) for line in theirs
    ]
    sums = arithmetic.add_up(theirs, NAMES[amounts_are])
    assert (ours.subtotal, ours.tax, ours.total) == (sums.sub_total, sums.total_tax, sums.total)


one_line = st.one_of(
    st.builds(Line, quantities, prices, rates, discount_rates),
    st.builds(Line, quantities, prices, rates, no_discount, discount_amounts).filter(
        lambda line: (line.discount_amount or 0) <= line.quantity * line.unit_price
    ),
)


@given(one_line)
def test_a_discount_that_a_list_of_xeros_shows_gives_the_amount_of_the_line(line: Line) -> None:
    """A list shows a discount as a rate alone, with six places where an amount was typed."""
    there = typed(line)
    amount = arithmetic.line_amount(there)
    own = discount_shown(line.quantity, line.unit_price, amount, arithmetic.discount_rate(there), None)
    again = Line(line.quantity, line.unit_price, line.percentage, *own)
    assert line_total(again, AmountsAre.TAX_EXCLUSIVE).amount == amount
