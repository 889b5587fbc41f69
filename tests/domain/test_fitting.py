"""What Xero would not take is refused where it is typed, if the contact is linked."""

import pytest

from domain import contacts, issues
from domain.problems import Code, Refused
from tests import make
from tests.domain.world import World

LONG = "😀" * 128  # 128 characters here, 256 where Xero counts


async def change(world: World, contact_id: object, **given: object) -> None:
    async with world.tx() as tx, issues.judging(tx):
        await contacts.change(tx, contact_id, given)  # type: ignore[arg-type]  # a UUID


async def test_a_value_that_xero_would_find_too_long_is_refused_for_a_linked_contact(world: World) -> None:
    await make.linked(world)
    [row] = await world.rows("select contact_id from sync_link")
    with pytest.raises(Refused) as refused:
        await change(world, row["contact_id"], name=LONG)
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == (Code.TOO_LONG, ("name",))
    [kept] = await world.rows("select name from contact")
    assert kept["name"] == "Kauri Joinery Ltd"


async def test_an_unlinked_contact_keeps_it(world: World) -> None:
    contact = await world.contact("Free", None)
    await change(world, contact.id, name=LONG)
    [kept] = await world.rows("select name from contact")
    assert kept["name"] == LONG


async def test_what_was_there_before_does_not_keep_other_fields_from_changing(world: World) -> None:
    await make.linked(world)
    [row] = await world.rows("update contact set name = :long returning id", long=LONG)
    await change(world, row["id"], billingEmail="new@x.nz")
    [kept] = await world.rows("select billing_email from contact")
    assert kept["billing_email"] == "new@x.nz"
