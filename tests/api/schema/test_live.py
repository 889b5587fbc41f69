"""syncStatus delivers each event once and in order, and a client that reconnects misses none."""

import asyncio
from typing import Any

from api.relay import ids
from api.root import schema
from domain.tables import EventKind
from tests import make
from tests.database import rows_of

LIVE = """subscription($after: String, $o: ID) { syncStatus(after: $after, organisationId: $o) { cursor at
  organisation { id summary { linked openIssues } } update { __typename
    ... on ImportProgress { id done total finished } ... on LinkUpdate { link { id contact { name } } changes { field } }
    ... on MatchIssueUpdate { issue { id state } } ... on ContactUpdate { contact { id name version } }
    ... on ConnectionUpdate { organisation { id health } } ... on WorkspaceUpdate { workspace { name } }
    ... on Deletion { deletedId } ... on Resync { reason } } } }"""
BURST = """subscription($after: String) { syncStatus(after: $after) { organisation { summary { linked } }
  update { ... on LinkUpdate { link { id state } } } } }"""
CURSOR = "{ contacts { edges { node { name } } } syncCursor }"
RENAME = 'mutation($k: ID!) { updateContact(input: {contactId: $k, name: "%s"}) { contact { id } } }'


async def cursor(ada: make.Client) -> str:
    found: str = (await ada.ask(CURSOR))["syncCursor"]
    return found


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["update"]["__typename"] for event in events]


async def test_a_mutation_that_asks_for_the_cursor_gets_one_from_before_its_change(ada: make.Client) -> None:
    made = await ada.world.contact("Aroha")
    query = """mutation($k: ID!) { updateContact(input: {contactId: $k, name: "Kauri"}) { query { syncCursor } }
      again: updateContact(input: {contactId: $k, name: "Rimu"}) { query { syncCursor } } }"""
    answer = await ada.ask(query, k=ids.encode("Contact", made.id))
    [after] = {answer[name]["query"]["syncCursor"] for name in ("updateContact", "again")}
    async with ada.follow(LIVE, after=after) as stream:
        assert (await stream.next())["update"]["contact"]["name"] == "Rimu"


async def test_a_subscription_delivers_a_change_at_once(ada: make.Client) -> None:
    async with ada.follow(LIVE, after=await cursor(ada)) as stream:
        waiting = asyncio.create_task(stream.next())
        await ada.world.contact("Aroha")
        event = await waiting
    assert event["update"]["contact"]["name"] == "Aroha"
    assert event["organisation"] is None


async def test_missed_events_come_first_and_once(ada: make.Client) -> None:
    start = await cursor(ada)
    contact = await ada.world.contact("Aroha")
    key = ids.encode("Contact", contact.id)
    for name in ("Bella", "Cora"):
        await ada.ask(RENAME % name, k=key)
    await ada.world.contact("Dora")
    async with ada.follow(LIVE, after=start) as stream:
        told = await stream.some(2)
    assert [event["update"]["contact"]["name"] for event in told] == ["Cora", "Dora"]
    async with ada.follow(LIVE, after=told[0]["cursor"]) as stream:
        assert (await stream.next())["cursor"] == told[1]["cursor"]


async def test_a_decision_publishes_issue_link_and_contact(ada: make.Client) -> None:
    issue = await make.conflict(ada.world)
    start = await cursor(ada)
    async with ada.follow(LIVE, after=start) as stream:
        query = "mutation($i: ID!) { createSeparateContact(input: {issueId: $i}) { link { id } } }"
        await ada.ask(query, i=ids.encode("MatchIssue", issue))
        told = await stream.some(4)
    assert set(kinds(told)) == {"LinkUpdate", "ContactUpdate", "MatchIssueUpdate", "ConnectionUpdate"}
    link = next(event for event in told if event["update"]["__typename"] == "LinkUpdate")
    assert link["organisation"]["summary"] == {"linked": 1, "openIssues": 0}


async def test_a_burst_of_events_is_delivered_with_few_reads(ada: make.Client) -> None:
    await make.imported(ada.world, *((f"Client {n}", None) for n in range(60)))
    start = await cursor(ada)
    async with ada.world.tx() as tx:
        for row in await rows_of(tx, "select id from sync_link where workspace_id = :ws"):
            tx.publish(EventKind.LINK, row["id"], organisation=ada.world.organisation)
    before = ada.process.database.statements
    async with ada.follow(BURST, after=start) as stream:
        told = await stream.some(60)
    assert {event["organisation"]["summary"]["linked"] for event in told} == {60}
    assert ada.process.database.statements - before < 60


async def test_an_import_publishes_its_progress_and_a_resync(ada: make.Client) -> None:
    start = await cursor(ada)
    await make.imported(ada.world, ("A", None), ("B", None))
    async with ada.follow(LIVE, after=start) as stream:
        told = await stream.some(3)
    assert sorted(kinds(told)) == ["ConnectionUpdate", "ImportProgress", "Resync"]


async def test_a_subscription_may_be_limited_to_one_organisation(ada: make.Client) -> None:
    start = await cursor(ada)
    await ada.world.contact("Of no organisation")
    await make.imported(ada.world, ("A", None))
    mine = ids.encode("XeroOrganisation", ada.world.organisation)
    async with ada.follow(LIVE, after=start, o=mine) as stream:
        assert (await stream.next())["organisation"]["id"] == mine


async def test_a_cursor_that_is_too_old_or_too_far_behind_gets_resync(ada: make.Client) -> None:
    start = await cursor(ada)
    await ada.world.contact("Aroha")
    await ada.world.rows("delete from event where workspace_id = :ws returning position")
    async with ada.follow(LIVE, after=start) as stream:
        event = await stream.next()
        assert event["update"] == {"__typename": "Resync", "reason": "This cursor is too old."}
        await ada.world.contact("Bella")
        assert (await stream.next())["update"]["contact"]["name"] == "Bella"
    await ada.world.rows(
        "update event_counter set position = position + 1001 where workspace_id = :ws returning 1"
    )
    async with ada.follow(LIVE, after=event["cursor"]) as stream:
        assert "More than 1000" in (await stream.next())["update"]["reason"]


async def test_an_invalid_cursor_of_a_subscription_is_refused(ada: make.Client) -> None:
    context = ada.context()
    for text in ("x", "W10", "WyJldmVudCIsLTFd"):
        stream: Any = await schema.subscribe(LIVE, variable_values={"after": text}, context_value=context)
        result = await anext(stream)
        assert [error.extensions["code"] for error in result.errors] == ["BAD_REQUEST"]


async def test_no_event_is_lost_between_a_list_and_its_stream(ada: make.Client) -> None:
    """A contact made while lists are read is in the list, in the stream behind its cursor, or in both."""
    making = asyncio.create_task(ada.world.contact("Aroha"))
    answer = await ada.ask(CURSOR)
    await making
    listed = [edge["node"]["name"] for edge in answer["contacts"]["edges"]]
    async with ada.follow(LIVE, after=answer["syncCursor"]) as stream:
        await ada.world.contact("Bella")
        told = [(await stream.next())["update"]["contact"]["name"]]
        if told == ["Aroha"]:
            told.append((await stream.next())["update"]["contact"]["name"])
    assert {*listed, *told} == {"Aroha", "Bella"}


async def test_a_subscription_gets_no_event_of_another_workspace(ada: make.Client) -> None:
    other = await make.client(ada.process)
    async with other.follow(LIVE, after=await cursor(other)) as stream:
        await ada.world.contact("Aroha")
        await other.world.contact("Bella")
        assert (await stream.next())["update"]["contact"]["name"] == "Bella"
