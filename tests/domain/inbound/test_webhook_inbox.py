"""Which webhook events need a read, and which are known to be in the mirror."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.inbound import webhook_inbox
from domain.inbound.event_judgement import SLACK, InboxEvent
from domain.inbound.webhook_inbox import DELTA_AGAIN, IN_FLIGHT_AGAIN, LAG_AGAIN, LEASE
from tests.domain.announced import announce, claim, later, read, unread
from tests.domain.history import claim as claim_write
from tests.domain.history import snapshot
from tests.domain.linked import LATER, answer, change, linked
from tests.domain.world import World, seen

MS, SECOND = timedelta(milliseconds=1), timedelta(seconds=1)
WRITTEN = LATER  # Xero's stamp of our own write
OWN = WRITTEN + 5 * MS  # its event
EDIT = WRITTEN + SECOND  # somebody's change in Xero
THEIRS = EDIT + 5 * MS  # its event


async def written(world: World) -> UUID:
    """A linked contact, just after our own write of its name. Gives Xero's id."""
    contact, xero = await linked(world)
    await change(world, contact, name="Ours Ltd")
    claimed = await claim_write(world)
    await answer(world, claimed, snapshot(xero, "Ours Ltd", "a@x.nz"))
    return xero


async def email(world: World) -> str:
    [row] = await world.rows("select billing_email from contact")
    found: str = row["billing_email"]
    return found


async def test_the_event_of_our_own_write_needs_no_read_however_often_it_comes(world: World) -> None:
    xero = await written(world)
    for _ in range(3):
        await announce(world, (xero, OWN))
        assert not await read(world)
        assert await unread(world) == set()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("together", [True, False])
async def test_a_change_in_xero_right_after_our_own_write_is_read_whichever_event_comes_first(
    world: World, order: tuple[int, ...], together: bool
) -> None:
    xero = await written(world)
    events = [[(xero, OWN), (xero, THEIRS)][place] for place in order]
    if together:
        await announce(world, *events)
    else:
        await announce(world, events[0])
        assert not await read(world)
        await announce(world, events[1])
    assert not await read(world), "the two seconds after the write are not over"
    later(world, SLACK)
    edited = snapshot(xero, "Ours Ltd", "theirs@x.nz", updated=1)
    assert await read(world, edited)
    assert await email(world) == "theirs@x.nz"
    for event in events * 2:
        await announce(world, event)
        later(world, SLACK)
        assert not await read(world), "an event that comes again was read again"


async def test_a_third_change_within_the_two_seconds_is_read_too(world: World) -> None:
    xero = await written(world)
    await announce(world, (xero, OWN), (xero, THEIRS))
    later(world, SLACK)
    assert await read(world, snapshot(xero, "Ours Ltd", "theirs@x.nz", updated=1))
    await announce(world, (xero, WRITTEN + 1.5 * SECOND))
    assert await read(world, snapshot(xero, "Ours Ltd", "third@x.nz", updated=1.4))
    assert await email(world) == "third@x.nz"


async def test_a_change_right_after_one_that_was_read_is_read(world: World) -> None:
    """No write of ours is near: the stamp that the mirror has was made by somebody else."""
    _, xero = await linked(world)
    await announce(world, (xero, OWN))
    assert await read(world, snapshot(xero, "Acme", "first@x.nz"))
    await announce(world, (xero, OWN))
    assert not await read(world)
    await announce(world, (xero, THEIRS))
    assert await read(world, snapshot(xero, "Acme", "second@x.nz", updated=1))
    assert await email(world) == "second@x.nz"


async def test_an_event_before_the_stamp_of_the_mirror_needs_no_read(world: World) -> None:
    xero = await written(world)
    await announce(world, (xero, WRITTEN - MS), (xero, WRITTEN - SECOND))
    assert not await read(world)
    assert await unread(world) == set()


async def test_a_change_right_after_our_own_write_that_xero_shows_late_is_read_once_more(
    world: World,
) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Ours Ltd")
    claimed = await claim_write(world)
    await answer(world, claimed, snapshot(xero, "Ours Ltd", "a@x.nz"))
    await announce(world, (xero, OWN), (xero, THEIRS))
    later(world, SLACK)
    assert await read(world, snapshot(xero, "Ours Ltd", "a@x.nz", asked=3)), "our own write, and no more yet"
    assert await unread(world) == {xero}
    later(world, LAG_AGAIN)
    assert await read(world, snapshot(xero, "Ours Ltd", "theirs@x.nz", updated=1))
    assert await email(world) == "theirs@x.nz"
    assert await unread(world) == set()


