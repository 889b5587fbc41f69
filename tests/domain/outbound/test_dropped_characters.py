"""A text of which Xero stores a part: the practice keeps its own, and nothing is sent again."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.fields.dropped import is_stored_form, stored_otherwise
from domain.fields.phones import PhoneParts
from domain.fields.values import PostalAddress, SeenContact, Value
from domain.outbound import contact_deliveries
from domain.tables import SyncedField
from tests.domain.linked import LATER, answer, change, claim, linked, read_delta, state
from tests.domain.world import World, seen

PHONE = PhoneParts("64", "9", "1112222")
NAME, ADDRESS = SyncedField.NAME, SyncedField.BILLING_ADDRESS


@pytest.mark.parametrize(
    ("practice", "xero"),
    [
        ("Café 🎉", "Café"),
        ("🎉Café🎂 Ltd", "Café Ltd"),
        ("Café 🎉", "Café ??"),
        ("Café 🎉", "Café \ufffd"),
        ("A 👩\u200d👩\u200d👧 B", "A B"),
        ("A ❤\ufe0f B", "A B"),
        ("Acme™ 🎉", "Acme™"),  # Xero keeps what lies in Unicode's basic plane
        ("𠮷野家", "野家"),
        ("🎉", None),
        (PostalAddress(("1 High St 🏠",), "Ōtaki"), PostalAddress(("1 High St",), "Ōtaki")),
    ],
)
def test_xero_stores_it_without_them(practice: Value, xero: Value) -> None:
    field = ADDRESS if isinstance(practice, PostalAddress) else NAME
    assert is_stored_form(field, practice, xero, "NZ")


@pytest.mark.parametrize(
    ("practice", "xero"),
    [("Café", "Cafe"), ("Café 🎉", "Cafe"), ("Café 🎉", "Café 🎂"), ("Café", "Café 🎉"), ("A 🎉", "B"), ("Café", "Café?")],
)  # fmt: skip
def test_another_value_is_another_value(practice: Value, xero: Value) -> None:
    assert not is_stored_form(NAME, practice, xero, "NZ")


def test_people_read_what_xero_stores() -> None:
    said = stored_otherwise("name", "Café 🎉", "Café")
    assert said.startswith("Xero stores the name as “Café”, without the emoji.")
    assert "without some characters" in stored_otherwise("name", "𠮷野家", "野家")
    assert "as a blank" in stored_otherwise("name", "🎉", None)


def shown(xero: UUID, name: str = "Café", email: str = "a@x.nz", minutes: int = 0) -> SeenContact:
    return seen(name, email, phone=PHONE, xero_id=xero, updated_at=LATER + timedelta(minutes=minutes))


async def sent(world: World) -> list[object]:
    return [row["sent"] for row in await world.rows("select sent from delivery_member where open")]


async def in_step(world: World) -> None:
    now = await state(world)
    assert (now["name"], now["state"], now["due"], now["conflicts"]) == ("Café 🎉", "SYNCED", False, [])
    assert await claim(world) is None


async def test_the_practice_keeps_its_value_and_nothing_is_sent_again(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Café 🎉")
    claimed = await claim(world)
    assert claimed is not None
    await answer(world, claimed, replace(shown(xero), warnings=("The name was shortened.",)))
    await in_step(world)
    assert await world.rows("select warnings from sync_link") == [{"warnings": ["The name was shortened."]}]
    await read_delta(world, shown(xero, email="b@x.nz", minutes=5))  # somebody edits another field in Xero
    await in_step(world)
    await change(world, contact, primaryPhone="09 379 1234")
    assert await claim(world) is not None
    [written] = await sent(world)
    assert written == {"PRIMARY_PHONE": "09 379 1234"}


async def test_an_edit_of_the_name_in_xero_still_comes_over(world: World) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Café 🎉")
    claimed = await claim(world)
    assert claimed is not None
    await answer(world, claimed, shown(xero))
    await read_delta(world, shown(xero, "Café Deluxe", minutes=5))
    assert (await state(world))["name"] == "Café Deluxe"


@pytest.mark.parametrize("way", ["read", "delta"])
async def test_nor_is_it_lost_where_the_answer_was_lost(world: World, way: str) -> None:
    contact, xero = await linked(world)
    await change(world, contact, name="Café 🎉")
    claimed = await claim(world)
    assert claimed is not None
    async with world.tx() as tx:
        if way == "read":
            await contact_deliveries.settle_read(tx, claimed, {claimed.members[0]: shown(xero)})
        else:
            await contact_deliveries.free(tx, claimed)
    if way == "delta":
        await read_delta(world, shown(xero))
    await in_step(world)
