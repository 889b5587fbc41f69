"""The brake: a mass change is stopped before any of it is applied, and an ordinary bulk edit is not."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.actions import conflicts
from domain.connection import organisations
from domain.contacts import edits as contact_edits
from domain.fields.phones import PhoneParts
from domain.fields.values import PostalAddress, SeenContact
from domain.inbound import mass_change
from domain.matching import issues
from domain.outbound import contact_deliveries
from domain.outbound.deliveries import Claimed
from domain.problems import Code, Refused
from domain.tables import ActorKind, ConnectionHealth, ImportRun, Side, XeroContactStatus
from domain.tx import Actor
from tests.database import plan_nodes, rows_of
from tests.domain.linked import LATER, claim, read_delta
from tests.domain.world import Clock, World, as_given, seen

MANY = 60
PHONE = PhoneParts("64", "9", "1112222")
SAME = PostalAddress(lines=("1 Queen Street",), city="Auckland")


async def linked(world: World, count: int = MANY) -> list[UUID]:
    """So many contacts that came from Xero, by Xero's ids."""
    found = [
        seen(f"Contact {n:03}", f"c{n}@x.nz", phone=PhoneParts("64", "9", f"1112{n:03}"))
        for n in range(count)
    ]
    await read_delta(world, *found)
    return [one.xero_contact_id for one in found]


def as_now(n: int, xero: UUID, *, minutes: int = 0, **changed: Any) -> SeenContact:
    given: dict[str, Any] = {
        "phone": PhoneParts("64", "9", f"1112{n:03}"),
        "email": f"c{n}@x.nz",
        "name": f"Contact {n:03}",
    }
    given |= changed
    return seen(**given, xero_id=xero, updated_at=LATER + timedelta(minutes=minutes))


def archived(ids: list[UUID], *, minutes: int = 0) -> list[SeenContact]:
    return [as_now(n, xero, minutes=minutes, status=XeroContactStatus.ARCHIVED) for n, xero in enumerate(ids)]


async def organisation(world: World) -> dict[str, object]:
    [row] = await world.rows("select health, mass_change from organisation")
    return row


async def broken(world: World) -> int:
    [row] = await world.rows("select count(*) as n from sync_link where state = 'BROKEN'")
    found: int = row["n"]
    return found


async def decide(world: World, *, apply: bool) -> None:
    async with world.tx() as tx:
        await mass_change.decide(tx, world.organisation, apply=apply)


async def go_on(world: World) -> ImportRun:
    """The run that waited is matched to its end."""
    async with world.tx() as tx:
        [run] = await rows_of(tx, "select id, phase from import_run where finished_at is null")
    while await world.match(run["id"]):
        pass
    async with world.tx() as tx:
        return await tx.session.get_one(ImportRun, (world.workspace, run["id"]))


async def answer(world: World, claimed: Claimed, shown: list[SeenContact]) -> None:
    """Xero has applied the sent values, and shows them."""
    by_id = {one.xero_contact_id: one for one in shown}
    async with world.tx() as tx:
        keys = await contact_deliveries.targets(tx, claimed.members)
        answers = [contact_deliveries.Answered(link, by_id[keys[link]]) for link in claimed.members]
        await contact_deliveries.settle(tx, claimed, answers)


async def test_the_brake_stops_a_mass_archiving_before_any_of_it_is_applied(world: World) -> None:
    ids = await linked(world)
    await read_delta(world, *archived(ids[:40]))
    now = await organisation(world)
    assert (now["health"], await broken(world)) == (ConnectionHealth.PAUSED, 0)
    held = now["mass_change"]
    assert isinstance(held, dict)
    assert (held["side"], held["changed"], held["of"]) == ("XERO", 40, MANY)
    assert len(await world.rows("select 1 from activity where kind = 'MASS_CHANGE_STOPPED'")) == 1


