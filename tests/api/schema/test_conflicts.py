"""Conflicts that a person settles, and overwritten values that a person restores, through the API."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.context import Process
from api.relay import ids
from domain.tables import ConflictPolicy
from tests import make
from tests.domain.world import BEGAN, make_world, seen

SETTLE = """mutation($i: SettleConflictInput!) { settleConflict(input: $i) {
  link { id state version allowedActions contact { id name billingEmail version } differences { field } }
  changes { eventId field before after writtenTo restorable } userErrors { code path } } }"""
RESTORE = """mutation($i: RestoreValueInput!) { restoreValue(input: $i) {
  contact { name billingEmail version } event { id changes { field restorable } } userErrors { code path } } }"""
UPDATE = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code path } } }"


@pytest.fixture
async def asking(process: Process) -> make.Client:
    """Of a practice that wants to be asked."""
    return await make.client(process, world=await make_world(process.database, policy=ConflictPolicy.ASK))


async def conflict(asking: make.Client) -> dict[str, Any]:
    """Both sides changed name and email."""
    await make.linked(asking.world)
    [row] = await asking.world.rows(
        "select l.id, l.contact_id, x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
    )
    contact = ids.encode("Contact", row["contact_id"])
    await asking.ask(UPDATE, i={"contactId": contact, "name": "Ours", "billingEmail": "ours@x.nz"})
    theirs = seen("Theirs", "theirs@x.nz", xero_id=row["xero_contact_id"])
    await asking.world.shown(replace(theirs, updated_at=BEGAN + timedelta(hours=1)))
    await make.imported(asking.world)
    return {"link": ids.encode("SyncLink", row["id"]), "contact": contact}


def error(code: str, *path: str) -> list[dict[str, Any]]:
    return [{"code": code, "path": list(path)}]


async def test_settling_a_conflict_takes_the_winners_values_except_for_the_named_fields(
    asking: make.Client,
) -> None:
    held = await conflict(asking)
    wanted = {"linkId": held["link"], "winner": "XERO", "exceptFields": ["BILLING_EMAIL"]}
    answer = (await asking.ask(SETTLE, i=wanted))["settleConflict"]
    contact = answer["link"]["contact"]
    assert (answer["userErrors"], contact["name"], contact["billingEmail"]) == ([], "Theirs", "ours@x.nz")
    assert answer["link"]["state"] == "PENDING"  # the email goes to Xero
    moved = {change["field"]: (change["before"], change["writtenTo"]) for change in answer["changes"]}
    assert moved == {"NAME": ("Ours", "PRACTICE"), "BILLING_EMAIL": ("theirs@x.nz", "XERO")}


async def test_a_conflict_settled_for_xero_leaves_nothing_to_send(asking: make.Client) -> None:
    held = await conflict(asking)
    link = (await asking.ask(SETTLE, i={"linkId": held["link"], "winner": "XERO"}))["settleConflict"]["link"]
    assert (link["state"], link["differences"], link["allowedActions"]) == ("SYNCED", [], ["UNSYNC"])


async def test_a_link_in_conflict_may_be_settled_and_syncs_its_other_fields(asking: make.Client) -> None:
    held = await conflict(asking)
    await asking.ask(UPDATE, i={"contactId": held["contact"], "primaryPhone": "09 555 1234"})
    answer = await asking.ask("{ syncLinks { edges { node { state allowedActions } } } }")
    [edge] = answer["syncLinks"]["edges"]
    assert edge["node"] == {"state": "CONFLICT", "allowedActions": ["UNSYNC", "SETTLE_CONFLICT"]}
    [row] = await asking.world.rows("select due_at is not null as due from sync_link")
    assert row["due"]


async def test_settling_needs_a_conflict_and_its_current_version(asking: make.Client) -> None:
    held = await conflict(asking)
    wanted = {"linkId": held["link"], "winner": "XERO"}
    stale = (await asking.ask(SETTLE, i=wanted | {"version": 1}))["settleConflict"]
    assert (stale["userErrors"], stale["link"]["state"]) == (error("STALE_VERSION", "version"), "CONFLICT")
    await asking.ask(SETTLE, i=wanted)
    again = (await asking.ask(SETTLE, i=wanted))["settleConflict"]
    assert again["userErrors"] == error("WRONG_STATE", "linkId")


async def test_a_losing_value_is_restored_once_and_sent(asking: make.Client) -> None:
    held = await conflict(asking)
    settled = await asking.ask(SETTLE, i={"linkId": held["link"], "winner": "XERO"})
    event = settled["settleConflict"]["changes"][0]["eventId"]
    wanted = {"eventId": event, "field": "NAME"}
    answer = (await asking.ask(RESTORE, i=wanted))["restoreValue"]
    assert (answer["userErrors"], answer["contact"]["name"]) == ([], "Ours")
    assert {one["field"]: one["restorable"] for one in answer["event"]["changes"]} == {
        "NAME": False,
        "BILLING_EMAIL": True,
    }
    [row] = await asking.world.rows("select state from sync_link")
    assert row["state"] == "PENDING"
    again = (await asking.ask(RESTORE, i=wanted))["restoreValue"]
    assert (again["userErrors"], again["contact"]) == (error("WRONG_STATE", "field"), None)


async def test_a_value_that_a_person_overwrote_can_be_restored_also_an_address(ada: make.Client) -> None:
    address = {"lines": ["1 High St"], "city": "Nelson"}
    contact = await ada.world.contact("Aroha", None, billingAddress=address)
    key = ids.encode("Contact", contact.id)
    await ada.ask(UPDATE, i={"contactId": key, "billingAddress": None})
    [event] = await ada.world.rows("select id from activity where kind = 'CONTACT_CHANGED'")
    wanted = {"eventId": ids.encode("ActivityEvent", event["id"]), "field": "BILLING_ADDRESS"}
    assert (await ada.ask(RESTORE, i=wanted))["restoreValue"]["userErrors"] == []
    [row] = await ada.world.rows("select billing_address from contact")
    assert (row["billing_address"]["lines"], row["billing_address"]["city"]) == (["1 High St"], "Nelson")


async def test_a_value_that_cannot_be_restored_is_refused_with_a_reason(ada: make.Client) -> None:
    contact = await ada.world.contact("Aroha", "a@x.nz", firstName="A")
    key = ids.encode("Contact", contact.id)
    await ada.ask(UPDATE, i={"contactId": key, "name": "Bella", "firstName": "B"})
    [event] = await ada.world.rows("select id from activity where kind = 'CONTACT_CHANGED'")
    wanted = {"eventId": ids.encode("ActivityEvent", event["id"]), "field": "NAME"}

    async def refusal(**more: Any) -> list[dict[str, Any]]:
        errors: list[dict[str, Any]] = (await ada.ask(RESTORE, i=wanted | more))["restoreValue"]["userErrors"]
        return errors

    assert await refusal(eventId=key) == error("NOT_FOUND", "eventId")
    assert await refusal(field="BILLING_EMAIL") == error("NOT_FOUND", "field")
    assert await refusal(field="firstName") == error("WRONG_STATE", "field")  # not kept in step
    assert await refusal(version=1) == error("STALE_VERSION", "version")
    await ada.ask(
        "mutation($i: DeleteContactInput!) { deleteContact(input: $i) { deletedId } }", i={"contactId": key}
    )
    assert await refusal() == error("WRONG_STATE", "eventId")
