"""A reissue keeps what was set inside Xero on the lines, or is refused before anything is voided."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from domain.invoices import actions as invoice_actions
from domain.invoices.changes import Decision
from domain.invoices.differences import differences
from domain.problems import Code, Refused
from domain.tables import Invoice, InvoiceLine
from runtime.embedded import services as embedded
from tests.database import Place
from tests.workers.billing import Billing, making


@pytest.fixture
async def here(clean: Place, services: embedded.Services) -> AsyncIterator[Billing]:
    async with making(clean, services) as made:
        yield made


async def lines(here: Billing, invoice: Invoice) -> list[InvoiceLine]:
    async with here.here.world.tx() as tx:
        return (await invoice_actions.lines_of(tx, [invoice.id]))[invoice.id]


async def edited(here: Billing, invoice: Invoice, *given: dict[str, Any], accept: bool = True) -> Invoice:
    """A person edits all lines in Xero; each line that names no id keeps the one at its place."""
    own = await lines(here, invoice)
    items = [
        {"LineItemID": str(own[place].xero_line_id), **line} if place < len(own) else line
        for place, line in enumerate(given)
    ]
    await here.act("POST", f"invoices/{invoice.xero_invoice_id}", {"LineItems": items})
    await here.poll()
    if accept:
        await here.settle(invoice, Decision.ACCEPT)
    return await here.look(invoice)


async def voided_in_xero(here: Billing, invoice: Invoice) -> None:
    await here.act("POST", f"invoices/{invoice.xero_invoice_id}", {"Status": "VOIDED"})
    await here.poll()


async def reissued(here: Billing, invoice: Invoice) -> Invoice:
    await voided_in_xero(here, invoice)
    _, again = await here.settle(invoice, Decision.REISSUE)
    assert again is not None
    await here.send()
    return await here.look(again)


async def refused(here: Billing, invoice: Invoice) -> Refused:
    """A refused REISSUE, which leaves the invoice unchanged."""
    before = await here.look(invoice)
    with pytest.raises(Refused) as found:
        await here.settle(invoice, Decision.REISSUE)
    after = await here.look(invoice)
    assert (after.status, after.sync_state, after.version) == (
        before.status,
        before.sync_state,
        before.version,
    )
    return found.value


async def test_a_discount_rate_set_in_xero_is_kept_and_sent_again(here: Billing) -> None:
    made = await here.there(here.line("33.33", "3"))
    accepted = await edited(here, made, {"DiscountRate": 50})
    assert accepted.total == Decimal("57.50")
    [line] = await lines(here, accepted)
    assert (line.discount_rate, line.discount_amount, line.amount) == (Decimal(50), None, Decimal("50.00"))
    again = await reissued(here, accepted)
    assert (again.total, again.xero_total, again.sync_state) == (Decimal("57.50"), Decimal("57.50"), "SYNCED")
    there = await here.at_xero(again)
    assert there is not None
    assert there.line_items
    assert there.line_items[0].discount_rate == 50


async def test_a_discount_amount_set_in_xero_is_kept_and_sent_again(here: Billing) -> None:
    made = await here.there(here.line("1400"))
    accepted = await edited(here, made, {"DiscountAmount": 250})
    assert accepted.total == Decimal("1322.50")
    again = await reissued(here, accepted)
    assert (again.total, again.xero_total) == (Decimal("1322.50"), Decimal("1322.50"))
    there = await here.at_xero(again)
    assert there is not None
    assert there.line_items
    assert there.line_items[0].discount_rate == Decimal("17.857143")
    [line] = await lines(here, again)
    assert (line.discount_rate, line.discount_amount) == (None, Decimal(250))


async def test_an_invoice_with_discounts_comes_to_the_same_in_xero(here: Billing) -> None:
    made = await here.there(
        here.line("33.33", "3", discount_rate=Decimal(50)), here.line("1400", discount_amount=Decimal(250))
    )
    assert (made.total, made.xero_total, made.sync_state) == (
        Decimal("1380.00"),
        Decimal("1380.00"),
        "SYNCED",
    )
    await here.poll()
    assert (await here.look(made)).sync_state == "SYNCED"


async def test_a_discount_shown_in_another_form_is_no_change(here: Billing) -> None:
    """A list of Xero's may give a rate where an amount was sent."""
    made = await here.there(here.line("1400", discount_amount=Decimal(250)))
    own = await lines(here, made)
    item = {
        "LineItemID": str(own[0].xero_line_id),
        "DiscountRate": Decimal("17.857142"),
        "DiscountAmount": None,
    }
    await here.act(
        "POST", f"invoices/{made.xero_invoice_id}", {"LineItems": [item | {"DiscountRate": 17.857142}]}
    )
    await here.poll()
    found = await here.look(made)
    assert (found.sync_state, found.xero_total) == ("SYNCED", Decimal("1322.50"))


