"""Near-duplicates: held back before a second contact is created, evaluated again, and never asked about twice."""

from typing import Any
from uuid import UUID

import pytest

from domain.actions import delete as delete_action
from domain.connection import organisation_copy
from domain.contacts import creation as contact_creation
from domain.fields.merge import Winner
from domain.fields.phones import PhoneParts
from domain.fields.values import PostalAddress
from domain.inbound import apply as inbound_apply
from domain.inbound import imports
from domain.links import starting as link_starting
from domain.links.starting import Pair
from domain.matching import issues, near_duplicates
from domain.matching import plan as matching_plan
from domain.mirror import xero_contacts
from domain.tables import LinkOrigin, MatchPass, XeroContactFilter, XeroContactStatus
from tests.database import rows_of
from tests.domain.linked import change
from tests.domain.world import BEGAN, World, as_given, seen

# Made up for these tests; any likeness to a person or business is chance.
PRACTICE, XERO = "Kowhai Joinery Ltd", "Kowhai Joinery Limited"


async def held_back(world: World, practice: str = PRACTICE, xero: str = XERO) -> tuple[UUID, UUID]:
    """Much alike: gives the issue and the practice's contact."""
    contact = await world.contact(practice)
    await world.shown(seen(xero))
    run = await world.import_mirror()
    assert (run.full_matches, run.conflicts, run.created) == (0, 1, 0)
    [row] = await world.rows("select id, reason from match_issue where state = 'OPEN'")
    assert row["reason"] == "SIMILAR"
    return row["id"], contact.id


async def candidates(world: World) -> list[dict[str, Any]]:
    return await world.rows(
        "select c.name, m.score, m.name_matches, m.email_matches, m.evidence from match_candidate m"
        " join match_issue i on i.id = m.issue_id and i.state = 'OPEN' join contact c on c.id = m.contact_id"
        " order by m.score desc"
    )


async def made(world: World) -> int:
    [row] = await world.rows("select count(*) as n from contact where created_by_run is not null")
    count: int = row["n"]
    return count


@pytest.mark.parametrize(
    ("practice", "xero", "said"),
    [
        (
            "Kowhai Joinery Ltd",
            "Kowhai Joinery Limited",
            "same words but for accents, signs, legal form, title or short forms",
        ),
        ("Zebedee, Horatio", "Horatio Zebedee", "same words in another order"),
        ("Robert Zebedee", "Bob Zebedee", "Bob is short for Robert"),
        ("Horatio Zebedee", "Horatio Zebadee", "spelt alike: Zebadee, Zebedee"),
        (
            "Ivan Zebedeev",
            "Иван Зебедеев",
            "same words but for accents, signs, legal form, title or short forms",
        ),
        ("Good Will Quarries", "Goodwill Quarries", "same letters, spaced otherwise"),
    ],
)
async def test_a_near_duplicate_opens_an_issue_and_creates_no_contact(
    world: World, practice: str, xero: str, said: str
) -> None:
    await held_back(world, practice, xero)
    [candidate] = await candidates(world)
    assert candidate["name"] == practice
    assert said in candidate["evidence"]
    assert candidate["score"] >= 0.7
    assert not candidate["name_matches"]
    assert not candidate["email_matches"]


async def test_a_near_duplicate_is_found_by_its_phone(world: World) -> None:
    address = {"lines": ["12 Rimu Road"], "city": "Napier", "postalCode": "4110"}
    await world.contact("KJC", primaryPhone="06 123 4567", billingAddress=address)
    await world.shown(
        seen(
            "Kowhai Joinery Collective",
            phone=PhoneParts("64", "6", "1234567"),
            address=PostalAddress(("12 Rimu Rd",), city="Napier", postal_code="4110"),
        )
    )
    await world.import_mirror()
    [candidate] = await candidates(world)
    assert {"same phone", "same address"} <= set(candidate["evidence"])


async def test_a_xero_contact_without_near_duplicates_becomes_a_contact(world: World) -> None:
    await world.contact("Horatio Zebedee")
    await world.contact("Kowhai Joinery")
    await world.shown(seen("Cornelia Zebedee"), seen("Rimu Roofing"), seen("Zebedee Quarries Ltd"))
    run = await world.import_mirror()
    assert (run.conflicts, run.created) == (0, 3)


