"""Connections that only read, each for the workspace that it served last, so that one statement is one round trip.

A connection of this pool keeps `tandem.workspace` in its session. The pool sets the value before a statement of another workspace,
and each statement names its workspace too: a wrong value shows no row. These connections are never used for anything else,
because a statement without a workspace must see no row. They cannot write, and keep their prepared statements.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from runtime.clock import monotonic
from runtime.database import RESTED, Database, named_as, written

PATIENCE = 2.0  # seconds for a rested connection to answer


@dataclass(eq=False, slots=True)
class _Kept:
    driver: asyncpg.Connection
    workspace: UUID | None = None
    used_at: float = 0.0


class ReadPool:
    """A pool of at most `size` connections to the database, opened when they are needed. A request waits at most `patience`
    seconds."""

    def __init__(self, database: Database, size: int, patience: float, program: str) -> None:
        engine = database.engine.sync_engine
        _, options = engine.dialect.create_connect_args(engine.url)
        settings = {**named_as(program), "default_transaction_read_only": "on"}
        self._options: dict[str, object] = {**options, "server_settings": settings}
        self._database, self._patience = database, patience
        self._free: list[_Kept] = []
        self._places = asyncio.Semaphore(size)

    async def read(
        self, workspace: UUID, statement: str, values: Mapping[str, object]
    ) -> list[asyncpg.Record]:
        """The rows of a statement that sees this workspace. Raises TimeoutError if no connection becomes free in time. A connection on
        which something fails is closed."""
        given = {"ws": workspace, "now": self._database.clock.now(), **values}
        sql, names = written(statement, given)
        self._database.statements += 1
        if self._places.locked():
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        else:
            await self._places.acquire()
        kept: _Kept | None = None
        is_usable = False
        try:
            kept = await self._take(workspace)
            rows = list(await kept.driver.fetch(sql, *[given[name] for name in names]))
            is_usable = True
        finally:
            self._places.release()
            if kept is not None and is_usable:
                kept.used_at = monotonic()
                self._free.append(kept)
            elif kept is not None:
                kept.driver.terminate()
        return rows

    async def _take(self, workspace: UUID) -> _Kept:
        kept = self._choose(workspace)
        if kept is None:
            kept = _Kept(await asyncpg.connect(**self._options))
        elif monotonic() - kept.used_at > RESTED:
            try:
                await kept.driver.fetchval("select 1", timeout=PATIENCE)
            except BaseException as error:
                kept.driver.terminate()
                if not isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | OSError):
                    raise
                kept = _Kept(await asyncpg.connect(**self._options))
        if kept.workspace != workspace:
            try:
                await kept.driver.fetchval("select set_config('tandem.workspace', $1, false)", str(workspace))
            except BaseException:
                kept.driver.terminate()
                raise
            kept.workspace = workspace
        return kept

    def _choose(self, workspace: UUID) -> _Kept | None:
        """The connection used last, if possible of those that served this workspace."""
        if not self._free:
            return None
        last = len(self._free) - 1
        served = (n for n in range(last, -1, -1) if self._free[n].workspace == workspace)
        kept = self._free.pop(next(served, last))
        return self._choose(workspace) if kept.driver.is_closed() else kept

    async def close(self) -> None:
        while self._free:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await self._free.pop().driver.close()
