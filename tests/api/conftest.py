"""One running edge for all tests of a module."""

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from api.context import Process
from runtime.embedded.services import Services
from tests.api.edge import bearer, make_process, make_token, serving
from tests.clients import web_client
from tests.database import Place


@pytest.fixture(scope="module")
async def process(place: Place, services: Services) -> AsyncIterator[Process]:
    async with make_process(place, services, allowed_origins=["https://app.example.com"]) as made:
        yield made


@pytest.fixture(scope="module")
async def edge(process: Process) -> AsyncIterator[str]:
    """host:port"""
    async with serving(process) as address:
        yield address


@pytest.fixture
async def token(owner: AsyncConnection) -> str:
    return await make_token(owner)


@pytest.fixture
async def http(edge: str, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """A viewer with every scope."""
    async with web_client(base_url=f"http://{edge}", headers=bearer(token)) as client:
        yield client


@pytest.fixture
async def stranger(edge: str) -> AsyncIterator[httpx.AsyncClient]:
    async with web_client(base_url=f"http://{edge}") as client:
        yield client
