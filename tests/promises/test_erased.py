"""Promise: after an erasure no table holds a personal value, and no later read of Xero stores one again."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.actions import erase as erase_action
from domain.actions import push as push_action
from domain.fields.identifiers import Identifier
from domain.fields.phones import PhoneParts
from domain.fields.values import PostalAddress, SeenContact
from domain.matching import issues
from domain.outbound import contact_deliveries
from domain.tables import IdentifierKind, LinkOrigin, SyncState
from tests.domain.linked import LATER, change, read_delta
from tests.domain.world import World, seen

# Found in no other value: of both sides, typed, overwritten and refused ones.
PERSONAL = ("zyxona", "quivver", "7654321", "brindle", "wexfold", "49098576", "51824753556")


async def held(owner: AsyncConnection) -> list[tuple[str, str]]:
    """Each table that holds a personal value, and which; the owner sees every row, bytes as hexadecimal digits."""
    tables = await owner.exec_driver_sql(
        "select format('%I', tablename) from pg_tables where schemaname = 'public'"
    )
    found = []
    for (table,) in tables.all():
        rows = (await owner.exec_driver_sql(f"select t::text from {table} t")).all()
        text = json.dumps([row[0] for row in rows]).lower()
        found += [(table, value) for value in PERSONAL if value in text or value.encode().hex() in text]
    return found


def shown(xero: UUID, name: str = "Zyxona Quivver", *, hours: int = 1) -> SeenContact:
    return seen(
        name, "zyxona@quivver.example", phone=PhoneParts("64", "21", "7654321"),
        address=PostalAddress(("1 Brindle Street",), city="Wexfold"), xero_id=xero,
        updated_at=LATER + timedelta(hours=hours), company_number="51824753556",
    )  # fmt: skip


async def erase(world: World, contact: UUID) -> erase_action.Erased:
    async with world.tx() as tx, issues.evaluating(tx):
        return await erase_action.erase(tx, contact)


async def lived(world: World) -> tuple[UUID, UUID]:
    """A linked contact with a past: changed on both sides, with a write under way that other changes wait behind."""
    number = Identifier(IdentifierKind.OTHER, "49098576")
    contact = await world.contact("Zyxona Quivver", "old@quivver.example", identifiers=[number])
    xero = uuid4()
    await read_delta(world, shown(xero, hours=0))
    issue = (await world.rows("select id from match_issue where workspace_id = :ws"))[0]["id"]
    async with world.tx() as tx:
        await issues.confirm(tx, issue, contact.id)
    await change(world, contact.id, name="Zyxona Brindle", billingEmail="z@wexfold.example")
    async with world.tx() as tx:
        claimed = await contact_deliveries.claim(
            tx, await world.read_organisation(tx), lambda _, chosen: (b"zyxona of wexfold", {})
        )
    assert claimed is not None
    await read_delta(world, shown(xero, "Zyxona Wexfold"))
    await change(world, contact.id, primaryPhone="021 765 4321")
    return contact.id, xero


async def test_nothing_of_an_erased_contact_is_left_or_comes_back(
    world: World, owner: AsyncConnection
) -> None:
    contact, xero = await lived(world)
    assert {value for _, value in await held(owner)} == set(PERSONAL)
    erased = await erase(world, contact)
    assert erased.left_in_xero == (("Demo Company", xero),)
    assert await held(owner) == []
    await read_delta(world, shown(xero, hours=2))
    await world.import_mirror()
    assert await held(owner) == []
    assert (
        await world.rows("select 1 from contact")
        == await world.rows("select 1 from match_issue where state = 'OPEN'")
        == []
    )


async def test_a_push_that_arrives_after_the_erasure_leaves_no_value(
    world: World, owner: AsyncConnection
) -> None:
    contact = await world.contact("Zyxona Quivver", "zyxona@quivver.example")
    async with world.tx() as tx, issues.evaluating(tx):
        await push_action.push(tx, push_action.Wish(contact.id, world.organisation))
    [link] = await world.rows("select contact_number, state, origin from sync_link")
    assert (link["state"], link["origin"]) == (SyncState.PENDING, LinkOrigin.PUSHED_TO_XERO)
    await erase(world, contact.id)
    late = shown(uuid4())
    object.__setattr__(late, "contact_number", link["contact_number"])
    await read_delta(world, late)
    assert await held(owner) == []
    assert await world.rows("select 1 from contact") == []


async def test_erasing_a_contact_keeps_values_of_other_contacts(world: World, owner: AsyncConnection) -> None:
    contact, _ = await lived(world)
    other = await world.contact("Somebody Else", "else@x.nz")
    await erase(world, contact)
    assert [row["id"] for row in await world.rows("select id from contact")] == [other.id]
    [told] = await world.rows("select message from activity where contact_id = :id", id=other.id)
    assert told["message"] == "Somebody Else was created."
    kept = await world.rows("select distinct message from activity where contact_id = :id", id=contact)
    assert kept == [{"message": erase_action.ERASED}]
