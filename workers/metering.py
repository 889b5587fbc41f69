"""Adds this worker's counts of calls and bytes to PostgreSQL every FLUSH_SECONDS, and once more at its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
import structlog

from domain.connection.traffic import Meter

FLUSH_SECONDS = 10.0
log = structlog.get_logger()


@asynccontextmanager
async def metering(meter: Meter) -> AsyncIterator[None]:
    flushing = asyncio.create_task(_flush_for_ever(meter))
    try:
        yield
    finally:
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        await _flush(meter)


async def _flush_for_ever(meter: Meter) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        await _flush(meter)


async def _flush(meter: Meter) -> None:
    try:
        await meter.flush()
    except (sa.exc.SQLAlchemyError, OSError) as error:
        log.warning("traffic_not_stored", error=type(error).__name__)
