"""What must be read of a contact before anything of it is sent."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from domain.actions import retry
from domain.fields.values import SeenContact
from domain.inbound import webhook_inbox
from domain.inbound.webhook_inbox import LAG_AGAIN, Category
from domain.mirror import status_requests
from domain.outbound import contact_deliveries, freshness, status_deliveries
from domain.outbound.deliveries import Claimed
from domain.outbound.freshness import Batch, Unread
from domain.tables import ConflictPolicy, XeroContactStatus
from runtime.database import Database
from tests.domain.announced import announce, later, read
from tests.domain.announced import claim as claim_events
from tests.domain.history import snapshot
from tests.domain.linked import LATER, answer, change, claim, linked, read_delta
from tests.domain.world import World, make_world, seen

THEIRS = LATER + timedelta(milliseconds=5)


async def read_first(world: World, batch: Batch) -> Unread | None:
    async with world.tx() as tx:
        assert (await freshness.check(tx, await world.read_organisation(tx), batch)).must_read
    async with world.tx() as tx:
        return await freshness.claim_unread(tx, world.organisation, batch, 40)


async def must_read(world: World, batch: Batch) -> bool:
    async with world.tx() as tx:
        return (await freshness.check(tx, await world.read_organisation(tx), batch)).must_read


async def settle(world: World, unread: Unread, *shown: SeenContact) -> None:
    async with world.tx() as tx:
        await webhook_inbox.settle(tx, world.organisation, unread.claimed.events, shown)


async def overwritten(world: World) -> Sequence[str]:
    rows = await world.rows("select changes from activity where kind = 'CONFLICT_SETTLED'")
    return [change["before"] for row in rows for change in row["changes"]]


async def test_a_contact_with_an_unread_event_is_read_before_it_is_written(world: World) -> None:
    """Even while the events are still gathered, and though the practice's value is the later one and holds."""
    contact, xero = await linked(world)
    later(world, timedelta(hours=2))
    await change(world, contact, billingEmail="ours@x.nz")
    await announce(world, (xero, THEIRS))
    later(world, -webhook_inbox.GATHER)
    assert await claim(world) is None
    unread = await read_first(world, Batch())
    assert unread is not None
    assert [one.resource_id for one in unread.claimed.events] == [xero]
    assert await claim(world) is None, "it is being read"
    await settle(world, unread, snapshot(xero, "Acme", "theirs@x.nz"))
    assert await claim(world) is not None
    assert await overwritten(world) == ["theirs@x.nz"]


