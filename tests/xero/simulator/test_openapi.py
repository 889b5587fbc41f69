"""The simulator's answers follow Xero's own OpenAPI description, if a copy is at hand."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.xero.simulator.described import DESCRIBED, problems
from tests.xero.simulator.sales import line, made, person, sale, write
from tests.xero.simulator.serving import API, connected, post, put, small_world

pytestmark = pytest.mark.skipif(not DESCRIBED, reason="Xero's OpenAPI description is not at hand")


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with connected(small_world(120)) as client:
        yield client


@pytest.mark.parametrize(
    "params", [{}, {"page": "1", "pageSize": "1000", "includeArchived": "true"}, {"summaryOnly": "true"}]
)
async def test_lists_of_contacts_follow_the_openapi_document(
    http: httpx.AsyncClient, params: dict[str, str]
) -> None:
    answer = await http.get(f"{API}/Contacts", params=params)
    assert len(answer.json()["Contacts"]) >= 100
    assert problems("Contacts", answer) == []


async def test_writes_of_contacts_follow_the_openapi_document(http: httpx.AsyncClient) -> None:
    asked = {
        "Name": "A",
        "Phones": [{"PhoneType": "DDI"}],
        "PaymentTerms": {"Sales": {"Day": 9, "Type": "OFCURRENTMONTH"}},
    }
    assert problems("Contacts", await put(http, asked)) == []
    assert problems("Contacts", await post(http, asked, {"Name": "<"}, summarizeErrors="false")) == []


async def test_settings_follow_the_openapi_document(http: httpx.AsyncClient) -> None:
    for path, name in (("Organisation", "Organisations"), ("Accounts", "Accounts"), ("TaxRates", "TaxRates")):
        assert problems(name, await http.get(f"{API}/{path}")) == []


async def test_invoices_follow_the_openapi_document(http: httpx.AsyncClient) -> None:
    draft = await made(http, {"Description": "Words"}, Status="DRAFT", Reference="r")
    invoice = await made(
        http, line(DiscountRate=5), ExpectedPaymentDate="2026-12-01", Url="https://example.org/1"
    )
    await person(http, f"invoices/{invoice['InvoiceID']}/payments", amount="5")
    await person(http, f"invoices/{invoice['InvoiceID']}/credits")
    for params in ({}, {"page": "1"}, {"summaryOnly": "true"}, {"Statuses": "PAID"}):
        answer = await http.get(f"{API}/Invoices", params=params)
        assert answer.json()["Invoices"] != []
        assert problems("Invoices", answer) == []
    assert problems("Invoices", await http.get(f"{API}/Invoices/{draft['InvoiceID']}")) == []
    bad = await write(http, "POST", await sale(http), await sale(http, LineItems=[]))
    assert problems("Invoices", bad) == []
    for resource in ("CreditNotes", "Payments", "Currencies"):
        answer = await http.get(f"{API}/{resource}")
        assert answer.json()[resource] != []
        assert problems(resource, answer) == []


async def test_the_comparison_finds_a_misspelt_field(http: httpx.AsyncClient) -> None:
    answer = httpx.Response(200, json={"Contacts": [{"Nmae": "A"}]})
    assert problems("Contacts", answer) != []
