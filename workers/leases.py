"""Short leases for reads: a reader that dies holds its work for ten more seconds only."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import sqlalchemy as sa
import structlog

RENEWED_EVERY = 3.0  # seconds; the leases last 10
log = structlog.get_logger()


@asynccontextmanager
async def renewed(renew: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """While the block runs, call `renew` every 3 s, in transactions of its own. At the end of the block no renewal is under
    way."""
    ended = asyncio.Event()
    renewing = asyncio.create_task(_renew(renew, ended))
    try:
        yield
    finally:
        ended.set()
        await renewing


async def _renew(renew: Callable[[], Awaitable[None]], ended: asyncio.Event) -> None:
    while not ended.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(RENEWED_EVERY):
                await ended.wait()
            return
        try:
            await renew()
        except (sa.exc.SQLAlchemyError, OSError) as error:
            log.warning("lease_not_renewed", error=type(error).__name__)
