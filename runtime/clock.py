"""The clock, the one place that reads the machine's. Rules never do: they are given `now`."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime: ...


class MachineClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class ServerClock:
    """PostgreSQL's time, so that all processes agree on leases, limits and what is due, whatever their machines' clocks
    say and however those are set meanwhile. Carried on by the monotonic clock; the machine's until it is `set`."""

    def __init__(self) -> None:
        self._at, self._since = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._since)

    def set(self, told: datetime, asked: float) -> None:
        """`told` was the time somewhere between `asked`, by the monotonic clock, and now: in the middle, most likely."""
        self._since = time.monotonic()
        self._at = told + timedelta(seconds=(self._since - asked) / 2)


def monotonic() -> float:
    return time.monotonic()
