"""A person's decisions about a match issue, and the evaluation of open issues."""

from uuid import UUID, uuid4

import pytest

from domain.actions import delete as delete_action
from domain.contacts import edits as contact_edits
from domain.fields.phones import PhoneParts
from domain.matching import issues
from domain.problems import Code, Refused
from domain.tables import MatchIssue, SyncedField
from tests.domain.world import World, as_given, seen


async def open_issue(world: World) -> tuple[UUID, UUID]:
    """Acme in both, with another email: gives the issue and the practice's contact."""
    contact = await world.contact("Acme", "old@x.nz", primaryPhone="09 111 2222")
    await world.shown(seen("Acme", "new@x.nz", phone=PhoneParts("64", "9", "3334444")))
    await world.import_mirror()
    [row] = await world.rows("select id from match_issue where state = 'OPEN'")
    return row["id"], contact.id


async def read(world: World, issue: UUID) -> MatchIssue:
    async with world.tx() as tx:
        return await tx.session.get_one(MatchIssue, (world.workspace, issue))


async def refusal(world: World, decide: str, *args: object, **more: object) -> Code:
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx:
            await getattr(issues, decide)(tx, *args, **more)
    return refused.value.problems[0].code


async def test_confirming_a_match_takes_xeros_values(world: World) -> None:
    issue, contact = await open_issue(world)
    async with world.tx() as tx:
        await issues.confirm(tx, issue, contact)
    [row] = await world.rows(
        "select c.billing_email, c.primary_phone, l.state, l.origin from contact c, sync_link l"
    )
    assert row == {
        "billing_email": "new@x.nz",
        "primary_phone": "+64 9 3334444",
        "state": "SYNCED",
        "origin": "CONFIRMED",
    }
    assert (await read(world, issue)).resolution == "CONFIRMED"


async def test_confirming_with_the_practice_as_winner_sends_the_practices_values(world: World) -> None:
    issue, contact = await open_issue(world)
    async with world.tx() as tx:
        await issues.confirm(tx, issue, contact, keep_practice=[SyncedField.PRIMARY_PHONE])
    [row] = await world.rows("select c.primary_phone, l.state, l.base_practice from contact c, sync_link l")
    assert (row["primary_phone"], row["state"]) == ("09 111 2222", "PENDING")
    assert row["base_practice"]["PRIMARY_PHONE"] == "+64 9 3334444"


async def test_a_pair_that_a_person_separated_is_never_offered_again(world: World) -> None:
    issue, _ = await open_issue(world)
    async with world.tx() as tx:
        await issues.create_separate(tx, issue)
    assert (await world.rows("select count(*) from contact"))[0]["count"] == 2
    assert (await world.rows("select count(*) from set_apart"))[0]["count"] == 1
    run = await world.import_mirror()
    assert (run.conflicts, run.full_matches, run.created) == (0, 0, 0)


async def test_an_ignored_xero_contact_stays_ignored_when_it_would_match(world: World) -> None:
    issue, contact = await open_issue(world)
    async with world.tx() as tx:
        await issues.ignore(tx, issue)
    async with world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(tx, contact, as_given({"billingEmail": "new@x.nz"}))
        touched.add(contact)
    run = await world.import_mirror()
    assert (run.full_matches, run.skipped) == (0, 1)


async def test_reopening_a_separated_issue_ends_the_link_that_it_made(world: World) -> None:
    issue, _ = await open_issue(world)
    async with world.tx() as tx:
        made = await issues.create_separate(tx, issue)
    async with world.tx() as tx:
        outcome = await issues.reopen(tx, issue)
    assert outcome.deleted_link_ids == (made.link_id,)
    assert (await read(world, issue)).state == "OPEN"
    candidates = await world.rows("select contact_id from match_candidate")
    assert len(candidates) == 2  # the former one, and the contact that was made
    assert (await world.rows("select count(*) from set_apart"))[0]["count"] == 0
    # A machine leaves it alone now, although the contact that was made matches fully.
    assert (await world.import_mirror()).full_matches == 0


async def test_a_reopened_issue_is_never_matched_automatically(world: World) -> None:
    issue, contact = await open_issue(world)
    async with world.tx() as tx:
        await issues.ignore(tx, issue)
    async with world.tx() as tx:
        await issues.reopen(tx, issue)
    async with world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(tx, contact, as_given({"billingEmail": "new@x.nz"}))
        touched.add(contact)
    assert (await read(world, issue)).state == "OPEN"
    assert await world.rows("select 1 from sync_link") == []
    assert (await world.import_mirror()).full_matches == 0


