"""Xero's rate limits: calls at once, a minute and a day for each app and organisation; a minute for each app.

Windows are fixed, and begin at another moment for each organisation. A refused call counts too.
"""

import math
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec

from xero.simulator.wire import Refusal, text_response

MINUTE = 60
DAY = 86_400


class Limits(msgspec.Struct, forbid_unknown_fields=True):
    """Xero's figures of 2026; `day` is 1,000 on the Starter tier and 5,000 above."""

    concurrent: int = 5
    minute: int = 60
    day: int = 5_000
    app_minute: int = 10_000


class Remaining(msgspec.Struct):
    minute: int
    day: int
    app_minute: int

    def headers(self) -> dict[str, str]:
        return {
            "X-MinLimit-Remaining": str(self.minute),
            "X-DayLimit-Remaining": str(self.day),
            "X-AppMinLimit-Remaining": str(self.app_minute),
        }


class Tally(msgspec.Struct):
    """Calls of one app at one organisation since the start. `minutes` and `days` count by the window's start."""

    calls: int = 0
    running: int = 0
    most_concurrent: int = 0
    refused: dict[str, int] = {}
    minutes: dict[str, int] = {}
    days: dict[str, int] = {}


class _Window:
    """A fixed window: counts fall to zero at each multiple of its length past its offset."""

    def __init__(self, seconds: int, offset: float) -> None:
        self._seconds = seconds
        self._offset = offset
        self._index = 0
        self.count = 0
        self.ends = 0.0

    def add(self, at: float) -> None:
        index = math.floor((at - self._offset) / self._seconds)
        if index != self._index:
            self._index, self.count = index, 0
            self.ends = (index + 1) * self._seconds + self._offset
        self.count += 1

    @property
    def start(self) -> float:
        return self.ends - self._seconds


class RateLimiter:
    """The limiter. `limits` may be replaced at any time and hold from the next call on."""

    def __init__(self, seed: int, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.tallies: dict[tuple[str, str], Tally] = {}
        self._seed = seed
        self._windows: dict[tuple[str, ...], _Window] = {}

    @contextmanager
    def call(self, client_id: str, tenant_id: str, now: datetime) -> Iterator[Remaining]:
        """Count a call for its duration. Raise Refusal (429) where a limit is passed."""
        at = now.timestamp()
        minute = self._count(("minute", client_id, tenant_id), MINUTE, at)
        day = self._count(("day", client_id, tenant_id), DAY, at)
        app_minute = self._count(("appminute", client_id), MINUTE, at)
        tally = self.tallies.setdefault((client_id, tenant_id), Tally())
        tally.calls += 1
        for counted, seen in ((minute, tally.minutes), (day, tally.days)):
            seen[datetime.fromtimestamp(counted.start, now.tzinfo).isoformat()] = counted.count
        remaining = Remaining(
            max(0, self.limits.minute - minute.count),
            max(0, self.limits.day - day.count),
            max(0, self.limits.app_minute - app_minute.count),
        )
        passed = self._passed(tally, minute, day, app_minute)
        if passed is not None:
            problem, window = passed
            tally.refused = Counter(tally.refused) + Counter([problem])
            wait = None if window is None else max(1, math.ceil(window.ends - at))
            raise too_many(problem, wait, remaining)
        tally.running += 1
        tally.most_concurrent = max(tally.most_concurrent, tally.running)
        try:
            yield remaining
        finally:
            tally.running -= 1

    def _passed(
        self, tally: Tally, minute: _Window, day: _Window, app_minute: _Window
    ) -> tuple[str, _Window | None] | None:
        if app_minute.count > self.limits.app_minute:
            return "appminute", app_minute
        if day.count > self.limits.day:
            return "day", day
        if minute.count > self.limits.minute:
            return "minute", minute
        if tally.running >= self.limits.concurrent:
            return "concurrent", None
        return None

    def _count(self, key: tuple[str, ...], seconds: int, at: float) -> _Window:
        window = self._windows.get(key)
        if window is None:
            offset = zlib.crc32(repr((self._seed, key)).encode()) % seconds
            window = self._windows[key] = _Window(seconds, offset)
        window.add(at)
        return window


def too_many(limit: str, retry_after: int | None, remaining: Remaining | None = None) -> Refusal:
    """The answer 429. For the concurrent limit it has no Retry-After."""
    headers = {"X-Rate-Limit-Problem": limit}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if remaining is not None:
        headers |= remaining.headers()
    response = text_response("API call limit reached", 429)
    response.headers.update(headers)
    return Refusal(response)
