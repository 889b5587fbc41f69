"""The name index in memory finds the same contacts as PostgreSQL, also while contacts change."""

import json
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from domain.actions import delete as delete_action
from domain.connection import organisation_copy
from domain.contacts import edits as contact_edits
from domain.fields.merge import Winner
from domain.links import starting as link_starting
from domain.links.starting import Pair
from domain.matching import issues, near_duplicates
from domain.matching.name_index import (
    COMMON,
    COMMON_FOR,
    MAX_CONTACTS,
    MIN_CONTACTS,
    MIN_LOOKUPS,
    NameIndex,
    keys_are_current,
    pays_off,
)
from domain.names import search_keys
from domain.names.similarity import Details
from domain.tables import Contact, LinkOrigin
from tests.database import rows_of
from tests.domain.world import Clock, World, as_given, seen
from xero.simulator.lifelike import lifelike_contacts

# As stored, whatever a name is made into before.
ODD = [
    "", " ", "a", "ab", "abc", "aaaa", "aaaaaaaa", "a b c d", "1", "42", "2degrees 2degrees", "12345678", "o'brien & co.",
    "-- // --", "_under_score_", "köhler möbel", "kohler mobel", "Köhler MÖBEL", "žluťoučký kůň", "ỹ", "ﬁne ﬂour",
    "Иван Петров", "иван петров", "Иванов Пётр", "山田太郎", "山田 太郎", "محمد علي", "मोहन लाल", "한국 상사", "🦄 unicorn 🦄",
    "x" * 300, "ab" * 150, " ".join(f"word{n}" for n in range(50)), "kauri " * 50, "ÅÄÖ" * 100, "0x12345a", "tab\tand\nline",
]  # fmt: skip


async def fill(
    world: World, names: Sequence[str | None], keys: Sequence[Sequence[str]] | None = None
) -> list[UUID]:
    """Contacts whose stored names to match by are these."""
    async with world.tx() as tx:
        rows: list[dict[str, Any]] = [
            {
                "workspace_id": world.workspace, "id": uuid4(), "name": name or "-", "kind": "PERSON", "needs_review": False,
                "created_at": tx.now, "updated_at": tx.now, "version": 1, "field_times": {},
                **search_keys.columns("-", None, None, None), "match_name": name,
                "match_keys": list(keys[at]) if keys else [],
            }
            for at, name in enumerate(names)
        ]  # fmt: skip
        await tx.session.execute(sa.insert(Contact), rows)
    return [row["id"] for row in rows]


async def read(world: World) -> NameIndex:
    async with world.tx() as tx:
        index = NameIndex(tx.now)
        await index.load(tx)
    return index


async def refreshed(world: World, index: NameIndex) -> NameIndex:
    async with world.tx() as tx:
        await index.refresh(tx)
    return index


async def both(world: World, index: NameIndex, names: Sequence[str]) -> list[set[UUID]]:
    """By PostgreSQL and from the index, which are the same."""
    async with world.tx() as tx:
        found: list[set[UUID]] = [set() for _ in names]
        for row in await rows_of(tx,
            "select place, contact_id from door.similar_contacts(:organisation, :names, cast(:keys as jsonb))",
            organisation=world.organisation, names=list(names), keys=json.dumps([[] for _ in names]),
        ):  # fmt: skip
            found[row["place"] - 1].add(row["contact_id"])
        from_index = [set(near) for near in await index.nearest(tx, names)]
    assert from_index == found
    return found


async def test_the_name_index_finds_the_same_contacts_as_postgresql(world: World) -> None:
    chance = random.Random(5)
    lifelike = [search_keys.lookup(Details(one.name))[0] for one in lifelike_contacts(8, 2500)]
    letters = "aaeinort '-.7éßи山"
    drawn = ["".join(chance.choices(letters, k=chance.randrange(1, 12))) for _ in range(600)]
    spelt = [
        name[:at] + name[at + 1 :] for name in lifelike[:300] for at in [chance.randrange(1, len(name) + 1)]
    ]
    await fill(world, [*lifelike, *drawn, *ODD, *ODD, None, *["kauri joinery"] * 45, *["kauri joiners"] * 9])
    index = await read(world)
    asked = [*spelt, *ODD, *drawn[:200], "kauri joinery", "kauri joiner", "nobody whatsoever"]
    found = await both(world, index, asked)
    assert [len(near) for near in found[-3:]] == [20, 20, 0]
    assert sum(map(len, found)) > 2000
    assert len(index.names) == 2500 + 600 + 2 * len(ODD) + 1 + 54