async def test_without_hold_similar_near_duplicates_become_contacts(world: World) -> None:
    await world.rows("update organisation set hold_similar = false returning 1")
    await world.contact(PRACTICE)
    await world.shown(seen(XERO))
    run = await world.import_mirror()
    assert (run.conflicts, run.created) == (0, 1)


async def test_contacts_that_the_run_created_are_no_candidates(world: World) -> None:
    await world.shown(seen(PRACTICE), seen(XERO))
    run = await world.import_mirror()
    assert (run.conflicts, run.created) == (0, 2)


async def test_a_linked_contact_is_no_candidate(world: World) -> None:
    await world.contact(PRACTICE, "k@x.nz")
    await world.shown(seen(PRACTICE, "k@x.nz"), seen(XERO))
    before = await preview(world)
    run = await world.import_mirror()
    assert (run.full_matches, run.conflicts, run.created) == (1, 0, 1)
    assert before["CONFLICT"] == 0


async def preview(world: World) -> dict[str, int]:
    """After a run that only reads: it looks up near-duplicates and matches nothing."""
    async with world.tx() as tx:
        ids = [row["id"] for row in await rows_of(tx, "select id from xero_contact order by id")]
        organisation = await organisation_copy.get(tx, world.organisation)
        page = await near_duplicates.read_page(tx, organisation, ids)
    found = near_duplicates.compare(page)
    async with world.tx() as tx:
        await near_duplicates.store(tx, found)
        counts = await matching_plan.preview(tx, world.organisation, XeroContactFilter.ALL)
    return {outcome: counts.get(outcome, 0) for outcome in ("FULL_MATCH", "CONFLICT", "NO_MATCH")}


async def test_the_preview_counts_near_duplicates_as_conflicts(world: World) -> None:
    await world.contact(PRACTICE)
    await world.contact("Totara Motors", "t@x.nz")
    await world.shown(seen(XERO), seen("Totara Motors", "t@x.nz"), seen("Nobody Known"))
    assert await preview(world) == {"FULL_MATCH": 1, "CONFLICT": 1, "NO_MATCH": 1}
    run = await world.import_mirror()
    assert (run.full_matches, run.conflicts, run.created) == (1, 1, 1)


async def test_the_preview_sees_beyond_the_contacts_that_full_matches_take(world: World) -> None:
    """More contacts than an issue shows are more alike than the one that is left, and the import links them first."""
    spellings = [
        f"Kowhai{gap}Joinery{end}" for gap in (" ", "-", "/") for end in (" Ltd", " Limited", "", ", Ltd")
    ]
    for n, name in enumerate(spellings):
        await world.contact(name, f"k{n}@x.nz")
    await world.contact("Joinery Kowhai", "left@x.nz")
    await world.shown(
        *(seen(name, f"k{n}@x.nz") for n, name in enumerate(spellings)), seen("The Kowhai Joinery")
    )
    told = await preview(world)
    run = await world.import_mirror()
    assert told == {"FULL_MATCH": 12, "CONFLICT": 1, "NO_MATCH": 0}
    assert (run.full_matches, run.conflicts, run.created) == (12, 1, 0)


async def test_a_second_import_opens_no_second_issue_for_a_near_duplicate(world: World) -> None:
    issue, _ = await held_back(world)
    again = await world.import_mirror()
    assert (again.full_matches, again.conflicts, again.created) == (0, 0, 0)
    [row] = await world.rows("select id, version from match_issue")
    assert row == {"id": issue, "version": 1}


async def test_confirming_a_near_duplicate_links_the_pair(world: World) -> None:
    issue, contact = await held_back(world)
    async with world.tx() as tx:
        await issues.confirm(tx, issue, contact)
    assert await world.rows("select origin, contact_id from sync_link") == [
        {"origin": "CONFIRMED", "contact_id": contact}
    ]


@pytest.mark.parametrize("decide", ["create_separate", "ignore"])
async def test_a_decided_near_duplicate_is_never_asked_about_again(world: World, decide: str) -> None:
    issue, contact = await held_back(world)
    async with world.tx() as tx:
        await getattr(issues, decide)(tx, issue)
    await change(world, contact, name="Kowhai  Joinery Limited")
    await change(world, contact, name="Kowhai Joinery & Co Ltd")
    run = await world.import_mirror()
    await world.settle()
    assert (run.conflicts, run.created) == (0, 0)
    assert await candidates(world) == []


