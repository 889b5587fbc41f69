"""Real PostgreSQL and Valkey for every test process, started from wheels or as TEST_DATABASE_ADMIN_URL says."""

import gc
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from runtime.embedded import services as embedded_services
from tests.database import Place, Server, drop, empty_all, external, fresh_database, migrated_template
from tests.limits import *  # noqa: F403 - pytest finds its hooks by their names
from tests.order import BEGIN_FIRST

# Seconds decide nothing: on a busy machine, examples are made slowly.
UNTIMED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("default", UNTIMED, derandomize=True)
hypothesis.settings.register_profile("long", UNTIMED, max_examples=2000)
hypothesis.settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The modules of BEGIN_FIRST begin first, so that at the end no process waits for one of them. The rest keeps its order."""
    place = {name: number for number, name in enumerate(BEGIN_FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(BEGIN_FIRST)))


def pytest_collection_finish() -> None:
    """Modules and tests live as long as the process: Python's garbage collector looks at them no more, and collects less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def services() -> Iterator[embedded_services.Services]:
    with tempfile.TemporaryDirectory(prefix="tandem-test-") as folder:
        Path(folder).chmod(0o711)  # as root, PostgreSQL runs as somebody else and must pass
        with embedded_services.services(Path(folder) / "data", durable=False) as found:
            yield found


@pytest.fixture(scope="session")
async def server(request: pytest.FixtureRequest) -> Server:
    """The embedded PostgreSQL, unless TEST_DATABASE_ADMIN_URL names another one (postgresql+asyncpg://)."""
    url = os.environ.get("TEST_DATABASE_ADMIN_URL")
    if url:
        return await external(url)
    services: embedded_services.Services = request.getfixturevalue("services")
    return Server(services.admin_url, embedded_services.APP)


@pytest.fixture(scope="session")
async def template(server: Server) -> AsyncIterator[Place]:
    place = await migrated_template(server)
    yield place
    await drop(server, place)


@pytest.fixture(scope="session")
async def place(server: Server, template: Place) -> AsyncIterator[Place]:
    """The one database of this test process."""
    async with fresh_database(server, template) as made:
        yield made


@pytest.fixture(scope="session")
async def owner(place: Place) -> AsyncIterator[AsyncConnection]:
    """A connection that row-level security does not bind, each statement its own transaction."""
    engine = create_async_engine(place.admin_url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


@pytest.fixture
async def clean(place: Place, owner: AsyncConnection) -> Place:
    """The process's database with every table empty."""
    await empty_all(owner)
    return place


@pytest.fixture
async def valkey(services: embedded_services.Services) -> AsyncIterator[Redis]:
    client = Redis.from_url(services.redis_url)
    await client.flushall()
    yield client
    await client.aclose()
