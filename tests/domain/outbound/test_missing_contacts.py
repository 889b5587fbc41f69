"""A Xero contact that Xero does not show any more: its link says so, and what waited for its name or its match goes on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.fields.values import SeenContact
from domain.inbound import single_reads
from domain.links import failures
from domain.mirror.unreadable import UnreadableContact
from domain.outbound import freshness, status_deliveries
from tests.domain.announced import later
from tests.domain.linked import change, claim, linked, read_delta, refuse
from tests.domain.outbound.names import TAKEN, own_link, pushed, scan
from tests.domain.world import World, seen

SHOWN = ("SYNCED", None, None)
MISSING = ("FAILING", "INVALID_IN_XERO", "IN_XERO")


async def says(world: World) -> tuple[object, object, object]:
    [row] = await world.rows(
        "select state, failure->>'code' as code, failure->>'remedy' as remedy from sync_link order by contact_number limit 1"
    )
    return row["state"], row["code"], row["remedy"]


async def read_due(
    world: World, *shown: SeenContact, unreadable: Sequence[UnreadableContact] = ()
) -> list[UUID]:
    """The single reads that are due show these. Returns Xero's ids of the contacts that were asked for."""
    async with world.tx() as tx:
        claimed = await single_reads.claim(tx, world.organisation, 40)
        asked = tx.now
    if claimed is None:
        return []
    async with world.tx() as tx:
        await single_reads.settle(
            tx, claimed, asked, [replace(one, seen_at=asked) for one in shown], unreadable
        )
    return list(claimed.ids)


async def missed(world: World) -> UUID:
    """Acme, linked, which a scan has not shown: Xero's id."""
    _, xero = await linked(world)
    later(world, timedelta(hours=1))
    await scan(world)
    return xero


def acme(xero: UUID) -> SeenContact:
    return seen("Acme", "a@x.nz", xero_id=xero)


async def test_a_link_whose_contact_a_scan_and_a_read_by_itself_do_not_show_says_so(world: World) -> None:
    xero = await missed(world)
    assert await says(world) == SHOWN  # one contact can move from page to page under a scan
    assert await read_due(world) == [xero]
    assert await says(world) == MISSING
    link = await own_link(world)
    assert isinstance(link["failure"], dict)
    assert link["failure"]["message"] == failures.NOT_SHOWN
    assert (link["due_at"], link["next_attempt_at"]) == (None, None)  # nothing is to be sent
    later(world, timedelta(days=1))
    await scan(world)
    assert await read_due(world) == []
    assert await world.rows("select count(*) as told from activity where kind = 'FAILED'") == [{"told": 1}]


@pytest.mark.parametrize("how", ["scan", "delta", "read"])
async def test_a_link_goes_on_once_xero_shows_its_contact_again_without_a_change(
    world: World, how: str
) -> None:
    xero = await missed(world)
    if how == "read":  # the scan was wrong
        await read_due(world, acme(xero))
        assert await says(world) == SHOWN
        return
    await read_due(world)
    later(world, timedelta(days=1))
    await (scan if how == "scan" else read_delta)(world, acme(xero))
    assert await says(world) == SHOWN


async def test_a_contact_whose_data_cannot_be_read_is_not_missing(world: World) -> None:
    xero = await missed(world)
    await read_due(world, unreadable=[UnreadableContact(xero, "ValueError")])
    assert await says(world) == SHOWN


async def test_a_link_that_was_missing_before_this_rule_is_read_at_the_next_scan(world: World) -> None:
    xero = await missed(world)
    async with world.tx() as tx:
        await tx.run("update xero_contact set read_due_at = null where workspace_id = :ws")
    later(world, timedelta(days=1))
    await scan(world)
    assert await read_due(world) == [xero]
    assert await says(world) == MISSING


async def test_a_person_who_tries_a_missing_contact_again_gets_the_same_answer(world: World) -> None:
    xero = await missed(world)
    await read_due(world)
    link = (await own_link(world))["id"]
    assert isinstance(link, UUID)
    async with world.tx() as tx:
        await failures.try_again(tx, link)
    assert await claim(world) is None  # the read comes first
    assert (await says(world))[0] == "PENDING"
    assert await read_due(world) == [xero]
    assert await says(world) == MISSING
    later(world, failures.IN_XERO_AGAIN)
    assert await claim(world) is None
    assert await says(world) == MISSING


async def not_shown(world: World, xero: UUID, how: str) -> None:
    """A read by itself does not show the contact, for which a person waits: a change, or a wish to archive it."""
    if how == "status":
        [row] = await world.rows("select id from xero_contact where missing_since is null limit 1")
        async with world.tx() as tx:
            await status_deliveries.not_shown(tx, world.organisation, [row["id"]])
        return
    for _ in range(freshness.READS_UNTIL_FAILURE):
        async with world.tx() as tx:
            await freshness.settle_alone(tx, world.organisation, freshness.Batch(), [xero], [])
        later(world, freshness.FRESH)


@pytest.mark.parametrize("how", ["change", "status"])
async def test_what_depends_on_a_contact_goes_on_once_reads_by_themselves_do_not_show_it(
    world: World, how: str
) -> None:
    waiting = await world.contact("Acme 🎉")
    await pushed(world, waiting.id)
    await refuse(world, TAKEN)
    holder, xero = await linked(world)
    refused = "select state from sync_link where contact_number is not null"
    assert await world.rows(refused) == [{"state": "FAILING"}]
    await change(world, holder, billingEmail="ours@x.nz")
    await not_shown(world, xero, how)
    await read_delta(world)
    assert await world.rows(refused) == [{"state": "PENDING"}]
    assert await claim(world) is not None