@pytest.mark.parametrize("count", [19, 18])
async def test_the_brake_lets_through_fewer_than_20_or_at_most_30_percent(world: World, count: int) -> None:
    ids = await linked(world, 20 if count == 19 else MANY)
    await read_delta(world, *archived(ids[:count]))
    assert (await organisation(world))["health"] == ConnectionHealth.HEALTHY
    assert await broken(world) == count


@pytest.mark.parametrize("field", ["phone", "email"])
async def test_the_brake_counts_values_that_became_blank(world: World, field: str) -> None:
    ids, gone = await linked(world), dict[str, Any]({field: None})
    await read_delta(world, *(as_now(n, xero, **gone) for n, xero in enumerate(ids[:30])))
    assert (await organisation(world))["health"] == ConnectionHealth.PAUSED


@pytest.mark.parametrize("changed", [{"phone": PHONE}, {"email": "all@x.nz"}, {"address": SAME}])
async def test_the_brake_counts_one_value_written_over_many_contacts(
    world: World, changed: dict[str, Any]
) -> None:
    ids = await linked(world)
    if "address" in changed:  # so that there is something to overwrite
        theirs = [PostalAddress(lines=(f"{n} Old Street",)) for n in range(MANY)]
        await read_delta(world, *(as_now(n, xero, address=theirs[n]) for n, xero in enumerate(ids)))
    await read_delta(world, *(as_now(n, xero, minutes=1, **changed) for n, xero in enumerate(ids[:30])))
    assert (await organisation(world))["health"] == ConnectionHealth.PAUSED


@pytest.mark.parametrize("changed", [{"phone": PHONE}, {"email": "all@x.nz"}, {"address": SAME}])
async def test_the_brake_does_not_count_one_value_that_fills_blanks(
    world: World, changed: dict[str, Any]
) -> None:
    found = [seen(f"Contact {n:03}") for n in range(MANY)]
    await read_delta(world, *found)
    filled = [
        seen(f"Contact {n:03}", xero_id=one.xero_contact_id, updated_at=LATER, **changed)
        for n, one in enumerate(found[:30])
    ]
    await read_delta(world, *filled)
    assert (await organisation(world))["health"] == ConnectionHealth.HEALTHY
    [row] = await world.rows(
        "select count(*) as n from contact where coalesce(billing_email, primary_phone, billing_address->>'city') is not null"
    )
    assert row["n"] == 30


@pytest.mark.parametrize("changed", [{"phone": PHONE}, {"email": "all@x.nz"}, {"address": SAME}])
async def test_the_brake_counts_one_value_that_comes_in_small_groups(
    world: World, changed: dict[str, Any]
) -> None:
    ids = await linked(world)
    if "address" in changed:  # so that there is something to overwrite
        theirs = [PostalAddress(lines=(f"{n} Old Street",)) for n in range(MANY)]
        await read_delta(world, *(as_now(n, xero, address=theirs[n]) for n, xero in enumerate(ids)))
    for start in range(0, 24, 6):
        some = list(enumerate(ids))[start : start + 6]
        await read_delta(world, *(as_now(n, xero, minutes=1, **changed) for n, xero in some))
    now = await organisation(world)
    assert now["health"] == ConnectionHealth.PAUSED
    held = now["mass_change"]
    assert isinstance(held, dict)
    assert (held["changed"], held["of"]) == (24, MANY)
    await decide(world, apply=True)
    await go_on(world)
    some = list(enumerate(ids))[30:36]
    await read_delta(world, *(as_now(n, xero, minutes=2, **changed) for n, xero in some))
    assert (await organisation(world))["health"] == ConnectionHealth.HEALTHY, (
        "what was let through counts no more"
    )


