"""Many contacts are created by one call, with one key, and without duplicates."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from domain.actions import delete
from domain.contacts import creation
from domain.contacts.creation import New
from domain.problems import Code, Refused
from domain.tables import Contact
from tests.database import executions
from tests.domain.world import World, as_given


def new(name: str, email: str | None = None, key: str | None = None, **given: object) -> New:
    return New(as_given({"name": name, "billingEmail": email, **given}), key)


async def create(
    world: World, *rows: New, key: str | None = None, refuse_duplicates: bool = False
) -> list[Contact | Refused]:
    async with world.tx() as tx:
        return await creation.create_all(tx, rows, key=key, refuse_duplicates=refuse_duplicates)


def told(results: Sequence[Contact | Refused]) -> list[object]:
    """The id of each contact, or the code and the path of each refusal."""
    return [
        one.id if isinstance(one, Contact) else (one.problems[0].code, *one.problems[0].path)
        for one in results
    ]


async def names(world: World) -> list[str]:
    return [row["name"] for row in await world.rows("select name from contact order by name")]


async def test_a_repeated_call_returns_its_contacts_and_makes_none(world: World) -> None:
    rows = [new("Acme"), new(""), new("Kauri"), new("Rimu")]
    first = told(await create(world, *rows, key="file-1"))
    assert first[1] == (Code.REQUIRED, "name")
    assert told(await create(world, *rows, key="file-1")) == first
    async with world.tx() as tx:
        assert isinstance(first[2], UUID)
        await delete.delete(tx, first[2])
    again = told(await create(world, *rows, key="file-1"))
    assert again == [first[0], first[1], (Code.WRONG_STATE, "idempotencyKey"), first[3]]
    assert await names(world) == ["Acme", "Rimu"]


async def test_a_call_with_a_used_key_and_another_input_is_refused_whole(world: World) -> None:
    await create(world, new("Acme"), key="file-1")
    for rows, refuse in (([new("Acme"), new("Kauri")], False), ([new("Acme")], True)):
        with pytest.raises(Refused) as refused:
            await create(world, *rows, key="file-1", refuse_duplicates=refuse)
        assert refused.value.problems[0].code is Code.KEY_REUSED
    assert await names(world) == ["Acme"]


async def test_calls_at_once_with_one_key_create_once(world: World) -> None:
    calls = [create(world, new("Acme"), new("Kauri"), key="file-1") for _ in range(4)]
    answers = [told(one) for one in await asyncio.gather(*calls)]
    assert answers == [answers[0]] * 4
    assert await names(world) == ["Acme", "Kauri"]


async def test_rows_with_one_key_are_one_contact_and_another_input_is_refused(world: World) -> None:
    rows = [new("Acme", key="a"), new("Acme", key="a"), new("Kauri", key="a"), new("Rimu", key=" ")]
    first, again, other, blank = told(await create(world, *rows))
    assert again == first
    assert other == (Code.KEY_REUSED, "idempotencyKey")
    assert blank == (Code.INVALID, "idempotencyKey")
    assert await names(world) == ["Acme"]


async def test_a_refused_row_can_be_sent_again_with_its_key(world: World) -> None:
    unknown = new("Acme", key="a", contactTypeId=uuid4())
    refused = (Code.NOT_FOUND, "contactTypeId")
    assert told(await create(world, unknown, unknown)) == [refused, refused]
    [made] = told(await create(world, new("Acme", key="a")))
    assert isinstance(made, UUID)


async def test_the_key_of_a_deleted_contact_makes_no_second_one(world: World) -> None:
    [made] = await create(world, new("Acme", key="a"))
    assert isinstance(made, Contact)
    async with world.tx() as tx:
        await delete.delete(tx, made.id)
    assert told(await create(world, new("Acme", key="a"))) == [(Code.WRONG_STATE, "idempotencyKey")]


async def test_duplicates_in_the_practice_and_in_the_call_are_refused_if_asked(world: World) -> None:
    await world.contact("O\u2019Brien Ltd", "a@x.nz")
    await world.contact("Kauri")
    taken = (Code.TAKEN, "name")
    rows = [
        new("o'brien  ltd", "A@x.nz"),
        new("O'Brien Ltd", "b@x.nz"),
        new("KAURI"),
        new("Rimu"),
        new("Rimu"),
    ]
    results = await create(world, *rows, refuse_duplicates=True)
    codes = told(results)
    assert [codes[0], codes[2], codes[4]] == [taken] * 3
    messages = [one.problems[0].message.split(" has ")[0] for one in results if isinstance(one, Refused)]
    assert messages == ["The contact O\u2019Brien Ltd", "The contact Kauri", "Row 3 of this request"]
    assert await names(world) == ["Kauri", "O'Brien Ltd", "O\u2019Brien Ltd", "Rimu"]


async def test_of_two_calls_at_once_that_refuse_duplicates_one_creates(world: World) -> None:
    calls = [create(world, new("Acme"), refuse_duplicates=True) for _ in range(4)]
    answers = [told(one)[0] for one in await asyncio.gather(*calls)]
    assert sorted(isinstance(one, UUID) for one in answers) == [False, False, False, True]


async def test_the_statements_do_not_grow_with_the_rows(world: World) -> None:
    async def statements(count: int) -> int:
        rows = [
            new(f"{count} Client {n}", f"{count}.{n}@x.nz", f"{count}-{n}", contactTypeId=kind)
            for n in range(count)
        ]
        with executions(world.database) as sent:
            made = await create(world, *rows, key=f"of {count}", refuse_duplicates=True)
        assert all(isinstance(one, Contact) for one in made)
        return sum(sent)

    [row] = await world.rows("select id from contact_type limit 1")
    kind = row["id"]
    assert await statements(2) == await statements(100)
