"""Contacts that a person deletes, and failures that a person retries, through the API."""

import json
from typing import Any
from uuid import uuid4

import pytest

from api.relay import ids
from tests import make
from tests.domain.billed import make_billed
from tests.domain.world import seen

DELETE = """mutation($i: DeleteContactInput!) { deleteContact(input: $i) {
  deletedId deletedLinkIds userErrors { code path } } }"""
RETRY = """mutation($i: RetrySyncInput!) { retrySync(input: $i) {
  retried links { id state failure { code } } organisation { id summary { failing } } userErrors { code path } } }"""
LIVE = """subscription($after: String) { syncStatus(after: $after) { update { __typename
  ... on Deletion { deletedId } } } }"""


async def one(ada: make.Client, sql: str) -> Any:
    [row] = await ada.world.rows(f"select {sql} as value")
    return row["value"]


async def test_deleting_a_contact_deletes_its_links_and_publishes_events(ada: make.Client) -> None:
    link = ids.encode("SyncLink", await make.linked(ada.world))
    contact = ids.encode("Contact", await one(ada, "(select contact_id from sync_link)"))
    start = (await ada.ask("{ syncCursor }"))["syncCursor"]
    answer = (await ada.ask(DELETE, i={"contactId": contact}))["deleteContact"]
    assert answer == {"deletedId": contact, "deletedLinkIds": [link], "userErrors": []}
    async with ada.follow(LIVE, after=start) as stream:
        told = [event["update"]["deletedId"] for event in await stream.some(2)]
    assert sorted(told) == sorted([contact, link])
    assert (await ada.ask("query($id: ID!) { node(id: $id) { id } }", id=link))["node"] is None


async def test_the_xero_contact_of_a_deleted_contact_is_not_imported_again(ada: make.Client) -> None:
    await make.linked(ada.world)
    contact = ids.encode("Contact", await one(ada, "(select contact_id from sync_link)"))
    await ada.ask(DELETE, i={"contactId": contact})
    run = await ada.world.import_mirror()
    assert (run.created, run.skipped) == (0, 1)


async def test_the_xero_contact_of_a_deleted_contact_is_imported_again_on_request(ada: make.Client) -> None:
    await make.linked(ada.world)
    contact = ids.encode("Contact", await one(ada, "(select contact_id from sync_link)"))
    await ada.ask(DELETE, i={"contactId": contact, "reimport": True})
    assert (await ada.world.import_mirror()).created == 1


async def test_deleting_the_only_candidate_by_name_ends_the_issue_and_imports_nothing(
    ada: make.Client,
) -> None:
    await make.conflict(ada.world)
    contact = ids.encode("Contact", await one(ada, "(select id from contact)"))
    await ada.ask(DELETE, i={"contactId": contact})
    assert await one(ada, "(select resolution from match_issue)") == "OBSOLETE"
    assert await one(ada, "(select count(*) from contact)") == 0
    assert (await ada.world.import_mirror()).created == 0


async def test_an_issue_with_other_candidates_stays_open_after_a_deletion(ada: make.Client) -> None:
    await make.conflict(ada.world, "Acme")
    first = await one(ada, "(select id from contact)")
    second = await ada.world.contact("Acme", "third@x.nz")
    await ada.ask(DELETE, i={"contactId": ids.encode("Contact", first)})
    assert await one(ada, "(select state from match_issue)") == "OPEN"
    assert await one(ada, "(select contact_id from match_candidate)") == second.id


async def test_deleting_the_only_candidate_by_email_imports_the_xero_contact(ada: make.Client) -> None:
    contact = await ada.world.contact("Bookkeeper", "shared@x.nz")
    await make.imported(ada.world, ("Client of theirs", "shared@x.nz"))
    await ada.ask(DELETE, i={"contactId": ids.encode("Contact", contact.id)})
    assert await one(ada, "(select resolution from match_issue)") == "OBSOLETE"
    await ada.world.settle()  # which looks for near-duplicates first
    assert await one(ada, "(select name from contact)") == "Client of theirs"


