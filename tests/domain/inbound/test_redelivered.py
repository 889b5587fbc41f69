"""Promise 4: a snapshot that comes twice, late or in another order changes nothing more."""

import random
from typing import Any

import pytest

from domain.inbound import imports
from domain.tables import RunPurpose, XeroContactStatus
from tests.domain.history import OURS, TOLD, claim, read, settle, shown
from tests.domain.linked import LATER, answer, change, linked, read_delta
from tests.domain.world import World, seen

# All that people see or that is sent; of the mirror what Xero showed, not when it was looked at.
SHOWN = {
    "contact": "*",
    "sync_link": "*",
    "match_issue": "*",
    "match_candidate": "*",
    "activity": "*",
    "set_apart": "*",
    "reimport_mark": "*",
    "delivery_member": "*",
    "xero_contact": "name, email, phone, billing_address, status, merged_to, updated_at, value_times, dirty, doubted_at",
}


async def everything(world: World) -> dict[str, list[dict[str, Any]]]:
    found = {table: await world.rows(f"select {columns} from {table}") for table, columns in SHOWN.items()}
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


@pytest.mark.parametrize("seed", range(6))
async def test_a_history_delivered_again_in_any_order_changes_nothing(world: World, seed: int) -> None:
    rng = random.Random(seed)
    contact, xero = await linked(world)
    await change(world, contact, billingEmail=OURS)
    claimed, told = await claim(world), shown(xero)
    for what in TOLD:
        await (answer(world, claimed, told[what]) if what == "answer" else read(world, told[what]))
    await settle(world, told["renamed"])
    before = await everything(world)
    again = [*TOLD, *TOLD]
    rng.shuffle(again)
    for what in again:
        await (answer(world, claimed, told[what]) if what == "answer" else read(world, told[what]))
    assert await everything(world) == before


async def test_each_delta_delivered_twice_ends_as_if_delivered_once(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, billingEmail=OURS)
    claimed, told = await claim(world), shown(xero)
    for what in TOLD:
        for _ in range(2):
            await (answer(world, claimed, told[what]) if what == "answer" else read(world, told[what]))
    await settle(world, told["renamed"])
    [row] = await world.rows(
        "select c.name, c.billing_email, l.state, l.due_at, l.notes from contact c join sync_link l on true"
    )
    assert row == {"name": "Acme Two", "billing_email": OURS, "state": "SYNCED", "due_at": None, "notes": {}}
    assert len(await world.rows("select 1 from contact")) == 1


async def test_late_old_pages_do_not_change_a_contact_that_was_archived_and_restored(
    world: World,
) -> None:
    _, xero = await linked(world)
    pages = [
        seen("Acme", "a@x.nz", xero_id=xero, updated_at=LATER.replace(minute=n), status=status)
        for n, status in enumerate(
            [XeroContactStatus.ACTIVE, XeroContactStatus.ARCHIVED, XeroContactStatus.ACTIVE], 1
        )
    ]
    for page in pages:
        await read_delta(world, page)
    before = await everything(world)
    for page in (pages[1], pages[0], pages[1], pages[2]):
        await read_delta(world, page)
    assert await everything(world) == before


async def test_a_delta_and_each_of_its_pages_may_run_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a worker that was thought dead: its page is not settled under another's claim."""
    monkeypatch.setattr(imports, "PAGE", 2)
    await linked(world)
    await world.contact("Beta", "b@x.nz")
    page = [seen(f"Client {n}", f"c{n}@x.nz") for n in range(3)] + [seen("Beta", "other@x.nz")]
    run = await world.begin_run(RunPurpose.DELTA)
    async with world.tx() as tx:
        held = await imports.claim(tx, run.id)
    assert held is not None
    for settled in (True, False):
        async with world.tx() as tx:
            done = await imports.settle_page(
                tx, held, page, last=True, expected=len(page), server_time=tx.now
            )
        assert done is settled
    while await world.match(run.id):
        async with world.tx() as tx:  # the same page again, late
            assert not await imports.settle_page(
                tx, held, page, last=True, expected=len(page), server_time=tx.now
            )
    before = await everything(world)
    assert (len(before["contact"]), len(before["match_issue"])) == (5, 1)
    await read_delta(world, *page)
    await read_delta(world, *reversed(page))
    assert await everything(world) == before
