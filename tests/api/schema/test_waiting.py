"""While Xero is unavailable, links with unsent changes show it in every list and count; afterwards no longer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from api.relay import ids
from domain.actions import resume
from domain.connection import health as connection_health
from domain.connection import organisations, rights
from domain.contacts import edits as contact_edits
from domain.matching import issues
from domain.tables import SyncedField
from domain.tx import Tx
from tests import make
from tests.domain.world import World

SHOWN = """query($o: ID!, $codes: [SyncFailureCode!], $states: [SyncState!]) {
  syncLinks(filter: {organisationId: $o, failureCode: $codes, state: $states}) { totalCount edges { node {
    state version allowedActions failure { code message since attempts nextAttemptAt remedy subjects { id } } } } }
  contacts(filter: {organisationId: $o, syncState: $states}) { totalCount }
  xeroOrganisation(id: $o) { health summary { linked failing pendingChanges failures { code count } } } }"""
LIVE = """subscription($after: String) { syncStatus(after: $after) { update { __typename
  ... on LinkUpdate { link { id state failure { code } } } ... on ConnectionUpdate { organisation { health } } } } }"""
RETRY = """mutation($links: [ID!]!, $o: ID) { retrySync(input: {linkIds: $links, allOfOrganisation: $o}) { retried
  links { failure { code } } userErrors { code } } }"""

Trouble = Callable[[Tx, World], Awaitable[None]]


async def outage(tx: Tx, world: World) -> None:
    await tx.run(
        "update organisation set failing_since = cast(:now as timestamptz) - interval '2 minutes' where workspace_id = :ws"
    )
    await connection_health.unavailable(tx, world.organisation)


async def used_up(tx: Tx, world: World) -> None:
    await connection_health.limited(tx, world.organisation, tx.now + timedelta(hours=3))


async def locked_out(tx: Tx, world: World) -> None:
    await connection_health.locked_out(tx, world.organisation)


async def over(tx: Tx, world: World) -> None:
    await connection_health.answered(tx, world.organisation)


async def waiting(world: World) -> str:
    """A link with an unsent change, and another without."""
    await make.linked(world, "Totara Farms Ltd", "post@totara.example")
    link = await make.linked(world)
    [row] = await world.rows("select contact_id from sync_link where id = :id", id=link)
    async with world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(
            tx, row["contact_id"], contact_edits.Given({SyncedField.PRIMARY_PHONE: "09 555 1234"})
        )
        touched.add(row["contact_id"])
    return ids.encode("SyncLink", link)


async def shown(ada: make.Client, **wanted: Any) -> dict[str, Any]:
    return await ada.ask(SHOWN, o=ids.encode("XeroOrganisation", ada.world.organisation), **wanted)


def nodes(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in data["syncLinks"]["edges"]]


@pytest.mark.parametrize(
    ("trouble", "code", "remedy", "actions"),
    [
        (outage, "XERO_UNAVAILABLE", "WAIT", ["UNSYNC", "RETRY"]),
        (used_up, "XERO_UNAVAILABLE", "WAIT", ["UNSYNC", "RETRY"]),
        (locked_out, "NEEDS_RECONNECT", "CONNECT_XERO", ["UNSYNC"]),
    ],
)
async def test_only_links_with_unsent_changes_show_that_xero_is_unavailable(
    ada: make.Client, trouble: Trouble, code: str, remedy: str, actions: list[str]
) -> None:
    await waiting(ada.world)
    before = nodes(await shown(ada, states=["PENDING"]))
    async with ada.world.tx() as tx:
        await trouble(tx, ada.world)
    data = await shown(ada, codes=[code], states=["FAILING"])
    [node] = nodes(data)
    assert (node["failure"]["code"], node["failure"]["remedy"], node["allowedActions"]) == (
        code,
        remedy,
        actions,
    )
    assert node["failure"]["subjects"] == [{"id": ids.encode("XeroOrganisation", ada.world.organisation)}]
    assert node["version"] == before[0]["version"]
    assert (data["syncLinks"]["totalCount"], data["contacts"]["totalCount"]) == (1, 1)
    assert data["xeroOrganisation"]["summary"] == {
        "linked": 2, "failing": 1, "pendingChanges": 1, "failures": [{"code": code, "count": 1}],
    }  # fmt: skip
    data = await shown(ada, states=["PENDING"])
    assert (data["syncLinks"]["totalCount"], data["contacts"]["totalCount"]) == (0, 0)
    assert [(node["state"], node["failure"]) for node in nodes(await shown(ada, states=["SYNCED"]))] == [
        ("SYNCED", None)
    ]


@pytest.mark.parametrize("trouble", [outage, used_up])
async def test_the_failure_of_waiting_links_ends_when_xero_is_back(
    ada: make.Client, trouble: Trouble
) -> None:
    await waiting(ada.world)
    before = await shown(ada)
    for way in (trouble, over):
        async with ada.world.tx() as tx:
            await way(tx, ada.world)
    assert await shown(ada) == before


async def test_the_minute_limit_is_no_failure_of_a_link(ada: make.Client) -> None:
    await waiting(ada.world)
    async with ada.world.tx() as tx:
        await connection_health.limited(tx, ada.world.organisation, tx.now + timedelta(seconds=40))
    assert len(nodes(await shown(ada, states=["PENDING"]))) == 1


async def test_an_expired_limit_shows_no_failure_before_its_job_has_run(ada: make.Client) -> None:
    await waiting(ada.world)
    async with ada.world.tx() as tx:
        await tx.run(
            "update organisation set health = 'RATE_LIMITED', health_since = cast(:now as timestamptz) - interval '1 day',"
            " limited_until = cast(:now as timestamptz) - interval '1 second' where workspace_id = :ws"
        )
    assert len(nodes(await shown(ada, states=["PENDING"]))) == 1


async def test_links_of_a_disconnected_organisation_show_that_it_must_reconnect(ada: make.Client) -> None:
    await waiting(ada.world)
    async with ada.world.tx() as tx:
        await organisations.disconnect(tx, ada.world.organisation)
    [node] = nodes(await shown(ada, codes=["NEEDS_RECONNECT"]))
    assert node["failure"]["message"].startswith("The organisation was disconnected in Tandem.")


async def test_the_failure_of_a_link_is_shown_before_that_of_the_connection(ada: make.Client) -> None:
    await waiting(ada.world)
    async with ada.world.tx() as tx:
        await tx.run(
            "update sync_link set state = 'FAILING', failure = cast(:failure as jsonb)"
            " where workspace_id = :ws and due_at is not null",
            failure='{"code": "NAME_TAKEN_IN_XERO", "message": "Taken.", "since": "2026-01-01T00:00:00+00:00", "attempts": 1}',
        )  # fmt: skip
        await outage(tx, ada.world)
    assert (await shown(ada))["xeroOrganisation"]["summary"]["failures"] == [
        {"code": "NAME_TAKEN_IN_XERO", "count": 1}
    ]


async def test_the_begin_and_end_of_an_outage_are_published_for_each_waiting_link(ada: make.Client) -> None:
    link = await waiting(ada.world)
    after = (await ada.ask("{ syncCursor }"))["syncCursor"]
    async with ada.follow(LIVE, after=after) as stream:
        for way, said in ((outage, ("FAILING", {"code": "XERO_UNAVAILABLE"})), (over, ("PENDING", None))):
            async with ada.world.tx() as tx:
                await way(tx, ada.world)
            told = [event["update"] for event in await stream.some(2)]
            assert [one["__typename"] for one in told] == ["ConnectionUpdate", "LinkUpdate"]
            assert told[1]["link"] == {"id": link, "state": said[0], "failure": said[1]}


async def test_an_outage_with_many_waiting_links_publishes_one_resync_and_writes_no_link(
    ada: make.Client,
) -> None:
    await waiting(ada.world)
    async with ada.world.tx() as tx:
        await tx.run(
            "with made as (insert into contact (workspace_id, id, name, kind, needs_review, created_at, updated_at,"
            " version, name_key, search_key, key_version, field_times) select :ws, gen_random_uuid(), 'N' || n, 'PERSON',"
            " false, :now, :now, 1, 'n' || n, ' n' || n, 1, '{}' from generate_series(1, 500) n returning id)"
            " insert into sync_link (workspace_id, id, organisation_id, contact_id, state, state_since, origin, linked_at,"
            " version, base_practice, base_xero, due_at) select :ws, gen_random_uuid(), :organisation, id, 'PENDING', :now,"
            " 'PUSHED_TO_XERO', :now, 1, '{}', '{}', :now from made",
            organisation=ada.world.organisation,
        )  # fmt: skip
    rows = "select id, xmin::text from sync_link order by id"
    before = await ada.world.rows(rows)
    after = (await ada.ask("{ syncCursor }"))["syncCursor"]
    async with ada.world.tx() as tx:
        await locked_out(tx, ada.world)
    async with ada.follow(LIVE, after=after) as stream:
        told = [event["update"]["__typename"] for event in await stream.some(2)]
    assert told == ["ConnectionUpdate", "Resync"]
    assert await ada.world.rows(rows) == before


async def test_the_next_attempt_is_the_earliest_time_at_which_something_may_be_sent(ada: make.Client) -> None:
    await waiting(ada.world)
    async with ada.world.tx() as tx:
        until = tx.now + timedelta(hours=3)
        await used_up(tx, ada.world)
        await tx.run(
            "update sync_link set next_attempt_at = :now where workspace_id = :ws and due_at is not null"
        )
    [node] = nodes(await shown(ada, states=["FAILING"]))
    assert node["failure"]["nextAttemptAt"][:19] == until.isoformat()[:19]


async def test_a_retry_calls_xero_at_once_unless_the_consent_is_lost(ada: make.Client) -> None:
    link = await waiting(ada.world)
    organisation = ids.encode("XeroOrganisation", ada.world.organisation)
    await ada.world.start_import()
    async with ada.world.tx() as tx:
        later = tx.now + timedelta(minutes=4)
        await outage(tx, ada.world)
        await tx.run(
            "update import_run set due_at = :later where workspace_id = :ws and finished_at is null",
            later=later,
        )
        await tx.run(
            "update sync_link set next_attempt_at = :later where workspace_id = :ws and due_at is not null",
            later=later,
        )
    [node] = nodes(await shown(ada, states=["FAILING"]))
    assert node["failure"]["nextAttemptAt"][:19] == later.isoformat()[:19]
    assert (await ada.ask(RETRY, links=[link]))["retrySync"] == {
        "retried": 1, "links": [{"failure": {"code": "XERO_UNAVAILABLE"}}], "userErrors": [],
    }  # fmt: skip
    due = await ada.world.rows(
        "select 1 from import_run r, sync_link l where r.finished_at is null and r.due_at < :later"
        " and l.due_at is not null and l.next_attempt_at is null",
        later=later,
    )
    assert len(due) == 1
    async with ada.world.tx() as tx:
        await locked_out(tx, ada.world)
    assert (await ada.ask(RETRY, links=[], o=organisation))["retrySync"]["retried"] == 0


LINKS = "{ syncLinks { edges { node { state warnings differences { field } } } } }"
HEALTH = "query($o: ID!) { xeroOrganisation(id: $o) { health healthMessage } }"


async def test_a_value_that_xero_stores_otherwise_is_a_warning_and_no_difference(ada: make.Client) -> None:
    await make.linked(ada.world, "Café")
    async with ada.world.tx() as tx:
        await tx.run("update contact set name = 'Café 🎉' where workspace_id = :ws")
    [node] = nodes(await ada.ask(LINKS))
    assert (node["warnings"], node["differences"]) == ([], [{"field": "NAME"}])  # it is not agreed yet
    async with ada.world.tx() as tx:
        await tx.run(
            """update sync_link set base_practice = base_practice || '{"NAME": "Café 🎉"}', warnings = '{Shortened.}'"""
            " where workspace_id = :ws"
        )
    [node] = nodes(await ada.ask(LINKS))
    assert node["differences"] == []
    assert node["warnings"] == [
        "Shortened.",
        "Xero stores the name as “Café”, without the emoji. Your value stays here, and nothing is sent again.",
    ]


@pytest.mark.parametrize(
    ("right", "waits"), [("WRITE_CONTACTS", True), ("READ_CONTACTS", True), ("WRITE_INVOICES", False)]
)
async def test_a_missing_right_is_named_and_holds_up_the_calls_that_need_it(
    ada: make.Client, right: str, waits: bool
) -> None:
    await waiting(ada.world)
    organisation = ids.encode("XeroOrganisation", ada.world.organisation)
    async with ada.world.tx() as tx:
        await rights.deny(tx, ada.world.organisation, right, f"Xero does not give {right}.")
    found = (await ada.ask(HEALTH, o=organisation))["xeroOrganisation"]
    assert found == {"health": "DEGRADED", "healthMessage": f"Xero does not give {right}."}
    held = nodes(await shown(ada, codes=["XERO_UNAVAILABLE"], states=["FAILING"]))
    assert [node["failure"]["message"] for node in held] == (
        [f"Xero does not give {right}."] if waits else []
    )
    async with ada.world.tx() as tx:
        await resume.grant(tx, ada.world.organisation, right)
    found = (await ada.ask(HEALTH, o=organisation))["xeroOrganisation"]
    assert found == {"health": "HEALTHY", "healthMessage": None}
    assert len(nodes(await shown(ada, states=["PENDING"]))) == 1
