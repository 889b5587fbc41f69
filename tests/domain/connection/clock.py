"""A clock that a test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

BEGAN = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


@dataclass
class Clock:
    time: datetime = field(default=BEGAN)

    def now(self) -> datetime:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