async def test_the_brake_does_not_count_one_value_that_people_typed_in_the_practice(world: World) -> None:
    ids = await linked(world)
    rows = await world.rows("select id from contact order by name limit 30")
    async with world.tx() as tx, issues.evaluating(tx):
        for row in rows[:25]:
            await contact_edits.change(tx, row["id"], as_given({"billingEmail": "all@x.nz"}))
    await read_delta(world, as_now(40, ids[40], minutes=1, email="all@x.nz"))
    assert (await organisation(world))["health"] == ConnectionHealth.HEALTHY


async def test_the_brake_does_not_count_one_value_typed_over_a_change_from_xero(world: World) -> None:
    ids = await linked(world)
    await read_delta(
        world, *(as_now(n, xero, minutes=1, email=f"new{n}@x.nz") for n, xero in enumerate(ids[:25]))
    )
    rows = await world.rows("select id from contact order by name limit 25")
    async with world.tx() as tx, issues.evaluating(tx):
        for row in rows:
            await contact_edits.change(tx, row["id"], as_given({"billingEmail": "all@x.nz"}))
    claimed = await claim(world)
    assert claimed is not None
    await answer(
        world, claimed, [as_now(n, key, minutes=2, email="all@x.nz") for n, key in enumerate(ids[:25])]
    )
    await read_delta(world, as_now(40, ids[40], minutes=3, email="all@x.nz"))
    assert (await organisation(world))["health"] == ConnectionHealth.HEALTHY


async def test_a_stopped_change_is_not_applied_by_the_passing_of_time(world: World, clock: Clock) -> None:
    ids = await linked(world)
    for start in range(0, 24, 6):
        await read_delta(world, *archived(ids)[start : start + 6])
    assert ((await organisation(world))["health"], await broken(world)) == (ConnectionHealth.PAUSED, 18)
    clock.time += timedelta(minutes=11)
    async with world.tx() as tx:
        await organisations.sync_now(tx, world.organisation)
    [run] = await world.rows("select id from import_run where finished_at is null")
    while await world.match(run["id"]):
        pass
    assert ((await organisation(world))["health"], await broken(world)) == (ConnectionHealth.PAUSED, 18)


async def test_stopped_blanks_are_not_sent_by_the_passing_of_time(world: World, clock: Clock) -> None:
    ids = await linked(world)
    rows = await world.rows("select id from contact order by name limit 24")
    claimed = []
    for some in (rows[:18], rows[18:]):
        async with world.tx() as tx, issues.evaluating(tx):
            for row in some:
                await contact_edits.change(tx, row["id"], as_given({"primaryPhone": None}))
        claimed.append(await claim(world))
        if claimed[0] is not None and len(claimed) == 1:
            await answer(world, claimed[0], [as_now(n, key, phone=None) for n, key in enumerate(ids)])
    assert [one is not None for one in claimed] == [True, False]
    clock.time += timedelta(minutes=11)
    await read_delta(world)
    assert (await organisation(world))["health"] == ConnectionHealth.PAUSED
    assert (await claim(world)) is None


async def test_the_brake_does_not_count_conflicts_that_a_person_settles(world: World) -> None:
    ids = await linked(world)
    await world.rows("update organisation set conflict_policy = 'ASK' returning id")
    rows = await world.rows("select id from contact order by name limit 24")
    async with world.tx() as tx, issues.evaluating(tx):
        for n, row in enumerate(rows):
            await contact_edits.change(tx, row["id"], as_given({"billingEmail": f"ours{n}@x.nz"}))
    for start in range(0, 24, 6):
        some = list(enumerate(ids))[start : start + 6]
        await read_delta(world, *(as_now(n, xero, minutes=1, email="all@x.nz") for n, xero in some))
    waiting = await world.rows("select id from sync_link where state = 'CONFLICT'")
    assert len(waiting) == 24
    person = Actor(ActorKind.USER, "Ana")
    async with world.database.transaction(world.workspace, person) as tx:
        for row in waiting:
            await conflicts.settle(tx, row["id"], Side.XERO)
    await read_delta(world, as_now(40, ids[40], minutes=2, email="all@x.nz"))
    assert (await organisation(world))["health"] == ConnectionHealth.HEALTHY


