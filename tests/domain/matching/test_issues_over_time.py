"""Open issues are evaluated again when a contact of either side begins or ceases to fit, or a link starts or ends."""

from datetime import timedelta
from uuid import UUID

from domain.connection import organisations
from domain.matching import issues
from domain.tables import XeroContactFilter, XeroContactStatus
from tests.database import rows_of
from tests.domain.linked import LATER, change, read_delta
from tests.domain.world import World, seen


async def judged(world: World, name: str) -> tuple[str, str | None]:
    """The state and resolution of the issue about the Xero contact that had this name first."""
    [row] = await world.rows(
        "select i.state, i.resolution from match_issue i join xero_contact x on x.id = i.xero_contact_id"
        " where x.email = :name or x.name = :name",
        name=name,
    )
    return row["state"], row["resolution"]


async def twins(world: World) -> tuple[UUID, UUID]:
    """Two Xero contacts that fully match one practice contact, so that neither is the only one. Returns Xero's ids."""
    await world.contact("Acme", "a@x.nz")
    one, other = seen("Acme", "a@x.nz"), seen("ACME", "a@x.nz")
    await read_delta(world, one, other)
    assert len(await world.rows("select 1 from match_issue where state = 'OPEN'")) == 2
    return one.xero_contact_id, other.xero_contact_id


async def test_renaming_one_of_two_twins_links_the_other(world: World) -> None:
    one, other = await twins(world)
    await read_delta(world, seen("Renamed", "r@x.nz", xero_id=other, updated_at=LATER))
    await world.settle()
    rows = await world.rows(
        "select x.xero_contact_id, l.origin from sync_link l join xero_contact x on x.id = l.xero_contact_id"
    )
    assert {row["xero_contact_id"]: row["origin"] for row in rows} == {
        one: "FULL_MATCH",
        other: "CREATED_FROM_XERO",
    }
    assert await world.rows("select 1 from match_issue where state = 'OPEN'") == []


async def test_archiving_one_of_two_twins_links_the_other(world: World) -> None:
    one, other = await twins(world)
    await read_delta(
        world, seen("ACME", "a@x.nz", xero_id=other, status=XeroContactStatus.ARCHIVED, updated_at=LATER)
    )
    [link] = await world.rows(
        "select x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
    )
    assert link["xero_contact_id"] == one
    assert {row["resolution"] for row in await world.rows("select resolution from match_issue")} == {
        "OBSOLETE"
    }


async def test_an_ignored_twin_still_makes_the_other_ambiguous(world: World) -> None:
    one, other = await twins(world)
    async with world.tx() as tx:
        [issue] = await rows_of(
            tx,
            "select i.id from match_issue i join xero_contact x on x.id = i.xero_contact_id where x.xero_contact_id = :x",
            x=other,
        )
        await issues.ignore(tx, issue["id"])
    await read_delta(world, seen("Acme", "a@x.nz", xero_id=one, updated_at=LATER))
    assert await world.rows("select 1 from sync_link") == []
    # Renamed, it leaves the other alone; what is ignored stays ignored.
    await read_delta(world, seen("Renamed", "r@x.nz", xero_id=other, updated_at=LATER))
    [link] = await world.rows(
        "select x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
    )
    assert link["xero_contact_id"] == one
    assert await judged(world, "Renamed") == ("RESOLVED", "IGNORED")


async def test_a_candidate_that_was_linked_is_shown_as_blocked_or_leaves_the_issue(world: World) -> None:
    acme = (await world.contact("Acme", "a@x.nz")).id
    await read_delta(world, seen("Other Name", "a@x.nz"), seen("Acme", "other@x.nz"))
    assert [row["reason"] for row in await world.rows("select reason from match_issue order by reason")] == [
        "EMAIL_ONLY",
        "NAME_ONLY",
    ]
    [issue] = await world.rows("select id from match_issue where reason = 'NAME_ONLY'")
    async with world.tx() as tx:
        await issues.confirm(tx, issue["id"], acme)
    # Its email is another now, so nothing fits the other one: it is a contact of its own.
    await world.settle()
    assert await judged(world, "Other Name") == ("RESOLVED", "OBSOLETE")
    assert await world.rows("select 1 from contact where name = 'Other Name'")


