"""Links that a person unsyncs, and the actions on ended links, through the API."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.relay import ids
from domain.tables import Scope, XeroContactStatus
from tests import make
from tests.domain.world import BEGAN, seen

LATER = BEGAN + timedelta(hours=1)
LINK = "{ id state version allowedActions contact { id name billingEmail } xeroContact { id name } }"
UNSYNC = f"mutation($i: SyncLinkInput!) {{ unsync(input: $i) {{ link {LINK} userErrors {{ code path }} }} }}"
UNSYNC_MANY = f"""mutation($i: SyncLinksInput!) {{ unsyncLinks(input: $i) {{
  results {{ link {LINK} userErrors {{ code path }} }} userErrors {{ code path }} }} }}"""
REMATCHED = f"""{{ link {LINK} previousContact {{ id syncLinks {{ id }} }}
  changes {{ field before after writtenTo restorable }} userErrors {{ code path }} }}"""
REMATCH = f"mutation($i: RematchInput!) {{ rematch(input: $i) {REMATCHED} }}"
REMATCH_MANY = f"""mutation($i: RematchLinksInput!) {{ rematchLinks(input: $i) {{
  results {REMATCHED} userErrors {{ code path }} }} }}"""
CREATE = f"mutation($i: CreateFromUnsyncedInput!) {{ createFromUnsynced(input: $i) {REMATCHED} }}"
DISMISS = (
    "mutation($i: SyncLinksInput!) { dismissLinks(input: $i) { deletedLinkIds userErrors { code path } } }"
)
COUNT = "select count(*) as n from {} where workspace_id = :ws"


async def unsynced(ada: make.Client, **named: str) -> str:
    """The id of a link that was unsynced."""
    link = ids.encode("SyncLink", await make.linked(ada.world, **named))
    answer = (await ada.ask(UNSYNC, i={"linkId": link}))["unsync"]
    assert answer["userErrors"] == []
    return link


async def break_off(ada: make.Client, link: str, **gone: Any) -> None:
    """Xero's contact is archived, or has the status `gone`."""
    [row] = await ada.world.rows(
        "select x.* from sync_link l join xero_contact x on x.id = l.xero_contact_id where l.id = :id",
        id=ids.get("SyncLink", link),
    )
    given: dict[str, Any] = {"status": XeroContactStatus.ARCHIVED, "updated_at": LATER} | gone
    await ada.world.shown(seen(row["name"], row["email"], xero_id=row["xero_contact_id"], **given))
    await make.imported(ada.world)


async def count(ada: make.Client, table: str) -> int:
    [row] = await ada.world.rows(COUNT.format(table))
    n: int = row["n"]
    return n


async def type_in(ada: make.Client, **given: Any) -> None:
    """Change the contact of the only link."""
    [row] = await ada.world.rows("select contact_id from sync_link")
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
    await ada.ask(change, i={"contactId": ids.encode("Contact", row["contact_id"]), **given})


def error(code: str, *path: str) -> list[dict[str, Any]]:
    return [{"code": code, "path": list(path) or None}]


async def test_unsync_ends_the_link_and_shows_the_allowed_actions(ada: make.Client) -> None:
    link = ids.encode("SyncLink", await make.linked(ada.world))
    answer = (await ada.ask(UNSYNC, i={"linkId": link}))["unsync"]
    assert answer["link"]["state"] == "UNSYNCED"
    assert answer["link"]["allowedActions"] == ["REMATCH", "CREATE_FROM_UNSYNCED", "DISMISS"]


async def test_an_unsynced_pair_is_never_matched_automatically(ada: make.Client) -> None:
    await unsynced(ada)
    run = await ada.world.import_mirror()
    assert (run.full_matches, run.conflicts, run.created, run.skipped) == (0, 0, 0, 1)


async def test_the_xero_contact_of_an_unsynced_link_is_matched_with_no_other_contact(
    ada: make.Client,
) -> None:
    await unsynced(ada, name="Acme", email="a@x.nz")
    await ada.world.contact("ACME", "a@x.nz")
    run = await ada.world.import_mirror()
    assert (run.full_matches, run.conflicts, run.created) == (0, 0, 0)


async def test_an_edit_after_an_unsync_is_not_due(ada: make.Client) -> None:
    await unsynced(ada)
    await type_in(ada, name="Another")
    [after] = await ada.world.rows("select state, due_at from sync_link")
    assert (after["state"], after["due_at"]) == ("UNSYNCED", None)


