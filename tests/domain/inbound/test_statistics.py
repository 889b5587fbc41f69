"""The planner's statistics follow the growth of an import."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from tests import make
from tests.database import row_of
from tests.domain.world import World


async def counted(world: World) -> float:
    """The number of contacts that the planner reckons with, after a page of an import."""
    async with world.tx() as tx:
        await tx.run("select door.refresh_grown_statistics()")
        found = await row_of(tx, "select reltuples as n from pg_class where oid = 'contact'::regclass")
    assert found is not None
    return float(found["n"])


async def test_statistics_are_gathered_again_once_a_table_has_grown_by_a_fifth(
    world: World, owner: AsyncConnection
) -> None:
    await owner.execute(sa.text("vacuum analyze contact"))
    pages = await owner.scalar(sa.text("select relpages from pg_class where oid = 'contact'::regclass"))
    before = await counted(world)
    many = 1000 + 10 * pages  # deleted rows of other tests may still count as size
    await make.many_contacts(world, many)
    grown = await counted(world)
    assert grown > before + many / 2
    await make.many_contacts(world, 20, prefix="Few")
    assert await counted(world) == grown
