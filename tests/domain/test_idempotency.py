"""A repeated create with one idempotency key makes nothing new for 24 hours."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain import idempotency
from domain.problems import Code, Refused
from tests.domain.world import Clock, World

KEPT = timedelta(hours=24)


async def made(world: World, key: str, given: dict[str, object]) -> tuple[UUID, UUID]:
    """The id that this request would give to a new row, and the id of the row of its key."""
    new = uuid4()
    async with world.tx() as tx:
        before = await idempotency.answered(tx, "createContact", key, given, new)
    return new, before or new


async def test_an_idempotency_key_returns_the_same_row_for_24_hours_and_then_makes_a_new_one(
    world: World, clock: Clock
) -> None:
    first, _ = await made(world, "key", {"name": "Acme"})
    clock.time += KEPT - timedelta(minutes=1)
    assert (await made(world, "key", {"name": "Acme"}))[1] == first
    clock.time += timedelta(minutes=2)
    again, stands_for = await made(world, "key", {"name": "Acme"})
    assert stands_for == again


async def test_an_idempotency_key_is_refused_for_another_input_for_24_hours(
    world: World, clock: Clock
) -> None:
    await made(world, "key", {"name": "Acme"})
    clock.time += KEPT - timedelta(minutes=1)
    with pytest.raises(Refused) as refused:
        await made(world, "key", {"name": "Other"})
    assert refused.value.problems[0].code is Code.KEY_REUSED
