"""The name index that this process holds for an import with many look-ups (domain.matching.name_index)."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from domain.matching.name_index import NameIndex, keys_are_current
from domain.tx import Tx

IDLE = 120.0  # seconds; by then the pass goes on in another process, or waits


class NameIndexes:
    """Holds one index at a time, which bounds the memory. Meanwhile PostgreSQL does the look-ups of other imports."""

    def __init__(self) -> None:
        self._run: UUID | None = None
        self._index: NameIndex | None = None
        self._not_worth: UUID | None = None
        self._in_use = asyncio.Lock()
        self._end: asyncio.TimerHandle | None = None

    async def find(self, tx: Tx, run: UUID, pays_off: Callable[[], Awaitable[bool]]) -> NameIndex | None:
        """The index of the run, with everything that `tx` sees. None if PostgreSQL does the look-ups. `pays_off` is asked
        once for each run."""
        if self._run not in (None, run) or self._not_worth == run:
            return None
        async with self._in_use:
            if self._run not in (None, run):  # since it waited
                return None
            if not await keys_are_current(tx):
                self.drop(run)
            elif self._index is not None:
                await self._index.refresh(tx)
            elif await pays_off():
                index = NameIndex(tx.now)
                await index.load(tx)
                self._run, self._index = run, index
            else:
                self._not_worth = run
            self._rest()
            return self._index

    def held(self, run: UUID) -> bool:
        return self._index is not None and self._run == run

    def drop(self, run: UUID) -> None:
        if self._run == run:
            self._run = self._index = None

    def _rest(self) -> None:
        if self._end is not None:
            self._end.cancel()
        if self._run is not None:
            self._end = asyncio.get_running_loop().call_later(IDLE, self.drop, self._run)
