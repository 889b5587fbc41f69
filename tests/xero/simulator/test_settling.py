"""Payments and credit notes: how they change an invoice, and what they forbid."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.xero.simulator.sales import accepted, line, made, person, refused, sale, shown
from tests.xero.simulator.serving import API, connected, frozen_clock, small_world
from xero.simulator.clock import ShiftedClock

SETTLED = "This document cannot be edited as it has a payment or credit note allocated to it."


@pytest.fixture
def clock() -> ShiftedClock:
    return frozen_clock()


@pytest_asyncio.fixture
async def http(clock: ShiftedClock) -> AsyncIterator[httpx.AsyncClient]:
    async with connected(small_world(clock=clock)) as client:
        yield client


def standing(invoice: dict[str, Any]) -> tuple[str, float, float, float]:
    return invoice["Status"], invoice["AmountPaid"], invoice["AmountCredited"], invoice["AmountDue"]


async def messages(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 400, answer.text
    return [e["Message"] for element in answer.json()["Elements"] for e in element["ValidationErrors"]]


async def test_an_invoice_is_paid_when_nothing_is_due_and_open_again_without_its_payment(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    invoice = await made(http)
    key = invoice["InvoiceID"]
    assert standing(invoice) == ("AUTHORISED", 0, 0, 115)
    clock.advance(timedelta(minutes=1))
    part = await person(http, f"invoices/{key}/payments", amount="15.01", reference="bank")
    assert standing(part) == ("AUTHORISED", 15.01, 0, 99.99)
    assert part["UpdatedDateUTC"] != invoice["UpdatedDateUTC"]
    whole = await person(http, f"invoices/{key}/payments", date="2026-11-09")
    assert standing(whole) == ("PAID", 115, 0, 0)
    assert whole["FullyPaidOnDate"] == "/Date(1794182400000+0000)/"
    assert [(p["Amount"], p["Reference"]) for p in whole["Payments"]] == [(15.01, "bank"), (99.99, "")]
    removed = whole["Payments"][0]["PaymentID"]
    back = await person(http, f"payments/{removed}", "DELETE")
    assert standing(back) == ("AUTHORISED", 99.99, 0, 15.01)
    assert [p["Amount"] for p in back["Payments"]] == [99.99]
    assert "FullyPaidOnDate" not in back
    payment = (await http.get(f"{API}/Payments/{removed}")).json()["Payments"][0]
    assert (payment["Status"], payment["Invoice"]["InvoiceID"]) == ("DELETED", key)


async def test_a_partly_paid_invoice_can_be_neither_edited_nor_voided(http: httpx.AsyncClient) -> None:
    invoice = await made(http)
    part = await person(http, f"invoices/{invoice['InvoiceID']}/payments", amount="1")
    for change in ({"Status": "VOIDED"}, {"Reference": "x"}, {"SentToContact": True}):
        assert await refused(http, "POST", {"InvoiceID": invoice["InvoiceID"], **change}) == [SETTLED]
    await person(http, f"payments/{part['Payments'][0]['PaymentID']}", "DELETE")
    await accepted(http, "POST", {"InvoiceID": invoice["InvoiceID"], "Status": "VOIDED"})


async def test_an_invoice_with_a_total_of_zero_is_paid_at_once(http: httpx.AsyncClient) -> None:
    invoice = await made(http, line(), line(UnitAmount=-100))
    assert standing(invoice) == ("PAID", 0, 0, 0)
    element = {"InvoiceID": invoice["InvoiceID"], "Reference": "x"}
    assert await refused(http, "POST", element) == ["Invoice not of valid status for modification"]


async def test_payments_are_created_and_deleted_through_the_api(http: httpx.AsyncClient) -> None:
    invoice = await made(http)
    named = {"InvoiceID": invoice["InvoiceID"]}

    async def pay(**fields: Any) -> httpx.Response:
        body = {"Invoice": named, "Account": {"Code": "090"}, "Date": "2026-11-03", "Amount": 15} | fields
        return await http.put(f"{API}/Payments", json=body)

    payment = (await pay(Reference="r")).json()["Payments"][0]
    assert (payment["Amount"], payment["PaymentType"], payment["Status"]) == (
        15,
        "ACCRECPAYMENT",
        "AUTHORISED",
    )
    assert "exceeds the amount outstanding" in (await messages(await pay(Amount="100.01")))[0]
    assert "greater than zero" in (await messages(await pay(Amount=0)))[0]
    assert "bank account" in (await messages(await pay(Account={"Code": "200"})))[0]
    assert "could not be found" in (await messages(await pay(Invoice={"InvoiceNumber": "none"})))[0]
    draft = await made(http, Status="DRAFT")
    assert "Authorised" in (await messages(await pay(Invoice={"InvoiceID": draft["InvoiceID"]})))[0]
    address = f"{API}/Payments/{payment['PaymentID']}"
    assert "only be deleted" in (await messages(await http.post(address, json={"Amount": 3})))[0]
    assert (await http.post(address, json={"Status": "DELETED"})).json()["Payments"][0]["Status"] == "DELETED"
    assert "already been deleted" in (await messages(await http.post(address, json={"Status": "DELETED"})))[0]
    assert standing(await shown(http, invoice["InvoiceID"])) == ("AUTHORISED", 0, 0, 115)


async def test_the_list_of_payments_includes_deleted_ones(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    invoice = await made(http)
    key = f"invoices/{invoice['InvoiceID']}/payments"
    first = (await person(http, key, amount="1"))["Payments"][0]["PaymentID"]
    await person(http, key, amount="2")
    since = {"If-Modified-Since": clock().isoformat(timespec="seconds")}
    clock.advance(timedelta(minutes=1))
    await person(http, f"payments/{first}", "DELETE")

    async def amounts(headers: dict[str, str] | None = None, **params: str) -> list[float]:
        answer = await http.get(f"{API}/Payments", params=params, headers=headers)
        return [payment["Amount"] for payment in answer.json()["Payments"]]

    assert await amounts() == [1, 2]
    assert await amounts(where='Status=="AUTHORISED"') == [2]
    assert await amounts(order="Amount DESC", page="1", pageSize="1") == [2]
    assert await amounts(since) == [1]


async def test_a_locked_period_refuses_payments_and_their_deletion(http: httpx.AsyncClient) -> None:
    invoice = await made(http)
    paid = await person(http, f"invoices/{invoice['InvoiceID']}/payments", amount="1", date="2026-10-01")
    await person(http, "lockdates", "PUT", period="2026-10-31")
    key = paid["Payments"][0]["PaymentID"]
    assert "lock date" in (await person(http, f"payments/{key}", "DELETE", status=400))["error"]
    late = await person(
        http, f"invoices/{invoice['InvoiceID']}/payments", status=400, amount="1", date="2026-10-31"
    )
    assert "lock date" in late["error"]


async def test_a_credit_note_reduces_the_amount_due_as_a_payment_does(http: httpx.AsyncClient) -> None:
    invoice = await made(http)
    key = invoice["InvoiceID"]
    part = await person(http, f"invoices/{key}/credits", amount="15")
    assert standing(part) == ("AUTHORISED", 0, 15, 100)
    assert [(c["CreditNoteNumber"], c["AppliedAmount"]) for c in part["CreditNotes"]] == [("CN-0001", 15)]
    assert await refused(http, "POST", {"InvoiceID": key, "Status": "VOIDED"}) == [SETTLED]
    assert standing(await person(http, f"invoices/{key}/credits")) == ("PAID", 0, 115, 0)
    assert standing(await person(http, f"invoices/{key}/credits", "DELETE")) == ("AUTHORISED", 0, 0, 115)


async def test_credit_notes_are_created_and_allocated_through_the_api(http: httpx.AsyncClient) -> None:
    invoice = await made(http)
    contact = {"ContactID": invoice["Contact"]["ContactID"]}
    element = {"Type": "ACCRECCREDIT", "Status": "AUTHORISED", "Contact": contact, "LineItems": [line()]}
    note = (await http.put(f"{API}/CreditNotes", json=element)).json()["CreditNotes"][0]
    assert (note["Status"], note["RemainingCredit"], note["CreditNoteNumber"]) == (
        "AUTHORISED",
        115,
        "CN-0001",
    )
    address = f"{API}/CreditNotes/{note['CreditNoteID']}"

    async def allocate(amount: str, to: str = invoice["InvoiceID"]) -> httpx.Response:
        body = {"Allocations": [{"Amount": amount, "Date": "2026-11-03", "Invoice": {"InvoiceID": to}}]}
        return await http.put(f"{address}/Allocations", json=body)

    assert "exceeds" in (await messages(await allocate("115.01")))[0]
    other = await made(http)
    assert "same type and contact" in (await messages(await allocate("1", other["InvoiceID"])))[0]
    allocation = (await allocate("15")).json()["Allocations"][0]
    after = (await http.get(address)).json()["CreditNotes"][0]
    assert (after["RemainingCredit"], after["Allocations"][0]["Amount"]) == (100, 15)
    gone = await http.delete(f"{address}/Allocations/{allocation['AllocationID']}")
    assert gone.json()["IsDeleted"] is True
    assert standing(await shown(http, invoice["InvoiceID"])) == ("AUTHORISED", 0, 0, 115)
    listed = (await http.get(f"{API}/CreditNotes", params={"page": "1"})).json()["CreditNotes"]
    assert [row["CreditNoteID"] for row in listed] == [note["CreditNoteID"]]
    assert (await http.get(f"{API}/Invoices/{note['CreditNoteID']}")).status_code == 404


async def test_a_bill_can_be_paid_and_refuses_discounts(http: httpx.AsyncClient) -> None:
    bill = await made(http, line(AccountCode="429"), Type="ACCPAY", InvoiceNumber="b")
    assert standing(await person(http, f"invoices/{bill['InvoiceID']}/payments"))[0] == "PAID"
    assert (
        "Discounts"
        in (
            await refused(
                http,
                "PUT",
                await sale(
                    http, line(AccountCode="429", DiscountRate=5), Type="ACCPAY", DueDate="2026-12-01"
                ),
            )
        )[0]
    )
