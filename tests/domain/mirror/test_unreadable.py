"""A contact that cannot be processed is shown with the reason, and does not stop the others."""

import random
import string

import pytest

from domain.fields.values import SeenContact
from domain.mirror.unreadable import RECORDED_AGAIN, UnreadableContact, record
from tests.domain.linked import read_delta
from tests.domain.world import Clock, World, seen

SEEDED = random.Random(7)
ENDLESS = "".join(
    SEEDED.choices(string.ascii_letters + string.digits, k=20_000)
)  # longer than any index takes


async def names(world: World) -> list[str]:
    return [row["name"] for row in await world.rows("select name from contact order by name")]


def others() -> list[SeenContact]:
    return [seen(f"Contact {n}", f"c{n}@x.nz") for n in range(3)]


@pytest.mark.parametrize("at", range(4))
async def test_a_contact_that_cannot_be_stored_does_not_stop_the_others(world: World, at: int) -> None:
    page = others()
    page.insert(at, seen(ENDLESS, "bad@x.nz"))
    await read_delta(world, *page)
    assert await names(world) == ["Contact 0", "Contact 1", "Contact 2"]
    [told] = await world.rows("select message from activity where kind = 'FAILED'")
    assert str(page[at].xero_contact_id) in told["message"]
    assert ENDLESS[:20] not in told["message"]


@pytest.mark.parametrize("at", range(4))
async def test_a_contact_that_cannot_be_applied_does_not_stop_the_others(world: World, at: int) -> None:
    page = others()
    page.insert(at, seen("Broken", "bad@x.nz"))
    await world.shown(*page)
    async with world.tx() as tx:
        await tx.run("update xero_contact set phone = '{\"what\": \"is this\"}' where name = 'Broken'")
    await read_delta(world)
    assert await names(world) == ["Contact 0", "Contact 1", "Contact 2"]
    [told] = await world.rows("select message from activity where kind = 'FAILED'")
    assert "ValueError" in told["message"]
    assert "is this" not in told["message"]
    await read_delta(world)  # it is not tried again until Xero shows it otherwise
    assert len(await world.rows("select 1 from activity where kind = 'FAILED'")) == 1
    mended = seen(
        "Broken",
        "bad@x.nz",
        xero_id=page[at].xero_contact_id,
        updated_at=page[0].seen_at.replace(year=2027),
    )
    await read_delta(world, mended)
    assert "Broken" in await names(world)


async def test_the_same_unreadable_contact_is_recorded_once_a_day(world: World) -> None:
    clock = world.database.clock
    assert isinstance(clock, Clock)
    for pause in (RECORDED_AGAIN / 2, RECORDED_AGAIN, None):
        async with world.tx() as tx:
            await record(tx, world.organisation, [UnreadableContact(None, "Name is an object")])
        if pause:
            clock.time += pause
    assert len(await world.rows("select 1 from activity where kind = 'FAILED'")) == 2