async def test_unsync_is_refused_for_an_unsynced_stale_or_unknown_link(ada: make.Client) -> None:
    link = await unsynced(ada)
    twice = (await ada.ask(UNSYNC, i={"linkId": link}))["unsync"]
    assert (twice["userErrors"], twice["link"]["state"]) == (error("WRONG_STATE", "linkId"), "UNSYNCED")
    stale = (await ada.ask(UNSYNC, i={"linkId": link, "version": 1}))["unsync"]
    assert stale["userErrors"] == error("STALE_VERSION", "version")
    nobody = (await ada.ask(UNSYNC, i={"linkId": ids.encode("SyncLink", uuid4())}))["unsync"]
    assert (nobody["userErrors"], nobody["link"]) == (error("NOT_FOUND", "linkId"), None)


async def test_unsync_works_on_a_broken_link(ada: make.Client) -> None:
    link = ids.encode("SyncLink", await make.linked(ada.world))
    await break_off(ada, link)
    answer = (await ada.ask(UNSYNC, i={"linkId": link}))["unsync"]
    assert (answer["userErrors"], answer["link"]["state"]) == ([], "UNSYNCED")


async def test_many_links_are_unsynced_each_on_its_own(ada: make.Client) -> None:
    links = [ids.encode("SyncLink", await make.linked(ada.world, f"Firm {n}", f"{n}@x.nz")) for n in range(3)]
    rows = [{"linkId": links[0]}, {"linkId": links[1], "version": 99}, {"linkId": links[2]}]
    results = (await ada.ask(UNSYNC_MANY, i={"links": rows}))["unsyncLinks"]["results"]
    assert [row["link"]["state"] for row in results] == ["UNSYNCED", "SYNCED", "UNSYNCED"]
    assert [row["userErrors"] for row in results] == [[], error("STALE_VERSION", "links", "1", "version"), []]


async def test_unsync_of_more_than_500_links_is_refused(ada: make.Client) -> None:
    rows = [{"linkId": ids.encode("SyncLink", uuid4())}] * 501
    answer = (await ada.ask(UNSYNC_MANY, i={"links": rows}))["unsyncLinks"]
    assert (answer["userErrors"], answer["results"]) == (error("TOO_MANY", "links"), [])


async def test_rematch_takes_xeros_values(ada: make.Client) -> None:
    link = await unsynced(ada)
    await type_in(ada, billingEmail="mine@x.nz", primaryPhone="09 1")
    answer = (await ada.ask(REMATCH, i={"linkId": link}))["rematch"]
    assert (answer["link"]["id"], answer["userErrors"]) == (link, [])
    assert answer["link"]["contact"]["billingEmail"] == "office@kauri.example"
    assert answer["link"]["state"] == "PENDING"  # Xero has no phone, and gets the practice's
    [moved] = answer["changes"]
    assert (moved["before"], moved["writtenTo"], moved["restorable"]) == ("mine@x.nz", "PRACTICE", True)
    assert await count(ada, "set_apart") == 0


async def test_rematch_may_keep_the_practices_values_except_for_named_fields(ada: make.Client) -> None:
    link = await unsynced(ada)
    [row] = await ada.world.rows("select contact_id from sync_link")
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
    given = {
        "contactId": ids.encode("Contact", row["contact_id"]),
        "billingEmail": "mine@x.nz",
        "name": "Mine",
    }
    await ada.ask(change, i=given)
    wanted = {"linkId": link, "winner": "PRACTICE", "exceptFields": ["NAME"]}
    answer = (await ada.ask(REMATCH, i=wanted))["rematch"]
    contact = answer["link"]["contact"]
    assert (contact["name"], contact["billingEmail"]) == ("Kauri Joinery Ltd", "mine@x.nz")


async def test_rematch_with_another_contact_keeps_the_former_pair_apart(ada: make.Client) -> None:
    link = await unsynced(ada)
    other = await ada.world.contact("Quite another", "o@x.nz")
    wanted = {"linkId": link, "contactId": ids.encode("Contact", other.id)}
    answer = (await ada.ask(REMATCH, i=wanted))["rematch"]
    assert (answer["userErrors"], answer["link"]["id"]) == ([], link)
    assert answer["link"]["contact"]["name"] == "Kauri Joinery Ltd"
    assert answer["previousContact"]["syncLinks"] == []
    [apart] = await ada.world.rows("select contact_id from set_apart")
    assert ids.encode("Contact", apart["contact_id"]) == answer["previousContact"]["id"]


