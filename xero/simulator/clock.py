"""The simulator's time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Give the present as an aware datetime in UTC."""


def system_clock() -> datetime:
    return datetime.now(UTC)


class ShiftedClock:
    """A clock that follows another one and can be set ahead, never back."""

    def __init__(self, source: Clock = system_clock) -> None:
        self._source = source
        self._shift = timedelta()

    def __call__(self) -> datetime:
        return self._source() + self._shift

    def advance(self, by: timedelta) -> None:
        if by < timedelta():
            raise ValueError("a clock does not go back")
        self._shift += by