async def test_an_unsynced_pair_opens_no_issue(world: World) -> None:
    issue, contact = await held_back(world)
    async with world.tx() as tx:
        await issues.confirm(tx, issue, contact)
        await tx.run("update sync_link set state = 'UNSYNCED' where workspace_id = :ws")
    run = await world.import_mirror()
    assert (run.conflicts, run.created) == (0, 0)


async def test_a_xero_contact_is_created_when_its_last_near_duplicate_was_renamed(world: World) -> None:
    issue, contact = await held_back(world)
    await change(world, contact, name="Rimu Roofing")
    [row] = await world.rows("select resolution from match_issue where id = :id", id=issue)
    assert row["resolution"] == "OBSOLETE"
    assert await made(world) == 0
    await world.settle()
    assert await made(world) == 1


async def test_an_ended_issue_shows_the_link_that_a_later_run_made(world: World) -> None:
    issue, contact = await held_back(world)
    await change(world, contact, name="Rimu Roofing")
    outcome = (
        "select i.version, c.name from match_issue i left join sync_link l on l.id = i.link_id"
        " left join contact c on c.id = l.contact_id where i.id = :id"
    )
    assert await world.rows(outcome, id=issue) == [{"version": 2, "name": None}]
    [before] = await world.rows("select max(position) as at from event")
    await world.settle()
    assert await world.rows(outcome, id=issue) == [{"version": 3, "name": XERO}]
    told = "select 1 from event where kind = 'MATCH_ISSUE' and subject = :id and position > :at"
    assert await world.rows(told, id=str(issue), at=before["at"])


async def test_only_the_last_issue_of_a_xero_contact_shows_the_link(world: World) -> None:
    first, contact = await held_back(world)
    await change(world, contact, name="Rimu Roofing")
    await change(world, contact, name=PRACTICE)
    await world.settle()
    [second] = await world.rows("select id from match_issue where state = 'OPEN'")
    await change(world, contact, name="Rimu Roofing")
    await world.settle()
    rows = await world.rows("select id, link_id is not null as linked from match_issue")
    assert {row["id"]: row["linked"] for row in rows} == {first: False, second["id"]: True}


async def test_the_next_look_up_finds_a_contact_that_was_added_meanwhile(world: World) -> None:
    _, contact = await held_back(world)
    await world.contact("Kowhai Joinery Pty Ltd")
    await change(world, contact, archived=True)
    await world.settle()
    [candidate] = await candidates(world)
    assert candidate["name"] == "Kowhai Joinery Pty Ltd"
    assert await made(world) == 0


async def names(world: World) -> set[str]:
    return {row["name"] for row in await candidates(world)}


async def test_a_new_near_duplicate_joins_the_open_issue_at_the_next_run(world: World) -> None:
    await held_back(world)
    await world.contact("Kowhai Joinery Pty Ltd")
    await world.settle()
    assert await names(world) == {PRACTICE, "Kowhai Joinery Pty Ltd"}


async def test_a_renamed_contact_joins_an_open_issue_and_leaves_it_when_renamed_back(world: World) -> None:
    await held_back(world)
    other = await world.contact("Rimu Roofing")
    await change(world, other.id, name="Kowhai Joinery Co")
    await world.settle()
    assert await names(world) == {PRACTICE, "Kowhai Joinery Co"}
    await change(world, other.id, name="Rimu Roofing")
    assert await names(world) == {PRACTICE}


async def test_a_new_contact_with_an_equal_phone_joins_the_open_issue(world: World) -> None:
    address = {"lines": ["12 Rimu Road"], "city": "Napier", "postalCode": "4110"}
    await world.contact("KJC", primaryPhone="06 123 4567", billingAddress=address)
    await world.shown(
        seen(
            "Kowhai Joinery Collective",
            phone=PhoneParts("64", "6", "1234567"),
            address=PostalAddress(("12 Rimu Rd",), city="Napier", postal_code="4110"),
        )
    )
    await world.import_mirror()
    await world.contact("K J Co", primaryPhone="06 123 4567", billingAddress=address)
    await world.settle()
    assert await names(world) == {"KJC", "K J Co"}


async def test_a_new_contact_without_near_duplicates_requests_no_run(world: World) -> None:
    await held_back(world)
    before = await world.rows("select id from import_run")
    await world.contact("Rimu Roofing")
    assert await world.rows("select id from import_run") == before


