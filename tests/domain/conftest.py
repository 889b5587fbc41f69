from collections.abc import AsyncIterator

import pytest

from runtime.database import Database, connect
from tests.database import Place
from tests.domain.world import Clock, World, make_world


@pytest.fixture
async def matching_database(clean: Place) -> AsyncIterator[Database]:
    made = connect(clean.app_url, clock=Clock())
    yield made
    await made.close()


@pytest.fixture
def clock(matching_database: Database) -> Clock:
    """The world's."""
    assert isinstance(matching_database.clock, Clock)
    return matching_database.clock


@pytest.fixture
async def world(matching_database: Database) -> World:
    return await make_world(matching_database)