async def test_a_kept_apart_pair_stays_apart_after_the_separate_contact_was_deleted(world: World) -> None:
    """The separate contact is deleted, to be imported again: then too it is not matched with the former candidate."""
    issue, _ = await open_issue(world)
    async with world.tx() as tx:
        await issues.create_separate(tx, issue)
    [made] = await world.rows("select contact_id from sync_link")
    async with world.tx() as tx:
        await issues.each(
            tx, [made["contact_id"]], lambda contact: delete_action.delete(tx, contact, reimport=True)
        )
        await tx.run(
            "update match_issue set resolution = 'OBSOLETE'"
        )  # what it said of the pair is not asked
    run = await world.import_mirror()
    assert (run.full_matches, run.conflicts, run.created) == (0, 0, 1)


@pytest.mark.parametrize("reimport", [False, True])
async def test_a_deleted_contact_is_not_recreated_from_its_candidate_in_xero(
    world: World, reimport: bool
) -> None:
    _, contact = await open_issue(world)
    async with world.tx() as tx:
        await issues.each(tx, [contact], lambda one: delete_action.delete(tx, one, reimport=reimport))
    await world.settle()
    await world.import_mirror()
    assert len(await world.rows("select 1 from contact")) == reimport


async def test_correcting_the_email_turns_an_issue_into_a_full_match(world: World) -> None:
    issue, contact = await open_issue(world)
    async with world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(tx, contact, as_given({"billingEmail": "NEW@x.nz"}))
        touched.add(contact)
    ended = await read(world, issue)
    assert (ended.state, ended.resolution) == ("RESOLVED", "OBSOLETE")
    [link] = await world.rows("select id, origin from sync_link")
    assert link["origin"] == "FULL_MATCH"
    assert ended.link_id == link["id"]


async def test_the_xero_contact_of_an_issue_without_candidates_becomes_a_new_contact(world: World) -> None:
    issue, contact = await open_issue(world)
    async with world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(tx, contact, as_given({"name": "Something else"}))
        touched.add(contact)
    assert (await read(world, issue)).resolution == "OBSOLETE"
    assert (await world.rows("select origin from sync_link")) == []
    await world.settle()  # which looks for near-duplicates first
    assert (await world.rows("select origin from sync_link")) == [{"origin": "CREATED_FROM_XERO"}]


async def test_a_second_contact_of_that_name_makes_an_issue_ambiguous(world: World) -> None:
    issue, _ = await open_issue(world)
    before = (await read(world, issue)).version
    await world.contact("ACME", "third@x.nz")
    after = await read(world, issue)
    assert (after.reason, after.version) == ("AMBIGUOUS", before + 1)


async def test_an_impossible_decision_is_refused_with_a_reason(world: World) -> None:
    issue, contact = await open_issue(world)
    other = await world.contact("Acme", "third@x.nz")
    assert await refusal(world, "confirm", uuid4(), contact) is Code.NOT_FOUND
    assert await refusal(world, "confirm", issue, uuid4()) is Code.NOT_FOUND
    assert await refusal(world, "confirm", issue, contact, version=99) is Code.STALE_VERSION
    assert await refusal(world, "confirm", issue, contact, contact_version=99) is Code.STALE_VERSION
    assert await refusal(world, "reopen", issue) is Code.WRONG_STATE
    async with world.tx() as tx:
        await issues.confirm(tx, issue, contact)
    assert await refusal(world, "confirm", issue, other.id) is Code.ALREADY_DECIDED
    assert await refusal(world, "ignore", issue) is Code.ALREADY_DECIDED
    assert await refusal(world, "reopen", issue) is Code.WRONG_STATE


async def test_a_linked_candidate_cannot_be_confirmed_until_it_is_unsynced(world: World) -> None:
    issue, contact = await open_issue(world)
    async with world.tx() as tx:
        await issues.confirm(tx, issue, contact)
    await world.shown(seen("Acme", "fourth@x.nz"), seen("Acme", "fifth@x.nz"))
    await world.import_mirror()
    rows = await world.rows("select id, reason from match_issue where state = 'OPEN'")
    assert {row["reason"] for row in rows} == {"AMBIGUOUS"}
    assert await refusal(world, "confirm", rows[0]["id"], contact) is Code.ALREADY_LINKED
