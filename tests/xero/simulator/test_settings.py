"""Tracking, themes, items, actions and other settings; and lines that name a setting that does not exist."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.xero.simulator.described import DESCRIBED, problems
from tests.xero.simulator.sales import line, made, person, refused, sale, shown
from tests.xero.simulator.serving import API, connected, frozen_clock, small_world
from xero.simulator.world import World


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with connected(small_world(3)) as client:
        yield client


async def listed(http: httpx.AsyncClient, path: str, resource: str = "") -> list[dict[str, Any]]:
    resource = resource or path
    answer = await http.get(f"{API}/{path}")
    if DESCRIBED:
        assert problems(resource, answer) == []
    rows: list[dict[str, Any]] = answer.json()[resource]
    return rows


@pytest.mark.parametrize(
    ("path", "key", "names"),
    [
        ("TrackingCategories", "TrackingCategoryID", ["Region", "Partner"]),
        ("BrandingThemes", "BrandingThemeID", ["Standard", "Reminder"]),
        ("Items", "Code", ["Advice, an hour", "Tax return"]),
    ],
)
async def test_settings_are_read_as_lists_and_singly(
    http: httpx.AsyncClient, path: str, key: str, names: list[str]
) -> None:
    rows = await listed(http, path)
    assert [row["Name"] for row in rows] == names
    assert await listed(http, f"{path}/{rows[1][key]}", path) == [rows[1]]
    assert (await http.get(f"{API}/{path}/11111111-1111-4111-8111-111111111111")).status_code == 404
    assert (await http.get(f"{API}/{path}", params={"order": "Name DESC"})).json()[path][0]["Name"] == max(
        names
    )
    assert (await http.put(f"{API}/{path}", json={})).status_code == 501


@pytest.mark.parametrize("path", ["Prepayments", "Overpayments"])
async def test_there_are_no_prepayments_and_overpayments(http: httpx.AsyncClient, path: str) -> None:
    assert await listed(http, path) == []
    assert await listed(http, f"{path}?page=1", path) == []
    assert (await http.get(f"{API}/{path}/11111111-1111-4111-8111-111111111111")).status_code == 404


async def test_allowed_actions_follow_the_plan_and_currencies(http: httpx.AsyncClient) -> None:
    async def allowed() -> set[str]:
        rows = await listed(http, "Organisation/Actions", "Actions")
        return {row["Name"] for row in rows if row["Status"] == "ALLOWED"}

    before = await allowed()
    assert "CreateApprovedInvoice" in before
    assert "UseMulticurrency" not in before
    tenant = http.headers["Xero-Tenant-Id"]
    await http.put(f"/simulator/organisations/{tenant}/currencies", json=["AUD"])
    await person(http, "approvals", method="PUT", left=0)
    assert await allowed() == before - {"CreateApprovedInvoice"} | {"UseMulticurrency"}


async def test_only_an_approved_sale_has_an_online_invoice(http: httpx.AsyncClient) -> None:
    approved, draft = await made(http), await made(http, Status="DRAFT")
    [page] = await listed(http, f"Invoices/{approved['InvoiceID']}/OnlineInvoice", "OnlineInvoices")
    assert page["OnlineInvoiceUrl"].startswith("https://")
    assert (await http.get(f"{API}/Invoices/{draft['InvoiceID']}/OnlineInvoice")).status_code == 404


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"ItemCode": "NONSENSE"}, "Item Code is invalid."),
        ({"TaxType": "NONSENSE"}, "The TaxType code NONSENSE does not exist or cannot be used"),
        ({"Tracking": [{"Name": "Nonsense", "Option": "North"}]}, "no ACTIVE tracking category with the name 'Nonsense'"),
        ({"Tracking": [{"Name": "Region", "Option": "Up"}]}, "The tracking option 'Up' is not an ACTIVE option"),
        ({"Tracking": [{"Name": "Region", "Option": "North"}] * 3}, "at most 2 tracking categories"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", ["DRAFT", "AUTHORISED"])
async def test_a_line_with_an_unknown_item_or_tracking_option_is_refused(
    http: httpx.AsyncClient, status: str, sent: dict[str, Any], message: str
) -> None:
    element = await sale(http, line(**sent), Status=status)
    assert message in "; ".join(await refused(http, "PUT", element))


async def test_an_unknown_branding_theme_is_refused(http: httpx.AsyncClient) -> None:
    themes = await listed(http, "BrandingThemes")
    known = await made(http, BrandingThemeID=themes[0]["BrandingThemeID"])
    assert known["BrandingThemeID"] == themes[0]["BrandingThemeID"]
    element = await sale(http, BrandingThemeID="11111111-1111-4111-8111-111111111111")
    assert await refused(http, "PUT", element) == ["The branding theme could not be found."]


async def test_tracking_and_items_stay_with_the_line_and_with_the_saved_world(tmp_path: Path) -> None:
    world = small_world(3)
    async with connected(world) as http:
        region, partner = await listed(http, "TrackingCategories")
        option = partner["Options"][1]
        tracking = [
            {"Name": "region", "Option": "SOUTH"},
            {
                "TrackingCategoryID": partner["TrackingCategoryID"],
                "TrackingOptionID": option["TrackingOptionID"],
            },
        ]
        invoice = await made(http, line(ItemCode="ADVICE", Tracking=tracking))
        [kept] = invoice["LineItems"]
        assert [(one["Name"], one["Option"]) for one in kept["Tracking"]] == [
            (region["Name"], "South"),
            (partner["Name"], option["Name"]),
        ]
        assert kept["ItemCode"] == "ADVICE"
        assert (await shown(http, invoice["InvoiceID"]))["LineItems"] == [kept]
    world.save(tmp_path / "world")
    [again] = World.load(tmp_path / "world", frozen_clock()).organisations.values()
    assert again.catalogue == next(iter(world.organisations.values())).catalogue
    [document] = again.ledger
    assert [one.option for one in document.lines[0].tracking] == ["South", option["Name"]]
