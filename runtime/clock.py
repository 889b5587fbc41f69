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

    def set(self, told: datetime, asked: float, answered: float) -> None:
        """`told`: the time in PostgreSQL's answer. `asked`, `answered`: when the query was sent and when its answer was
        here, by the monotonic clock. The answer counts for the middle between the two."""
        self._since = answered
        self._at = told + timedelta(seconds=(answered - asked) / 2)


def monotonic() -> float:
    return time.monotonic()
