"""Promise 8 with names, which are unique in Xero: every order of renames and sends has the same result."""

import asyncio
from itertools import permutations
from uuid import UUID

import pytest

from domain.actions import retry as retry_action
from domain.contacts import edits as contact_edits
from domain.matching import issues
from tests.domain.world import as_given
from tests.workers.linked import Linked


async def some(linked: Linked, count: int) -> list[tuple[UUID, str]]:
    rows = await linked.here.world.rows(
        "select l.contact_id, x.name from sync_link l join xero_contact x on x.id = l.xero_contact_id"
        " where l.state = 'SYNCED' order by l.contact_id limit :n",
        n=count,
    )
    return [(row["contact_id"], row["name"]) for row in rows]


async def rename(linked: Linked, contact: UUID, name: str) -> None:
    async with linked.here.world.tx() as tx, issues.evaluating(tx) as touched:
        await contact_edits.change(tx, contact, as_given({"name": name}))
        touched.add(contact)


async def sent(linked: Linked) -> None:
    """Send with two workers at once, and recover answers lost on a busy machine."""
    await asyncio.gather(linked.send(), linked.send())
    await linked.recover()
    await linked.send()


async def mirrored(linked: Linked) -> dict[UUID, tuple[str, str]]:
    rows = await linked.here.world.rows(
        "select l.contact_id, l.state, x.name from sync_link l join xero_contact x on x.id = l.xero_contact_id"
    )
    return {row["contact_id"]: (row["state"], row["name"]) for row in rows}


async def test_a_chain_of_renames_reaches_xero_in_any_order_of_typing(linked: Linked) -> None:
    for turn, order in enumerate(permutations(range(3))):
        chain = await some(linked, 3)
        wanted = [f"Quite New {turn} Ltd", chain[0][1], chain[1][1]]
        for n in order:
            await rename(linked, chain[n][0], wanted[n])
        await sent(linked)
        after = await mirrored(linked)
        assert [after[contact] for contact, _ in chain] == [("SYNCED", name) for name in wanted], order


@pytest.mark.parametrize("corrected", [0, 1])
async def test_a_swap_of_names_is_shown_and_ends_when_one_is_renamed_and_the_other_retried(
    linked: Linked, corrected: int
) -> None:
    (one, first), (other, second) = await some(linked, 2)
    pair = [(one, second), (other, first)]
    for contact, name in reversed(pair) if corrected else pair:
        await rename(linked, contact, name)
    await sent(linked)
    assert {(await mirrored(linked))[contact][0] for contact in (one, other)} == {"FAILING"}
    assert await linked.writes() == 0
    await rename(linked, pair[corrected][0], "Out Of The Way Ltd")
    await sent(linked)
    after = await mirrored(linked)
    assert after[pair[corrected][0]] == ("SYNCED", "Out Of The Way Ltd")
    async with linked.here.world.tx() as tx:
        await retry_action.retry(tx, organisation_id=linked.here.world.organisation)
    await sent(linked)
    assert (await mirrored(linked))[pair[1 - corrected][0]] == ("SYNCED", pair[1 - corrected][1])
