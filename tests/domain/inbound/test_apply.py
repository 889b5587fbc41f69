"""What Xero shows is applied to linked contacts."""

from datetime import timedelta

import pytest

from domain.fields.phones import PhoneParts
from domain.inbound import apply as inbound_apply
from domain.mirror import xero_contacts
from domain.tables import ConflictPolicy, XeroContactStatus
from runtime.database import Database
from tests.domain.linked import LATER, change, claim, linked, read_delta, state
from tests.domain.world import BEGAN, World, make_world, seen


async def test_a_change_in_xero_is_applied_to_the_contact(world: World) -> None:
    _, xero = await linked(world)
    await read_delta(
        world,
        seen("Acme Ltd", "new@x.nz", phone=PhoneParts("64", "9", "1112222"), xero_id=xero, updated_at=LATER),
    )
    now = await state(world)
    assert (now["name"], now["billing_email"], now["state"]) == ("Acme Ltd", "new@x.nz", "SYNCED")
    [event] = await world.rows("select changes from activity where kind = 'CONTACT_CHANGED'")
    assert {(c["field"], c["before"], c["after"]) for c in event["changes"]} == {
        ("NAME", "Acme", "Acme Ltd"),
        ("BILLING_EMAIL", "a@x.nz", "new@x.nz"),
    }


async def test_a_field_that_did_not_change_in_xero_is_not_written(world: World) -> None:
    _, xero = await linked(world)
    [before] = await world.rows("select version from contact")
    await read_delta(
        world, seen("Acme", "a@x.nz", phone=PhoneParts("64", "9", "1112222"), xero_id=xero, updated_at=LATER)
    )
    assert await world.rows("select version from contact") == [before]
    assert await world.rows("select 1 from activity where kind = 'CONTACT_CHANGED'") == []


async def test_a_value_that_was_cleared_in_xero_is_cleared_in_the_practice(world: World) -> None:
    _, xero = await linked(world)
    await read_delta(world, seen("Acme", "a@x.nz", xero_id=xero, updated_at=LATER))
    assert (await state(world))["primary_phone"] is None


@pytest.mark.parametrize(
    ("policy", "email", "due", "link"),
    [
        (ConflictPolicy.LATEST_WINS, "theirs@x.nz", False, "SYNCED"),
        (ConflictPolicy.XERO_WINS, "theirs@x.nz", False, "SYNCED"),
        (ConflictPolicy.PRACTICE_WINS, "ours@x.nz", True, "PENDING"),
        (ConflictPolicy.ASK, "ours@x.nz", False, "CONFLICT"),
    ],
)
async def test_a_field_that_both_sides_changed_follows_the_conflict_policy(
    matching_database: Database, policy: ConflictPolicy, email: str, due: bool, link: str
) -> None:
    world = await make_world(matching_database, policy=policy)
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    phone = PhoneParts("64", "9", "1112222")
    await read_delta(world, seen("Acme", "theirs@x.nz", phone=phone, xero_id=xero, updated_at=LATER))
    now = await state(world)
    assert (now["billing_email"], now["due"], now["state"]) == (email, due, link)