async def test_rematch_of_a_broken_link_with_another_contact_keeps_the_former_pair_apart(
    ada: make.Client,
) -> None:
    """No person has unsynced it, and the former contact would match again."""
    link = ids.encode("SyncLink", await make.linked(ada.world))
    await break_off(ada, link)
    other = await ada.world.contact("Quite another", "o@x.nz")
    wanted = {"linkId": link, "contactId": ids.encode("Contact", other.id)}
    answer = (await ada.ask(REMATCH, i=wanted))["rematch"]
    assert answer["userErrors"] == []
    [apart] = await ada.world.rows("select contact_id from set_apart")
    assert ids.encode("Contact", apart["contact_id"]) == answer["previousContact"]["id"]


async def test_rematch_is_refused_if_a_side_has_another_link_or_the_link_is_active(ada: make.Client) -> None:
    link = await unsynced(ada)
    busy = await make.linked(ada.world, "Busy Ltd", "b@x.nz")
    [row] = await ada.world.rows("select contact_id from sync_link where id = :id", id=busy)
    wanted = {"linkId": link, "contactId": ids.encode("Contact", row["contact_id"])}
    answer = (await ada.ask(REMATCH, i=wanted))["rematch"]
    assert answer["userErrors"] == error("ALREADY_LINKED", "contactId")
    active = (await ada.ask(REMATCH, i={"linkId": ids.encode("SyncLink", busy)}))["rematch"]
    assert active["userErrors"] == error("WRONG_STATE", "linkId")


async def test_rematch_follows_a_merge_in_xero(ada: make.Client) -> None:
    link = ids.encode("SyncLink", await make.linked(ada.world))
    survivor = uuid4()
    await ada.world.shown(seen("Kauri Group", "g@x.nz", xero_id=survivor))
    [row] = await ada.world.rows(
        "select x.xero_contact_id as x from sync_link l join xero_contact x on x.id = l.xero_contact_id"
    )
    merged = seen("Kauri Joinery Ltd", xero_id=row["x"], status=XeroContactStatus.ARCHIVED, updated_at=LATER)
    await ada.world.shown(replace(merged, merged_to=survivor))
    await ada.ask(UNSYNC, i={"linkId": link})
    answer = (await ada.ask(REMATCH, i={"linkId": link}))["rematch"]
    assert (answer["userErrors"], answer["link"]["xeroContact"]["name"]) == ([], "Kauri Group")


async def test_a_contact_with_a_gdpr_request_cannot_be_rematched(ada: make.Client) -> None:
    link = ids.encode("SyncLink", await make.linked(ada.world))
    await break_off(ada, link, status=XeroContactStatus.GDPR_REQUEST)
    answer = (await ada.ask(REMATCH, i={"linkId": link}))["rematch"]
    assert answer["userErrors"] == error("WRONG_STATE", "linkId")
    assert "REMATCH" not in answer["link"]["allowedActions"]


async def test_many_links_are_rematched_each_on_its_own(ada: make.Client) -> None:
    one, two = [await unsynced(ada, name=f"Firm {n}", email=f"{n}@x.nz") for n in range(2)]
    await ada.ask(DISMISS, i={"links": [{"linkId": two}]})
    answer = await ada.ask(REMATCH_MANY, i={"links": [{"linkId": one}, {"linkId": two}]})
    results = answer["rematchLinks"]["results"]
    assert results[0]["link"]["state"] == "SYNCED"
    assert results[1]["userErrors"] == error("NOT_FOUND", "links", "1", "linkId")


async def test_create_from_unsynced_moves_the_link_to_a_new_contact(ada: make.Client) -> None:
    link = await unsynced(ada)
    answer = (await ada.ask(CREATE, i={"linkId": link, "basis": "XERO"}))["createFromUnsynced"]
    assert (answer["userErrors"], answer["link"]["id"]) == ([], link)
    assert (answer["link"]["state"], answer["previousContact"]["syncLinks"]) == ("SYNCED", [])
    assert answer["link"]["contact"]["id"] != answer["previousContact"]["id"]
    assert await count(ada, "set_apart") == 1
    run = await ada.world.import_mirror()
    assert (run.full_matches, run.conflicts, run.created) == (0, 0, 0)


async def test_create_from_unsynced_in_xero_needs_a_free_name(ada: make.Client) -> None:
    link = await unsynced(ada)
    wanted = {"linkId": link, "basis": "PRACTICE"}
    taken = (await ada.ask(CREATE, i=wanted))["createFromUnsynced"]
    assert (taken["userErrors"], taken["link"]["state"]) == (error("TAKEN", "linkId"), "UNSYNCED")
    await break_off(ada, link)  # archived, as the answer says
    answer = (await ada.ask(CREATE, i=wanted))["createFromUnsynced"]
    assert (answer["userErrors"], answer["link"]["id"]) == ([], link)
    assert (answer["link"]["state"], answer["link"]["xeroContact"]) == ("PENDING", None)
    assert await count(ada, "reimport_mark") == 1  # the one that is left behind
    [row] = await ada.world.rows("select contact_number, origin from sync_link")
    assert (len(row["contact_number"]), row["origin"]) == (28, "PUSHED_TO_XERO")


