"""The client's invoices against the simulator over real sockets."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.xero.connected import Connected, connected
from tests.xero.make import new_invoice
from xero.errors import Uncertain
from xero.invoices import (
    ContactRef,
    Invoice,
    InvoiceCreations,
    InvoiceUpdate,
    InvoiceUpdates,
    NewLine,
    WrittenInvoice,
)


@pytest.fixture
async def xero() -> AsyncIterator[Connected]:
    async with connected() as made:
        yield made


async def somebody(xero: Connected) -> ContactRef:
    contacts = (await xero.client.contacts_page(1)).items
    return ContactRef(contact_id=next(c.contact_id for c in contacts if c.contact_status == "ACTIVE"))


async def creation(xero: Connected, *numbers: str, **fields: Any) -> InvoiceCreations:
    contact = await somebody(xero)
    return InvoiceCreations.of([new_invoice(number, contact=contact, **fields) for number in numbers])


async def created(xero: Connected, number: str, **fields: Any) -> WrittenInvoice:
    written = await xero.client.create_invoices(await creation(xero, number, **fields), uuid4().hex)
    assert written.items[0].saved, written.items[0].messages
    return written.items[0]


async def found(xero: Connected, number: str) -> Invoice | None:
    return (await xero.client.find_invoice_by_number(number)).value


async def person(xero: Connected, path: str, **fields: Any) -> None:
    tenant = xero.connection.tenant_id
    answer = await xero.http.post(f"{xero.app.api_url}/simulator/organisations/{tenant}/{path}", json=fields)
    assert answer.status_code == 200, answer.text


async def test_unit_amounts_with_four_decimal_places_survive(xero: Connected) -> None:
    line = NewLine(
        description="Units", quantity=Decimal("1000"), unit_amount=Decimal("0.0125"), account_code="200", tax_type="OUTPUT2"
    )  # fmt: skip
    await created(xero, "T-1", line_items=[line])
    invoice = await found(xero, "T-1")
    assert invoice
    assert invoice.line_items
    assert invoice.line_items[0].unit_amount == Decimal("0.0125")
    assert (invoice.sub_total, invoice.total_tax, invoice.total) == (
        Decimal("12.5"),
        Decimal("1.88"),
        Decimal("14.38"),
    )


@pytest.mark.parametrize(
    "number", ["№ 7/Ä", "8, 9", "№ 7/Ä, 2026", "a&b=c?d#e%2F+1", "..", "🧾 1", "Straße-1"]
)
async def test_a_number_finds_only_the_invoice_that_equals_it(xero: Connected, number: str) -> None:
    await created(xero, f"{number}0")
    assert await found(xero, number) is None
    made = await created(xero, number)
    invoice = await found(xero, number)
    assert invoice is not None
    assert invoice.invoice_id == made.invoice_id


async def test_an_unanswered_create_of_an_invoice_is_found_by_its_number_with_its_url(
    xero: Connected,
) -> None:
    await xero.arm(kind="drop", when="after", method="PUT")
    body = await creation(xero, "T-lost")
    with pytest.raises(Uncertain):
        await xero.client.create_invoices(body, "key")
    invoice = await found(xero, "T-lost")
    assert invoice
    assert invoice.url == "https://tandem.example/i/1"
    again = await xero.client.create_invoices(body, "key")
    assert [element.invoice_id for element in again.items] == [invoice.invoice_id]
    later = await xero.client.create_invoices(body, "another key")
    assert later.items[0].messages == ("Invoice # must be unique.",)


async def test_a_create_that_never_arrived_is_not_found(xero: Connected) -> None:
    await xero.arm(kind="drop", when="before", method="PUT")
    with pytest.raises(Uncertain):
        await xero.client.create_invoices(await creation(xero, "T-gone"), "key")
    assert await found(xero, "T-gone") is None


async def test_an_invalid_invoice_is_an_error_of_its_own_element(xero: Connected) -> None:
    await created(xero, "T-1")
    written = await xero.client.create_invoices(await creation(xero, "T-0", "T-1", "T-2"), "batch")
    assert [element.saved for element in written.items] == [True, False, True]


@pytest.mark.parametrize("number", ["2026/001", "A,B", "A B & C?", "№ 7"])
async def test_an_invoice_with_an_unusual_number_is_found_by_it(xero: Connected, number: str) -> None:
    made = await created(xero, number)
    invoice = await found(xero, number)
    assert invoice
    assert invoice.invoice_id == made.invoice_id


async def test_a_delta_shows_payments_and_credits_inside_the_invoice(xero: Connected) -> None:
    await created(xero, "T-1")
    line = NewLine(
        description="Advice", quantity=Decimal(1), unit_amount=Decimal(100), account_code="200", tax_type="OUTPUT2"
    )  # fmt: skip
    made = await created(xero, "T-2", line_items=[line])
    cursor = (await xero.client.invoices_page(1)).server_time
    xero.clock.advance(timedelta(minutes=1))
    await person(xero, f"invoices/{made.invoice_id}/payments", amount="15", date="2026-11-09")
    await person(xero, f"invoices/{made.invoice_id}/credits", amount="50")
    [invoice] = (await xero.client.invoices_page(1, modified_since=cursor)).items
    assert (invoice.invoice_id, invoice.amount_due) == (made.invoice_id, Decimal(50))
    assert invoice.payments
    assert [(one.amount, str(one.day)) for one in invoice.payments] == [(Decimal(15), "2026-11-09")]
    assert invoice.credit_notes
    assert [one.applied_amount for one in invoice.credit_notes] == [Decimal(50)]


async def test_an_invoice_is_voided_unless_a_payment_forbids_it(xero: Connected) -> None:
    made = await created(xero, "T-1")
    assert isinstance(made.invoice_id, UUID)
    body = InvoiceUpdates.of([InvoiceUpdate(invoice_id=made.invoice_id, status="VOIDED")])
    assert (await xero.client.update_invoices(body, "one")).items[0].status == "VOIDED"
    again = await xero.client.update_invoices(body, "two")
    assert again.items[0].messages == ("Invoice not of valid status for modification",)
    [shown] = (await xero.client.invoices_by_ids([made.invoice_id])).items
    assert shown.status == "VOIDED"


async def test_a_bill_is_not_read_as_a_sale(xero: Connected) -> None:
    await created(xero, "T-1")
    contact = str((await somebody(xero)).contact_id)
    line = {"Description": "Rent", "Quantity": 1, "UnitAmount": 5, "AccountCode": "469"}
    await person(
        xero, "invoices", Type="ACCPAY", InvoiceNumber="B-1", Contact={"ContactID": contact}, LineItems=[line]
    )
    assert [one.invoice_number for one in (await xero.client.invoices_page(1)).items] == ["T-1"]
    assert await found(xero, "B-1") is None
