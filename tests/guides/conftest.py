"""The whole API on a real socket, with a clock of its own, for the examples of docs/guides."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from api.context import Process
from api.root import schema
from domain.practice import workspaces
from domain.tables import Scope
from runtime.embedded.services import Services
from tests.api.edge import ask, bearer, make_process, serving
from tests.clients import web_client
from tests.database import Place
from tests.domain.world import Clock, World, make_world

BUDGET = 50_000  # cost in a minute
# Is estimated at more than 6,000 before it has run, and so at an eighth of the budget.
PAGE = "contacts(first: 100) { edges { node { id syncLinks { id organisation { id } } } } }"
LARGE = f"{{ {' '.join(f'p{n}: {PAGE}' for n in range(12))} }}"


@dataclass(frozen=True)
class Practice:
    """A new workspace with a connected organisation, behind the API at `url`."""

    url: str
    world: World
    token: str
    clock: Clock

    async def another_token(self) -> str:
        return await make_token(self.world)

    async def spend_all(self, token: str) -> None:
        """Uses up the token's budget of the clock's minute."""
        async with web_client(base_url=self.url, headers=bearer(token)) as http:
            for n in range(BUDGET // 6_000 + 1):
                answer = await ask(http, f"query Large{n} {LARGE}")  # each is a new document
            assert answer.status_code == 429, answer.text


async def make_token(world: World) -> str:
    async with world.tx() as tx:
        _, secret = await workspaces.create_token(tx, "Guide", [Scope.ADMIN], within=list(Scope))
    return secret


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
async def process(place: Place, services: Services, clock: Clock) -> AsyncIterator[Process]:
    # Without Redis the process counts by itself, so a slow answer of Redis decides nothing.
    made = make_process(place, services, {"clock": clock}, rate_limit_caller=BUDGET, redis_url=None)
    async with made as process:
        yield process


@pytest.fixture(scope="module")
async def url(process: Process) -> AsyncIterator[str]:
    async with serving(process, schema=schema) as address:
        yield f"http://{address}"


@pytest.fixture
async def practice(process: Process, url: str, clock: Clock) -> Practice:
    world = await make_world(process.database)
    return Practice(url, world, await make_token(world), clock)