async def test_a_contact_added_during_a_look_up_joins_the_issue_at_the_next_run(world: World) -> None:
    await held_back(world)
    await world.contact("Kowhai Joinery Pty Ltd")
    [run] = await world.rows("select id from import_run where finished_at is null")
    await world.match(run["id"])  # its look is over
    await world.contact("Kowhai Joinery Co")
    await world.settle()
    assert await names(world) == {PRACTICE, "Kowhai Joinery Pty Ltd", "Kowhai Joinery Co"}


async def test_a_change_in_xero_evaluates_the_open_issue_again(world: World) -> None:
    await held_back(world)
    address = {"lines": ["12 Rimu Road"], "city": "Napier", "postalCode": "4110"}
    await world.contact("Kowhai Kitchens", primaryPhone="06 123 4567", billingAddress=address)
    await world.settle()
    assert await names(world) == {PRACTICE}
    [row] = await world.rows("select id, xero_contact_id from xero_contact")
    there = PostalAddress(("12 Rimu Rd",), city="Napier", postal_code="4110")
    await world.shown(
        seen(
            XERO, xero_id=row["xero_contact_id"], updated_at=BEGAN.replace(year=2027),
            phone=PhoneParts("64", "6", "1234567"), address=there,
        )
    )  # fmt: skip
    async with world.tx() as tx:  # as after a webhook
        await xero_contacts.lock(tx, world.organisation)
        await inbound_apply.apply_shown(tx, world.organisation, [row["id"]])
    await world.settle()
    assert await names(world) == {PRACTICE, "Kowhai Kitchens"}


async def test_of_many_new_contacts_only_the_near_duplicate_joins_the_issue(world: World) -> None:
    await held_back(world)
    async with world.tx() as tx, issues.evaluating(tx) as touched:
        for name in ["Kowhai Joinery Co", *(f"Stranger {n}" for n in range(near_duplicates.MAX_COMPARED))]:
            touched.add((await contact_creation.create(tx, as_given({"name": name}))).id)
    await world.settle()
    assert await names(world) == {PRACTICE, "Kowhai Joinery Co"}


async def test_a_linked_contact_does_not_join_an_open_issue(world: World) -> None:
    await held_back(world)
    other = await world.contact("Kowhai Joinery Co", "co@x.nz")
    await world.settle()
    assert len(await names(world)) == 2
    await world.shown(seen("Kowhai Joinery Co", "co@x.nz"))
    await world.import_mirror()
    await world.settle()
    assert await world.rows("select 1 from sync_link where contact_id = :id", id=other.id)
    assert await names(world) == {PRACTICE}


async def test_the_issue_ends_when_its_only_candidate_is_deleted(world: World) -> None:
    issue, contact = await held_back(world)
    async with world.tx() as tx:
        await issues.each(tx, [contact], lambda one: delete_action.delete(tx, one), contact_ids=[contact])
    [row] = await world.rows("select resolution from match_issue where id = :id", id=issue)
    assert row["resolution"] == "OBSOLETE"
    await world.settle()
    assert await world.rows("select c.name from sync_link l join contact c on c.id = l.contact_id") == [
        {"name": XERO}
    ]


async def test_the_issue_ends_when_its_only_candidate_is_archived(world: World) -> None:
    issue, contact = await held_back(world)
    await change(world, contact, archived=True)
    [row] = await world.rows("select resolution from match_issue where id = :id", id=issue)
    assert row["resolution"] == "OBSOLETE"
    await change(world, contact, archived=False)
    await world.settle()
    assert await names(world) == {PRACTICE}  # back before the next step: held back again
    assert await made(world) == 0


async def test_the_issue_ends_when_its_only_candidate_is_linked_elsewhere(world: World) -> None:
    issue, contact = await held_back(world)
    await world.shown(seen("Somebody Else", "else@x.nz"))
    await world.rows("update xero_contact set looked_at = null returning 1")
    async with world.tx() as tx:
        [row] = await rows_of(tx, "select id from xero_contact where name = 'Somebody Else'")
        organisation = await organisation_copy.get(tx, world.organisation)
        pair = Pair(contact, row["id"], LinkOrigin.CONFIRMED, Winner.PRACTICE)
        await link_starting.start(tx, organisation, [pair])
        await issues.evaluate_contacts(tx, [contact])
    [row] = await world.rows("select resolution from match_issue where id = :id", id=issue)
    assert row["resolution"] == "OBSOLETE"
    await world.settle()
    assert await made(world) == 1


