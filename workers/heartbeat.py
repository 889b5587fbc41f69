"""The worker's row in PostgreSQL, which shows the other workers that this worker is alive.

When a worker is lost, the epoch changes. Job ids end with the epoch. So keys that jobs of the lost worker left in Redis
block no job.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import sqlalchemy as sa
import structlog

from runtime.database import Database

BEAT_SECONDS = 1.0
LOST_AFTER = timedelta(seconds=3)
_BEAT = sa.text("select * from door.beat_worker(:worker, :name, :now, :lost_after)")
_END = sa.text("select door.end_worker(:worker)")
log = structlog.get_logger()


class Heartbeat:
    """`epoch` changes when any worker is lost; `on_epoch` is called then. `workers`: how many live."""

    def __init__(self, database: Database, on_epoch: Callable[[], None]) -> None:
        self._database, self._on_epoch = database, on_epoch
        self._worker = uuid4()
        self._name = f"{os.getpid()}@{socket.gethostname()}"
        self.epoch, self.workers = 0, 1

    async def beat(self) -> None:
        values = {
            "worker": self._worker,
            "name": self._name,
            "now": self._database.clock.now(),
            "lost_after": LOST_AFTER,
        }
        async with self._database.door() as session:
            epoch, workers = (await session.execute(_BEAT, values)).one()
        changed = epoch != self.epoch
        self.epoch, self.workers = epoch, max(workers, 1)
        if changed:
            self._on_epoch()

    async def run(self) -> None:
        """Renew the row until cancelled. Then delete it, so that this worker does not count as lost."""
        try:
            while True:
                try:
                    await self.beat()
                except (sa.exc.SQLAlchemyError, OSError) as error:
                    log.warning("heartbeat_failed", error=type(error).__name__)
                await asyncio.sleep(BEAT_SECONDS)
        finally:
            with suppress(sa.exc.SQLAlchemyError, OSError):
                async with self._database.door() as session:
                    await session.execute(_END, {"worker": self._worker})