async def test_a_deletion_marks_xero_contacts_of_unsynced_links_and_does_not_archive_them(
    ada: make.Client,
) -> None:
    link = ids.encode("SyncLink", await make.linked(ada.world))
    await ada.ask("mutation($i: SyncLinkInput!) { unsync(input: $i) { link { id } } }", i={"linkId": link})
    contact = ids.encode("Contact", await one(ada, "(select contact_id from sync_link)"))
    await ada.ask(DELETE, i={"contactId": contact, "archiveInXero": True})
    assert await one(ada, "(select count(*) from reimport_mark)") == 1
    assert await one(ada, "(select count(*) from owed_status)") == 0


async def test_deleting_a_stale_or_unknown_contact_is_refused(ada: make.Client) -> None:
    contact = await ada.world.contact("Aroha")
    key = ids.encode("Contact", contact.id)
    stale = (await ada.ask(DELETE, i={"contactId": key, "version": 9}))["deleteContact"]
    assert stale == {
        "deletedId": None,
        "deletedLinkIds": [],
        "userErrors": [{"code": "STALE_VERSION", "path": ["version"]}],
    }
    unknown = (await ada.ask(DELETE, i={"contactId": ids.encode("Contact", uuid4())}))["deleteContact"]
    assert unknown["userErrors"] == [{"code": "NOT_FOUND", "path": ["contactId"]}]


async def failing(ada: make.Client, n: int = 1) -> list[str]:
    """Links whose name Xero refused."""
    found: list[str] = []
    for number in range(n):
        link = await make.linked(ada.world, f"Firm {number}", f"{number}@x.nz")
        found.append(ids.encode("SyncLink", link))
    failure = {
        "code": "NAME_TAKEN_IN_XERO", "message": "Taken.", "field": "NAME", "subjects": [],
        "since": "2026-11-24T05:00:00+00:00", "attempts": 1, "nextAttemptAt": None, "remedy": "UPDATE_CONTACT",
    }  # fmt: skip
    await ada.world.rows(
        "update sync_link set state = 'FAILING', failure = cast(:failure as jsonb), due_at = null,"
        ' refused = \'{"NAME": "Taken"}\' returning 1',
        failure=json.dumps(failure),
    )
    return found


async def test_a_retry_sends_refused_values_again(ada: make.Client) -> None:
    [link] = await failing(ada)
    listed = await ada.ask("{ syncLinks { edges { node { allowedActions } } } }")
    assert listed["syncLinks"]["edges"][0]["node"]["allowedActions"] == ["UNSYNC", "RETRY"]
    answer = (await ada.ask(RETRY, i={"linkIds": [link]}))["retrySync"]
    assert (answer["retried"], answer["links"]) == (1, [{"id": link, "state": "PENDING", "failure": None}])
    assert answer["organisation"]["summary"] == {"failing": 0}
    [row] = await ada.world.rows("select refused, bulk, due_at is not null as due from sync_link")
    assert row == {"refused": {}, "bulk": False, "due": True}


async def test_retrying_a_whole_organisation_is_bulk_work(ada: make.Client) -> None:
    await failing(ada, 11)
    wanted = {"allOfOrganisation": ids.encode("XeroOrganisation", ada.world.organisation)}
    answer = (await ada.ask(RETRY, i=wanted))["retrySync"]
    assert (answer["retried"], answer["links"]) == (11, [])
    assert await one(ada, "(select bool_and(bulk) from sync_link)") is True


async def test_a_retry_does_not_change_a_link_that_is_not_failing(ada: make.Client) -> None:
    link = ids.encode("SyncLink", await make.linked(ada.world))
    answer = (await ada.ask(RETRY, i={"linkIds": [link]}))["retrySync"]
    assert (answer["retried"], answer["links"][0]["state"]) == (0, "SYNCED")