async def test_a_gdpr_request_deletes_the_match_keys(world: World) -> None:
    await held_back(world)
    keys = "select match_name is null as gone, match_keys from xero_contact"
    assert not (await world.rows(keys))[0]["gone"]
    [row] = await world.rows("select xero_contact_id from xero_contact")
    await world.shown(
        seen(
            "", xero_id=row["xero_contact_id"], status=XeroContactStatus.GDPR_REQUEST,
            updated_at=BEGAN.replace(year=2027),
        )
    )  # fmt: skip
    assert await world.rows(keys) == [{"gone": True, "match_keys": None}]


async def test_a_near_duplicate_that_becomes_equal_is_matched(world: World) -> None:
    issue, contact = await held_back(world)
    await change(world, contact, name=XERO)
    [row] = await world.rows("select reason, version from match_issue where id = :id", id=issue)
    assert row == {"reason": "NAME_ONLY", "version": 2}
    [candidate] = await candidates(world)
    assert candidate["evidence"][0] == "same name"


async def test_a_xero_contact_that_changes_is_looked_up_again(world: World) -> None:
    contact = seen("Nobody Known")
    await world.contact(PRACTICE)
    await world.shown(contact)
    await world.rows("update organisation set contact_filter = 'CUSTOMERS_ONLY' returning 1")
    await world.rows("update xero_contact set is_customer = false returning 1")
    await world.import_mirror()
    again = seen(XERO, xero_id=contact.xero_contact_id, updated_at=BEGAN.replace(year=2027))
    await world.shown(again)
    assert await world.rows("select looked_at from xero_contact") == [{"looked_at": None}]
    run = await world.import_mirror()
    assert (run.conflicts, run.created) == (1, 0)


async def test_a_mirror_row_that_changed_during_its_look_up_is_looked_up_again(world: World) -> None:
    contact = seen(XERO)
    await world.contact(PRACTICE)
    await world.shown(contact)
    async with world.tx() as tx:
        ids = [row["id"] for row in await rows_of(tx, "select id from xero_contact")]
        organisation = await organisation_copy.get(tx, world.organisation)
        page = await near_duplicates.read_page(tx, organisation, ids)
    await world.shown(seen("Rimu", xero_id=contact.xero_contact_id, updated_at=BEGAN.replace(year=2027)))
    async with world.tx() as tx:
        await near_duplicates.store(tx, near_duplicates.compare(page))
    assert await world.rows("select looked_at from xero_contact") == [{"looked_at": None}]
    assert await world.rows("select 1 from likeness") == []


async def test_a_mirror_row_without_a_look_up_creates_no_contact(world: World) -> None:
    await world.contact(PRACTICE)
    await world.shown(seen(XERO))
    async with world.tx() as tx:
        organisation = await organisation_copy.get(tx, world.organisation)
        ids = [row["id"] for row in await rows_of(tx, "select id from xero_contact")]
        assert await matching_plan.creations(tx, organisation, None, ids, quiet=True) == 0
    await world.settle()
    assert await made(world) == 0
    assert len(await candidates(world)) == 1


async def test_a_look_up_whose_lease_was_lost_stores_nothing(world: World) -> None:
    await world.contact(PRACTICE)
    await world.shown(seen(XERO))
    run_id = await world.start_import()
    await world.read(run_id, [])
    async with world.tx() as tx:
        held = await imports.claim(tx, run_id)
    while held is not None and held.run.match_pass is not MatchPass.SIMILAR:
        async with world.tx() as tx:
            await imports.match_page(tx, held)
        async with world.tx() as tx:
            held = await imports.claim(tx, run_id)
    assert held is not None
    async with world.tx() as tx:
        ids = await imports.look_up_page(tx, held)
        page = await near_duplicates.read_page(tx, held.organisation, ids)
    await world.rows("update import_run set lease_until = null returning 1")
    async with world.tx() as tx:
        assert not await imports.settle_look_up(tx, held, ids, [near_duplicates.compare(page)])


async def test_candidates_are_ranked_by_score_with_evidence_in_words(world: World) -> None:
    for name in ("Zebedee Roofing", "Horatio Zebedee", "Zebedee Family Trust"):
        await world.contact(name, "z@x.nz")
    await world.shown(seen("Horatio J Zebedee", "z@x.nz"))
    await world.import_mirror()
    found = await candidates(world)
    assert found[0]["name"] == "Horatio Zebedee"
    assert found[0]["score"] > found[1]["score"]
    assert any("same email, which" in words for words in found[0]["evidence"])
