"""One edge for all tests of a module that ask the same of it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from api.context import Parts
from runtime.embedded.services import Services
from tests.api.edge import bearer, make_parts, make_token, serving
from tests.clients import web_client
from tests.database import Place


@pytest.fixture(scope="module")
async def parts(place: Place, services: Services) -> AsyncIterator[Parts]:
    async with make_parts(place, services, allowed_origins=["https://app.example.com"]) as made:
        yield made


@pytest.fixture(scope="module")
async def edge(parts: Parts) -> AsyncIterator[str]:
    """host:port"""
    async with serving(parts) as address:
        yield address


@pytest.fixture
async def token(owner: AsyncConnection) -> str:
    return await make_token(owner)


@pytest.fixture
async def http(edge: str, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """As a viewer who may do everything."""
    async with web_client(base_url=f"http://{edge}", headers=bearer(token)) as client:
        yield client


@pytest.fixture
async def stranger(edge: str) -> AsyncIterator[httpx.AsyncClient]:
    async with web_client(base_url=f"http://{edge}") as client:
        yield client
