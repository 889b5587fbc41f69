"""Snapshots of Xero's side in every order: which one holds, and that no value that one showed is lost."""

from datetime import timedelta
from itertools import permutations
from uuid import UUID

import pytest

from domain.connection import organisation_copy
from domain.fields.values import SeenContact
from domain.inbound import single_reads, snapshots
from domain.mirror import xero_contacts
from domain.tables import XeroContactStatus
from tests.domain.history import PHONE, snapshot
from tests.domain.linked import LATER, change, linked, read_delta, state
from tests.domain.world import BEGAN, World, seen


async def take(world: World, *found: SeenContact, sent: dict[UUID, list[str]] | None = None) -> list[UUID]:
    async with world.tx() as tx:
        await xero_contacts.lock(tx, world.organisation)
        organisation = await organisation_copy.get(tx, world.organisation)
        return await snapshots.store(tx, organisation, found, sent)


async def mirrored(world: World) -> dict[str, object]:
    [row] = await world.rows(
        "select name, email, is_customer, doubted_at, read_due_at, value_times from xero_contact"
    )
    return row


async def reread(world: World, *found: SeenContact, asked: float) -> None:
    """Do the due single reads; they show these snapshots."""
    async with world.tx() as tx:
        await tx.run("update xero_contact set read_due_at = :now where read_due_at is not null")
        claimed = await single_reads.claim(tx, world.organisation, 40)
    assert claimed is not None
    async with world.tx() as tx:
        await single_reads.settle(tx, claimed, LATER + timedelta(seconds=asked), found)


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_newest_snapshot_holds_in_any_order_of_arrival(
    world: World, order: tuple[int, ...]
) -> None:
    _, xero = await linked(world)
    history = [snapshot(xero, f"Acme {n}", "a@x.nz", updated=n, asked=n) for n in range(3)]
    for n in order:
        await take(world, history[n])
    await read_delta(world)
    assert (await mirrored(world))["name"] == (await state(world))["name"] == "Acme 2"


async def test_between_snapshots_with_one_stamp_the_later_read_decides_about_flags(world: World) -> None:
    _, xero = await linked(world)
    early = snapshot(xero, "Acme", "a@x.nz", asked=1, customer=True)
    late = snapshot(xero, "Acme", "a@x.nz", asked=2, customer=False)
    await take(world, late)
    await take(world, early)
    assert (await mirrored(world))["is_customer"] is False
    await take(world, snapshot(xero, "Acme", "a@x.nz", asked=3, customer=True))
    assert (await mirrored(world))["is_customer"] is True


@pytest.mark.parametrize("turned", [False, True])
async def test_different_snapshots_with_one_stamp_are_read_again_and_the_new_read_holds(
    world: World, turned: bool
) -> None:
    _, xero = await linked(world)
    one, other = snapshot(xero, "One", "a@x.nz", asked=1), snapshot(xero, "Other", "a@x.nz", asked=2)
    for found in (other, one) if turned else (one, other):
        await take(world, found)
    doubted = await mirrored(world)
    assert doubted["read_due_at"] == LATER + timedelta(seconds=12)
    [link] = await world.rows("select read_owed_at, notes from sync_link")
    assert link["read_owed_at"] is not None
    await reread(world, snapshot(xero, "Other", "a@x.nz", asked=12.5), asked=12.5)
    after = await mirrored(world)
    assert (after["name"], after["doubted_at"], after["read_due_at"]) == ("Other", None, None)
    assert (await state(world))["name"] == "Other"
    [link] = await world.rows("select read_owed_at, notes from sync_link")
    assert (link["read_owed_at"], link["notes"]) == (None, {})


async def test_another_snapshot_with_the_same_stamp_postpones_the_second_read(world: World) -> None:
    _, xero = await linked(world)
    await take(
        world,
        snapshot(xero, "One", "a@x.nz", asked=1),
    )
    await take(world, snapshot(xero, "Other", "a@x.nz", asked=2))
    await take(world, snapshot(xero, "One", "a@x.nz", asked=8))
    assert (await mirrored(world))["read_due_at"] == LATER + timedelta(seconds=18)
    await take(world, snapshot(xero, "Other", "a@x.nz", asked=12.5))
    assert (await mirrored(world))["name"] == "One"


