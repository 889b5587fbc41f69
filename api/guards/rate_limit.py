"""The limits of each caller and each workspace in a minute, counted over all processes in Redis.

An operation counts the estimate of its cost (api.guards.cost_report), and at least `LEAST`. A minute begins at a full minute of
PostgreSQL's clock. While Redis does not answer, each process counts by itself, so nobody is refused for that reason. A refused operation
counts too.
"""

import asyncio
import math
from collections import Counter
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


class Rates:
    """The counters of all callers and workspaces."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._limits = {"caller": settings.rate_limit_caller, "workspace": settings.rate_limit_workspace}
        self._clock = clock
        self._pool = ConnectionPool.from_url(settings.redis_url) if settings.redis_url else None
        self._storage = (
            _storage(settings.redis_url, self._pool) if settings.redis_url and self._pool else None
        )
        self._away_until = -math.inf
        self._local: Counter[str] = Counter()
        self._local_window = 0

    async def spend(self, viewer: Caller, cost: int) -> Spent:
        """Count the cost for the caller and for the workspace."""
        window, seconds = self.minute()
        keys = {"caller": f"{viewer.workspace}/{viewer.actor.id}", "workspace": f"{viewer.workspace}"}
        counted = await self._count(window, list(keys.values()), max(cost, LEAST))
        spent = dict(zip(keys, counted, strict=True))
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

    async def _count(self, window: int, keys: list[str], cost: int) -> list[int]:
        if self._storage is not None and monotonic() >= self._away_until:
            storage = self._storage
            try:
                async with asyncio.timeout(PATIENCE):
                    counting = (storage.incr(f"tandem/{key}/{window}", 2 * WINDOW, cost) for key in keys)
                    return list(await asyncio.gather(*counting))
            except (StorageError, OSError) as error:  # TimeoutError is an OSError
                if monotonic() >= self._away_until:  # the first of the operations that asked together
                    log.warning("rate_limits_without_redis", error=type(error).__name__)
                self._away_until = monotonic() + PAUSE
        if window != self._local_window:
            self._local_window = window
            self._local.clear()
        for key in keys:
            self._local[key] += cost
        return [self._local[key] for key in keys]

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()


def _storage(url: str, pool: ConnectionPool) -> RedisStorage:
    uri = f"async+redis+{url}" if url.startswith("unix:") else f"async+{url}"
    return RedisStorage(uri, wrap_exceptions=True, implementation="redispy", connection_pool=pool)  # type: ignore[arg-type]
