"""The texts of a difference: what Xero did not say is left out, and two values that differ have two texts."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.invoices.differences import both_in_one_line
from domain.tables import InvoiceInXero, LineInXero


def line(**given: object) -> LineInXero:
    values: dict[str, object] = {
        "description": "Fees", "quantity": Decimal(1), "unit_price": Decimal(50), "amount": Decimal(50),
        "tax_amount": Decimal("7.5"), "account": "one", "account_code": "200", "tax_type": "OUTPUT2",
    }  # fmt: skip
    return LineInXero(**values | given)  # type: ignore[arg-type]


def told(before: LineInXero, now: LineInXero) -> tuple[str | None, str | None]:
    return both_in_one_line(InvoiceInXero(lines=(before,)), InvoiceInXero(lines=(now,)), "lines", {})


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"quantity": None}, "Fees: no quantity × 50 = 50, tax 7.5 (200, OUTPUT2)"),
        ({"unit_price": None}, "Fees: 1 × no price = 50, tax 7.5 (200, OUTPUT2)"),
        ({"amount": None, "tax_amount": None}, "Fees: 1 × 50 = no amount (200, OUTPUT2)"),
        ({"account_code": None}, "Fees: 1 × 50 = 50, tax 7.5 (OUTPUT2)"),
        ({"account_code": None, "tax_type": None}, "Fees: 1 × 50 = 50, tax 7.5"),
        ({"description": None}, "No description: 1 × 50 = 50, tax 7.5 (200, OUTPUT2)"),
        ({"description": None, "quantity": None, "unit_price": None}, "No description (text only)"),
        ({"discount_rate": Decimal(10), "amount": Decimal(45)}, "Fees: 1 × 50 less 10 % = 45, tax 7.5 (200, OUTPUT2)"),
    ],
)  # fmt: skip
def test_the_text_of_a_line_leaves_out_members_that_xero_did_not_show(
    given: dict[str, object], text: str
) -> None:
    assert told(line(), line(**given))[1] == text


def test_two_accounts_that_had_one_code_are_distinguished() -> None:
    assert told(line(), line(account="two")) == (
        "Fees: 1 × 50 = 50, tax 7.5 (200 one, OUTPUT2)",
        "Fees: 1 × 50 = 50, tax 7.5 (200 two, OUTPUT2)",
    )


def test_two_contacts_of_one_name_are_distinguished() -> None:
    one, two = uuid4(), uuid4()
    names: dict[UUID, str] = {one: "Ada", two: "Ada"}
    found = both_in_one_line(InvoiceInXero(contact=one), InvoiceInXero(contact=two), "contact", names)
    assert found == (f"Ada ({one})", f"Ada ({two})")