async def test_rematch_with_an_archived_xero_contact_whose_name_is_taken_is_refused(ada: make.Client) -> None:
    link = await unsynced(ada)
    await break_off(ada, link)
    await ada.world.shown(seen("Kauri Joinery Ltd", None))
    answer = (await ada.ask(REMATCH, i={"linkId": link}))["rematch"]
    assert answer["userErrors"] == error("TAKEN", "linkId")


async def test_rematch_with_a_linked_or_archived_contact_is_refused_with_its_path(ada: make.Client) -> None:
    link = await unsynced(ada)
    [row] = await ada.world.rows("update contact set archived_at = now() returning id")
    contact = ids.encode("Contact", row["id"])
    anew = (await ada.ask(CREATE, i={"linkId": link, "basis": "PRACTICE"}))["createFromUnsynced"]
    assert anew["userErrors"] == error("WRONG_STATE", "linkId")
    again = (await ada.ask(REMATCH, i={"linkId": link}))["rematch"]
    assert again["userErrors"] == error("WRONG_STATE", "linkId")
    other = (await ada.ask(REMATCH, i={"linkId": link, "contactId": contact}))["rematch"]
    assert other["userErrors"] == error("WRONG_STATE", "contactId")


async def test_a_dismissed_pair_is_kept_apart_and_not_imported_again(ada: make.Client) -> None:
    link = await unsynced(ada)
    active = ids.encode("SyncLink", await make.linked(ada.world, "Active Ltd", "a@x.nz"))
    answer = (await ada.ask(DISMISS, i={"links": [{"linkId": active}, {"linkId": link}]}))["dismissLinks"]
    assert answer["deletedLinkIds"] == [link]
    assert answer["userErrors"] == error("WRONG_STATE", "links", "0", "linkId")
    assert (await count(ada, "set_apart"), await count(ada, "reimport_mark")) == (1, 1)
    run = await ada.world.import_mirror()
    assert (run.full_matches, run.conflicts, run.created) == (0, 0, 0)


@pytest.mark.parametrize(("scope", "allowed"), [(Scope.READ, []), (Scope.WRITE, ["UNSYNC"])])
async def test_a_reader_has_no_allowed_actions(ada: make.Client, scope: Scope, allowed: Any) -> None:
    await make.linked(ada.world)
    reader = await make.client(ada.process, scope, world=ada.world)
    answer = await reader.ask("{ syncLinks { edges { node { allowedActions } } } }")
    assert answer["syncLinks"]["edges"][0]["node"]["allowedActions"] == allowed


async def test_unsync_publishes_the_link_with_its_changes(ada: make.Client) -> None:
    link = await unsynced(ada)
    start = (await ada.ask("{ syncCursor }"))["syncCursor"]
    live = """subscription($after: String) { syncStatus(after: $after) { update { __typename
      ... on LinkUpdate { link { id state } } ... on Deletion { deletedId } } } }"""
    await ada.ask(REMATCH, i={"linkId": link})
    await ada.ask(UNSYNC, i={"linkId": link})
    await ada.ask(DISMISS, i={"links": [{"linkId": link}]})
    async with ada.follow(live, after=start) as stream:
        told = [await stream.next() for _ in range(2)]
    assert {"__typename": "Deletion", "deletedId": link} in [event["update"] for event in told]


async def test_a_rematch_removes_the_broken_link_of_another_contact_and_keeps_the_pair_apart(
    ada: make.Client,
) -> None:
    """Another contact was linked with the Xero contact, and the former pair is linked again through it."""
    link = await unsynced(ada)
    other = await ada.world.contact("Other", "o@x.nz")
    async with ada.world.tx() as tx:
        await tx.run(
            "insert into sync_link select workspace_id, gen_random_uuid(), organisation_id, :other, xero_contact_id,"
            " 'BROKEN', state_since, origin, linked_at, last_synced_at, version, base_practice, base_xero, failure,"
            " due_at, contact_number, bulk, attempts, next_attempt_at, read_owed_at, notes, refused, conflicts"
            " from sync_link",
            other=other.id,
        )
    await ada.ask(REMATCH, i={"linkId": link})
    [left] = await ada.world.rows("select id, state from sync_link")
    assert (ids.encode("SyncLink", left["id"]), left["state"]) == (link, "SYNCED")
    [apart] = await ada.world.rows("select contact_id from set_apart")
    assert apart["contact_id"] == other.id