async def edit_while_read(world: World, names: list[str], found: list[SeenContact]) -> None:
    """A person holds these contacts and changes the first, while a delta that shows `found` waits for one of them."""
    rows = await world.rows("select id from contact where name = any(:names) order by name", names=names)
    locked = asyncio.Event()

    async def read() -> None:
        await locked.wait()
        await read_delta(world, *found)

    async with asyncio.TaskGroup() as both:
        both.create_task(read())
        async with world.tx() as tx:
            for row in rows:
                await contact_edits.lock(tx, row["id"])
            locked.set()
            for _ in range(200):  # until whoever reads waits for a contact
                if await rows_of(
                    tx, "select 1 from pg_locks where not granted and locktype in ('transactionid', 'tuple')"
                ):
                    break
                await asyncio.sleep(0.05)
            await contact_edits.change(tx, rows[0]["id"], as_given({"billingEmail": "ours@x.nz"}))


async def test_archiving_in_xero_during_an_edit_makes_no_deadlock(world: World) -> None:
    ids = await linked(world)
    await edit_while_read(world, ["Contact 000"], archived(ids[:1]))
    assert await broken(world) == 1


async def test_the_brake_counts_recent_changes_without_locking_their_links(world: World) -> None:
    ids = await linked(world, 100)
    same = [as_now(n, xero, minutes=1, email="all@x.nz") for n, xero in enumerate(ids[:24])]
    for start in range(0, 18, 6):
        await read_delta(world, *same[start : start + 6])
    await edit_while_read(world, ["Contact 000", "Contact 020"], same[18:])
    assert (await organisation(world))["health"] == ConnectionHealth.HEALTHY, "24 of 100"
    await read_delta(world, *archived(ids, minutes=2)[30:38])
    held = (await organisation(world))["mass_change"]
    assert isinstance(held, dict)
    assert held["changed"] == 31, "one of the 24 a person has put right since"


async def test_an_ordinary_bulk_edit_does_not_trip_the_brake(world: World) -> None:
    ids = await linked(world)
    edited = [
        as_now(n, xero, name=f"Renamed {n}", email=f"new{n}@x.nz", phone=PhoneParts("64", "21", f"55{n:04}"))
        for n, xero in enumerate(ids)
    ]
    await read_delta(world, *edited)
    assert (await organisation(world))["health"] == ConnectionHealth.HEALTHY
    [row] = await world.rows("select count(*) as n from contact where name like 'Renamed%'")
    assert row["n"] == MANY


async def test_the_brake_counts_changes_applied_in_the_last_ten_minutes(world: World) -> None:
    ids = await linked(world)
    for start in range(0, 18, 6):
        await read_delta(world, *archived(ids)[start : start + 6])
    assert await broken(world) == 18
    await read_delta(world, *archived(ids)[18:24])
    assert (await organisation(world))["health"] == ConnectionHealth.PAUSED
    assert await broken(world) == 18


async def test_applying_a_mass_change_lets_through_exactly_the_counted_changes(world: World) -> None:
    ids = await linked(world, 100)
    await read_delta(world, *archived(ids[:40]))
    await world.shown(*archived(ids[40:80]))  # read after it was counted
    await decide(world, apply=True)
    now = await organisation(world)
    assert (now["health"], now["mass_change"]) == (ConnectionHealth.HEALTHY, None)
    await go_on(world)
    again = await organisation(world)
    assert (again["health"], await broken(world)) == (ConnectionHealth.PAUSED, 0)
    held = again["mass_change"]
    assert isinstance(held, dict)
    assert held["changed"] == 40
    await decide(world, apply=True)
    await go_on(world)
    assert ((await organisation(world))["health"], await broken(world)) == (ConnectionHealth.HEALTHY, 80)