async def test_the_later_edit_of_the_practice_wins_and_the_history_keeps_xeros_value(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    phone = PhoneParts("64", "9", "1112222")
    await read_delta(
        world,
        seen("Acme", "theirs@x.nz", phone=phone, xero_id=xero, updated_at=BEGAN + timedelta(milliseconds=1)),
    )
    assert (await state(world))["billing_email"] == "ours@x.nz"
    [event] = await world.rows("select changes from activity where kind = 'CONFLICT_SETTLED'")
    [lost] = event["changes"]
    assert (lost["before"], lost["writtenTo"], lost["restorable"]) == ("theirs@x.nz", "XERO", True)


async def test_a_value_typed_back_to_the_base_is_sent_if_xero_holds_another(
    matching_database: Database,
) -> None:
    world = await make_world(matching_database, policy=ConflictPolicy.PRACTICE_WINS)
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    phone = PhoneParts("64", "9", "1112222")
    await read_delta(world, seen("Acme", "theirs@x.nz", phone=phone, xero_id=xero, updated_at=LATER))
    await change(world, contact, billingEmail="a@x.nz")  # as it was when both agreed; Xero has theirs
    claimed = await claim(world)
    assert claimed is not None
    [member] = await world.rows("select sent from delivery_member")
    assert member["sent"] == {"BILLING_EMAIL": "a@x.nz"}


@pytest.mark.parametrize("name", ["Ours", "Theirs", "Acme"])
async def test_a_read_does_not_merge_a_field_of_an_open_delivery(world: World, name: str) -> None:
    """The read neither counts as an edit nor as the arrival of the write, which may still take effect."""
    contact, xero = await linked(world)
    await change(world, contact, name="Ours")
    assert (await claim(world)) is not None
    phone = PhoneParts("64", "9", "1112222")
    await read_delta(world, seen(name, "new@x.nz", phone=phone, xero_id=xero, updated_at=LATER))
    now = await state(world)
    assert (now["name"], now["billing_email"]) == ("Ours", "new@x.nz")
    assert (now["state"], now["due"]) == ("PENDING", True)
    [link] = await world.rows("select base_practice, base_xero, notes, read_owed_at from sync_link")
    assert link["base_practice"]["NAME"] == link["base_xero"]["NAME"] == "Acme"
    assert link["notes"] == ({} if name == "Acme" else {"NAME": [name]})
    assert (link["read_owed_at"] is None) == (name == "Acme")


async def test_a_conflict_about_one_field_does_not_stop_the_others(matching_database: Database) -> None:
    world = await make_world(matching_database, policy=ConflictPolicy.ASK)
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    await read_delta(world, seen("Acme Two", "theirs@x.nz", xero_id=xero, updated_at=LATER))
    now = await state(world)
    assert (now["name"], now["billing_email"], now["conflicts"]) == (
        "Acme Two",
        "ours@x.nz",
        ["BILLING_EMAIL"],
    )


async def test_archiving_in_xero_breaks_the_link_and_keeps_unsent_changes(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    gone = seen("Acme", "a@x.nz", xero_id=xero, status=XeroContactStatus.ARCHIVED, updated_at=LATER)
    await read_delta(world, gone)
    now = await state(world)
    assert (now["state"], now["due"], now["billing_email"]) == ("BROKEN", True, "ours@x.nz")
    [link] = await world.rows("select failure from sync_link")
    assert link["failure"]["code"] == "ARCHIVED_IN_XERO"


async def test_a_new_xero_contact_in_a_delta_is_matched(world: World) -> None:
    await linked(world)
    await world.contact("Beta", "b@x.nz")
    await read_delta(world, seen("BETA", "b@x.nz"), seen("Acme", "other@x.nz"), seen("Gamma"))
    origins = await world.rows("select origin, count(*) as n from sync_link group by origin order by origin")
    assert {row["origin"]: row["n"] for row in origins} == {"FULL_MATCH": 2, "CREATED_FROM_XERO": 1}
    assert await world.rows("select reason from match_issue") == [{"reason": "AMBIGUOUS"}]


async def test_a_single_read_before_the_sync_is_started_waits_for_the_import(world: World) -> None:
    """No filter is chosen yet, so nothing can be matched."""
    await world.rows(
        "update organisation set started_at = null, contact_filter = null, default_contact_type_id = null returning 1"
    )
    [xero] = await world.shown(seen("Kauri Joinery Ltd"))
    async with world.tx() as tx:
        await xero_contacts.lock(tx, world.organisation)
        await inbound_apply.apply_shown(tx, world.organisation, [xero])
    assert await world.rows("select dirty from xero_contact") == [{"dirty": True}]
    assert await world.rows("select 1 from activity where kind = 'FAILED'") == []
