"""Contacts that a person pushes to Xero, through the API. tests/workers/test_actions.py has Xero's side."""

import asyncio
import re
from typing import Any

from api.relay import ids
from domain.tables import XeroContactStatus
from tests import make
from tests.domain.world import seen

PUSHED = """{ contact { id } link { id state origin xeroContact { id } contact { name billingEmail } }
  existing { id name status } changes { field before writtenTo } userErrors { code path } }"""
PUSH = f"mutation($i: PushToXeroInput!) {{ pushToXero(input: $i) {PUSHED} }}"
PUSH_MANY = f"""mutation($i: PushContactsToXeroInput!) {{ pushContactsToXero(input: $i) {{
  results {PUSHED} userErrors {{ code path }} }} }}"""
UNSYNC = "mutation($i: SyncLinkInput!) { unsync(input: $i) { userErrors { code } } }"


async def made(ada: make.Client, name: str = "Kauri Joinery", email: str | None = "k@x.nz") -> dict[str, Any]:
    """The input of a push of a new contact."""
    contact = await ada.world.contact(name, email)
    organisation = ids.encode("XeroOrganisation", ada.world.organisation)
    return {"contactId": ids.encode("Contact", contact.id), "organisationId": organisation}


async def push(ada: make.Client, wanted: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await ada.ask(PUSH, i=wanted | more))["pushToXero"]
    return answer


def error(code: str, *path: str) -> list[dict[str, Any]]:
    return [{"code": code, "path": list(path)}]


async def test_a_push_makes_a_pending_link_with_its_own_push_number(ada: make.Client) -> None:
    answer = await push(ada, await made(ada))
    assert (answer["userErrors"], answer["link"]["state"]) == ([], "PENDING")
    assert (answer["link"]["origin"], answer["link"]["xeroContact"]) == ("PUSHED_TO_XERO", None)
    [link] = await ada.world.rows("select contact_number, bulk, due_at from sync_link")
    assert re.fullmatch("T-[A-Z2-7]{26}", link["contact_number"])
    assert (link["bulk"], link["due_at"] is None) == (False, False)


async def test_a_repeated_push_returns_the_same_link(ada: make.Client) -> None:
    wanted = await made(ada)
    first = await push(ada, wanted)
    again = await push(ada, wanted)
    assert (again["link"]["id"], again["userErrors"]) == (first["link"]["id"], [])


async def test_two_pushes_of_one_contact_at_once_make_one_link(ada: make.Client) -> None:
    wanted = await made(ada)
    first, second = await asyncio.gather(push(ada, wanted), push(ada, wanted))
    assert first["link"]["id"] == second["link"]["id"]
    assert len(await ada.world.rows("select 1 from push")) == 1


async def test_a_push_repeated_after_an_unsync_keeps_its_number(ada: make.Client) -> None:
    wanted = await made(ada)
    first = await push(ada, wanted)
    [before] = await ada.world.rows("select contact_number from sync_link")
    await ada.ask(UNSYNC, i={"linkId": first["link"]["id"]})
    again = await push(ada, wanted)
    [after] = await ada.world.rows("select contact_number from sync_link")
    assert (again["link"]["id"], after) == (first["link"]["id"], before)


async def test_a_push_first_shows_xero_contacts_with_equal_name_or_email(ada: make.Client) -> None:
    wanted = await made(ada, "Kauri Joinery", "k@x.nz")
    await ada.world.shown(
        seen("Someone else", "K@x.nz"), seen("KAURI joinery", status=XeroContactStatus.ARCHIVED), seen("No")
    )
    answer = await push(ada, wanted)
    assert (answer["userErrors"], answer["link"]) == (error("LIKELY_DUPLICATE", "contactId"), None)
    assert [one["name"] for one in answer["existing"]] == ["KAURI joinery", "Someone else"]
    anyway = await push(ada, wanted, createAnyway=True)
    assert (anyway["userErrors"], anyway["link"]["state"]) == ([], "PENDING")


async def test_a_push_with_the_name_of_an_active_xero_contact_is_always_refused(ada: make.Client) -> None:
    wanted = await made(ada, "Kauri Joinery", None)
    await ada.world.shown(seen("KAURI joinery"))
    assert (await push(ada, wanted))["userErrors"] == error("LIKELY_DUPLICATE", "contactId")
    answer = await push(ada, wanted, createAnyway=True)
    assert (answer["userErrors"], len(answer["existing"])) == (error("TAKEN", "contactId"), 1)


async def test_linking_an_existing_xero_contact_works_as_confirming_a_match(ada: make.Client) -> None:
    wanted = await made(ada, "Kauri Joinery", "k@x.nz")
    await ada.world.shown(seen("Kauri Joinery", "other@x.nz"))
    [existing] = (await push(ada, wanted))["existing"]
    answer = await push(ada, wanted, linkTo=existing["id"])
    assert (answer["link"]["state"], answer["link"]["origin"]) == ("SYNCED", "CONFIRMED")
    assert answer["link"]["contact"]["billingEmail"] == "other@x.nz"
    assert answer["changes"] == [{"field": "BILLING_EMAIL", "before": "k@x.nz", "writtenTo": "PRACTICE"}]


async def test_linking_an_archived_xero_contact_whose_name_is_taken_is_refused(ada: make.Client) -> None:
    wanted = await made(ada, "Kauri Joinery", None)
    await ada.world.shown(seen("Kauri Joinery"), seen("KAURI joinery", status=XeroContactStatus.ARCHIVED))
    existing = (await push(ada, wanted))["existing"]
    [archived] = [one["id"] for one in existing if one["name"] == "KAURI joinery"]
    answer = await push(ada, wanted, linkTo=archived)
    assert (answer["userErrors"], len(answer["existing"])) == (error("TAKEN", "linkTo"), 1)


