"""'Not the same' decisions survive deletion and re-creation of either contact, and store no value."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from domain.actions import delete as delete_action
from domain.actions import erase as erase_action
from domain.actions import unsync as unsync_action
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.merge import Winner
from domain.fields.values import SeenContact
from domain.links import ending
from domain.links import starting as link_starting
from domain.links.starting import Pair
from domain.matching import issues
from domain.tables import LinkOrigin, Organisation, Side, XeroContactStatus
from runtime.database import Database
from tests.database import rows_of
from tests.domain.linked import LATER, change, linked, read_delta
from tests.domain.world import World, make_world, seen

GONE = XeroContactStatus.ARCHIVED


def acme(xero: UUID | None = None, *, hours: int = 0, **changed: object) -> SeenContact:
    given = {"name": "Acme", "email": "a@x.nz", **changed}
    return seen(**given, xero_id=xero, updated_at=LATER + timedelta(hours=hours))  # type: ignore[arg-type]  # seen()'s own


async def apart(world: World) -> tuple[UUID, UUID]:
    """Acme, once linked and then unsynced: the contact's id, and Xero's."""
    contact, xero = await linked(world)
    [link] = await world.rows("select id from sync_link")
    async with world.tx() as tx:
        await issues.each(tx, [link["id"]], lambda key: unsync_action.unsync(tx, key))
    return contact, xero


async def delete(world: World, contact: UUID) -> None:
    async with world.tx() as tx:
        [done] = await issues.each(tx, [contact], lambda key: delete_action.delete(tx, key, reimport=True))
        assert not isinstance(done, Exception)


async def linked_with(world: World, contact: UUID) -> list[UUID]:
    rows = await world.rows(
        "select x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
        " where l.contact_id = :contact and l.state not in ('UNSYNCED', 'BROKEN')",
        contact=contact,
    )
    return [row["xero_contact_id"] for row in rows]


async def asked(world: World) -> int:
    return len(await world.rows("select 1 from match_issue where state = 'OPEN'"))


async def pairs(world: World) -> set[tuple[UUID, UUID, bool]]:
    rows = await world.rows(
        "select xero_contact_id, contact_id, contact_hash is not null as gone from set_apart"
    )
    return {(row["xero_contact_id"], row["contact_id"], row["gone"]) for row in rows}


@pytest.mark.parametrize("renamed", [False, True])
async def test_a_kept_apart_pair_is_not_matched_after_the_contact_was_recreated(
    world: World, renamed: bool
) -> None:
    contact, xero = await apart(world)
    name = "Acme"
    if renamed:  # what it was called when it went counts
        name = "Acme Holdings"
        await change(world, contact, name=name)
    await delete(world, contact)
    anew = await world.contact(name, "a@x.nz")
    await read_delta(world, acme(xero, name=name))
    assert (await linked_with(world, anew.id), await asked(world)) == ([], 0)
    [own] = await world.rows("select contact_id from sync_link")
    assert (await linked_with(world, own["contact_id"])) == [xero], "it has a contact of its own"
    assert (xero, own["contact_id"], False) not in await pairs(world)


async def test_a_kept_apart_pair_is_not_matched_after_another_organisation_recreated_the_contact(
    world: World,
) -> None:
    contact, xero = await apart(world)
    await delete(world, contact)
    other = await world.contact("Other", "other@x.nz")
    async with world.tx() as tx:
        present = await tx.session.get_one(Organisation, (world.workspace, world.organisation))
        second = Organisation(
            **present.model_dump() | {"id": uuid4(), "tenant_id": uuid4(), "name": "Second"}
        )
        tx.session.add(second)
    [there] = await replace(world, organisation=second.id).shown(acme())
    async with world.tx() as tx:
        pair = Pair(other.id, there, LinkOrigin.CONFIRMED, Winner.PRACTICE)
        [started] = await link_starting.start(tx, OrganisationCopy.of(second), [pair])
    for act in (unsync_action.unsync, partial(unsync_action.create_from_unsynced, basis=Side.XERO)):
        async with world.tx() as tx:
            [done] = await issues.each(tx, [started.link_id], partial(act, tx))
            assert not isinstance(done, Exception)
    [anew] = await world.rows("select id from contact where name = 'Acme'")
    await read_delta(world, acme(xero))
    assert xero not in await linked_with(world, anew["id"])
    assert (xero, contact, True) not in await pairs(world)


async def test_a_new_contact_that_shares_only_name_or_email_is_not_kept_apart(world: World) -> None:
    contact, xero = await apart(world)
    await delete(world, contact)
    await world.contact("Acme", "other@x.nz")
    await read_delta(world, acme(xero))
    assert await asked(world) == 1


async def test_a_twin_that_existed_before_the_deletion_is_not_kept_apart(world: World) -> None:
    contact, xero = await apart(world)
    await world.contact("Acme", "a@x.nz")
    await delete(world, contact)
    await read_delta(world, acme(xero))
    [link] = await world.rows("select contact_id from sync_link where state = 'SYNCED'")
    assert link["contact_id"] != contact, "a full match with who was never set apart"


async def test_a_kept_apart_pair_is_not_matched_after_xero_recreated_its_contact(world: World) -> None:
    contact, xero = await apart(world)
    anew = acme(hours=2)
    await read_delta(world, acme(xero, hours=1, status=GONE), anew)
    assert (await linked_with(world, contact), await asked(world)) == ([], 0)
    assert {pair[:2] for pair in await pairs(world)} == {(xero, contact), (anew.xero_contact_id, contact)}


async def test_a_twin_in_xero_is_not_kept_apart_while_the_first_xero_contact_exists(world: World) -> None:
    _, xero = await apart(world)
    twin = acme(hours=1)
    await read_delta(world, acme(xero), twin)
    assert await asked(world) == 1


async def test_a_kept_apart_pair_is_not_matched_after_both_sides_were_recreated(world: World) -> None:
    contact, xero = await apart(world)
    await delete(world, contact)
    await world.shown(acme(xero, hours=1, status=GONE), acme(hours=2))
    anew = await world.contact("Acme", "a@x.nz")
    await read_delta(world)
    assert (await linked_with(world, anew.id), await asked(world)) == ([], 0)


async def test_a_merge_in_xero_moves_the_kept_apart_decision_of_a_deleted_contact(world: World) -> None:
    contact, xero = await apart(world)
    await delete(world, contact)
    survivor = acme(hours=1, name="Survivor", email="s@x.nz")
    merged = replace(acme(xero, hours=1, status=GONE), merged_to=survivor.xero_contact_id)
    await read_delta(world, merged, survivor)
    assert {pair[0] for pair in await pairs(world)} == {survivor.xero_contact_id}


async def test_linking_a_kept_apart_pair_ends_the_decision(world: World) -> None:
    contact, xero = await apart(world)
    await delete(world, contact)
    anew = await world.contact("Acme", "a@x.nz")
    async with world.tx() as tx:
        [row] = await rows_of(tx, "select id from xero_contact where xero_contact_id = :xero", xero=xero)
        await ending.end_contradicting(tx, world.organisation, anew.id, row["id"])
    assert await pairs(world) == set()


async def test_the_hash_holds_no_value_and_differs_between_workspaces(
    world: World, matching_database: Database
) -> None:
    hashes = []
    for one in (world, await make_world(matching_database)):
        contact, _ = await apart(one)
        await delete(one, contact)
        [row] = await one.rows("select contact_hash, row_to_json(a)::text as text from set_apart a")
        hashes.append(row["contact_hash"])
        assert "acme" not in row["text"].lower()
    assert hashes[0] != hashes[1]
    assert len(hashes[0]) == 32


@pytest.mark.parametrize("forgotten", ["erased", "erased when made anew", "forgotten in Xero"])
async def test_a_gdpr_request_deletes_the_hash_of_the_pair(world: World, forgotten: str) -> None:
    contact, xero = await apart(world)
    if forgotten != "erased":
        await delete(world, contact)
    if forgotten == "erased when made anew":
        contact = (await world.contact("Acme", "a@x.nz")).id
    if forgotten == "forgotten in Xero":
        await read_delta(world, acme(xero, hours=1, status=XeroContactStatus.GDPR_REQUEST))
    else:
        async with world.tx() as tx, issues.evaluating(tx):
            await erase_action.erase(tx, contact)
    assert await pairs(world) == set()


async def test_erasing_a_renamed_contact_deletes_the_hash_of_its_first_name(world: World) -> None:
    contact, _ = await apart(world)
    await delete(world, contact)
    anew = (await world.contact("Acme", "a@x.nz")).id
    await change(world, anew, name="Acme Holdings")
    async with world.tx() as tx, issues.evaluating(tx):
        await erase_action.erase(tx, anew)
    assert await pairs(world) == set()


async def test_repeated_deletion_and_recreation_keeps_one_row(world: World) -> None:
    contact, xero = await apart(world)
    for _ in range(3):
        await delete(world, contact)
        contact = (await world.contact("Acme", "a@x.nz")).id
    assert await pairs(world) == {(xero, contact, False)}