async def test_a_second_discount_given_in_xero_replaces_the_first(here: Billing) -> None:
    made = await here.there(here.line("33.33", "3", discount_rate=Decimal(50)))
    accepted = await edited(here, made, {"DiscountAmount": 10})
    assert accepted.subtotal == Decimal("89.99")
    assert (await reissued(here, accepted)).xero_total == accepted.total


async def test_a_reissue_is_refused_for_a_line_whose_tax_was_edited_in_xero(here: Billing) -> None:
    made = await here.there(here.line("100"), here.line("50"))
    accepted = await edited(here, made, {}, {"TaxAmount": 7})
    assert accepted.total == Decimal("172.00")
    await voided_in_xero(here, made)
    problems = (await refused(here, made)).problems
    assert [one.path for one in problems] == [("invoiceId",)]
    assert "Line 2 has 7.00 of tax typed over in Xero, and would have 7.50" in problems[0].message
    assert "Nothing was voided" in problems[0].message
    settled, _ = await here.settle(made, Decision.VOID_HERE)
    assert settled.status == "VOIDED"


async def test_a_reissue_is_refused_for_a_text_line(here: Billing) -> None:
    """Nothing is voided in Xero either: the changed invoice stays there."""
    made = await here.there()
    await edited(here, made, {}, {"Description": "With thanks"})
    await edited(here, made, {"Description": "Accounts"}, {"Description": "With thanks"}, accept=False)
    problems = (await refused(here, made)).problems
    assert "Line 2 is text without an amount" in problems[0].message
    await here.send()
    there = await here.at_xero(made)
    assert there is not None
    assert there.status == "AUTHORISED"


async def test_a_reissue_is_refused_for_a_tax_type_without_a_tax_rate(here: Billing) -> None:
    made = await here.there()
    await edited(here, made, {"TaxType": "ZERORATED"})
    await voided_in_xero(here, made)
    [problem] = (await refused(here, made)).problems
    assert (problem.code, "Line 1 has Xero's tax type ZERORATED" in problem.message) == (Code.UNMAPPED, True)


async def test_a_reissue_is_refused_in_a_locked_period(here: Billing) -> None:
    made = await here.there()
    await voided_in_xero(here, made)
    await here.act("PUT", "lockdates", {"period": "2026-11-30"})
    await here.read_catalogue()
    [problem] = (await refused(here, made)).problems
    assert problem.code is Code.PERIOD_LOCKED


async def test_a_reissue_keeps_an_account_that_was_chosen_in_xero(here: Billing) -> None:
    made = await here.there()
    accepted = await edited(here, made, {"AccountCode": "220"})
    again = await reissued(here, accepted)
    assert [line.account_code for line in await lines(here, again)] == ["220"]


async def test_the_explanation_of_a_change_names_quantity_tax_and_discount(here: Billing) -> None:
    made = await here.there(here.line("50", "2"), here.line("1", description="More"))

    async def told(**line: Any) -> tuple[str, str]:
        found = await edited(here, made, line, {}, accept=False)
        [one] = [one for one in differences(found, {}) if one.field == "lines"]
        return str(one.practice).split("; ")[0], str(one.xero).split("; ")[0]

    sent = "Annual accounts: 2 × 50 = 100, tax 15 (200, OUTPUT2)"
    assert await told(Quantity=0) == (sent, "Annual accounts: 0 × 50 = 0, tax 0 (200, OUTPUT2)")
    assert await told(Quantity=2, TaxAmount=14.5) == (
        sent,
        "Annual accounts: 2 × 50 = 100, tax 14.5 (200, OUTPUT2)",
    )
    assert await told(Quantity=2, DiscountRate=10) == (
        sent,
        "Annual accounts: 2 × 50 less 10 % = 90, tax 13.5 (200, OUTPUT2)",
    )


async def test_a_reissue_keeps_item_code_and_tracking_that_were_set_in_xero(here: Billing) -> None:
    made = await here.there()
    tracking = [{"Name": "Region", "Option": "North"}]
    await edited(here, made, {"ItemCode": "ADVICE", "Tracking": tracking}, accept=False)
    again = await reissued(here, made)
    there = await here.at_xero(again)
    assert there is not None
    assert there.line_items
    [line] = there.line_items
    assert line.item_code == "ADVICE"
    assert line.tracking
    assert [(one.name, one.option) for one in line.tracking] == [("Region", "North")]