async def test_a_refreshed_name_index_finds_changed_contacts(world: World) -> None:
    ids = await fill(
        world, ["kauri joinery", "rimu roofing", "totara motors", "matai milling"] + ["rata"] * 30
    )
    index = await read(world)
    asked = ["kauri joinery", "rimu roofing", "totara motors", "miro press", "rata"]
    await both(world, index, asked)
    await world.contact("Miro Press")
    async with world.tx() as tx:
        await contact_edits.change(tx, ids[0], as_given({"name": "Totara Motor"}))
        await contact_edits.change(tx, ids[1], contact_edits.Given(), archived=True)
    found = await both(world, await refreshed(world, index), asked)
    assert [len(near) for near in found] == [0, 0, 2, 1, 20]
    async with world.tx() as tx:
        await contact_edits.change(tx, ids[1], contact_edits.Given(), archived=False)
    found = await both(world, await refreshed(world, index), asked)
    assert found[1] == {ids[1]}
    # Gone without a trace: another one has the place.
    [goner, *_] = found[4]
    async with world.tx() as tx:
        await issues.each(tx, [goner], lambda one: delete_action.delete(tx, one), contact_ids=[goner])
    assert len((await both(world, index, asked))[4] - {goner}) == 20


async def test_a_refresh_without_changes_adds_nothing_to_the_name_index(world: World) -> None:
    await fill(world, ["kauri joinery"] * 3)
    index = await read(world)
    before = len(index.names._keys)
    await refreshed(world, index)
    assert (len(index.names), len(index.names._keys)) == (3, before)


async def looked_up(world: World, index: NameIndex | None) -> dict[UUID, set[UUID]]:
    async with world.tx() as tx:
        organisation = await organisation_copy.get(tx, world.organisation)
        ids = [row["id"] for row in await rows_of(tx, "select id from xero_contact order by id")]
        page = await near_duplicates.read_page(tx, organisation, ids, index)
    return {one.xero_contact_id: set(one.others) for one in page.lookups}


async def test_a_page_finds_the_same_contacts_with_a_name_index(world: World) -> None:
    """Compares keys that many or few contacts share, and linked contacts too."""
    known = lifelike_contacts(8, 1500)
    made = [search_keys.lookup(Details(one.name, one.email)) for one in known]
    ids = await fill(world, [name for name, _ in made], [keys for _, keys in made])
    await world.shown(*[seen(one.name + "s", one.email) for one in known[:200]])
    await world.shown(seen("Linked Elsewhere"))
    async with world.tx() as tx:
        [row] = await rows_of(tx, "select id from xero_contact where name = 'Linked Elsewhere'")
        organisation = await organisation_copy.get(tx, world.organisation)
        await link_starting.start(
            tx, organisation, [Pair(ids[0], row["id"], LinkOrigin.CONFIRMED, Winner.PRACTICE)]
        )
    index = await read(world)
    found = await looked_up(world, index)
    assert found == await looked_up(world, None)
    assert len(found) > 150
    assert all(ids[0] not in others for others in found.values())
    assert index.common


async def test_a_key_that_has_become_rare_is_used_again_after_a_refresh(world: World, clock: Clock) -> None:
    ids = await fill(world, ["x"] * (COMMON + 1), [["+kauri"]] * (COMMON + 1))
    index = await read(world)
    assert index.common == {"+kauri"}
    async with world.tx() as tx:
        await tx.run("delete from contact where workspace_id = :ws and id <> :kept", kept=ids[0])
    assert (await refreshed(world, index)).common == {"+kauri"}
    clock.time += COMMON_FOR
    assert (await refreshed(world, index)).common == frozenset()


async def test_a_contact_added_after_the_index_was_refreshed_causes_another_look_up(world: World) -> None:
    await world.contact("Totara Motors")
    await world.shown(seen("Kowhai Joinery Limited"))
    index = await read(world)
    await world.contact("Kowhai Joinery Ltd")
    async with world.tx() as tx:
        organisation = await organisation_copy.get(tx, world.organisation)
        ids = [row["id"] for row in await rows_of(tx, "select id from xero_contact")]
        page = await near_duplicates.read_page(tx, organisation, ids, index)
    async with world.tx() as tx:
        await near_duplicates.store(tx, near_duplicates.compare(page))
    [others] = (await looked_up(world, await refreshed(world, index))).values()
    assert len(others) == 1


async def test_no_name_index_is_used_while_keys_of_older_rules_are_stored(world: World) -> None:
    await world.contact("Kowhai Joinery Ltd")
    async with world.tx() as tx:
        assert await keys_are_current(tx)
        await tx.run("update contact set key_version = 0 where workspace_id = :ws")
        assert not await keys_are_current(tx)


@pytest.mark.parametrize(
    ("look_ups", "contacts", "worth"),
    [
        (MIN_LOOKUPS, MIN_CONTACTS, True),
        (MIN_LOOKUPS - 1, MAX_CONTACTS, False),
        (10**6, MIN_CONTACTS - 1, False),
        (10**6, MAX_CONTACTS, True),
        (10**6, MAX_CONTACTS + 1, False),
    ],
)
def test_a_name_index_pays_off_for_many_look_ups_among_many_contacts(
    look_ups: int, contacts: int, worth: bool
) -> None:
    assert pays_off(look_ups, contacts) is worth
