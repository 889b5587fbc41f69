"""Names as Xero holds them: without emoji, and only of contacts that Xero still shows."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.actions import unsync
from domain.actions.push import Existing
from domain.matching import issues
from domain.outbound import freshness
from domain.problems import Code, Refused
from domain.tables import Side, XeroContactStatus
from tests.domain.announced import later
from tests.domain.linked import LATER, change, claim, linked, read_delta, refuse
from tests.domain.outbound.names import TAKEN, own_link, pushed, scan
from tests.domain.world import World, seen


@pytest.mark.parametrize("name", ["Kea 🎉", "🎉Kea", "K\u200dea 🎂", "KEA 𠮷"])
async def test_a_push_finds_the_contact_that_has_the_name_without_its_emoji(world: World, name: str) -> None:
    contact = await world.contact(name)
    [namesake] = await world.shown(seen("Kea", status=XeroContactStatus.ACTIVE))
    for anyway, code in ((False, Code.LIKELY_DUPLICATE), (True, Code.TAKEN)):
        with pytest.raises(Existing) as refused:
            await pushed(world, contact.id, anyway=anyway)
        assert refused.value.xero_contact_ids == (namesake,)
        assert refused.value.problems[0].code is code
        told = refused.value.problems[0].message
        assert told.startswith(
            "The Xero contact 'Kea' has this name, without the characters that Xero drops."
        )


async def test_a_character_that_xero_may_keep_blocks_no_push(world: World) -> None:
    contact = await world.contact("Kea ☎")
    [namesake] = await world.shown(seen("Kea"))
    with pytest.raises(Existing) as refused:
        await pushed(world, contact.id)
    assert refused.value.problems[0].code is Code.LIKELY_DUPLICATE
    assert refused.value.xero_contact_ids == (namesake,)
    await pushed(world, contact.id, anyway=True)
    assert (await own_link(world))["state"] == "PENDING"


async def test_a_name_with_another_rest_is_free(world: World) -> None:
    contact = await world.contact("Kea 🎉 Ltd")
    await world.shown(seen("Kea"), seen("Kea 🎉"))
    await pushed(world, contact.id)
    assert (await own_link(world))["state"] == "PENDING"


async def test_a_refused_name_with_an_emoji_shows_its_holder_and_is_sent_once_it_is_free(
    world: World,
) -> None:
    contact = await world.contact("Kea 🎉")
    await pushed(world, contact.id)
    theirs = seen("Kea")
    [holder] = await world.shown(theirs)  # Xero's contact comes after the push
    await refuse(world, TAKEN)
    link = await own_link(world)
    assert isinstance(link["failure"], dict)
    assert link["failure"]["subjects"] == [f"XeroContact:{holder}"]
    await read_delta(world, seen("Kaka", xero_id=theirs.xero_contact_id, updated_at=LATER))
    assert (await own_link(world))["state"] == "PENDING"


async def test_a_name_stays_refused_while_another_contact_has_it(world: World) -> None:
    contact = await world.contact("Kea 🎉")
    await pushed(world, contact.id)
    theirs = seen("Kea")
    await world.shown(theirs, seen("Kea 🎉"))
    await refuse(world, TAKEN)
    await read_delta(world, seen("Kaka", xero_id=theirs.xero_contact_id, updated_at=LATER))
    assert (await own_link(world))["state"] == "FAILING"


async def test_a_rename_to_an_emoji_name_waits_for_the_rename_of_its_holder(world: World) -> None:
    first, _ = await linked(world)
    second = await world.contact("Kea", "k@x.nz")
    await world.shown(seen("Kea", "k@x.nz"))
    await world.import_mirror()
    await change(world, first, name="Kea 🎉")
    await change(world, second.id, name="Kaka")
    assert await claim(world) is not None
    [member] = await world.rows(
        "select l.contact_id, m.sent from delivery_member m join sync_link l on l.id = m.link_id where m.open"
    )
    assert (member["contact_id"], member["sent"]) == (second.id, {"NAME": "Kaka"})


async def not_shown(world: World, xero: UUID) -> None:
    for _ in range(freshness.READS_UNTIL_FAILURE):
        async with world.tx() as tx:
            await freshness.settle_alone(tx, world.organisation, freshness.Batch(), [xero], [])
        later(world, freshness.FRESH)


async def create_again(world: World) -> None:
    link = (await own_link(world))["id"]
    assert isinstance(link, UUID)
    async with world.tx() as tx, issues.evaluating(tx):
        await unsync.unsync(tx, link)
    async with world.tx() as tx, issues.evaluating(tx):
        await unsync.create_from_unsynced(tx, link, Side.PRACTICE)


async def test_a_contact_that_xero_does_not_show_keeps_no_name(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    await not_shown(world, xero)
    await create_again(world)
    link = await own_link(world)
    assert (link["state"], link["xero_contact_id"]) == ("PENDING", None)


async def test_a_contact_that_xero_does_not_show_cannot_be_linked(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    await not_shown(world, xero)
    link = (await own_link(world))["id"]
    assert isinstance(link, UUID)
    async with world.tx() as tx, issues.evaluating(tx):
        await unsync.unsync(tx, link)
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx, issues.evaluating(tx):
            await unsync.rematch(tx, link)
    assert [one.code for one in refused.value.problems] == [Code.WRONG_STATE]


async def test_a_contact_that_xero_shows_again_keeps_its_name(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    await not_shown(world, xero)
    await world.shown(seen("Acme", "a@x.nz", xero_id=xero, updated_at=LATER))
    with pytest.raises(Existing):
        await create_again(world)


async def test_a_scan_notices_the_contacts_that_xero_does_not_show_any_more(world: World) -> None:
    """As after a reset of Xero's demo company, which gives all its contacts new ids."""
    contact = await world.contact("Kea")
    gone, there = seen("Kea"), seen("Kaka")
    await world.shown(gone, there)
    later(world, timedelta(hours=1))
    await scan(world, there)
    [missing] = await world.rows("select name from xero_contact where missing_since is not null")
    assert missing["name"] == "Kea"
    await pushed(world, contact.id)
    assert (await own_link(world))["state"] == "PENDING"


async def test_a_name_that_a_missing_contact_held_is_free(world: World) -> None:
    contact = await world.contact("Kea 🎉")
    await pushed(world, contact.id)
    await world.shown(seen("Kea"))
    await refuse(world, TAKEN)
    later(world, timedelta(hours=1))
    await scan(world)
    assert (await own_link(world))["state"] == "PENDING"


async def test_the_issue_of_a_contact_that_xero_does_not_show_ends_until_xero_shows_it_again(
    world: World,
) -> None:
    await world.contact("Kea", "a@x.nz")
    kea = seen("Kea", "b@x.nz")
    await world.shown(kea)
    await world.import_mirror()
    later(world, timedelta(hours=1))
    await scan(world)
    assert await world.rows("select state, resolution from match_issue") == [
        {"state": "RESOLVED", "resolution": "OBSOLETE"}
    ]
    await world.import_mirror()
    assert await world.rows("select count(*) as made from contact") == [{"made": 1}]
    later(world, timedelta(hours=1))
    await scan(world, kea)
    states = await world.rows("select state from match_issue order by state")
    assert [row["state"] for row in states] == ["OPEN", "RESOLVED"]