async def test_linking_may_keep_the_practices_values(ada: make.Client) -> None:
    wanted = await made(ada, "Kauri Joinery", "k@x.nz")
    await ada.world.shown(seen("Kauri Joinery", "other@x.nz"))
    [existing] = (await push(ada, wanted))["existing"]
    answer = await push(ada, wanted, linkTo=existing["id"], keepPractice=["BILLING_EMAIL"])
    assert (answer["link"]["state"], answer["link"]["contact"]["billingEmail"]) == ("PENDING", "k@x.nz")


async def test_linking_decides_the_open_issue_of_the_xero_contact(ada: make.Client) -> None:
    await make.conflict(ada.world)
    [xero] = await ada.world.rows("select id from xero_contact")
    wanted = await made(ada, "Quite another", None)
    answer = await push(ada, wanted, linkTo=ids.encode("XeroContact", xero["id"]))
    [issue] = await ada.world.rows("select resolution, link_id from match_issue")
    assert issue["resolution"] == "CONFIRMED"
    assert ids.encode("SyncLink", issue["link_id"]) == answer["link"]["id"]


async def test_linking_removes_the_reimport_mark_and_uses_an_unsynced_xero_contact(ada: make.Client) -> None:
    link = ids.encode("SyncLink", await make.linked(ada.world))
    await ada.ask(UNSYNC, i={"linkId": link})
    await ada.ask("mutation($i: SyncLinksInput!) { dismissLinks(input: $i) { deletedLinkIds } }",
                  i={"links": [{"linkId": link}]})  # fmt: skip
    [row] = await ada.world.rows("select c.id as contact, x.id as xero from contact c, xero_contact x")
    wanted = {
        "contactId": ids.encode("Contact", row["contact"]),
        "organisationId": ids.encode("XeroOrganisation", ada.world.organisation),
        "linkTo": ids.encode("XeroContact", row["xero"]),
    }
    answer = await push(ada, wanted)
    assert answer["link"]["state"] == "SYNCED"
    memory = await ada.world.rows(
        "select (select count(*) from set_apart) + (select count(*) from reimport_mark) as n"
    )
    assert memory == [{"n": 0}]


async def test_an_impossible_push_is_refused_with_its_path(ada: make.Client) -> None:
    wanted = await made(ada)
    assert (await push(ada, wanted, version=9))["userErrors"] == error("STALE_VERSION", "version")
    nowhere = wanted | {"organisationId": wanted["contactId"]}
    assert (await push(ada, nowhere))["userErrors"] == error("NOT_FOUND", "organisationId")
    nobody = await push(ada, wanted, linkTo=wanted["contactId"])
    assert (nobody["userErrors"], nobody["contact"]) == (
        error("NOT_FOUND", "linkTo"),
        {"id": wanted["contactId"]},
    )
    linked = await make.linked(ada.world)
    [row] = await ada.world.rows("select contact_id from sync_link where id = :id", id=linked)
    again = wanted | {"contactId": ids.encode("Contact", row["contact_id"])}
    assert (await push(ada, again))["userErrors"] == error("ALREADY_LINKED", "contactId")
    [xero] = await ada.world.rows("select xero_contact_id from sync_link where id = :id", id=linked)
    busy = await push(ada, wanted, linkTo=ids.encode("XeroContact", xero["xero_contact_id"]))
    assert busy["userErrors"] == error("ALREADY_LINKED", "linkTo")


async def test_a_push_needs_a_started_sync_and_a_connection(ada: make.Client) -> None:
    wanted = await made(ada)
    await ada.world.rows("update organisation set started_at = null returning 1")
    assert (await push(ada, wanted))["userErrors"] == error("SYNC_NOT_STARTED", "organisationId")
    await ada.world.rows("update organisation set disconnected_at = now() returning 1")
    assert (await push(ada, wanted))["userErrors"] == error("NOT_CONNECTED", "organisationId")


async def test_many_pushes_are_bulk_work_each_on_its_own(ada: make.Client) -> None:
    rows = [await made(ada, f"Firm {n}", f"{n}@x.nz") for n in range(12)]
    await ada.world.shown(seen("Firm 3"))
    results = (await ada.ask(PUSH_MANY, i={"contacts": rows}))["pushContactsToXero"]["results"]
    assert [n for n, row in enumerate(results) if row["link"] is None] == [3]
    assert results[3]["userErrors"] == error("LIKELY_DUPLICATE", "contacts", "3", "contactId")
    assert len(results[3]["existing"]) == 1
    assert {row["bulk"] for row in await ada.world.rows("select bulk from sync_link")} == {True}


async def test_a_pending_push_counts_as_linked(ada: make.Client) -> None:
    await push(ada, await made(ada))
    await made(ada, "Unlinked", None)
    listed = "query($f: ContactFilter) { contacts(filter: $f) { edges { node { name } } } }"
    found = await ada.ask(listed, f={"linked": False})
    assert [edge["node"]["name"] for edge in found["contacts"]["edges"]] == ["Unlinked"]
    found = await ada.ask(listed, f={"syncState": ["PENDING"]})
    assert [edge["node"]["name"] for edge in found["contacts"]["edges"]] == ["Kauri Joinery"]
