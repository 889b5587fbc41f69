from collections.abc import AsyncIterator

import pytest

from runtime.database import Database, connect
from tests.database import Place
from tests.domain.world import Clock, World, make_world


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def matching_database(clean: Place, clock: Clock) -> AsyncIterator[Database]:
    made = connect(clean.app_url, clock=clock)
    yield made
    await made.close()


@pytest.fixture
async def world(matching_database: Database) -> World:
    return await make_world(matching_database)
