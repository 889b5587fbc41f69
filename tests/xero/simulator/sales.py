"""Sales invoices in the simulator, and what a person does with them in Xero."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx

from tests.xero.simulator.serving import API, create

Row = dict[str, Any]


def line(**fields: Any) -> Row:
    return {"Description": "Advice", "Quantity": 1, "UnitAmount": "100", "AccountCode": "200"} | fields


async def sale(http: httpx.AsyncClient, *lines: Row, **fields: Any) -> Row:
    """An element for PUT: authorised, by default for a new contact and with one line of 100 plus 15 %."""
    if "Contact" not in fields:
        contact = await create(http, Name=f"Client {uuid4()}")
        fields["Contact"] = {"ContactID": contact["ContactID"]}
    return {
        "Type": "ACCREC",
        "Status": "AUTHORISED",
        "Date": "2026-11-02",
        "DueDate": "2026-11-20",
        "LineItems": list(lines) or [line()],
        **fields,
    }


async def write(http: httpx.AsyncClient, method: str, *elements: Row, **params: str) -> httpx.Response:
    params = {"summarizeErrors": "false"} | params
    return await http.request(method, f"{API}/Invoices", json={"Invoices": elements}, params=params)


async def made(http: httpx.AsyncClient, *lines: Row, **fields: Any) -> Row:
    """An invoice that was created."""
    return await accepted(http, "PUT", await sale(http, *lines, **fields))


async def accepted(http: httpx.AsyncClient, method: str, element: Row, **params: str) -> Row:
    answer = await write(http, method, element, **params)
    assert answer.status_code == 200, answer.text
    invoice: Row = answer.json()["Invoices"][0]
    assert invoice["StatusAttributeString"] == "OK", invoice["ValidationErrors"]
    return invoice


async def refused(http: httpx.AsyncClient, method: str, element: Row) -> list[str]:
    """Why."""
    answer = await write(http, method, element)
    assert answer.status_code == 200, answer.text
    invoice = answer.json()["Invoices"][0]
    assert invoice["StatusAttributeString"] == "ERROR"
    assert invoice["HasErrors"] is True
    return [error["Message"] for error in invoice["ValidationErrors"]]


async def shown(http: httpx.AsyncClient, key: str, **params: str) -> Row:
    answer = await http.get(f"{API}/Invoices/{key}", params=params)
    assert answer.status_code == 200, answer.text
    invoice: Row = answer.json()["Invoices"][0]
    return invoice


async def listed(
    http: httpx.AsyncClient, headers: Mapping[str, str] | None = None, **params: str
) -> list[Row]:
    answer = await http.get(f"{API}/Invoices", params={"page": "1"} | params, headers=headers)
    assert answer.status_code == 200, answer.text
    invoices: list[Row] = answer.json()["Invoices"]
    return invoices


async def person(
    http: httpx.AsyncClient, path: str, method: str = "POST", status: int = 200, **fields: Any
) -> Row:
    """An act inside Xero, under /simulator."""
    tenant = http.headers["Xero-Tenant-Id"]
    answer = await http.request(method, f"/simulator/organisations/{tenant}/{path}", json=fields)
    assert answer.status_code == status, answer.text
    content: Row = answer.json()
    return content
