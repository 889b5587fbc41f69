"""The rate limits in Xero's answers, and the interface of the limiter that keeps Tandem within them.

Xero allows one organisation 5 calls at once, 60 a minute and 1,000 or 5,000 a day. Xero allows an app 10,000 calls a minute
over all organisations. This module does not count: a Limiter counts, over all processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Priority(StrEnum):
    """INTERACTIVE: a person waits for the call. BULK leaves a part of the limits to interactive calls."""

    INTERACTIVE = "INTERACTIVE"
    BULK = "BULK"


@dataclass(frozen=True)
class ReportedLimits:
    """The status and the limit headers of an answer; None for a header that was absent. No call before
    `until`."""

    status: int
    minute_remaining: int | None = None
    day_remaining: int | None = None
    app_minute_remaining: int | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Traffic:
    """One call for the meter. `received`: the bytes of the answer, compressed; `unpacked`: their size after decompression.
    `status` is 0 if no answer came."""

    endpoint: str
    status: int = 0
    received: int = 0
    unpacked: int = 0


class Meter(Protocol):
    def note(self, tenant_id: UUID, call: Traffic) -> None: ...


class Limiter(Protocol):
    async def take(self, tenant_id: UUID, priority: Priority) -> UUID | datetime:
        """Return a slot for one call, or the time before which there is no slot. Never waits."""
        ...

    async def give(self, slot: UUID, told: ReportedLimits | None) -> None:
        """Give the slot back. `told` is None if the call was never sent. A slot that is not given back lapses by itself."""
        ...


# How long to stop where a 429 has no Retry-After (the one for calls at once never has).
_PAUSES = {"concurrent": timedelta(seconds=2), "day": timedelta(hours=1)}
_PAUSE = timedelta(minutes=1)
_LONGEST = 86_400


def read_allowance(status: int, headers: Mapping[str, str], now: datetime) -> ReportedLimits:
    until = _until(headers, now) if status == 429 else None
    return ReportedLimits(
        status,
        _count(headers, "x-minlimit-remaining"),
        _count(headers, "x-daylimit-remaining"),
        _count(headers, "x-appminlimit-remaining"),
        until,
    )


def _until(headers: Mapping[str, str], now: datetime) -> datetime:
    seconds = _count(headers, "retry-after")
    if seconds is not None:
        return now + timedelta(seconds=min(seconds, _LONGEST))
    return now + _PAUSES.get(headers.get("x-rate-limit-problem", "").strip().lower(), _PAUSE)


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
