"""Deliveries of contacts: which links are claimed, and which base values an answer moves."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from domain.actions import unsync as unsync_action
from domain.fields.phones import PhoneParts
from domain.fields.values import SeenContact
from domain.links import ending
from domain.links import link as links
from domain.matching import issues
from domain.outbound import contact_deliveries, deliveries
from domain.outbound.deliveries import LEASE
from domain.tables import ConflictPolicy, XeroContactStatus
from runtime.database import Database
from tests.database import rows_of
from tests.domain.linked import LATER, answer, change, claim, linked, read_delta, state
from tests.domain.world import Clock, World, make_world, seen

PHONE = PhoneParts("64", "9", "1112222")


def shown(xero: UUID, name: str, email: str, *, after: float = 0) -> SeenContact:
    return seen(name, email, phone=PHONE, xero_id=xero, updated_at=LATER + timedelta(seconds=after))


async def test_an_answer_moves_the_base_values_of_the_sent_fields_only(world: World) -> None:
    """The answer shows an email that a person changed in Xero: the practice gets it."""
    contact, xero = await linked(world)
    await change(world, contact, name="Sent")
    claimed = await claim(world)
    assert claimed is not None
    await answer(world, claimed, shown(xero, "Sent", "theirs@x.nz"))
    now = await state(world)
    assert (now["name"], now["billing_email"], now["state"]) == ("Sent", "theirs@x.nz", "SYNCED")


async def test_a_link_that_must_be_read_first_is_not_claimed(world: World) -> None:
    contact, _ = await linked(world)
    await change(world, contact, name="Ours")
    async with world.tx() as tx:
        await tx.run("update organisation set read_asked_at = :now")
        await tx.run("update sync_link set read_owed_at = :now")
    assert await claim(world) is None
    async with world.tx() as tx:  # a delta that was asked since is applied
        await tx.run("update organisation set read_asked_at = :now")
    assert await claim(world) is not None


async def test_an_answer_after_the_lease_was_lost_changes_nothing(
    world: World,
) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="First")
    late = await claim(world)
    assert late is not None
    clock = world.database.clock
    assert isinstance(clock, Clock)
    clock.time += LEASE
    async with world.tx() as tx:
        held = await deliveries.reclaim(tx, late.delivery.id)
    assert held is not None
    await change(world, contact, name="Second")
    before = await world.rows("select * from sync_link")
    await answer(world, late, shown(xero, "First", "a@x.nz"))
    assert await world.rows("select * from sync_link") == before
    assert await world.rows("select open from delivery_member") == [{"open": True}]
    await answer(world, held, shown(xero, "First", "a@x.nz"))
    assert await world.rows("select open from delivery_member") == [{"open": False}]
    assert (await state(world))["name"] == "Second"


@pytest.mark.parametrize("ended", ["UNSYNCED", "BROKEN"])
async def test_an_ended_link_is_not_claimed(world: World, ended: str) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Never Sent")
    if ended == "BROKEN":
        gone = seen("Acme", "a@x.nz", xero_id=xero, status=XeroContactStatus.ARCHIVED, updated_at=LATER)
        await read_delta(world, gone)
    else:
        [link] = await world.rows("select id from sync_link")
        async with world.tx() as tx:
            await issues.each(tx, [link["id"]], lambda link_id: unsync_action.unsync(tx, link_id))
    assert await claim(world) is None


async def test_a_link_in_an_open_delivery_is_not_claimed_again(world: World) -> None:
    contact, _ = await linked(world)
    await change(world, contact, name="First")
    assert await claim(world) is not None
    await change(world, contact, name="Second")
    assert await claim(world) is None


@pytest.mark.parametrize("policy", [ConflictPolicy.LATEST_WINS, ConflictPolicy.ASK])
async def test_applying_an_answer_twice_is_applying_it_once(
    matching_database: Database, policy: ConflictPolicy
) -> None:
    world = await make_world(matching_database, policy=policy)
    contact, xero = await linked(world)
    await change(world, contact, name="Sent")
    claimed = await claim(world)
    assert claimed is not None
    await answer(world, claimed, shown(xero, "Sent", "a@x.nz"))
    before = await world.rows("select * from sync_link")
    await change(world, contact, name="Typed since")
    await answer(world, claimed, shown(xero, "Sent", "a@x.nz"))
    [link] = await world.rows("select * from sync_link")
    assert (link["base_xero"], link["state"]) == (before[0]["base_xero"], "PENDING")
    assert (await state(world))["name"] == "Typed since"


@pytest.mark.parametrize("done", ["free", "wait", "reclaim"])
async def test_freeing_a_delivery_during_an_unsync_makes_no_deadlock(world: World, done: str) -> None:
    contact, _ = await linked(world)
    await change(world, contact, name="Sent")
    claimed = await claim(world)
    assert claimed is not None
    clock = world.database.clock
    assert isinstance(clock, Clock)
    held = asyncio.Event()

    async def give_back() -> None:
        await held.wait()
        if done == "free":
            async with world.tx() as tx:
                await contact_deliveries.free(tx, claimed)
        elif done == "wait":
            async with world.tx() as tx:
                await contact_deliveries.wait(tx, claimed, tx.now + LEASE)
        else:
            clock.time += LEASE
            async with world.tx() as tx:
                assert await deliveries.reclaim(tx, claimed.delivery.id) is None, "nobody is left in it"

    async with asyncio.TaskGroup() as both:
        both.create_task(give_back())
        async with world.tx() as tx:
            link = await links.lock(tx, claimed.members[0])
            held.set()
            for _ in range(200):  # until whoever gives it back waits for the link
                if await rows_of(
                    tx, "select 1 from pg_locks where not granted and locktype in ('transactionid', 'tuple')"
                ):
                    break
                await asyncio.sleep(0.05)
            await ending.leave_deliveries(tx, link.id)
    assert await world.rows("select open from delivery_member") == [{"open": False}]


async def test_an_uncertain_link_says_what_tandem_does_and_until_when(world: World) -> None:
    contact, _ = await linked(world)
    await change(world, contact, name="Ours")
    claimed = await claim(world)
    assert claimed is not None
    clock = world.database.clock
    assert isinstance(clock, Clock)
    for again in (False, True):
        async with world.tx() as tx:
            if again:
                assert await deliveries.sent_again(tx, claimed)
            await contact_deliveries.wait(tx, claimed, tx.now + timedelta(seconds=5))
        [link] = await world.rows("select failure from sync_link")
        by = clock.time + timedelta(minutes=10)
        assert "finding out whether Xero has this" in link["failure"]["message"]
        assert f"at the latest at {by:%H:%M} UTC" in link["failure"]["message"]
        clock.time += timedelta(minutes=2)
