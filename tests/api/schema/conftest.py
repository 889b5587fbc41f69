from collections.abc import AsyncIterator

import pytest

from api.context import Process
from runtime.database import connect
from tests import make
from tests.database import Place
from tests.domain.world import Clock


@pytest.fixture(scope="session")
async def listening(place: Place) -> AsyncIterator[Process]:
    database = connect(place.app_url, clock=Clock())
    async with make.listening(database, place.app_url) as process:
        yield process
    await database.close()


@pytest.fixture
async def process(listening: Process, clean: Place) -> Process:
    """Of an API process, on a database that is empty."""
    return listening


@pytest.fixture
async def ada(process: Process) -> make.Client:
    """ADMIN of a workspace with an organisation that is in sync."""
    return await make.client(process)