async def test_a_newer_snapshot_cancels_the_second_read(world: World) -> None:
    _, xero = await linked(world)
    await take(world, snapshot(xero, "One", "a@x.nz", asked=1))
    await take(world, snapshot(xero, "Other", "a@x.nz", asked=2))
    await take(world, snapshot(xero, "Third", "a@x.nz", updated=1, asked=3))
    after = await mirrored(world)
    assert (after["name"], after["doubted_at"], after["read_due_at"]) == ("Third", None, None)
    await read_delta(world)
    assert (await state(world))["name"] == "Third"
    # The other value was shown by a read, so it can be found.
    events = await world.rows("select c->>'before' as before from activity, jsonb_array_elements(changes) c")
    assert "Other" in {row["before"] for row in events}


async def test_the_history_keeps_an_unknown_value_of_an_older_snapshot(world: World) -> None:
    _, xero = await linked(world)
    await read_delta(world, snapshot(xero, "Second", "a@x.nz", updated=2, asked=2))
    assert await take(world, snapshot(xero, "First", "lived@x.nz", updated=1, asked=1)) == []
    [event] = await world.rows("select changes from activity where kind = 'CONFLICT_SETTLED'")
    assert {(c["field"], c["before"], c["after"], c["restorable"]) for c in event["changes"]} == {
        ("NAME", "First", "Second", True),
        ("BILLING_EMAIL", "lived@x.nz", "a@x.nz", True),
    }
    await take(world, snapshot(xero, "First", "lived@x.nz", updated=1, asked=1))
    assert len(await world.rows("select 1 from activity where kind = 'CONFLICT_SETTLED'")) == 1


async def test_an_older_snapshot_of_known_values_adds_nothing_to_the_history(world: World) -> None:
    _, xero = await linked(world)
    await read_delta(world, snapshot(xero, "Second", "a@x.nz", updated=2, asked=2))
    await take(world, snapshot(xero, "Acme", "a@x.nz", updated=1, asked=1))
    assert await world.rows("select 1 from activity where kind = 'CONFLICT_SETTLED'") == []


async def test_a_value_keeps_the_time_of_its_first_snapshot_until_it_changes(
    world: World,
) -> None:
    _, xero = await linked(world)
    await take(world, snapshot(xero, "Two", "a@x.nz", updated=1))
    await take(world, snapshot(xero, "Two", "b@x.nz", updated=2))
    times = (await mirrored(world))["value_times"]
    assert isinstance(times, dict)
    assert times["NAME"].startswith("2026-11-24T06:00:01")
    assert times["BILLING_EMAIL"].startswith("2026-11-24T06:00:02")
    await take(world, snapshot(xero, "Acme", "b@x.nz", updated=3))
    await take(world, snapshot(xero, "Two", "b@x.nz", updated=4))
    times = (await mirrored(world))["value_times"]
    assert isinstance(times, dict)
    assert times["NAME"].startswith("2026-11-24T06:00:04")


async def test_our_write_does_not_renew_the_time_of_values_that_it_did_not_send(world: World) -> None:
    """Xero's email changed at some time before our write of the name: the practice's later edit of it wins."""
    contact, xero = await linked(world)
    await take(world, snapshot(xero, "Acme", "a@x.nz", updated=-3000, asked=-3000))
    await change(world, contact, billingEmail="ours@x.nz")
    written = snapshot(xero, "Sent", "theirs@x.nz", updated=1, asked=1)
    await take(world, written, sent={xero: ["NAME"]})
    times = (await mirrored(world))["value_times"]
    assert isinstance(times, dict)
    assert times["NAME"].startswith("2026-11-24T06:00:01")
    assert times["BILLING_EMAIL"] < times["NAME"]


async def test_an_answer_older_than_the_mirror_renews_the_time_of_the_mirrors_value(world: World) -> None:
    """Acme → our Sent → Acme again, and the last was read before our answer came."""
    contact, xero = await linked(world)
    await change(world, contact, name="Sent")
    await take(world, snapshot(xero, "Acme", "a@x.nz", updated=5, asked=5))
    assert (
        await take(world, snapshot(xero, "Sent", "a@x.nz", updated=2, asked=2), sent={xero: ["NAME"]}) == []
    )
    times = (await mirrored(world))["value_times"]
    assert isinstance(times, dict)
    assert times["NAME"].startswith("2026-11-24T06:00:05")


async def test_a_forgotten_contact_leaves_no_personal_value_in_the_mirror(world: World) -> None:
    _, xero = await linked(world)
    gone = seen(
        "Acme", "a@x.nz", phone=PHONE, xero_id=xero, status=XeroContactStatus.GDPR_REQUEST, updated_at=LATER
    )
    await take(world, gone)
    [row] = await world.rows("select * from xero_contact")
    assert (row["name"], row["email"], row["phone"], row["name_key"], row["search_key"]) == (
        "",
        None,
        None,
        None,
        "",
    )
    assert row["updated_at"] > BEGAN