async def test_a_batch_waits_for_events_that_another_reader_has_or_xero_shows_late(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    await announce(world, (xero, THEIRS))
    taken = await claim_events(world)
    assert taken is not None
    assert await read_first(world, Batch()) is None
    assert await claim(world) is None
    async with world.tx() as tx:
        await webhook_inbox.settle(
            tx, world.organisation, taken.events, [snapshot(xero, "Acme", "a@x.nz", updated=-9)]
        )
    assert await read_first(world, Batch()) is None, "it is read once more, in a while"
    assert await claim(world) is None
    later(world, LAG_AGAIN)
    assert await read(world, snapshot(xero, "Acme", "a@x.nz", updated=-9))
    assert await claim(world) is not None


@pytest.mark.parametrize("late", [False, True])
async def test_events_that_cannot_be_read_in_bulk_until_tomorrow_hold_no_persons_edit_back_so_long(
    world: World, late: bool
) -> None:
    """`late`: a read has shown something older than the event."""
    contact, xero = await linked(world)
    await announce(world, (xero, THEIRS))
    if late:
        assert await read(world, snapshot(xero, "Acme", "a@x.nz", updated=-9))
        later(world, LAG_AGAIN)
    taken = await claim_events(world)
    assert taken is not None
    assert [one.late for one in taken.events] == [late]
    async with world.tx() as tx:
        tomorrow = tx.now + timedelta(days=1)
        await webhook_inbox.give_back(tx, world.organisation, taken.events, tomorrow, Category.CONTACT)
    later(world, webhook_inbox.DELTA_AGAIN)
    await change(world, contact, billingEmail="ours@x.nz")
    assert await read_first(world, Batch()) is not None


async def test_a_change_that_is_announced_between_claim_and_call_leaves_a_trace(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Ours Ltd")
    claimed = await claim(world)
    assert claimed is not None
    before, own = LATER - timedelta(seconds=1), THEIRS  # the write's stamp is LATER
    await announce(world, (xero, before), (xero, own))
    assert not await claim_events(world), "the write is in flight"
    await answer(world, claimed, snapshot(xero, "Ours Ltd", "a@x.nz"))
    later(world, webhook_inbox.IN_FLIGHT_AGAIN)
    assert not await claim_events(world)
    await announce(world, (xero, before))  # Xero says it again
    assert not await claim_events(world)
    told = await world.rows("select message, contact_id from activity where kind = 'CONFLICT_SETTLED'")
    assert [row["contact_id"] for row in told] == [contact]
    assert f"changed in Xero at {before:%H:%M:%S} UTC, just before" in told[0]["message"]


async def test_a_change_that_is_announced_after_the_answer_to_our_write_leaves_a_trace(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Ours Ltd")
    claimed = await claim(world)
    assert claimed is not None
    await answer(world, claimed, snapshot(xero, "Ours Ltd", "a@x.nz"))
    await announce(world, (xero, LATER - timedelta(seconds=1)))
    assert not await claim_events(world)
    told = await world.rows("select contact_id from activity where kind = 'CONFLICT_SETTLED'")
    assert [row["contact_id"] for row in told] == [contact]


async def test_an_event_that_was_read_before_the_claim_leaves_no_trace_of_a_lost_change(world: World) -> None:
    contact, xero = await linked(world)
    at = LATER - timedelta(seconds=1)
    await announce(world, (xero, at))
    assert await read(world, snapshot(xero, "Acme", "a@x.nz", updated=-9))
    later(world, LAG_AGAIN)
    assert await read(world, snapshot(xero, "Acme", "a@x.nz", updated=-9))
    await change(world, contact, name="Ours Ltd")
    claimed = await claim(world)
    assert claimed is not None
    await announce(world, (xero, at))
    await answer(world, claimed, snapshot(xero, "Ours Ltd", "a@x.nz"))
    assert await world.rows("select 1 from activity where kind = 'CONFLICT_SETTLED'") == []


async def test_the_event_of_our_own_write_holds_no_write_back(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Ours Ltd")
    claimed = await claim(world)
    assert claimed is not None
    await answer(world, claimed, snapshot(xero, "Ours Ltd", "a@x.nz"))
    await announce(world, (xero, THEIRS))
    await change(world, contact, name="Ours Too Ltd")
    assert await read_first(world, Batch()) is None
    assert await claim(world) is not None


async def test_a_read_that_is_not_applied_yet_is_applied_before_a_write(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    await world.shown(snapshot(xero, "Acme", "theirs@x.nz"))  # a page of a delta that is still being read
    assert await claim(world) is None
    assert await read_first(world, Batch()) is None
    assert await claim(world) is None, "Xero's value is later and holds: nothing is to be sent"
    [row] = await world.rows("select billing_email from contact")
    assert row["billing_email"] == "theirs@x.nz"


async def test_an_unread_event_holds_back_the_archiving_of_its_contact(world: World) -> None:
    _, xero = await linked(world)
    [row] = await world.rows("select id from xero_contact")
    async with world.tx() as tx:
        await status_requests.request(tx, world.organisation, row["id"], XeroContactStatus.ARCHIVED)

    async def claim_status() -> Claimed | None:
        async with world.tx() as tx:
            return await status_deliveries.claim(tx, await world.read_organisation(tx), lambda _: b"...")

    await announce(world, (xero, THEIRS))
    assert await claim_status() is None
    unread = await read_first(world, Batch(statuses=True))
    assert unread is not None
    await settle(world, unread, snapshot(xero, "Acme", "theirs@x.nz"))
    assert await claim_status() is not None


@pytest.mark.parametrize("policy", ConflictPolicy)
@pytest.mark.parametrize("told", [True, False])
async def test_where_xero_may_win_or_no_webhook_comes_each_contact_is_read_by_itself(
    matching_database: Database, policy: ConflictPolicy, told: bool
) -> None:
    world = await make_world(matching_database, policy=policy)
    contact, xero = await linked(world)
    if told:
        async with world.tx() as tx:
            await tx.run("update organisation set last_webhook_at = :now")
    await change(world, contact, billingEmail="ours@x.nz")
    since = world.database.clock.now()
    async with world.tx() as tx:
        organisation = await world.read_organisation(tx)
        batch = (await freshness.check(tx, organisation, Batch(since=since))).batch
    alone = not told or policy in (ConflictPolicy.XERO_WINS, ConflictPolicy.ASK)
    assert (batch.since == since) is alone
    assert await must_read(world, batch) is alone
    if alone:
        assert await claim(world, since=since) is None
        unread = await read_first(world, batch)
        assert unread is not None
        assert unread.alone == [xero]
        await settle(world, unread, snapshot(xero, "Acme", "a@x.nz", asked=1))
    assert not await must_read(world, batch)
    assert await claim(world, since=batch.since) is not None


async def test_bulk_work_is_sent_without_a_read_of_each_contact(world: World) -> None:
    await linked(world)
    async with world.tx() as tx:
        await tx.run("update sync_link set bulk = true, due_at = :now, state = 'PENDING'")
        await tx.run("update contact set billing_email = 'ours@x.nz'")
    since = world.database.clock.now()
    assert not await must_read(world, Batch(since=since))
    assert await claim(world, since=since) is not None


async def test_a_contact_that_xero_does_not_show_is_asked_for_again_and_then_fails(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    for tried in range(1, freshness.READS_UNTIL_FAILURE + 1):
        batch = Batch(since=world.database.clock.now())
        assert await must_read(world, batch)
        async with world.tx() as tx:
            await freshness.settle_alone(tx, world.organisation, batch, [xero], [])
        assert not await must_read(world, batch)
        [link] = await world.rows("select * from sync_link")
        failing = tried == freshness.READS_UNTIL_FAILURE
        assert link["state"] == ("FAILING" if failing else "PENDING")
        later(world, freshness.FRESH)
    assert (link["failure"]["remedy"], "does not show" in link["failure"]["message"]) == ("IN_XERO", True)
    assert not await must_read(world, Batch(since=world.database.clock.now())), "tried again in a day"
    # A person retries, and Xero shows it now.
    async with world.tx() as tx:
        await retry.retry(tx, [link["id"]])
    since = world.database.clock.now()
    await world.shown(snapshot(xero, "Acme", "a@x.nz", asked=7200))
    assert await read_first(world, Batch(since=min(since, LATER))) is None, (
        "that it is there again is applied"
    )
    claimed = await claim(world, since=min(since, LATER))
    assert claimed is not None
    async with world.tx() as tx:
        answered = contact_deliveries.Answered(
            claimed.members[0], snapshot(xero, "Acme", "ours@x.nz", updated=9)
        )
        await contact_deliveries.settle(tx, claimed, [answered])
    [link] = await world.rows("select * from sync_link")
    assert (link["state"], link["failure"]) == ("SYNCED", None)


async def test_a_link_says_that_xero_does_not_show_its_contact_until_xero_shows_it(world: World) -> None:
    """The person takes the edit back: then nothing is due, and the contact is missing still."""
    contact, xero = await linked(world)
    await change(world, contact, billingEmail="ours@x.nz")
    for _ in range(freshness.READS_UNTIL_FAILURE):
        async with world.tx() as tx:
            await freshness.settle_alone(tx, world.organisation, Batch(), [xero], [])
        later(world, freshness.FRESH)
    await change(world, contact, billingEmail="a@x.nz")
    await read_delta(world)
    assert await claim(world) is None
    [link] = await world.rows("select * from sync_link")
    assert (link["state"], link["due_at"]) == ("FAILING", None)
    await read_delta(world, seen("Acme", "a@x.nz", xero_id=xero))
    [link] = await world.rows("select * from sync_link")
    assert (link["state"], link["failure"], link["due_at"]) == ("SYNCED", None, None)


async def test_a_contact_that_is_only_to_be_read_costs_no_apply(world: World) -> None:
    """A person waits for this read. To apply nothing took 25 statements."""
    contact, _ = await linked(world)
    later(world, timedelta(hours=2))
    await change(world, contact, billingEmail="ours@x.nz")
    async with world.tx() as tx:
        before = world.database.statements
        batch = Batch(bulk=False, since=tx.now)
        assert await freshness.claim_unread(tx, world.organisation, batch, 40) is not None
        assert world.database.statements - before <= 6
