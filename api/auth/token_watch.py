"""Open sockets and event streams end when their credential ends. All credentials of a process are checked
together.

One statement every `RECHECK_SECONDS` checks all API tokens that streams use, and one checks all people, however many streams
there are. A credential that expires ends its streams at that moment.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic

from api.auth.credentials import Key, Validity
from api.errors import log_fault
from runtime.clock import Clock
from runtime.database import DatabaseUnavailable
from runtime.shared_tasks import create_shared_task

RECHECK_SECONDS = 4.0  # a revoked credential ends its streams within 5 s
SHORTEST_SLEEP = 0.01


@dataclass
class _Watched:
    expires_at: datetime | None
    streams: set[asyncio.Event] = field(default_factory=set)


class TokenWatch(Generic[Key]):
    """Ends the streams of revoked or expired credentials. `Key` is a credential, or the text of an API token.

    While PostgreSQL does not answer, streams stay open; they receive no events then.
    """

    def __init__(self, validity: Validity[Key], clock: Clock) -> None:
        self._validity, self._clock = validity, clock
        self._watched: dict[Key, _Watched] = {}
        self._task: asyncio.Task[None] | None = None
        self._added = asyncio.Event()

    @contextmanager
    def watched(self, key: Key, expires_at: datetime | None) -> Iterator[asyncio.Event]:
        """Give an event that is set once the credential is revoked or has expired."""
        ended = asyncio.Event()
        entry = self._watched.setdefault(key, _Watched(expires_at))
        entry.streams.add(ended)
        if self._task is None or self._task.done():
            self._task = create_shared_task(self._watch())
        self._added.set()
        try:
            yield ended
        finally:
            entry.streams.discard(ended)
            if not entry.streams and self._watched.get(key) is entry:
                del self._watched[key]
            if not self._watched and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        recheck_at = loop.time() + RECHECK_SECONDS
        while True:
            self._added.clear()
            self._end({key for key, one in self._watched.items() if self._has_expired(one)})
            if loop.time() >= recheck_at:
                await self._recheck()
                recheck_at = loop.time() + RECHECK_SECONDS
            seconds = min([recheck_at - loop.time(), *self._seconds_to_expiry()])
            with suppress(TimeoutError):
                async with asyncio.timeout(max(seconds, SHORTEST_SLEEP)):
                    await self._added.wait()

    def _has_expired(self, one: _Watched) -> bool:
        return one.expires_at is not None and one.expires_at <= self._clock.now()

    def _seconds_to_expiry(self) -> Iterator[float]:
        now = self._clock.now()
        for one in self._watched.values():
            if one.expires_at is not None:
                yield (one.expires_at - now).total_seconds()

    async def _recheck(self) -> None:
        checked = set(self._watched)
        try:
            valid = await self._validity.find_valid(checked)
        except DatabaseUnavailable:
            return
        except (
            Exception
        ) as error:  # the next check must follow in any case: a revoked credential must not stay in
            log_fault(error)
            return
        self._end(checked - valid)

    def _end(self, keys: set[Key]) -> None:
        for key in keys:
            entry = self._watched.pop(key, None)
            if entry is not None:
                for ended in entry.streams:
                    ended.set()