async def test_one_unknown_id_refuses_the_whole_retry(ada: make.Client) -> None:
    [link] = await failing(ada)
    unknown = ids.encode("SyncLink", uuid4())
    answer = (await ada.ask(RETRY, i={"linkIds": [link, unknown]}))["retrySync"]
    assert answer["userErrors"] == [{"code": "NOT_FOUND", "path": ["linkIds", "1"]}]
    assert (answer["retried"], answer["links"][0]["state"]) == (0, "FAILING")
    many = (await ada.ask(RETRY, i={"linkIds": [link] * 501}))["retrySync"]
    assert many["userErrors"] == [{"code": "TOO_MANY", "path": ["linkIds"]}]


async def test_a_name_too_long_for_xero_is_refused_where_it_is_typed(ada: make.Client) -> None:
    await make.linked(ada.world)
    contact = ids.encode("Contact", await one(ada, "(select contact_id from sync_link)"))
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code path } } }"
    answer = (await ada.ask(change, i={"contactId": contact, "name": "😀" * 128}))["updateContact"]
    assert answer["userErrors"] == [{"code": "TOO_LONG", "path": ["name"]}]


async def test_confirming_a_match_removes_the_reimport_mark(ada: make.Client) -> None:
    """A person links the deleted contact's Xero contact again, through a push that finds it."""
    await make.linked(ada.world)
    contact = ids.encode("Contact", await one(ada, "(select contact_id from sync_link)"))
    await ada.ask(DELETE, i={"contactId": contact})
    again = await ada.world.contact("Kauri Joinery Ltd", "office@kauri.example")
    push = "mutation($i: PushToXeroInput!) { pushToXero(input: $i) { link { state } existing { id } } }"
    wanted = {
        "contactId": ids.encode("Contact", again.id),
        "organisationId": ids.encode("XeroOrganisation", ada.world.organisation),
    }
    [existing] = (await ada.ask(push, i=wanted))["pushToXero"]["existing"]
    answer = (await ada.ask(push, i=wanted | {"linkTo": existing["id"]}))["pushToXero"]
    assert answer["link"]["state"] == "SYNCED"
    assert await one(ada, "(select count(*) from reimport_mark)") == 0


async def test_a_preview_skips_xero_contacts_with_a_reimport_mark(ada: make.Client) -> None:
    await make.linked(ada.world)
    contact = ids.encode("Contact", await one(ada, "(select contact_id from sync_link)"))
    await ada.ask(DELETE, i={"contactId": contact})
    await ada.world.shown(seen("New there"))
    preview = """query($id: ID!) { xeroOrganisation(id: $id) {
      contactSyncPreview(contactFilter: ALL) { noMatches skipped } } }"""
    organisation = ids.encode("XeroOrganisation", ada.world.organisation)
    found = (await ada.ask(preview, id=organisation))["xeroOrganisation"]["contactSyncPreview"]
    assert found == {"noMatches": 1, "skipped": 1}


async def test_a_contact_with_invoices_cannot_be_deleted(ada: make.Client) -> None:
    billed = await make_billed(ada.process.database)
    await billed.draft()
    client = await make.client(ada.process, world=billed.world)
    answer = (await client.ask(DELETE, i={"contactId": ids.encode("Contact", billed.contact)}))[
        "deleteContact"
    ]
    assert answer["userErrors"] == [{"code": "IN_USE", "path": ["contactId"]}]
    assert await one(client, "(select count(*) from contact)") >= 1


@pytest.mark.parametrize("nothing", [{}, {"linkIds": []}, {"allOfOrganisation": None}])
async def test_a_retry_without_ids_names_the_arguments(ada: make.Client, nothing: dict[str, object]) -> None:
    answer = (await ada.ask(RETRY, i=nothing))["retrySync"]
    [error] = answer["userErrors"]
    assert (error["code"], answer["retried"]) == ("REQUIRED", 0)
