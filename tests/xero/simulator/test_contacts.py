"""Contacts: reads, writes, and rules of Xero that one would not expect."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.xero.simulator.serving import (
    API,
    connected,
    create,
    frozen_clock,
    names,
    post,
    put,
    read,
    small_world,
)
from xero.simulator.clock import ShiftedClock
from xero.simulator.wire import NO_ID


@pytest.fixture
def clock() -> ShiftedClock:
    return frozen_clock()


@pytest_asyncio.fixture
async def http(clock: ShiftedClock) -> AsyncIterator[httpx.AsyncClient]:
    async with connected(small_world(clock=clock)) as client:
        yield client


async def edit(http: httpx.AsyncClient, contact_id: str, **edit: Any) -> dict[str, Any]:
    """An edit from inside Xero."""
    tenant = http.headers["Xero-Tenant-Id"]
    answer = await http.post(f"/simulator/organisations/{tenant}/contacts/{contact_id}", json=edit)
    assert answer.status_code == 200, answer.text
    contact: dict[str, Any] = answer.json()
    return contact


def messages(answer: httpx.Response) -> list[str]:
    return [e["Message"] for element in answer.json()["Elements"] for e in element["ValidationErrors"]]


async def test_pages_cover_the_list_once(http: httpx.AsyncClient) -> None:
    seen: list[str] = []
    for page in ("1", "2", "3", "4"):
        seen += await names(http, page=page, pageSize="7", order="ContactID ASC", includeArchived="true")
    assert len(seen) == 25
    assert sorted(seen) == sorted(await names(http, includeArchived="true"))


async def test_the_page_size_is_limited_and_reported(http: httpx.AsyncClient) -> None:
    answer = (await http.get(f"{API}/Contacts", params={"page": 1, "pageSize": 5000})).json()
    assert answer["pagination"]["pageSize"] == 1000
    assert answer["pagination"]["itemCount"] == len(answer["Contacts"])
    assert answer["pagination"]["pageCount"] == 1


async def test_phones_and_addresses_always_have_all_types(http: httpx.AsyncClient) -> None:
    contact = await create(http, Name="Bare")
    assert [p["PhoneType"] for p in contact["Phones"]] == ["DDI", "DEFAULT", "FAX", "MOBILE"]
    assert [a["AddressType"] for a in contact["Addresses"]] == ["STREET", "POBOX"]
    assert "FirstName" not in contact
    assert "AddressLine1" not in contact["Addresses"][0]


async def test_an_unpaged_list_has_no_details(http: httpx.AsyncClient) -> None:
    await create(http, Name="Zed", ContactPersons=[{"FirstName": "Al", "EmailAddress": "al@example.com"}])
    unpaged = (await http.get(f"{API}/Contacts", params={"where": 'Name=="Zed"'})).json()
    assert "pagination" not in unpaged
    assert "ContactPersons" not in unpaged["Contacts"][0]
    assert (await read(http, unpaged["Contacts"][0]["ContactID"]))["ContactPersons"][0]["FirstName"] == "Al"


async def test_a_taken_name_is_refused_in_upper_or_lower_case(http: httpx.AsyncClient) -> None:
    await create(http, Name="Ōtāne Honey Ltd")
    answer = await put(http, {"Name": "ŌTĀNE honey LTD"})
    assert answer.status_code == 400
    assert "must be unique across all active contacts" in messages(answer)[0]


async def test_an_archived_contact_frees_its_name_but_not_its_number(http: httpx.AsyncClient) -> None:
    old = await create(http, Name="Twin", ContactNumber="N1")
    await post(http, {"ContactID": old["ContactID"], "ContactStatus": "ARCHIVED"})
    assert (
        "must be unique across all contacts"
        in messages(await put(http, {"Name": "X", "ContactNumber": "N1"}))[0]
    )
    await create(http, Name="Twin")
    restored = await post(http, {"ContactID": old["ContactID"], "ContactStatus": "ACTIVE"})
    assert "contact name Twin is already assigned" in messages(restored)[0]


async def test_a_post_without_id_overwrites_the_contact_with_that_name(http: httpx.AsyncClient) -> None:
    first = await create(http, Name="Trap", EmailAddress="first@example.com")
    answer = await post(http, {"Name": "trap", "EmailAddress": "second@example.com"})
    assert answer.json()["Contacts"][0]["ContactID"] == first["ContactID"]
    assert (await read(http, first["ContactID"]))["EmailAddress"] == "second@example.com"


async def test_a_post_finds_a_contact_by_number_before_name(http: httpx.AsyncClient) -> None:
    by_number = await create(http, Name="One", ContactNumber="7")
    await create(http, Name="Two")
    answer = await post(http, {"Name": "Two and a half", "ContactNumber": "7"})
    assert answer.json()["Contacts"][0]["ContactID"] == by_number["ContactID"]


async def test_a_failed_batch_of_contacts_saves_its_valid_elements(http: httpx.AsyncClient) -> None:
    answer = await put(http, {"Name": "Good"}, {"Name": "Bad <one>"})
    assert answer.status_code == 400
    assert [element["Name"] for element in answer.json()["Elements"]] == ["Bad <one>"]
    assert "Good" in await names(http)


async def test_without_summarized_errors_each_element_has_its_own_answer(http: httpx.AsyncClient) -> None:
    answer = await put(http, {"Name": "Good"}, {"Name": "a  b"}, summarizeErrors="false")
    good, bad = answer.json()["Contacts"]
    assert answer.status_code == 200
    assert (good["StatusAttributeString"], bad["StatusAttributeString"]) == ("OK", "ERROR")
    assert (bad["ContactID"], bad["HasValidationErrors"]) == (NO_ID, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"Name": ""},
        {"EmailAddress": "a@example.com"},
        {"Name": "x" * 256},
        {"Name": " leading"},
        {"Name": "Mail", "EmailAddress": "nonsense"},
        {"Name": "Umlaut", "EmailAddress": "jürgen@example.com"},
        {"Name": "Number", "ContactNumber": "9" * 51},
        {"Name": "Phone", "Phones": [{"PhoneType": "DEFAULT", "PhoneAreaCode": "1" * 11}]},
        {"Name": "Country", "Addresses": [{"AddressType": "POBOX", "Country": "NZ 6011"}]},
        {"Name": "Persons", "ContactPersons": [{"FirstName": str(n)} for n in range(6)]},
    ],
)
async def test_an_element_that_breaks_a_rule_is_refused(
    http: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    before = await names(http)
    answer = await put(http, fields)
    assert (answer.status_code, answer.json()["ErrorNumber"]) == (400, 10)
    assert await names(http) == before


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ("{", 14),
        ("[1]", 14),
        ('{"Contacts": [{"Name": "\\ud800"}]}', 14),
        ('{"Contacts": "x"}', 14),
        ('{"Contacts": [{"Name": ["x"]}]}', 14),
        ('{"Contacts": [{"Name": "A", "Phones": [{"PhoneType": "HOME"}]}]}', 14),
        ('{"Contacts": [{"ContactID": "7"}]}', 14),
        ('{"Contacts": []}', 17),
        ("", 17),
    ],
)
async def test_unreadable_bodies_are_refused_whole(http: httpx.AsyncClient, body: str, number: int) -> None:
    answer = await http.post(f"{API}/Contacts", content=body)
    assert (answer.status_code, answer.json()["ErrorNumber"]) == (400, number)


async def test_an_absent_member_of_a_contact_stays(http: httpx.AsyncClient, clock: ShiftedClock) -> None:
    contact = await create(
        http,
        Name="Keep",
        FirstName="Ann",
        Phones=[{"PhoneType": "MOBILE", "PhoneNumber": "1"}, {"PhoneType": "DDI", "PhoneNumber": "2"}],
        ContactPersons=[{"FirstName": "P"}],
    )
    clock.advance(timedelta(seconds=5))
    changed = {
        "EmailAddress": "k@example.com",
        "Phones": [{"PhoneType": "DDI", "PhoneNumber": ""}],
        "LastName": None,
    }
    answer = await http.post(f"{API}/Contacts/{contact['ContactID']}", json={"Contacts": [changed]})
    now = answer.json()["Contacts"][0]
    assert (now["FirstName"], now["EmailAddress"]) == ("Ann", "k@example.com")
    assert {p["PhoneType"]: p["PhoneNumber"] for p in now["Phones"]}["MOBILE"] == "1"
    assert {p["PhoneType"]: p["PhoneNumber"] for p in now["Phones"]}["DDI"] == ""
    assert now["ContactPersons"][0]["FirstName"] == "P"
    assert now["UpdatedDateUTC"] > contact["UpdatedDateUTC"]


async def test_contact_persons_are_replaced_as_a_whole_and_an_empty_list_changes_nothing(
    http: httpx.AsyncClient,
) -> None:
    contact = await create(http, Name="P", ContactPersons=[{"FirstName": "A"}, {"FirstName": "B"}])
    await post(http, {"ContactID": contact["ContactID"], "ContactPersons": []})
    assert len((await read(http, contact["ContactID"]))["ContactPersons"]) == 2
    await post(http, {"ContactID": contact["ContactID"], "ContactPersons": [{"FirstName": "C"}]})
    assert [p["FirstName"] for p in (await read(http, contact["ContactID"]))["ContactPersons"]] == ["C"]


async def test_flags_cannot_be_written_and_do_not_change_the_updated_date(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    contact = await create(http, Name="Flag", IsCustomer=True)
    assert contact["IsCustomer"] is False
    clock.advance(timedelta(minutes=1))
    flagged = await edit(http, contact["ContactID"], isCustomer=True)
    assert flagged["IsCustomer"] is True
    assert flagged["UpdatedDateUTC"] == contact["UpdatedDateUTC"]


async def test_a_merged_contact_names_its_survivor_in_detailed_answers(http: httpx.AsyncClient) -> None:
    loser, survivor = await create(http, Name="Loser"), await create(http, Name="Survivor")
    await edit(http, loser["ContactID"], mergeInto=survivor["ContactID"])
    single = await read(http, loser["ContactID"])
    assert (single["ContactStatus"], single["MergedToContactID"]) == ("ARCHIVED", survivor["ContactID"])
    params = {"includeArchived": "true", "IDs": loser["ContactID"]}
    assert "MergedToContactID" not in (await http.get(f"{API}/Contacts", params=params)).json()["Contacts"][0]
    assert "Loser" not in await names(http)
    assert "Loser" in await names(http, includeArchived="true")


async def test_archived_merged_and_forgotten_contacts_cannot_be_edited(http: httpx.AsyncClient) -> None:
    ids = [(await create(http, Name=f"C{n}"))["ContactID"] for n in range(4)]
    await edit(http, ids[0], fields={"ContactStatus": "ARCHIVED"})
    await edit(http, ids[1], mergeInto=ids[3])
    await edit(http, ids[2], gdprRequest=True)
    edits = [{"ContactID": i, "FirstName": "New"} for i in ids[:3]]
    answer = await post(http, *edits, summarizeErrors="false")
    assert [c["StatusAttributeString"] for c in answer.json()["Contacts"]] == ["ERROR"] * 3


async def test_modified_since_returns_contacts_that_changed_later(
    http: httpx.AsyncClient, clock: ShiftedClock
) -> None:
    clock.advance(timedelta(minutes=1))
    since = clock()
    clock.advance(timedelta(minutes=1))
    await create(http, Name="New")
    for form in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%a, %d %b %Y %H:%M:%S GMT"):
        answer = await http.get(f"{API}/Contacts", headers={"If-Modified-Since": since.strftime(form)})
        assert [c["Name"] for c in answer.json()["Contacts"]] == ["New"]
    bad = await http.get(f"{API}/Contacts", headers={"If-Modified-Since": "lately"})
    assert bad.status_code == 412
    early = await http.get(f"{API}/Contacts", headers={"If-Modified-Since": "0001-01-01T00:00:00+14:00"})
    assert early.status_code == 412


async def test_a_contact_is_found_by_its_number_and_an_unknown_number_is_not_found(
    http: httpx.AsyncClient,
) -> None:
    contact = await create(http, Name="Numbered", ContactNumber="T-1")
    assert (await read(http, "T-1"))["ContactID"] == contact["ContactID"]
    missing = await http.get(f"{API}/Contacts/{NO_ID}")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ('Name=="ann one"', ["Ann One"]),
        ('Name.StartsWith("Ann") AND EmailAddress!=null', ["Ann One"]),
        ('Name.ToLower().Contains("o") && (ContactNumber="b" || AccountNumber=="A1")', ["Ann Two", "Bob"]),
        ('ContactStatus=="ACTIVE" AND IsCustomer==false AND Name.EndsWith("ob")', ["Bob"]),
        ('UpdatedDateUTC>=DateTime(2026, 11, 2) AND !(Name=="Bob")', ["Ann One", "Ann Two"]),
    ],
)
async def test_a_where_filter_selects_contacts(http: httpx.AsyncClient, where: str, found: list[str]) -> None:
    await put(
        http,
        {"Name": "Ann One", "EmailAddress": "one@example.com"},
        {"Name": "Ann Two", "AccountNumber": "A1"},
        {"Name": "Bob", "ContactNumber": "b"},
    )
    assert await names(http, where=where, order="Name") == found


@pytest.mark.parametrize(
    "params",
    [
        {"where": 'Colour=="red"'},
        {"where": 'Name=="a'},
        {"where": 'Name.Trim()=="a"'},
        {"where": 'Name=="a" "b"'},
        {"where": "Name>5"},
        {"where": "UpdatedDateUTC>DateTime(2026, 13, 1)"},
        {"where": "UpdatedDateUTC>DateTime(99999999, 13, 1)"},
        {"where": 'IsCustomer.Contains("x")'},
        {"where": "(" * 2000 + 'Name=="a"' + ")" * 2000},
        {"order": "Colour"},
        {"order": "Name UPWARDS"},
        {"page": "one"},
        {"IDs": "1,2"},
    ],
)
async def test_unsupported_queries_are_refused(http: httpx.AsyncClient, params: dict[str, str]) -> None:
    answer = await http.get(f"{API}/Contacts", params={"page": "1"} | params)
    assert (answer.status_code, answer.json()["ErrorNumber"]) == (400, 16)


async def test_contacts_are_ordered_and_searched(http: httpx.AsyncClient) -> None:
    await put(
        http,
        {"Name": "zz b", "FirstName": "Quentin"},
        {"Name": "ZZ a", "EmailAddress": "QUENTIN@example.com"},
    )
    assert await names(http, searchTerm="quentin", order="Name DESC") == ["zz b", "ZZ a"]


async def test_accounts_tax_rates_and_organisation_are_read(http: httpx.AsyncClient) -> None:
    banks = await http.get(
        f"{API}/Accounts", params={"where": 'Type=="BANK" AND Status=="ACTIVE"', "order": "Code"}
    )
    assert [a["Code"] for a in banks.json()["Accounts"]] == ["090", "091"]
    account_id = banks.json()["Accounts"][0]["AccountID"]
    assert (await http.get(f"{API}/Accounts/{account_id}")).json()["Accounts"][0]["Code"] == "090"
    assert (await http.get(f"{API}/TaxRates/OUTPUT2")).json()["TaxRates"][0]["EffectiveRate"] == 15.0
    organisation = (await http.get(f"{API}/Organisation")).json()["Organisations"][0]
    assert organisation["Timezone"] == "NEWZEALANDSTANDARDTIME"
    since = {"If-Modified-Since": "2026-01-01T00:00:00"}
    assert (await http.get(f"{API}/Accounts", headers=since)).json()["Accounts"] == []