async def test_events_that_come_while_our_own_write_is_under_way_are_judged_by_its_answer(
    world: World,
) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Ours Ltd")
    claimed = await claim_write(world)
    await announce(world, (xero, OWN), (xero, THEIRS))
    assert not await read(world)
    await answer(world, claimed, snapshot(xero, "Ours Ltd", "a@x.nz"))
    later(world, IN_FLIGHT_AGAIN)
    assert await read(world, snapshot(xero, "Ours Ltd", "theirs@x.nz", updated=1))
    assert await email(world) == "theirs@x.nz"


async def test_a_create_whose_event_was_read_before_its_answer_came_accounts_for_no_other(
    world: World,
) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Ours Ltd")
    claimed = await claim_write(world)
    async with world.tx() as tx:  # as of a contact that no link knew yet
        event = InboxEvent(xero, OWN, late=False)
        await webhook_inbox.settle(tx, world.organisation, [event], [snapshot(xero, "Ours Ltd", "a@x.nz")])
    await answer(world, claimed, snapshot(xero, "Ours Ltd", "a@x.nz"))
    await announce(world, (xero, THEIRS))
    later(world, SLACK)
    assert await read(world, snapshot(xero, "Ours Ltd", "theirs@x.nz", updated=1))


async def test_an_event_whose_object_has_no_newer_stamp_is_read_twice_at_most(world: World) -> None:
    _, xero = await linked(world)
    stale = seen("Acme", "a@x.nz", xero_id=xero)
    await announce(world, (xero, THEIRS))
    assert await read(world, stale)
    assert not await read(world, stale)
    later(world, LAG_AGAIN)
    assert await read(world, stale)
    await announce(world, (xero, THEIRS))
    assert not await read(world, stale)
    assert await unread(world) == set()


async def test_a_reader_that_lives_keeps_its_events_and_one_that_died_gives_them_back(world: World) -> None:
    _, xero = await linked(world)
    await announce(world, (xero, THEIRS))
    claimed = await claim(world)
    assert claimed is not None
    later(world, LEASE - SECOND)
    async with world.tx() as tx:
        await webhook_inbox.renew(tx, world.organisation, claimed.events, claimed.category)
    later(world, LEASE - SECOND)
    await announce(world, (xero, THEIRS))
    assert await claim(world) is None, "an event that came again ended the lease"
    assert await claim(world, [xero]) is None, "also for a write that waits"
    assert await unread(world) == {xero}
    later(world, 2 * SECOND)
    assert await claim(world) is not None


async def flood(world: World, resources: list[UUID]) -> None:
    await announce(world, *((one, THEIRS) for one in resources))


async def deltas(world: World) -> list[UUID]:
    return [row["id"] for row in await world.rows("select id from import_run where purpose = 'DELTA'")]


async def finish(world: World) -> None:
    [run] = await world.rows("select id from import_run where finished_at is null")
    await world.read(run["id"], [])
    while await world.match(run["id"]):
        pass


async def test_one_backlog_begins_one_delta_although_no_stamp_moves(world: World) -> None:
    await linked(world)
    resources = [uuid4() for _ in range(webhook_inbox.DELTA_OVER + 55)]
    await flood(world, resources)
    assert await claim(world) is None
    new = uuid4()
    await announce(world, (new, THEIRS))  # after the delta began
    await finish(world)
    assert len(await deltas(world)) == 1
    assert await unread(world) == {new}
    later(world, DELTA_AGAIN)
    claimed = await claim(world)
    assert claimed is not None
    assert [one.resource_id for one in claimed.events] == [new]
    assert len(await deltas(world)) == 1


async def test_an_event_that_comes_again_later_than_the_delta_that_read_it_stays_read(world: World) -> None:
    """Not so within the time of the delta's answer, which Xero may have stamped after it had collected the data."""
    _, xero = await linked(world)
    began = LATER
    async with world.tx() as tx:
        await tx.run("update organisation set read_cursor = cast(:at as timestamptz)", at=began)
    await announce(world, (xero, began + webhook_inbox.OVERLAP - webhook_inbox.ANSWERED))
    assert not await read(world)
    await announce(world, (xero, began + webhook_inbox.OVERLAP - webhook_inbox.ANSWERED + MS))
    assert await claim(world) is not None


async def test_many_that_are_announced_during_a_scan_are_read_by_their_ids(world: World) -> None:
    await linked(world)
    await world.start_import()
    await flood(world, [uuid4() for _ in range(webhook_inbox.DELTA_OVER + 55)])
    claimed = await claim(world)
    assert claimed is not None
    assert len(claimed.events) == webhook_inbox.DELTA_OVER
    rest = await claim(world)
    assert rest is not None
    assert len(rest.events) == 55


async def test_a_change_in_xero_long_after_our_own_write_is_read_at_once(world: World) -> None:
    xero = await written(world)
    await announce(world, (xero, WRITTEN + 60 * SECOND))
    assert await read(world, snapshot(xero, "Ours Ltd", "theirs@x.nz", updated=60))
