"""Promise: Tandem predicts the totals of an invoice in Xero exactly. The simulator computes them on its own."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.invoices.totals import Line, totals
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
lines = st.lists(st.builds(Line, quantities, prices, rates), max_size=30)


def in_xero(line: Line, amounts_are: str) -> XeroLine:
    """As Xero reads it with `unitdp=4`."""
    quantity, unit = arithmetic.quantity(line.quantity), arithmetic.unit(line.unit_price, 4)
    amount = arithmetic.line_amount(XeroLine(id="", quantity=quantity, unit_amount=unit))
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
