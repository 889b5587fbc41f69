"""The limits of each caller and each workspace in a minute, counted over all processes in Redis.

An operation counts the estimate of its cost (api.guards.cost_report), and at least `LEAST`. A minute begins at a full minute of
PostgreSQL's clock. While Redis does not answer, each process counts by itself, so nobody is refused for that reason. A refused operation
counts too.

A process asks Redis at most ten times a second for a caller who has spent less than half of the budget: it adds up what this caller
spends within `FRESH` seconds, and sends the sum. From half of the budget on, Redis counts each operation before it runs.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import structlog
from limits.aio.storage import RedisStorage
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

from domain.tx import Actor
from runtime.clock import Clock, monotonic
from runtime.settings import Settings

WINDOW = 60  # seconds
LEAST = 50  # a small query has other costs too
PATIENCE = 0.25  # seconds for Redis to answer
PAUSE = 5.0  # seconds in which Redis is not asked again
FRESH = 0.1  # seconds for which a count of Redis holds
log = structlog.get_logger()


@dataclass(frozen=True)
class Spent:
    """`seconds`: until the next minute begins, at `reset_at`. `scope`: the budget of which less is left, in the words of the header."""

    scope: str
    limit: int
    remaining: int
    seconds: int
    is_over: bool
    reset_at: datetime

    @property
    def headers(self) -> dict[str, str]:
        """The RateLimit headers of the IETF's draft, and Retry-After for a refused caller."""
        shown = {
            "ratelimit-policy": f'"{self.scope}";q={self.limit};w={WINDOW}',
            "ratelimit": f'"{self.scope}";r={self.remaining};t={self.seconds}',
        }
        return shown | ({"retry-after": str(self.seconds)} if self.is_over else {})


class Caller(Protocol):
    """The token or person that calls, and its workspace."""

    @property
    def workspace(self) -> UUID: ...

    @property
    def actor(self) -> Actor: ...


@dataclass
class _Count:
    """What Redis has counted for a key since it was asked at `asked_at`, and what this process has to add to that yet."""

    total: int = 0
    unsent: int = 0
    asked_at: float = -math.inf


class Rates:
    """The counters of all callers and workspaces."""

    def __init__(self, settings: Settings, clock: Clock, *, fresh: float = FRESH) -> None:
        self._limits = {"caller": settings.rate_limit_caller, "workspace": settings.rate_limit_workspace}
        self._clock, self._fresh = clock, fresh
        self._pool = ConnectionPool.from_url(settings.redis_url) if settings.redis_url else None
        self._storage = (
            _storage(settings.redis_url, self._pool) if settings.redis_url and self._pool else None
        )
        self._away_until = -math.inf
        self._local: Counter[str] = Counter()
        self._counts: dict[str, _Count] = {}  # of the minute `_window`, as `_local`
        self._window = 0
        self._sending: asyncio.Task[None] | None = None

    async def spend(self, viewer: Caller, cost: int) -> Spent:
        """Count the cost for the caller and for the workspace."""
        window, seconds = self.minute()
        cost = max(cost, LEAST)
        keys = [f"{viewer.workspace}/{viewer.actor.id}", f"{viewer.workspace}"]  # in the order of `_limits`
        counted = self._count_here(window, self._known(window, keys), cost)
        if counted is None:
            counted = await self._count(window, keys, cost)
        spent = dict(zip(self._limits, counted, strict=True))
        left = {scope: limit - spent[scope] for scope, limit in self._limits.items()}
        scope = min(left, key=lambda each: left[each] / self._limits[each])
        is_over, reset_at = min(left.values()) < 0, datetime.fromtimestamp((window + 1) * WINDOW, UTC)
        return Spent(scope, self._limits[scope], max(0, left[scope]), seconds, is_over, reset_at)

    def minute(self) -> tuple[int, int]:
        """The number of this minute, and the seconds until the next one begins."""
        now = self._clock.now().timestamp()
        window = int(now // WINDOW)
        return window, max(1, math.ceil((window + 1) * WINDOW - now))

    async def count_failure(self, address: str) -> int:
        """How many sign-ins have failed from this address in this minute, with this one."""
        [failed] = await self._count(self.minute()[0], [f"sign-in/{address}"], 1)
        return failed

    def _known(self, window: int, keys: Iterable[str]) -> list[_Count]:
        self._begin(window)
        return [self._counts.setdefault(key, _Count()) for key in keys]

    def _begin(self, window: int) -> None:
        if window != self._window:
            self._window = window
            self._local.clear()
            self._counts.clear()

    def _count_here(self, window: int, counts: Sequence[_Count], cost: int) -> list[int] | None:
        """Count for the caller and for the workspace without Redis, which is told later. None where Redis must be asked at once."""
        oldest = monotonic() - self._fresh
        for each, limit in zip(counts, self._limits.values(), strict=True):
            if each.asked_at < oldest or (each.total + each.unsent + cost) * 2 > limit:
                return None
        for each in counts:
            each.unsent += cost
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_later(window))
        return [each.total + each.unsent for each in counts]

    async def _send_later(self, window: int) -> None:
        await asyncio.sleep(self._fresh)
        self._sending = None
        await self._send(window)

    async def _send(self, window: int) -> None:
        """Tell Redis what was counted here, for the other processes. Nobody asks for an earlier minute."""
        unsent = [key for key, each in self._counts.items() if each.unsent]
        if window == self._window and unsent:
            await self._count(window, unsent, 0)

    async def _count(self, window: int, keys: list[str], cost: int) -> list[int]:
        self._begin(window)
        if self._storage is not None and monotonic() >= self._away_until:
            try:
                async with asyncio.timeout(PATIENCE):
                    return list(await asyncio.gather(*(self._add(window, key, cost) for key in keys)))
            except (StorageError, OSError) as error:  # TimeoutError is an OSError
                if monotonic() >= self._away_until:  # the first of the operations that asked together
                    log.warning("rate_limits_without_redis", error=type(error).__name__)
                self._away_until = monotonic() + PAUSE
        for key in keys:
            self._local[key] += cost
        return [self._local[key] for key in keys]

    async def _add(self, window: int, key: str, cost: int) -> int:
        """Count in Redis, together with what was counted here. `_counts` has the callers and the workspaces, and no address."""
        assert self._storage is not None
        count = self._counts.get(key, _Count())
        added = cost + count.unsent
        count.total, count.unsent, count.asked_at = count.total + added, 0, monotonic()
        total = await self._storage.incr(f"tandem/{key}/{window}", 2 * WINDOW, added)
        count.total = max(count.total, total)  # answers may overtake each other
        return total

    async def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
        await self._send(self._window)
        if self._pool is not None:
            await self._pool.aclose()


def _storage(url: str, pool: ConnectionPool) -> RedisStorage:
    uri = f"async+redis+{url}" if url.startswith("unix:") else f"async+{url}"
    return RedisStorage(uri, wrap_exceptions=True, implementation="redispy", connection_pool=pool)  # type: ignore[arg-type]
