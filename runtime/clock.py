"""The clock, the one place that reads the machine's. Rules never do: they are given `now`."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime: ...


class MachineClock:
    def now(self) -> datetime:
        return datetime.now(UTC)
