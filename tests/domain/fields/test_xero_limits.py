"""A value that Xero would refuse is refused when a linked contact is edited, and when a person sends a contact."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from domain.actions import push as push_action
from domain.actions import unsync as unsync_action
from domain.actions.push import Wish
from domain.contacts import edits as contact_edits
from domain.fields.values import PostalAddress
from domain.matching import issues
from domain.problems import Code, Problem, Refused
from domain.tables import Side, SyncedField
from domain.tx import Tx
from tests import make
from tests.domain.world import World, as_given, seen

LONG = "😀" * 128  # 128 characters here, 256 where Xero counts


async def change(world: World, contact_id: object, **given: object) -> None:
    async with world.tx() as tx, issues.evaluating(tx):
        await contact_edits.change(tx, contact_id, as_given(given))  # type: ignore[arg-type]  # a UUID


async def test_a_value_that_is_too_long_for_xero_is_refused_for_a_linked_contact(world: World) -> None:
    await make.linked(world)
    [row] = await world.rows("select contact_id from sync_link")
    with pytest.raises(Refused) as refused:
        await change(world, row["contact_id"], name=LONG)
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == (Code.TOO_LONG, ("name",))
    [kept] = await world.rows("select name from contact")
    assert kept["name"] == "Kauri Joinery Ltd"


WRONG = [
    ("name", "Jo <jo> Ltd"),
    ("billingEmail", "jö@kauri.example"),
    ("billingAddress", {"lines": ["1 High St"], "country": "Côte d'Ivoire"}),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
async def test_a_value_that_is_invalid_in_xero_is_refused_for_a_linked_contact(
    world: World, name: str, value: Any
) -> None:
    await make.linked(world)
    [row] = await world.rows("select contact_id from sync_link")
    with pytest.raises(Refused) as refused:
        await change(world, row["contact_id"], **{name: value})
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == (Code.INVALID, (name,))
    assert problem.message.startswith("Xero ")


async def test_an_invalid_country_that_came_from_xero_does_not_block_other_edits(world: World) -> None:
    await world.shown(
        seen("Kauri", address=PostalAddress(("1 Rue",), city="Abijan", country="Côte d'Ivoire"))
    )
    await world.import_mirror()
    [row] = await world.rows("select contact_id from sync_link")
    address = {"lines": ["1 Rue"], "city": "Abidjan", "country": "Côte d'Ivoire"}
    await change(world, row["contact_id"], name="Kauri Ltd", billingAddress=address)
    [link] = await world.rows("select state, due_at is not null as due from sync_link")
    assert link == {"state": "PENDING", "due": True}
    with pytest.raises(Refused) as refused:
        await change(world, row["contact_id"], billingAddress={**address, "country": "Réunion"})
    assert [problem.code for problem in refused.value.problems] == [Code.INVALID]
    await change(world, row["contact_id"], billingAddress={**address, "country": "Ivory Coast"})


@pytest.mark.parametrize(("name", "value"), WRONG)
async def test_a_push_refuses_a_value_that_is_invalid_in_xero(world: World, name: str, value: Any) -> None:
    contact = await world.contact("Free", None)
    await change(world, contact.id, **{name: value})
    wish = Wish(contact.id, world.organisation)
    [problem] = await refusal(world, lambda tx: push_action.push(tx, wish))
    assert (problem.code, problem.path) == (Code.INVALID, ("contactId",))
    assert problem.message.endswith("Change the contact first.")
    assert await world.rows("select 1 from sync_link") == []
    assert await world.rows("select 1 from push") == []


async def refusal(world: World, act: Callable[[Tx], Awaitable[issues.Touching]]) -> tuple[Problem, ...]:
    async with world.tx() as tx:
        [result] = await issues.each(tx, [act], lambda one: one(tx))
    assert isinstance(result, Refused), result
    return result.problems


async def unsynced_and_renamed(world: World, name: str) -> tuple[UUID, UUID]:
    """An UNSYNCED link, whose contact got this name since, and its contact."""
    link = await make.linked(world)
    async with world.tx() as tx:
        await issues.each(tx, [link], lambda one: unsync_action.unsync(tx, one))
    [row] = await world.rows("select contact_id from sync_link")
    await change(world, row["contact_id"], name=name)
    return link, row["contact_id"]


async def test_a_rematch_refuses_only_values_that_it_would_send(world: World) -> None:
    link, _ = await unsynced_and_renamed(world, "Jo <jo> Ltd")
    [problem] = await refusal(world, lambda tx: unsync_action.rematch(tx, link, winner=Side.PRACTICE))
    assert (problem.code, problem.path) == (Code.INVALID, ("linkId",))
    async with world.tx() as tx:
        [done] = await issues.each(tx, [link], lambda one: unsync_action.rematch(tx, one, winner=Side.XERO))
    assert not isinstance(done, Refused)
    [row] = await world.rows("select c.name, l.state from sync_link l join contact c on c.id = l.contact_id")
    assert row == {"name": "Kauri Joinery Ltd", "state": "SYNCED"}


async def test_create_from_unsynced_is_refused_for_a_value_that_is_too_long_for_xero(world: World) -> None:
    link, _ = await unsynced_and_renamed(world, LONG)
    [problem] = await refusal(world, lambda tx: unsync_action.create_from_unsynced(tx, link, Side.PRACTICE))
    assert (problem.code, problem.path) == (Code.TOO_LONG, ("linkId",))
    assert await world.rows("select 1 from reimport_mark") == []


async def test_a_confirmed_match_sends_no_value_that_is_invalid_in_xero(world: World) -> None:
    issue = await make.conflict(world)
    [row] = await world.rows("select contact_id from match_candidate")
    await change(world, row["contact_id"], billingEmail="jö@kauri.example")
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx, issues.evaluating(tx):
            await issues.confirm(tx, issue, row["contact_id"], keep_practice=[SyncedField.BILLING_EMAIL])
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == (Code.INVALID, ("contactId",))
    async with world.tx() as tx, issues.evaluating(tx):
        await issues.confirm(tx, issue, row["contact_id"])


async def test_an_unlinked_contact_may_have_a_value_that_is_too_long_for_xero(world: World) -> None:
    contact = await world.contact("Free", None)
    await change(world, contact.id, name=LONG)
    [kept] = await world.rows("select name from contact")
    assert kept["name"] == LONG


async def test_an_old_value_that_is_too_long_for_xero_does_not_block_other_edits(world: World) -> None:
    await make.linked(world)
    [row] = await world.rows("update contact set name = :long returning id", long=LONG)
    await change(world, row["id"], billingEmail="new@x.nz")
    [kept] = await world.rows("select billing_email from contact")
    assert kept["billing_email"] == "new@x.nz"