async def test_reading_again_keeps_the_brake_until_the_changes_are_counted_again(world: World) -> None:
    ids = await linked(world)
    await read_delta(world, *archived(ids[:40]))
    await decide(world, apply=False)
    assert (await organisation(world))["health"] == ConnectionHealth.PAUSED
    [run] = await world.rows(
        "select id, phase, modified_since, next_page from import_run where finished_at is null"
    )
    assert (run["phase"], run["modified_since"], run["next_page"]) == ("READING", None, 1)
    # Somebody has put it right in Xero, but for a few.
    mended = [as_now(n, xero, minutes=5) for n, xero in enumerate(ids)]
    await world.read(run["id"], [*mended[:35], *archived(ids, minutes=6)[35:40], *mended[40:]])
    await go_on(world)
    assert ((await organisation(world))["health"], await broken(world)) == (ConnectionHealth.HEALTHY, 5)


async def test_reading_again_stops_again_if_nothing_was_corrected_in_xero(world: World) -> None:
    ids = await linked(world)
    await read_delta(world, *archived(ids[:40]))
    await decide(world, apply=False)
    [run] = await world.rows("select id from import_run where finished_at is null")
    await world.read(run["id"], [])
    await go_on(world)
    assert ((await organisation(world))["health"], await broken(world)) == (ConnectionHealth.PAUSED, 0)
    assert len(await world.rows("select 1 from activity where kind = 'MASS_CHANGE_STOPPED'")) == 1


async def test_the_brake_neither_sends_nor_drops_changes(world: World) -> None:
    ids = await linked(world)
    [row] = await world.rows("select id from contact where name = 'Contact 050'")
    async with world.tx() as tx, issues.evaluating(tx):
        await contact_edits.change(tx, row["id"], as_given({"billingEmail": "ours@x.nz"}))
    await read_delta(world, *archived(ids[:40]))
    assert (await claim(world)) is None
    await decide(world, apply=True)
    await go_on(world)
    assert (await claim(world)) is not None


async def test_the_brake_counts_blanks_that_the_practice_would_send(world: World) -> None:
    await linked(world)
    rows = await world.rows("select id from contact order by name limit 30")
    async with world.tx() as tx, issues.evaluating(tx):
        for row in rows:
            await contact_edits.change(tx, row["id"], as_given({"primaryPhone": None}))
    assert (await claim(world)) is None
    now = await organisation(world)
    held = now["mass_change"]
    assert isinstance(held, dict)
    assert (now["health"], held["side"], held["changed"]) == ("PAUSED", "PRACTICE", 30)
    await decide(world, apply=True)
    claimed = await claim(world)
    assert claimed is not None
    assert len(claimed.members) == 30


async def test_many_ordinary_edits_are_sent(world: World) -> None:
    await linked(world)
    rows = await world.rows("select id from contact order by name")
    async with world.tx() as tx, issues.evaluating(tx):
        for n, row in enumerate(rows):
            await contact_edits.change(tx, row["id"], as_given({"primaryPhone": f"09 777 {n:04}"}))
    assert (await claim(world)) is not None


async def test_a_decision_is_refused_if_no_mass_change_waits(world: World) -> None:
    with pytest.raises(Refused) as refused:
        await decide(world, apply=True)
    assert refused.value.problems[0].code is Code.WRONG_STATE


async def test_the_brake_looks_up_each_link_by_its_xero_contact(world: World) -> None:
    """PostgreSQL has no statistics about a new practice, and would compare all Xero contacts with all links."""
    await linked(world)
    await world.rows("update xero_contact set dirty = true returning id")
    async with world.tx() as tx:
        explain = f"explain (analyze, timing off, format json) {mass_change.COUNT_DESTROYED}"
        [plan] = await rows_of(tx, explain, organisation=world.organisation)
    rows_read = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in plan_nodes(plan["QUERY PLAN"][0]["Plan"])
        if node.get("Relation Name") == "sync_link"
    )
    assert 0 < rows_read <= 2 * MANY
