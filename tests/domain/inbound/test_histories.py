"""One history in every order of arrival: the result is the same (promise 8), nothing echoes (3), nothing is lost (1).

Our write of the email, an hour after the link began, reaches Xero 10 s later. A page was requested before it, its
webhook is read after it, its answer comes at any time, and a person in Xero renames the contact.
"""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from domain.inbound import single_reads
from domain.outbound import contact_deliveries
from tests.domain.history import OLD, OURS, TOLD, claim, read, settle, shown, snapshot
from tests.domain.linked import answer, change, linked
from tests.domain.linked import claim as claim_due
from tests.domain.world import World

ORDERS = list(permutations(TOLD))


async def end(world: World) -> dict[str, Any]:
    [row] = await world.rows(
        "select c.name, c.billing_email, l.state, l.due_at is not null as due, l.notes, l.conflicts, l.read_owed_at,"
        " l.base_xero->>'NAME' as name_base, l.base_xero->>'BILLING_EMAIL' as email_base"
        " from contact c join sync_link l on l.contact_id = c.id"
    )
    return row


async def lost(world: World) -> set[str]:
    """Every value that the history shows."""
    rows = await world.rows(
        "select c->>'before' as b, c->>'after' as a from activity, jsonb_array_elements(changes) c"
    )
    return {value for row in rows for value in (row["b"], row["a"]) if value}


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
async def test_an_answer_and_reads_of_our_write_give_one_result_in_every_order(
    world: World, order: tuple[str, ...]
) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail=OURS)
    claimed, told = await claim(world), shown(xero)
    for what in order:
        await (answer(world, claimed, told[what]) if what == "answer" else read(world, told[what]))
    await settle(world, told["renamed"])
    assert await end(world) == {
        "name": "Acme Two", "billing_email": OURS, "state": "SYNCED", "due": False, "notes": {}, "conflicts": [],
        "read_owed_at": None, "name_base": "Acme Two", "email_base": OURS,
    }  # fmt: skip
    # The email was changed by the practice alone: no read has written it back.
    rows = await world.rows(
        "select a.actor_name from activity a, jsonb_array_elements(changes) c where c->>'field' = 'BILLING_EMAIL'"
    )
    assert len(rows) == 1


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("order", [ORDERS[0], ORDERS[7], ORDERS[14], ORDERS[23]], ids="-".join)
async def test_a_value_typed_while_a_delivery_is_in_flight_is_sent_next(
    world: World, order: tuple[str, ...], at: int
) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail=OURS)
    claimed, told = await claim(world), shown(xero)
    for step, what in enumerate([*order, None]):
        if step == at:
            await change(world, contact, billingEmail="typed@x.nz")
        if what:
            await (answer(world, claimed, told[what]) if what == "answer" else read(world, told[what]))
    await settle(world, told["renamed"])
    now = await end(world)
    assert (now["name"], now["billing_email"], now["state"], now["due"]) == (
        "Acme Two",
        "typed@x.nz",
        "PENDING",
        True,
    )
    assert (await claim(world)).members == claimed.members


@pytest.mark.parametrize(
    "order", [o for o in ORDERS if o.index("webhook") < o.index("renamed")], ids="-".join
)
async def test_the_history_keeps_a_value_that_xero_held_for_a_moment_during_our_write(
    world: World, order: tuple[str, ...]
) -> None:
    """A page that was requested before our write shows an email of a person in Xero, which our write overwrote."""
    contact, xero = await linked(world)
    await change(world, contact, billingEmail=OURS)
    claimed, told = await claim(world), shown(xero)
    told["before"] = snapshot(xero, "Acme", "lived@x.nz", updated=5, asked=9)
    for what in order:
        await (answer(world, claimed, told[what]) if what == "answer" else read(world, told[what]))
    await settle(world, told["renamed"])
    now = await end(world)
    assert (now["name"], now["billing_email"], now["state"], now["notes"]) == ("Acme Two", OURS, "SYNCED", {})
    assert "lived@x.nz" in await lost(world)


async def test_a_read_during_a_delivery_does_not_decide_about_the_fields_in_flight(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail=OURS)
    await claim(world)
    await read(world, snapshot(xero, "Acme Two", "theirs@x.nz", updated=12, asked=13))
    now = await end(world)
    assert (now["name"], now["billing_email"], now["email_base"]) == ("Acme Two", OURS, OLD)
    assert now["notes"] == {"BILLING_EMAIL": ["theirs@x.nz"]}
    assert now["read_owed_at"] is not None


async def test_a_freed_delivery_reads_the_contact_before_it_is_claimed_again(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail=OURS)
    claimed = await claim(world)
    theirs = snapshot(xero, "Acme", "theirs@x.nz", updated=12, asked=13)
    await read(world, theirs)
    async with world.tx() as tx:
        await contact_deliveries.free(tx, claimed)
    assert (await claim_due(world)) is None  # not before it has been read
    async with world.tx() as tx:
        due = await single_reads.claim(tx, world.organisation, 40)
    assert due is not None
    assert list(due.ids) == [xero]
    async with world.tx() as tx:
        await single_reads.settle(tx, due, tx.now, [theirs])
    now = await end(world)
    # The practice's edit is not later than Xero's snapshot: Xero, the ledger, wins, and the loser can be found.
    assert (now["billing_email"], now["notes"], now["due"]) == ("theirs@x.nz", {}, False)
    assert OURS in await lost(world)


async def test_a_single_read_is_due_again_after_its_worker_died(world: World) -> None:
    _, xero = await linked(world)
    async with world.tx() as tx:
        await tx.run("update xero_contact set read_due_at = :now")
    async with world.tx() as tx:
        assert await single_reads.claim(tx, world.organisation, 40) is not None
    async with world.tx() as tx:
        assert await single_reads.claim(tx, world.organisation, 40) is None
    world.database.clock.time += single_reads.LEASE + timedelta(seconds=1)  # type: ignore[attr-defined]
    async with world.tx() as tx:
        again = await single_reads.claim(tx, world.organisation, 40)
    assert again is not None
    assert list(again.ids) == [xero]
