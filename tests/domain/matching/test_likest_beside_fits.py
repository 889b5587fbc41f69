"""An issue of a contact that fits by name or email also shows near-duplicates, best first: the fit may be another entity."""

from uuid import UUID

from domain.connection import organisation_copy
from domain.fields.phones import PhoneParts
from domain.fields.values import PostalAddress
from domain.inbound import apply as inbound_apply
from domain.matching import issues, near_duplicates
from domain.matching import plan as matching_plan
from domain.mirror import xero_contacts
from domain.tables import XeroContactFilter
from tests.domain.linked import change
from tests.domain.world import World, seen

# Made up for these tests; any likeness to a person or business is chance.
CLIENT, OTHER = "Payne Holdings Ltd", "Summit Trustees Ltd"
XERO, MAILBOX = "Payne Holdings t/a Café Lune Legal", "owner@lune.nz"


async def shown(world: World) -> list[tuple[str, list[str]]]:
    """For each open issue its reason, and the names of its candidates in the order of their scores."""
    rows = await world.rows(
        "select i.reason, array_agg(c.name order by m.score desc) as names from match_issue i join match_candidate m"
        " on m.issue_id = i.id join contact c on c.id = m.contact_id where i.state = 'OPEN' group by i.id, i.reason"
    )
    return [(row["reason"], row["names"]) for row in rows]


async def owner_of_two(world: World) -> UUID:
    """The mailbox belongs to another entity of the client's owner. Returns the client."""
    await world.contact(OTHER, MAILBOX)
    client = await world.contact(CLIENT)
    await world.shown(seen(XERO, MAILBOX))
    return client.id


async def test_an_issue_by_email_shows_the_client_before_another_entity_of_the_owner(world: World) -> None:
    await owner_of_two(world)
    run = await world.import_mirror()
    assert (run.full_matches, run.conflicts, run.created) == (0, 1, 0)
    assert await shown(world) == [("EMAIL_ONLY", [CLIENT, OTHER])]


async def test_an_issue_by_name_shows_the_client_before_a_namesake(world: World) -> None:
    address = {"lines": ["12 Rimu Road"], "city": "Napier", "postalCode": "4110"}
    await world.contact("Kowhai Joinery", "south@x.nz", primaryPhone="03 765 4321")
    await world.contact("Kowhai Joinery Ltd", primaryPhone="06 123 4567", billingAddress=address)
    there = PostalAddress(("12 Rimu Rd",), city="Napier", postal_code="4110")
    await world.shown(
        seen("Kowhai Joinery", "north@x.nz", phone=PhoneParts("64", "6", "1234567"), address=there)
    )
    await world.import_mirror()
    assert await shown(world) == [("NAME_ONLY", ["Kowhai Joinery Ltd", "Kowhai Joinery"])]


async def test_the_preview_knows_the_candidates_of_the_import(world: World) -> None:
    await owner_of_two(world)
    [row] = await world.rows("select id from xero_contact")
    async with world.tx() as tx:
        organisation = await organisation_copy.get(tx, world.organisation)
        page = await near_duplicates.read_page(tx, organisation, [row["id"]])
    async with world.tx() as tx:
        await near_duplicates.store(tx, near_duplicates.compare(page))
        assert await matching_plan.preview(tx, world.organisation, XeroContactFilter.ALL) == {"CONFLICT": 1}
        assert await matching_plan.issues(tx, organisation, None, [row["id"]], quiet=True) == 1
    assert await shown(world) == [("EMAIL_ONLY", [CLIENT, OTHER])]


async def test_the_likest_client_is_shown_although_near_duplicates_alone_are_not_held(world: World) -> None:
    await world.rows("update organisation set hold_similar = false returning 1")
    await owner_of_two(world)
    await world.contact("Totara Motors Ltd")
    await world.shown(seen("Totara Motors Limited"))
    run = await world.import_mirror()
    assert (run.conflicts, run.created) == (1, 1)
    assert await shown(world) == [("EMAIL_ONLY", [CLIENT, OTHER])]


async def test_a_contact_of_its_own_is_kept_apart_from_the_likest_client_too(world: World) -> None:
    await owner_of_two(world)
    await world.import_mirror()
    [issue] = await world.rows("select id from match_issue")
    async with world.tx() as tx:
        await issues.create_separate(tx, issue["id"])
    [row] = await world.rows("select count(*) as n from set_apart")
    assert row["n"] == 2


async def test_the_client_that_comes_later_joins_the_issue_of_an_equal_email(world: World) -> None:
    await world.contact(OTHER, MAILBOX)
    await world.shown(seen(XERO, MAILBOX))
    await world.import_mirror()
    assert await shown(world) == [("EMAIL_ONLY", [OTHER])]
    await world.contact(CLIENT)
    await world.settle()
    assert await shown(world) == [("EMAIL_ONLY", [CLIENT, OTHER])]


async def test_a_change_of_a_contact_that_fits_requests_no_look_up(world: World) -> None:
    await world.contact("Zebedee Quarries", "z@x.nz")
    other = await world.contact(OTHER, MAILBOX)
    await world.shown(seen(XERO, MAILBOX))
    await world.import_mirror()
    before = await world.rows("select id from import_run")
    await change(world, other.id, primaryPhone="06 123 4567")
    await world.contact("Rimu Roofing")
    assert await world.rows("select id from import_run") == before


async def test_a_webhook_opens_the_issue_and_the_next_run_adds_the_client(world: World) -> None:
    await owner_of_two(world)
    rows = await world.rows("select id from xero_contact")
    await world.rows("update organisation set started_at = now() returning 1")
    async with world.tx() as tx:
        await xero_contacts.lock(tx, world.organisation)
        await inbound_apply.apply_shown(tx, world.organisation, [row["id"] for row in rows])
    assert await shown(world) == [("EMAIL_ONLY", [OTHER])]
    await world.settle()
    assert await shown(world) == [("EMAIL_ONLY", [CLIENT, OTHER])]
    assert await world.rows("select 1 from import_run where finished_at is null") == []


async def test_a_full_match_is_not_looked_up(world: World) -> None:
    await world.contact("Totara Motors", "t@x.nz")
    await world.contact("Totara Motors Ltd")
    await world.shown(seen("Totara Motors", "t@x.nz"), seen("Totara Motors", "other@x.nz"))
    rows = await world.rows("select id, email from xero_contact order by email")
    async with world.tx() as tx:
        organisation = await organisation_copy.get(tx, world.organisation)
        page = await near_duplicates.read_page(tx, organisation, [row["id"] for row in rows])
    assert [one.xero_contact_id for one in page.lookups] == [rows[0]["id"]]


async def test_the_likest_client_leaves_the_issue_when_it_is_linked(world: World) -> None:
    client = await owner_of_two(world)
    await world.import_mirror()
    await change(world, client, billingEmail="payne@x.nz")
    await world.shown(seen(CLIENT, "payne@x.nz"))
    assert await shown(world) == [("EMAIL_ONLY", [CLIENT, OTHER])]
    run = await world.import_mirror()
    await world.settle()
    assert run.full_matches == 1
    assert await shown(world) == [("EMAIL_ONLY", [OTHER])]