async def test_when_a_link_ends_its_contact_is_a_candidate_again(world: World) -> None:
    await world.contact("Acme", "a@x.nz")
    first = seen("Acme", "a@x.nz")
    await read_delta(world, first)
    await read_delta(world, seen("ACME", "second@x.nz"))
    [issue] = await world.rows("select id, reason from match_issue")
    assert issue["reason"] == "AMBIGUOUS"  # the one that fits is linked
    await read_delta(
        world,
        seen(
            "Acme",
            "a@x.nz",
            xero_id=first.xero_contact_id,
            status=XeroContactStatus.ARCHIVED,
            updated_at=LATER,
        ),
    )
    [issue] = await world.rows("select state, reason from match_issue")
    assert (issue["state"], issue["reason"]) == ("OPEN", "NAME_ONLY")


async def test_a_narrower_filter_ends_issues_but_no_links_and_a_wider_one_evaluates_again(
    world: World,
) -> None:
    await world.contact("Acme", "a@x.nz")
    await read_delta(world, seen("Acme", "new@x.nz", customer=False), seen("Beta", "b@x.nz", customer=False))
    for wanted in (XeroContactFilter.CUSTOMERS_ONLY, XeroContactFilter.ALL):
        async with world.tx() as tx:
            await organisations.update_sync(tx, world.organisation, contact_filter=wanted)
            await issues.evaluate_filter(tx, world.organisation)
        if wanted is XeroContactFilter.CUSTOMERS_ONLY:
            assert await judged(world, "Acme") == ("RESOLVED", "OBSOLETE")
            assert [row["state"] for row in await world.rows("select state from sync_link")] == ["SYNCED"]
    [run] = await world.rows("select id from import_run where finished_at is null")
    await world.read(run["id"], [])
    while await world.match(run["id"]):
        pass
    states = await world.rows("select state, reason from match_issue order by created_at")
    assert [(row["state"], row["reason"]) for row in states] == [
        ("RESOLVED", "NAME_ONLY"),
        ("OPEN", "NAME_ONLY"),
    ]


async def test_a_linked_contact_that_the_filter_excludes_is_still_synced(world: World) -> None:
    found = seen("Beta", "b@x.nz")
    await read_delta(world, found)
    async with world.tx() as tx:
        await tx.run("update organisation set contact_filter = 'CUSTOMERS_ONLY'")
    await read_delta(
        world, seen("Beta Two", "b@x.nz", customer=False, xero_id=found.xero_contact_id, updated_at=LATER)
    )
    assert [row["name"] for row in await world.rows("select name from contact")] == ["Beta Two"]


async def reopened(world: World) -> tuple[UUID, UUID, UUID]:
    """An ignored issue, opened again: the issue, the practice's contact and Xero's id."""
    contact = (await world.contact("Acme", "a@x.nz")).id
    found = seen("Acme", "new@x.nz")
    await read_delta(world, found)
    [issue] = await world.rows("select id from match_issue")
    async with world.tx() as tx:
        await issues.ignore(tx, issue["id"])
    async with world.tx() as tx:
        await issues.reopen(tx, issue["id"])
    return issue["id"], contact, found.xero_contact_id


async def test_a_reopened_issue_gets_new_candidates_and_is_left_to_a_person(
    world: World,
) -> None:
    issue, contact, _ = await reopened(world)
    await change(world, contact, billingEmail="new@x.nz")  # a full match now
    assert await world.rows("select 1 from sync_link") == []
    other = (await world.contact("ACME", "third@x.nz")).id
    await change(world, contact, name="Quite Different", billingEmail="q@x.nz")
    rows = await world.rows("select contact_id from match_candidate where issue_id = :id", id=issue)
    assert {row["contact_id"] for row in rows} == {contact, other}
    assert await judged(world, "Acme") == ("OPEN", None)


async def test_a_reopened_issue_ends_when_xero_archives_the_contact_and_returns_with_it(world: World) -> None:
    _, contact, xero = await reopened(world)
    await read_delta(
        world, seen("Acme", "new@x.nz", xero_id=xero, status=XeroContactStatus.ARCHIVED, updated_at=LATER)
    )
    assert await judged(world, "Acme") == ("RESOLVED", "OBSOLETE")
    await change(world, contact, billingEmail="new@x.nz")
    await read_delta(world, seen("Acme", "new@x.nz", xero_id=xero, updated_at=LATER + timedelta(hours=1)))
    assert await judged(world, "Acme") == ("OPEN", None)
    assert await world.rows("select 1 from sync_link") == []  # no machine matches it, full match though it is
