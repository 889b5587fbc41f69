from collections.abc import AsyncIterator

import pytest

from api.context import Parts
from runtime.database import connect
from tests import make
from tests.database import Place
from tests.domain.world import Clock


@pytest.fixture(scope="session")
async def listening(place: Place) -> AsyncIterator[Parts]:
    database = connect(place.app_url, clock=Clock())
    async with make.listening(database, place.app_url) as parts:
        yield parts
    await database.close()


@pytest.fixture
async def parts(listening: Parts, clean: Place) -> Parts:
    """Of an API process, on a database that is empty."""
    return listening


@pytest.fixture
async def ada(parts: Parts) -> make.Client:
    """ADMIN of a workspace with an organisation that is in sync."""
    return await make.client(parts)
