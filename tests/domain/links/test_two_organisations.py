"""One contact linked in two organisations: a change from one is sent to the other."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from domain.connection import organisation_copy
from domain.fields.merge import Winner
from domain.links import starting as link_starting
from domain.links.starting import Pair
from domain.tables import LinkOrigin, Organisation
from tests import make
from tests.domain.world import BEGAN, World, seen


async def linked_twice(world: World) -> dict[str, UUID]:
    """Give Xero's id of the contact in the first organisation, and the link in the second."""
    await make.linked(world)
    [first] = await world.rows(
        "select l.contact_id, x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
    )
    other = uuid4()
    async with world.tx() as tx:
        present = await tx.session.get_one(Organisation, (world.workspace, world.organisation))
        given = present.model_dump() | {"id": other, "tenant_id": uuid4(), "name": "Second"}
        tx.session.add(Organisation(**given))
    second = replace(world, organisation=other)
    [there] = await second.shown(seen("Kauri Joinery Ltd", "office@kauri.example"))
    async with world.tx() as tx:
        organisation = await organisation_copy.get(tx, other)
        pair = Pair(first["contact_id"], there, LinkOrigin.CONFIRMED, Winner.XERO)
        [started] = await link_starting.start(tx, organisation, [pair])
    return {"xero": first["xero_contact_id"], "link": started.link_id}


async def test_a_change_from_one_organisation_is_due_in_the_other(world: World) -> None:
    held = await linked_twice(world)
    renamed = seen("Renamed Ltd", "office@kauri.example", xero_id=held["xero"])
    await world.shown(replace(renamed, updated_at=BEGAN + timedelta(hours=1)))
    await world.import_mirror()
    [contact] = await world.rows("select name from contact")
    assert contact["name"] == "Renamed Ltd"
    states = await world.rows("select id, state, bulk, due_at is not null as due from sync_link")
    assert {row["id"] == held["link"]: (row["state"], row["due"]) for row in states} == {
        True: ("PENDING", True),
        False: ("SYNCED", False),
    }
    assert [row["bulk"] for row in states if row["id"] == held["link"]] == [True]


async def test_a_read_without_changes_makes_nothing_due_in_the_other_organisation(world: World) -> None:
    held = await linked_twice(world)
    await world.import_mirror()
    [row] = await world.rows("select state from sync_link where id = :id", id=held["link"])
    assert row["state"] == "SYNCED"
