"""Contacts of the practice: what is refused, what a repeated create answers, and what a change leaves."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from domain import contacts
from domain.problems import Code, Refused
from domain.tx import TANDEM
from tests.domain.world import World


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"name": " \u200b\t"}, Code.REQUIRED, ("name",)),
        ({"name": "x" * 300}, Code.TOO_LONG, ("name",)),
        ({"name": "a\x00b"}, Code.INVALID, ("name",)),
        ({"name": "a\ud800"}, Code.INVALID, ("name",)),
        ({"name": "A", "billingEmail": "nobody"}, Code.INVALID, ("billingEmail",)),
        ({"name": "A", "primaryPhone": "1" * 51}, Code.TOO_LONG, ("primaryPhone",)),
        ({"name": "A", "contactTypeId": uuid4()}, Code.NOT_FOUND, ("contactTypeId",)),
        ({"name": "A", "billingAddress": {"lines": ["x"] * 5}}, Code.TOO_MANY, ("billingAddress", "lines")),
        (
            {"name": "A", "billingAddress": {"lines": [], "city": "a\x07"}},
            Code.INVALID,
            ("billingAddress", "city"),
        ),
    ],
)
async def test_bad_input_is_refused_where_it_stands(
    world: World, given: dict[str, Any], code: Code, path: tuple[str, ...]
) -> None:
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx:
            await contacts.create(tx, given)
    assert [(problem.code, problem.path) for problem in refused.value.problems] == [(code, path)]
    assert await world.rows("select 1 from contact") == []


async def test_a_repeated_create_is_one_contact_even_at_once(world: World) -> None:
    async def create() -> object:
        async with world.tx() as tx:
            return (await contacts.create(tx, {"name": "Acme"}, "key-1")).id

    made = await asyncio.gather(*(create() for _ in range(4)))
    assert len(set(made)) == 1
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx:
            await contacts.create(tx, {"name": "Other"}, "key-1")
    assert refused.value.problems[0].code is Code.KEY_REUSED


async def test_null_clears_absent_stays_and_the_old_value_can_be_found(world: World) -> None:
    made = await world.contact("Acme", "a@x.nz", primaryPhone="09 111 2222")
    async with world.tx() as tx:
        changed = await contacts.change(tx, made.id, {"billingEmail": None}, version=made.version)
    assert (changed.billing_email, changed.primary_phone, changed.version) == (None, "09 111 2222", 2)
    [event] = await world.rows("select changes from activity where kind = 'CONTACT_CHANGED'")
    assert [(c["field"], c["before"], c["after"]) for c in event["changes"]] == [
        ("BILLING_EMAIL", "a@x.nz", None)
    ]


async def test_a_stale_version_changes_nothing(world: World) -> None:
    made = await world.contact("Acme")
    with pytest.raises(Refused) as refused:
        async with world.tx() as tx:
            await contacts.change(tx, made.id, {"name": "Other"}, version=made.version + 1)
    assert refused.value.problems[0].code is Code.STALE_VERSION


async def test_saving_what_is_there_is_no_change(world: World) -> None:
    made = await world.contact("Acme", "a@x.nz")
    async with world.tx() as tx:
        same = await contacts.change(tx, made.id, {"name": "Acme", "billingEmail": "a@x.nz"})
    assert same.version == made.version


async def test_a_chosen_kind_is_final(world: World) -> None:
    made = await world.contact("Ada Byron")
    async with world.tx() as tx:
        chosen = await contacts.change(tx, made.id, {"kind": made.kind})
    assert (chosen.confidence, chosen.reasons, chosen.needs_review) == (None, None, False)


async def test_search_is_by_index_and_within_the_workspace(world: World) -> None:
    made = await world.contact("Māori & Sons", "ada@example.com")
    async with world.tx() as tx:
        found = await tx.rows(
            "select * from door.search_contacts(:patterns, 10)", patterns=["% maor%", "% ada%"]
        )
    assert [row["search_contacts"] for row in found] == [made.id]
    async with world.database.transaction(uuid4(), TANDEM) as tx:
        assert await tx.rows("select * from door.search_contacts(:patterns, 10)", patterns=["% maor%"]) == []
