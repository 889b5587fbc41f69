"""Invoices: create, upsert, change of status, reads, and rules of Xero that one would not expect."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.xero.simulator.sales import accepted, line, listed, made, person, refused, sale, shown, write
from tests.xero.simulator.serving import (
    API,
    connect,
    connected,
    create,
    frozen_clock,
    in_process,
    post,
    read,
    small_world,
)
from xero.simulator.clock import ShiftedClock
from xero.simulator.wire import NO_ID
from xero.simulator.world import World


@pytest.fixture
def clock() -> ShiftedClock:
    return frozen_clock()


@pytest.fixture
def world(clock: ShiftedClock) -> World:
    return small_world(clock=clock)


@pytest_asyncio.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with connected(world) as client:
        yield client


# Creating and upserting


async def test_a_put_with_a_taken_number_is_refused_in_upper_or_lower_case(http: httpx.AsyncClient) -> None:
    await made(http, InvoiceNumber="T-1")
    assert await refused(http, "PUT", await sale(http, InvoiceNumber="t-1")) == ["Invoice # must be unique."]


async def test_a_refused_create_has_no_id_and_stores_nothing(http: httpx.AsyncClient) -> None:
    answer = await write(http, "PUT", await sale(http, InvoiceNumber="T-1", LineItems=[]))
    assert answer.json()["Invoices"][0]["InvoiceID"] == NO_ID
    assert await listed(http, InvoiceNumbers="T-1") == []


async def test_a_post_without_id_overwrites_the_invoice_with_that_number(http: httpx.AsyncClient) -> None:
    first = await made(http, InvoiceNumber="T-1", Reference="mine")
    second = await accepted(http, "POST", await sale(http, InvoiceNumber="T-1", Reference="yours"))
    assert second["InvoiceID"] == first["InvoiceID"]
    assert (await shown(http, first["InvoiceID"]))["Reference"] == "yours"


async def test_a_post_finds_an_invoice_by_id_before_number(http: httpx.AsyncClient) -> None:
    first, second = await made(http, InvoiceNumber="T-1"), await made(http, InvoiceNumber="T-2")
    element = {"InvoiceID": second["InvoiceID"], "InvoiceNumber": "T-1"}
    assert await refused(http, "POST", element) == ["Invoice # must be unique."]
    assert (await shown(http, first["InvoiceID"]))["InvoiceNumber"] == "T-1"


async def test_an_unknown_id_is_refused_and_creates_nothing(http: httpx.AsyncClient) -> None:
    element = await sale(http, InvoiceID="11111111-1111-4111-8111-111111111111")
    assert "was not found" in (await refused(http, "POST", element))[0]
    assert await listed(http) == []


async def test_an_invoice_without_a_number_gets_the_next_one(http: httpx.AsyncClient) -> None:
    await made(http, InvoiceNumber="INV-0002")
    assert [(await made(http))["InvoiceNumber"] for _ in range(2)] == ["INV-0003", "INV-0004"]


async def test_the_number_of_a_voided_invoice_stays_taken(http: httpx.AsyncClient) -> None:
    invoice = await made(http, InvoiceNumber="T-1")
    await accepted(http, "POST", {"InvoiceID": invoice["InvoiceID"], "Status": "VOIDED"})
    assert await refused(http, "PUT", await sale(http, InvoiceNumber="T-1")) == ["Invoice # must be unique."]


async def test_bills_may_share_a_number(http: httpx.AsyncClient) -> None:
    for _ in range(2):
        await made(http, line(AccountCode="429"), Type="ACCPAY", InvoiceNumber="theirs")
    assert len(await listed(http, InvoiceNumbers="theirs")) == 2


async def test_a_failed_batch_of_invoices_saves_its_valid_elements(http: httpx.AsyncClient) -> None:
    good, bad = await sale(http, InvoiceNumber="good"), await sale(http, InvoiceNumber="bad", LineItems=[])
    answer = await write(http, "PUT", good, bad, summarizeErrors="true")
    assert answer.status_code == 400
    assert [element["InvoiceNumber"] for element in answer.json()["Elements"]] == ["bad"]
    assert (await shown(http, "good"))["Status"] == "AUTHORISED"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Contact": None}, "A Contact must be specified"),
        ({"DueDate": None}, "DueDate must be specified"),
        ({"LineItems": []}, "One or more line items"),
        ({"LineItems": [line(AccountCode=None)]}, "Account code must be specified"),
        ({"LineItems": [line(Description="")]}, "Description must be at least 1 character"),
        ({"LineItems": [{"Description": "Words", "AccountCode": "200"}]}, "quantity and a unit amount"),
        ({"LineItems": [line(AccountCode="999")]}, "Account code '999' is not a valid code for this document."),
        ({"LineItems": [line(AccountCode="090")]}, "Account code '090' is not a valid code for this document."),
        ({"LineItems": [line(AccountCode="610")]}, "Account code '610' is not a valid code for this document."),
        ({"LineItems": [line(AccountCode="225")]}, "Account code '225' has been archived, or has been deleted."),
        ({"LineItems": [line(TaxType="INPUT2")]}, "The TaxType code 'INPUT2' cannot be used with account code '200'."),
        ({"LineItems": [line(TaxType="TAX099")]}, "The TaxType code 'TAX099' cannot be used with account code '200'."),
        ({"LineItems": [line(LineAmount="99.99")]}, "does not match the expected line total 100.00"),
        ({"LineItems": [line(Description="x" * 4001)]}, "Description field must not exceed 4000"),
        ({"LineItems": [line(DiscountRate=101)]}, "DiscountRate must be between"),
        ({"LineItems": [line(UnitAmount=-1)]}, "must not be negative"),
        ({"CurrencyCode": "EUR"}, "Organisation is not subscribed to currency EUR"),
        ({"Status": "PAID"}, "A new document can be"),
        ({"InvoiceNumber": "9" * 256}, "InvoiceNumber field must not exceed 255"),
        ({"Reference": "9" * 256}, "Reference field must not exceed 255"),
        ({"Url": "https://xero.example.org/1"}, "must not contain 'xero'"),
        ({"Url": "/i/1"}, "absolute address"),
        ({"Contact": {"ContactID": "11111111-1111-4111-8111-111111111111"}}, "could not be found"),
    ],
)  # fmt: skip
async def test_an_authorised_invoice_needs_its_required_members(
    http: httpx.AsyncClient, fields: dict[str, Any], message: str
) -> None:
    element = {name: value for name, value in (await sale(http) | fields).items() if value is not None}
    assert message in "; ".join(await refused(http, "PUT", element))
    assert await listed(http) == []


async def test_a_draft_may_lack_members_that_an_authorised_invoice_needs(http: httpx.AsyncClient) -> None:
    element = await sale(http, {"Description": "Words"}, Status="DRAFT")
    del element["DueDate"]
    draft = await accepted(http, "PUT", element)
    assert (draft["Status"], draft["Total"]) == ("DRAFT", 0)
    authorise = {"InvoiceID": draft["InvoiceID"], "Status": "AUTHORISED"}
    assert len(await refused(http, "POST", authorise)) == 3


@pytest.mark.parametrize(
    "element",
    [
        {"Date": "2017-12-14 00:00:00"},
        {"Date": "/Date(1439434356790+0000)/"},
        {"Status": "SENT"},
        {"InvoiceID": "7"},
        {"LineItems": [{"Quantity": "many"}]},
        {"LineItems": {"Description": "x"}},
        {"LineItems": [{"UnitAmount": "NaN"}]},
        {"SentToContact": "perhaps"},
    ],
)
async def test_an_unreadable_invoice_refuses_the_whole_body(
    http: httpx.AsyncClient, element: dict[str, Any]
) -> None:
    good = await sale(http)
    answer = await write(http, "PUT", good, await sale(http) | element)
    assert (answer.status_code, answer.json()["ErrorNumber"]) == (400, 14)
    assert await listed(http) == []


async def test_the_date_defaults_to_today_in_the_organisations_zone(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    clock.advance(timedelta(hours=3))
    await connect(http)
    # 12:00 UTC on the 2nd is 01:00 on the 3rd in Auckland
    element = await sale(http)
    del element["Date"]
    assert (await accepted(http, "PUT", element))["DateString"] == "2026-11-03T00:00:00"


async def test_sent_to_contact_is_accepted_only_for_approved_invoices(http: httpx.AsyncClient) -> None:
    assert (await made(http, SentToContact=True))["SentToContact"] is True
    assert "SentToContact" not in await made(http, Status="DRAFT", SentToContact=True)


# The contact


async def test_an_invoice_for_an_archived_contact_is_refused(http: httpx.AsyncClient) -> None:
    contact = await create(http, Name="Gone")
    await post(http, {"ContactID": contact["ContactID"], "ContactStatus": "ARCHIVED"})
    element = await sale(http, Contact={"ContactID": contact["ContactID"]})
    assert await refused(http, "PUT", element) == ["The contact Gone has possibly been merged (or archived)."]


async def test_an_invoice_that_holds_more_than_the_contacts_id_changes_the_contact(
    http: httpx.AsyncClient,
) -> None:
    contact = await create(http, Name="Old", ContactPersons=[{"FirstName": "Al"}])
    await made(http, Contact={"ContactID": contact["ContactID"], "Name": "New"})
    assert (await read(http, contact["ContactID"]))["Name"] == "New"


async def test_an_invoice_with_a_contact_name_finds_or_creates_the_contact(http: httpx.AsyncClient) -> None:
    contact = await create(http, Name="Ada")
    assert (await made(http, Contact={"Name": "ada"}))["Contact"]["ContactID"] == contact["ContactID"]
    assert (await made(http, Contact={"Name": "Bob"}))["Contact"]["Name"] == "Bob"


async def test_the_first_sale_makes_the_contact_a_customer_and_keeps_its_updated_date(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    before = await create(http, Name="Ada")
    clock.advance(timedelta(minutes=5))
    await made(http, Contact={"ContactID": before["ContactID"]})
    after = await read(http, before["ContactID"])
    assert (before["IsCustomer"], after["IsCustomer"], after["IsSupplier"]) == (False, True, False)
    assert after["UpdatedDateUTC"] == before["UpdatedDateUTC"]


# Moves and edits


@pytest.mark.parametrize(
    ("start", "move", "allowed"),
    [
        ("DRAFT", "SUBMITTED", True),
        ("DRAFT", "AUTHORISED", True),
        ("DRAFT", "DELETED", True),
        ("DRAFT", "VOIDED", False),
        ("DRAFT", "PAID", False),
        ("SUBMITTED", "DRAFT", True),
        ("SUBMITTED", "AUTHORISED", True),
        ("SUBMITTED", "DELETED", True),
        ("AUTHORISED", "DRAFT", False),
        ("AUTHORISED", "DELETED", False),
        ("AUTHORISED", "PAID", False),
        ("AUTHORISED", "VOIDED", True),
    ],
)
async def test_each_change_of_an_invoices_status_is_allowed_or_refused(
    http: httpx.AsyncClient, start: str, move: str, allowed: bool
) -> None:
    invoice = await made(http, Status=start)
    element = {"InvoiceID": invoice["InvoiceID"], "Status": move}
    if allowed:
        assert (await accepted(http, "POST", element))["Status"] == move
    else:
        assert await refused(http, "POST", element) == ["Invoice not of valid status for modification"]
        assert (await shown(http, invoice["InvoiceID"]))["Status"] == start


@pytest.mark.parametrize(("start", "end"), [("DRAFT", "DELETED"), ("AUTHORISED", "VOIDED")])
async def test_a_voided_or_deleted_invoice_cannot_change(
    http: httpx.AsyncClient, start: str, end: str
) -> None:
    invoice = await made(http, Status=start)
    await accepted(http, "POST", {"InvoiceID": invoice["InvoiceID"], "Status": end})
    for change in ({"Status": start}, {"Status": end}, {"Reference": "x"}):
        element = {"InvoiceID": invoice["InvoiceID"], **change}
        assert await refused(http, "POST", element) == ["Invoice not of valid status for modification"]
    assert (await shown(http, invoice["InvoiceID"]))["AmountDue"] == 0


async def test_an_edit_of_an_authorised_invoice_keeps_absent_members(http: httpx.AsyncClient) -> None:
    invoice = await made(http, line(), line(UnitAmount=7), Reference="before")
    element = {"InvoiceID": invoice["InvoiceID"], "Status": "AUTHORISED", "Reference": "after"}
    after = await accepted(http, "POST", element)
    assert (after["Reference"], after["Total"], after["DueDateString"]) == (
        "after",
        123.05,
        "2026-11-20T00:00:00",
    )
    assert after["LineItems"] == invoice["LineItems"]


async def test_given_lines_replace_all_lines(http: httpx.AsyncClient) -> None:
    invoice = await made(http, line(Description="a"), line(Description="b"), line(Description="c"))
    kept = invoice["LineItems"][1]
    element = {
        "InvoiceID": invoice["InvoiceID"],
        "LineItems": [{"LineItemID": kept["LineItemID"], "UnitAmount": 5}, line(Description="d")],
    }
    after = await accepted(http, "POST", element)
    assert [(entry["Description"], entry["UnitAmount"]) for entry in after["LineItems"]] == [
        ("b", 5),
        ("d", 100),
    ]
    assert after["LineItems"][0]["LineItemID"] == kept["LineItemID"]
    assert after["LineItems"][1]["LineItemID"] not in [entry["LineItemID"] for entry in invoice["LineItems"]]


async def test_one_invoice_is_changed_under_its_own_url(http: httpx.AsyncClient) -> None:
    invoice = await made(http)
    answer = await http.post(f"{API}/Invoices/{invoice['InvoiceID']}", json={"Reference": "x"})
    assert answer.json()["Invoices"][0]["Reference"] == "x"
    answer = await http.post(f"{API}/Invoices/{invoice['InvoiceID']}", json={"Status": "DRAFT"})
    assert answer.status_code == 400
    assert (await http.post(f"{API}/Invoices/nobody", json={"Reference": "x"})).status_code == 404


# What is set in Xero


@pytest.mark.parametrize(
    ("lock", "words"), [("period", "period lock date"), ("endOfYear", "end of year lock date")]
)
async def test_a_locked_period_refuses_invoices(http: httpx.AsyncClient, lock: str, words: str) -> None:
    old = await made(http, Date="2026-09-30")
    draft = await made(http, Date="2026-09-30", Status="DRAFT")
    await person(http, "lockdates", "PUT", 200, **{lock: "2026-09-30"})
    message = f"The document date cannot be before the {words}, currently set at 30 September 2026."
    assert await refused(http, "PUT", await sale(http, Date="2026-09-30")) == [message]
    for element in (
        {"InvoiceID": old["InvoiceID"], "Status": "VOIDED"},
        {"InvoiceID": old["InvoiceID"], "Reference": "x"},
        {"InvoiceID": old["InvoiceID"], "Date": "2026-10-01"},
        {"InvoiceID": draft["InvoiceID"], "Status": "AUTHORISED"},
    ):
        assert await refused(http, "POST", element) == [message]
    await made(http, Date="2026-10-01")
    await person(http, "lockdates", "PUT")
    assert (await accepted(http, "POST", {"InvoiceID": old["InvoiceID"], "Status": "VOIDED"}))[
        "Status"
    ] == "VOIDED"


async def test_a_line_keeps_its_account_when_the_code_is_edited(http: httpx.AsyncClient) -> None:
    invoice = await made(http)
    account = await person(http, "accounts/200", code="2000")
    after = (await shown(http, invoice["InvoiceID"]))["LineItems"][0]
    assert (after["AccountCode"], after["AccountID"]) == ("2000", account["AccountID"])
    assert "'200' is not a valid code" in (await refused(http, "PUT", await sale(http)))[0]
    by_id = await made(http, line(AccountCode=None, AccountID=account["AccountID"]))
    assert by_id["LineItems"][0]["AccountCode"] == "2000"


async def test_archived_accounts_and_tax_rates_are_refused(http: httpx.AsyncClient) -> None:
    await person(http, "accounts/200", archived=True)
    assert "has been archived" in (await refused(http, "PUT", await sale(http)))[0]
    await person(http, "accounts/200", archived=False)
    await person(http, "taxrates/OUTPUT2", archived=True)
    assert "'OUTPUT2' cannot be used" in (await refused(http, "PUT", await sale(http)))[0]


async def test_a_plan_may_limit_the_number_of_approved_sales(http: httpx.AsyncClient, world: World) -> None:
    await person(http, "approvals", "PUT", left=1)
    first, draft = await made(http), await made(http, Status="DRAFT")
    assert await refused(http, "PUT", await sale(http)) == [
        "You have reached the limit of invoices you can approve"
    ]
    assert (await write(http, "POST", {"InvoiceID": first["InvoiceID"], "Reference": "kept"})).is_success
    await person(http, "approvals", "PUT", left=None)
    assert (await accepted(http, "POST", {"InvoiceID": draft["InvoiceID"], "Status": "AUTHORISED"}))[
        "Status"
    ] == "AUTHORISED"


async def test_an_edited_tax_rate_counts_for_later_invoices(http: httpx.AsyncClient) -> None:
    before = await made(http, line(Quantity=1, UnitAmount=200))
    await person(http, "taxrates/OUTPUT2", effectiveRate=12.5)
    after = await made(http, line(Quantity=1, UnitAmount=200))
    assert (before["TotalTax"], after["TotalTax"]) == (30, 25)
    assert (await shown(http, before["InvoiceID"]))["TotalTax"] == 30


async def test_modified_since_returns_edited_accounts(http: httpx.AsyncClient, clock: ShiftedClock) -> None:
    since = clock().isoformat(timespec="seconds")
    clock.advance(timedelta(minutes=1))
    await person(http, "accounts/205", code="2050")
    answer = await http.get(f"{API}/Accounts", headers={"If-Modified-Since": since})
    assert [account["Code"] for account in answer.json()["Accounts"]] == ["2050"]
    assert (await person(http, "accounts/210", code="2050", status=400))["error"]


async def test_an_invoice_needs_a_currency_of_the_organisation(http: httpx.AsyncClient) -> None:
    await person(http, "currencies", "PUT", status=400)
    tenant = http.headers["Xero-Tenant-Id"]
    await http.put(f"/simulator/organisations/{tenant}/currencies", json=["EUR"])
    assert (await made(http, CurrencyCode="EUR", CurrencyRate=0.5))["CurrencyRate"] == 0.5
    currencies = (await http.get(f"{API}/Currencies")).json()["Currencies"]
    assert [currency["Code"] for currency in currencies] == ["NZD", "EUR"]


async def test_a_discount_cannot_exceed_the_line(http: httpx.AsyncClient) -> None:
    assert await refused(http, "PUT", await sale(http, line(DiscountAmount="100.01"), line())) == [
        "The discount rate '100.01' is invalid. Discount must not be greater than the line total."
    ]
    whole = await made(http, line(DiscountAmount="100"))
    assert (whole["Total"], whole["LineItems"][0]["DiscountAmount"]) == (0, 100)
    rounded = await made(http, line(DiscountAmount="27.826"))
    assert (rounded["SubTotal"], rounded["LineItems"][0]["DiscountAmount"]) == (72.17, 27.83)


async def test_a_line_amount_is_below_ten_thousand_million(http: httpx.AsyncClient) -> None:
    most = await made(http, line(UnitAmount="9999999999.99"))
    assert most["SubTotal"] == 9999999999.99
    assert await refused(http, "PUT", await sale(http, line(UnitAmount="5000000000", Quantity=2))) == [
        "The LineAmount must not be greater than 9999999999.99."
    ]


# Reading


async def test_an_unpaged_list_has_no_lines_and_a_summary_no_payments(http: httpx.AsyncClient) -> None:
    invoice = await made(http)
    unpaged = (await http.get(f"{API}/Invoices")).json()
    assert "pagination" not in unpaged
    assert unpaged["Invoices"][0]["LineItems"] == []
    assert (await listed(http))[0]["LineItems"] == invoice["LineItems"]
    summary = (await http.get(f"{API}/Invoices", params={"summaryOnly": "true"})).json()
    assert summary["pagination"]["itemCount"] == 1
    assert not {"LineItems", "Payments", "HasAttachments"} & set(summary["Invoices"][0])


async def test_pages_cover_the_list_once(http: httpx.AsyncClient) -> None:
    contact = await create(http, Name="Ada")
    for _ in range(5):
        await made(http, Contact={"ContactID": contact["ContactID"]})
    pages = [
        await listed(http, page=page, pageSize="2", order="InvoiceID ASC") for page in ("1", "2", "3", "4")
    ]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    ids = [invoice["InvoiceID"] for page in pages for invoice in page]
    assert ids == sorted(set(ids))


async def test_filters(http: httpx.AsyncClient) -> None:
    ada = await create(http, Name="Ada")
    a = await made(http, Contact={"ContactID": ada["ContactID"]}, InvoiceNumber="A", Reference="Café")
    b = await made(http, InvoiceNumber="B", Status="DRAFT", Date="2026-10-01")
    c = await made(http, line(UnitAmount="12.345"), InvoiceNumber="C")

    async def numbers(**params: str) -> list[str]:
        return [invoice["InvoiceNumber"] for invoice in await listed(http, None, **params)]

    assert await numbers(IDs=f"{a['InvoiceID']},{b['InvoiceID']}") == ["A", "B"]
    assert await numbers(InvoiceNumbers="a,C") == ["A", "C"]
    assert await numbers(ContactIDs=ada["ContactID"]) == ["A"]
    assert await numbers(Statuses="DRAFT") == ["B"]
    assert await numbers(searchTerm="caf") == ["A"]
    assert await numbers(where='Type=="ACCREC" AND Status=="AUTHORISED"') == ["A", "C"]
    assert await numbers(where="Date>=DateTime(2026, 11, 1) AND Date<DateTime(2026, 12, 1)") == ["A", "C"]
    assert await numbers(where=f'Contact.ContactID=guid("{ada["ContactID"]}")') == ["A"]
    assert await numbers(where='Contact.Name.StartsWith("Ad")') == ["A"]
    assert await numbers(where="AmountDue==14.20") == ["C"]
    assert await numbers(where='Reference.Contains("afé")', order="Date DESC") == ["A"]
    assert await numbers(order="Date ASC, InvoiceNumber DESC") == ["B", "C", "A"]
    assert c["Total"] == 14.20
    assert (await http.get(f"{API}/Invoices", params={"where": "Wings==2"})).status_code == 400


async def test_invoices_of_this_app_are_listed_on_request(http: httpx.AsyncClient) -> None:
    mine = await made(http)
    await person(http, "invoices", **await sale(http, InvoiceNumber="by hand"))
    assert len(await listed(http)) == 2
    assert [row["InvoiceID"] for row in await listed(http, createdByMyApp="true")] == [mine["InvoiceID"]]


async def test_modified_since_returns_invoices_that_changed_later(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    first, second = await made(http), await made(http)
    since = {"If-Modified-Since": clock().isoformat(timespec="seconds")}
    clock.advance(timedelta(minutes=1))
    assert await listed(http, since) == []
    await person(http, f"invoices/{first['InvoiceID']}", Reference="changed")
    await person(http, f"invoices/{second['InvoiceID']}/payments")
    seen = await listed(http, since, order="UpdatedDateUTC ASC")
    assert {row["InvoiceID"] for row in seen} == {first["InvoiceID"], second["InvoiceID"]}


async def test_a_saved_world_includes_its_ledger(
    http: httpx.AsyncClient, world: World, tmp_path: Any
) -> None:
    invoice = await made(http, line(UnitAmount="33.335"), InvoiceNumber="kept")
    await person(http, f"invoices/{invoice['InvoiceID']}/payments", amount="1.25")
    await person(http, f"invoices/{invoice['InvoiceID']}/credits", amount="2")
    before = await shown(http, "kept")
    world.save(tmp_path / "world.json")
    async with connected(World.load(tmp_path / "world.json", world.clock)) as later:
        assert await shown(later, "kept") == before


async def test_reading_needs_its_scope(world: World) -> None:
    async with in_process(world) as http:
        await connect(http, scope="accounting.contacts")
        assert (await http.get(f"{API}/Invoices")).status_code == 401
        await connect(http, scope="accounting.invoices.read")
        assert (await http.get(f"{API}/Invoices")).status_code == 200
        assert (await http.put(f"{API}/Invoices", json={})).status_code == 401
        assert (await http.get(f"{API}/Payments")).status_code == 401
