"""A request that does not ask for JSON gets XML, as from Xero."""

from collections.abc import AsyncIterator
from xml.etree import ElementTree

import httpx
import pytest
import pytest_asyncio

from tests.xero.simulator.sales import made
from tests.xero.simulator.serving import API, connected, create, small_world


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with connected(small_world()) as client:
        yield client


async def xml(
    http: httpx.AsyncClient, path: str, accept: str | None, status: int = 200
) -> ElementTree.Element:
    request = http.build_request("GET", f"{API}/{path}")
    del request.headers["Accept"]
    if accept is not None:
        request.headers["Accept"] = accept
    answer = await http.send(request)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert int(answer.headers["x-minlimit-remaining"]) < 60
    return ElementTree.fromstring(answer.content)


@pytest.mark.parametrize("accept", [None, "*/*", "application/xml", "text/xml, */*;q=0.1"])
async def test_answers_are_xml_unless_json_is_accepted(http: httpx.AsyncClient, accept: str | None) -> None:
    root = await xml(http, "Currencies", accept)
    assert root.tag == "Response"
    assert root.findtext("Status") == "OK"
    assert root.findtext("DateTimeUTC") == "2026-11-02T09:00:00"
    assert [one.findtext("Code") for one in root.findall("Currencies/Currency")] == ["NZD"]


@pytest.mark.parametrize("accept", ["application/json", "application/json, */*", "text/json;q=0.5, text/xml"])
async def test_answers_are_json_if_it_is_accepted(http: httpx.AsyncClient, accept: str) -> None:
    answer = await http.get(f"{API}/Currencies", headers={"Accept": accept})
    assert answer.json()["Currencies"][0]["Code"] == "NZD"


async def test_lists_and_texts_survive_the_conversion_to_xml(http: httpx.AsyncClient) -> None:
    name = "Kererū & Söhne \u0007食堂"
    contact = await create(http, Name=name, Phones=[{"PhoneType": "DDI", "PhoneNumber": "1"}])
    root = await xml(http, f"Contacts/{contact['ContactID']}", None)
    [found] = root.findall("Contacts/Contact")
    assert found.findtext("Name") == name.replace("\u0007", "")
    assert len(found.findall("Phones/Phone")) == 4
    assert len(found.findall("Addresses/Address")) == 2
    assert found.findtext("IsCustomer") == "false"
    await made(http)
    [invoice] = (await xml(http, "Invoices?page=1", None)).findall("Invoices/Invoice")
    assert invoice.findtext("Total") == "115.00"
    assert invoice.findtext("Date") == "2026-11-02T00:00:00"
    assert invoice.findtext("LineItems/LineItem/AccountCode") == "200"


async def test_errors_are_xml_too(http: httpx.AsyncClient) -> None:
    root = await xml(http, "Contacts?where=nonsense", None, status=400)
    assert root.tag == "ApiException"
    assert root.findtext("ErrorNumber") == "16"
