"""The clock. No other module reads the machine's clock; domain rules receive `now`."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime: ...


class MachineClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class ServerClock:
    """PostgreSQL's time. So all processes agree about leases, limits and due work, even if a machine's clock is wrong.

    Between two calls of `set`, the monotonic clock moves the time on. Before the first call it is the machine's time."""

    def __init__(self) -> None:
        self._at, self._since = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._since)

    def set(self, told: datetime, asked: float) -> None:
        """`told`: the time that PostgreSQL answered. `asked`: when the query was sent, by the monotonic clock. The answer counts
        for the middle between `asked` and now."""
        self._since = time.monotonic()
        self._at = told + timedelta(seconds=(self._since - asked) / 2)


def monotonic() -> float:
    return time.monotonic()
