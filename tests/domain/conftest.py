from collections.abc import AsyncIterator

import pytest

from runtime.database import Database
from tests.database import Place, lent
from tests.domain.world import Clock, World, make_world


@pytest.fixture
async def matching_database(clean: Place) -> AsyncIterator[Database]:
    async with lent(clean, "command", Clock(), pool_size=8) as database:
        yield database


@pytest.fixture
def clock(matching_database: Database) -> Clock:
    """The world's."""
    assert isinstance(matching_database.clock, Clock)
    return matching_database.clock


@pytest.fixture
async def world(matching_database: Database) -> World:
    return await make_world(matching_database)
