"""Xero's totals, on examples of Xero's documentation and on halves of a cent."""

from collections.abc import AsyncIterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from tests.xero.simulator.sales import line, made, shown
from tests.xero.simulator.serving import API, connected, small_world
from xero.simulator import arithmetic
from xero.simulator.ledger import Line


@pytest_asyncio.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with connected(small_world()) as client:
        yield client


def sums(invoice: dict[str, Any]) -> tuple[float, float, float]:
    return invoice["SubTotal"], invoice["TotalTax"], invoice["Total"]


async def test_tax_is_rounded_line_by_line(http: httpx.AsyncClient) -> None:
    """Xero's own example: 3.76 + 3.84 + 3.84, not 11.45."""
    invoice = await made(http, *(line(UnitAmount=amount) for amount in ("25.06", "25.61", "25.63")))
    assert [entry["TaxAmount"] for entry in invoice["LineItems"]] == [3.76, 3.84, 3.84]
    assert sums(invoice) == (76.30, 11.44, 87.74)


async def test_halves_of_a_cent_are_rounded_up(http: httpx.AsyncClient) -> None:
    """0.10 × 15 % = 0.015, and so do they below zero: away from it."""
    invoice = await made(http, line(UnitAmount="0.1", Quantity="1"), line(UnitAmount="-0.1"))
    assert [entry["TaxAmount"] for entry in invoice["LineItems"]] == [0.02, -0.02]
    assert invoice["Total"] == 0


@pytest.mark.parametrize(
    ("amounts_are", "expected"),
    [("Exclusive", (100, 15, 115)), ("Inclusive", (86.96, 13.04, 100)), ("NoTax", (100, 0, 100))],
)
async def test_tax_is_computed_for_each_treatment_of_tax(
    http: httpx.AsyncClient, amounts_are: str, expected: tuple[float, float, float]
) -> None:
    assert sums(await made(http, LineAmountTypes=amounts_are)) == expected


async def test_a_line_without_tax_has_the_tax_type_none(http: httpx.AsyncClient) -> None:
    invoice = await made(http, line(TaxType="OUTPUT2"), LineAmountTypes="NoTax")
    assert invoice["LineItems"][0]["TaxType"] == "NONE"


async def test_a_line_without_a_tax_type_takes_that_of_its_account(http: httpx.AsyncClient) -> None:
    invoice = await made(http, line(), line(AccountCode="215"))
    assert [entry["TaxType"] for entry in invoice["LineItems"]] == ["OUTPUT2", "ZERORATED"]
    assert invoice["TotalTax"] == 15


async def test_unit_amounts_have_two_places_or_four(http: httpx.AsyncClient) -> None:
    two = await made(http, line(UnitAmount="1.2345", Quantity=1000))
    assert two["SubTotal"] == 1230
    contact = two["Contact"]["ContactID"]
    body = {
        "Type": "ACCREC",
        "Contact": {"ContactID": contact},
        "LineItems": [line(UnitAmount="1.23455", Quantity=1000)],
    }
    answer = await http.put(f"{API}/Invoices", json=body, params={"unitdp": "4"})
    four = answer.json()["Invoices"][0]
    assert (four["SubTotal"], four["LineItems"][0]["UnitAmount"]) == (1234.6, 1.2346)
    assert (await shown(http, four["InvoiceID"]))["LineItems"][0]["UnitAmount"] == 1.23
    assert (await shown(http, four["InvoiceID"], unitdp="4"))["LineItems"][0]["UnitAmount"] == 1.2346
    assert (await http.get(f"{API}/Invoices", params={"unitdp": "3"})).status_code == 400


async def test_discounts_reduce_the_line_amount(http: httpx.AsyncClient) -> None:
    invoice = await made(
        http, line(Quantity=3, UnitAmount="9.99", DiscountRate="12.5"), line(DiscountAmount="10.01")
    )
    assert [entry["LineAmount"] for entry in invoice["LineItems"]] == [26.22, 89.99]
    assert (invoice["IsDiscounted"], invoice["TotalDiscount"]) == (True, 13.76)


async def test_an_absent_quantity_or_unit_amount_is_computed(http: httpx.AsyncClient) -> None:
    given_total = line(UnitAmount=None, Quantity=4, LineAmount=10)
    invoice = await made(http, given_total, line(UnitAmount=None, Quantity=None, LineAmount=10))
    assert [(e["Quantity"], e["UnitAmount"]) for e in invoice["LineItems"]] == [(4, 2.5), (1, 10)]


async def test_a_given_tax_amount_is_kept(http: httpx.AsyncClient) -> None:
    assert sums(await made(http, line(TaxAmount="15.01"))) == (100, 15.01, 115.01)


async def test_amounts_are_never_computed_as_floats(http: httpx.AsyncClient) -> None:
    """0.145 as a float is 0.14499999…, and would round down."""
    content = msgspec.json.encode(
        {
            "Type": "ACCREC",
            "Contact": {"Name": "Float"},
            "LineItems": [line(UnitAmount=None) | {"UnitAmount": msgspec.Raw(b"0.145")}],
        }
    )
    answer = await http.put(f"{API}/Invoices", content=content, headers={"Content-Type": "application/json"})
    assert answer.json()["Invoices"][0]["SubTotal"] == 0.15


async def test_the_largest_amounts_are_added_up(http: httpx.AsyncClient) -> None:
    invoice = await made(http, *[line(UnitAmount="9999999999.99")] * 100, Status="DRAFT")
    assert invoice["SubTotal"] == 999999999999.0


cents = st.decimals(min_value=-(10**6), max_value=10**6, places=2)


@given(cents, st.decimals(min_value=0, max_value=100, places=4))
def test_tax_is_rounded_to_the_nearest_cent_and_halves_away_from_zero(
    amount: Decimal, percent: Decimal
) -> None:
    for amounts_are, exact in (
        ("Exclusive", Fraction(amount) * Fraction(percent) / 100),
        ("Inclusive", Fraction(amount) * Fraction(percent) / (100 + Fraction(percent))),
    ):
        tax = arithmetic.line_tax(amount, percent, amounts_are)
        off = abs(Fraction(tax) - exact)
        assert off <= Fraction(1, 200)
        assert off < Fraction(1, 200) or abs(Fraction(tax)) > abs(exact)


@given(st.lists(st.tuples(cents, st.sampled_from([Decimal(0), Decimal(15), Decimal("12.5")])), max_size=8))
def test_totals_are_the_sums_of_their_lines(rows: list[tuple[Decimal, Decimal]]) -> None:
    for amounts_are in arithmetic.AMOUNTS_ARE:
        lines = [
            Line(id="", line_amount=amount, tax_amount=arithmetic.line_tax(amount, percent, amounts_are))
            for amount, percent in rows
        ]
        found = arithmetic.add_up(lines, amounts_are)
        assert found.total == found.sub_total + found.total_tax
        assert found.total_tax == sum((each.tax_amount for each in lines), Decimal(0))
        inside = amounts_are == "Inclusive"
        whole = found.total if inside else found.sub_total
        assert whole == sum((each.line_amount for each in lines), Decimal(0))
