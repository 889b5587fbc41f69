"""Invoices through the client: what a caller can rely on, for every answer of Xero."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.xero.make import CONTACT, answer, bench, invoice, new_invoice
from xero.client import Client
from xero.errors import Reason, Retry, Uncertain
from xero.invoices import InvoiceCreations, InvoiceUpdate, InvoiceUpdates, NewLine

JSON = {"content-type": "application/json"}


# -- reads


async def test_a_delta_request_of_invoices_asks_for_sales_with_four_decimal_places() -> None:
    made = bench(answer("Invoices", invoice()))
    since = datetime(2026, 11, 24, 1, 2, 3, 9, timezone(timedelta(hours=13)))
    await made.client.invoices_page(3, page_size=50, modified_since=since)
    request = made.script.requests[0]
    assert request.headers["if-modified-since"] == "2026-11-23T12:02:03"
    assert dict(request.url.params) == {
        "page": "3",
        "pageSize": "50",
        "where": 'Type=="ACCREC"',
        "order": "InvoiceID ASC",
        "unitdp": "4",
    }


async def test_an_invoice_is_read_exactly_with_its_payments_and_credits() -> None:
    content = b"""{"Invoices":[{"InvoiceID":"%s","Status":"QUANTUM","Wings":2,"Total":115.10,"AmountDue":0.1,
        "Date":"/Date(1793577600000+0000)/","DateString":"2026-11-02T00:00:00","DueDate":"/Date(1793577600000+1300)/",
        "LineItems":[{"UnitAmount":33.3333,"Quantity":3.0000,"TaxType":"TAX9"}],
        "Payments":[{"PaymentID":"%s","Amount":14.995,"Date":"/Date(1794182400000+0000)/","Reference":"bank"}],
        "CreditNotes":[{"CreditNoteID":"%s","AppliedAmount":100.005,"CreditNoteNumber":"CN-1"}],
        "Prepayments":[],"Overpayments":null}]}"""
    ids = [uuid4() for _ in range(3)]
    filled = content
    for each in ids:
        filled = filled.replace(b"%s", str(each).encode(), 1)
    made = bench(httpx.Response(200, content=filled, headers=JSON))
    found = (await made.client.invoices_page(1)).items[0]
    assert (found.invoice_id, found.status) == (ids[0], "QUANTUM")
    assert (found.total, found.amount_due) == (Decimal("115.10"), Decimal("0.1"))
    assert (found.day, found.due_day) == (date(2026, 11, 2), date(2026, 11, 2))
    assert found.line_items
    assert found.line_items[0].unit_amount == Decimal("33.3333")
    assert found.payments
    paid = found.payments[0]
    assert (paid.payment_id, paid.amount, paid.day) == (ids[1], Decimal("14.995"), date(2026, 11, 9))
    assert found.credit_notes
    assert (found.credit_notes[0].credit_note_id, found.credit_notes[0].applied_amount) == (ids[2], Decimal("100.005"))  # fmt: skip


@pytest.mark.parametrize(
    "bad",
    [
        {"Total": "much"},
        {"Payments": [{"Amount": 1}]},
        {"LineItems": {"a": 1}},
        {"Date": "soon"},
        {"InvoiceID": "7"},
    ],
)
async def test_an_unreadable_invoice_does_not_affect_the_others(bad: dict[str, Any]) -> None:
    made = bench(answer("Invoices", invoice("A"), invoice("bad", **bad), invoice("B")))
    page = await made.client.invoices_page(1)
    assert [one.invoice_number for one in page.items] == ["A", "B"]
    assert len(page.unreadable) == 1


async def test_invoices_are_read_by_ids_in_one_call() -> None:
    ids = [uuid4() for _ in range(40)]
    made = bench(answer("Invoices", invoice()))
    assert (await made.client.invoices_by_ids(ids)).last
    assert made.script.requests[0].url.params["IDs"] == ",".join(map(str, ids))
    with pytest.raises(ValueError, match="ids a call"):
        await made.client.invoices_by_ids([uuid4() for _ in range(41)])


async def test_an_invoice_number_finds_its_sale() -> None:
    rows = [invoice("T-1", Type="ACCPAY"), invoice("t-1"), invoice("T-1"), invoice("T-10")]
    made = bench(answer("Invoices", *rows), answer("Invoices", *rows[:2]), answer("Invoices"))
    exact = (await made.client.find_invoice_by_number("T-1")).value
    other_case = (await made.client.find_invoice_by_number("T-1")).value
    assert exact
    assert other_case
    assert [str(exact.invoice_id), str(other_case.invoice_id)] == [rows[2]["InvoiceID"], rows[1]["InvoiceID"]]
    assert (await made.client.find_invoice_by_number("T-1")).value is None
    assert made.script.requests[0].url.params["InvoiceNumbers"] == "T-1"


async def test_an_invoice_number_with_a_comma_is_one_number() -> None:
    made = bench(httpx.Response(404, text="not here"))
    assert (await made.client.find_invoice_by_number("1,2")).value is None
    assert made.script.requests[0].url.raw_path == b"/api.xro/2.0/Invoices/1%2C2?unitdp=4"


async def test_an_unreadable_invoice_does_not_count_as_absent() -> None:
    made = bench(answer("Invoices", invoice(Total="much")))
    with pytest.raises(Retry) as caught:
        await made.client.find_invoice_by_number("T-1")
    assert caught.value.reason is Reason.UNREADABLE_ANSWER


async def test_a_blank_invoice_number_makes_no_call() -> None:
    with pytest.raises(ValueError, match="blank"):
        await bench().client.find_invoice_by_number(" ")


# -- writes


async def test_a_creation_is_a_put_of_exactly_these_bytes() -> None:
    made = bench(answer("Invoices", invoice(HasErrors=False, StatusAttributeString="OK")))
    body = InvoiceCreations.of([new_invoice()])
    written = await made.client.create_invoices(body, "key")
    request = made.script.requests[0]
    assert (request.method, request.content, request.headers["idempotency-key"]) == (
        "PUT",
        body.content,
        "key",
    )
    assert dict(request.url.params) == {"summarizeErrors": "false", "unitdp": "4"}
    assert [element.saved for element in written.items] == [True]


def test_the_bytes_hold_exact_numbers_and_no_computed_amounts() -> None:
    sent = json.loads(InvoiceCreations.of([new_invoice()]).content, parse_float=Decimal)["Invoices"][0]
    assert sent == {
        "Type": "ACCREC",
        "InvoiceNumber": "T-1",
        "Contact": {"ContactID": str(CONTACT)},
        "Date": "2026-11-02",
        "DueDate": "2026-11-20",
        "LineAmountTypes": "Exclusive",
        "CurrencyCode": "NZD",
        "Url": "https://tandem.example/i/1",
        "Status": "AUTHORISED",
        "LineItems": [
            {
                "Description": "Advice",
                "Quantity": Decimal("1.5"),
                "UnitAmount": Decimal("33.3333"),
                "AccountCode": "200",
                "TaxType": "OUTPUT2",
            }
        ],
    }


async def test_each_element_of_a_write_has_its_own_result() -> None:
    errors = [{"Message": "Invoice # must be unique."}]
    made = bench(
        answer(
            "Invoices",
            invoice("good", StatusAttributeString="OK"),
            invoice("errors", ValidationErrors=errors),
            invoice("flag", HasErrors=True),
            invoice("status", StatusAttributeString="ERROR"),
            invoice("zeros", InvoiceID="00000000-0000-0000-0000-000000000000"),
            {"InvoiceNumber": "no id"},
        )
    )
    written = await made.client.update_invoices(
        InvoiceUpdates.of([InvoiceUpdate(invoice_id=uuid4(), status="VOIDED")]), "key"
    )
    assert made.script.requests[0].method == "POST"
    assert [one.invoice_number for one in written.items if one.saved] == ["good"]
    assert written.items[1].messages == ("Invoice # must be unique.",)


async def test_a_write_without_an_answer_is_uncertain() -> None:
    made = bench(httpx.ReadTimeout("slow"))
    with pytest.raises(Uncertain):
        await made.client.create_invoices(InvoiceCreations.of([new_invoice()]), "key")
    assert len(made.script.requests) == 1


@pytest.mark.parametrize(
    "content",
    [
        b'{"Invoices":[{"Status":"VOIDED"}]}',
        b'{"Invoices":[{"InvoiceNumber":"T-1","Status":"VOIDED"}]}',
        b'{"Invoices":[{"InvoiceID":"00000000-0000-0000-0000-000000000005","InvoiceNumber":"T-1"}]}',
        b'{"Invoices":[{"InvoiceID":"00000000-0000-0000-0000-000000000000","Status":"VOIDED"}]}',
        b'{"Invoices":[{"InvoiceID":null,"Status":"VOIDED"}]}',
        b'{"Invoices":[]}',
        b"",
    ],
)
def test_an_update_of_an_invoice_needs_its_id(content: bytes) -> None:
    with pytest.raises(ValueError):
        InvoiceUpdates(content)


def test_the_client_writes_only_bytes_of_our_payload_types() -> None:
    """A body is one of these classes, which always check their content."""
    taken = {
        name: getattr(Client, name).__annotations__["body"] for name in ("create_invoices", "update_invoices")
    }
    assert taken == {"create_invoices": InvoiceCreations, "update_invoices": InvoiceUpdates}


@pytest.mark.parametrize(
    "change",
    [{"invoice_number": " "}, {"url": ""}, {"line_items": []}],
    ids=lambda change: next(iter(change)),
)
def test_a_new_invoice_needs_a_number_a_url_and_lines(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs a number"):
        InvoiceCreations.of([new_invoice(**change)])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content.replace(b'"Url"', b'"TaxAmount":1,"Url"'),
        lambda content: content.replace(b'"Quantity"', b'"TaxAmount":1,"Quantity"'),
        lambda content: content.replace(b'{"ContactID"', b'{"Name":"Ada","ContactID"'),
        lambda content: content.replace(b'"AUTHORISED"', b'"PAID"'),
        lambda content: content.replace(b'"ACCREC"', b'"ACCPAY"'),
    ],
)
def test_a_new_invoice_holds_no_other_members(spoil: Callable[[bytes], bytes]) -> None:
    good = InvoiceCreations.of([new_invoice()]).content
    assert InvoiceCreations(good).content == good
    with pytest.raises(ValueError):
        InvoiceCreations(spoil(good))


def test_an_update_holds_only_the_given_members() -> None:
    assert InvoiceUpdates.of([InvoiceUpdate(invoice_id=UUID(int=5), status="VOIDED")]).content == (
        b'{"Invoices":[{"InvoiceID":"00000000-0000-0000-0000-000000000005","Status":"VOIDED"}]}'
    )


def test_a_body_that_is_too_large_is_refused_before_it_is_sent() -> None:
    long = NewLine(
        description="x" * 4_000_000, quantity=Decimal(1), unit_amount=Decimal(1), account_code="200", tax_type="NONE"
    )  # fmt: skip
    with pytest.raises(ValueError, match="bytes"):
        InvoiceCreations.of([new_invoice(line_items=[long])])
