"""A meter of the calls to Xero and of the bytes of their answers, by organisation, day (UTC), endpoint and status.

A worker counts in memory, and adds its counts to PostgreSQL in one statement every few seconds: the path of a call has no
statement more. A killed worker loses the counts of these seconds. Bytes are counted compressed, because Xero's tiers charge
for the bytes that Xero sends; `unpacked` is their size after that.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, DATE, INTEGER, TEXT
from sqlalchemy.dialects.postgresql import UUID as UUID_TYPE
from sqlalchemy.ext.asyncio import AsyncSession

from domain.connection.call_budget import Clock
from domain.tx import Tx

Door = Callable[[], AbstractAsyncContextManager[AsyncSession]]

_DAY = timedelta(days=1)
_WEEK = 7 * _DAY
_COLUMNS = {
    "tenants": UUID_TYPE, "days": DATE, "endpoints": TEXT, "statuses": INTEGER, "calls": INTEGER, "received": BIGINT,
    "unpacked": BIGINT,
}  # fmt: skip
_NOTE = sa.text(f"select door.note_traffic({', '.join(f':{name}' for name in _COLUMNS)})").bindparams(
    *(sa.bindparam(name, type_=ARRAY(kind)) for name, kind in _COLUMNS.items())
)
_MONTH = sa.text(
    "select tenant_id, this_month, last_week, first_day from door.month_traffic(cast(:tenants as uuid[]), :today)"
)


class Call(Protocol):
    """A call that was made. `status` is 0 if no answer came."""

    @property
    def endpoint(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def received(self) -> int: ...
    @property
    def unpacked(self) -> int: ...


@dataclass
class _Sum:
    calls: int = 0
    received: int = 0
    unpacked: int = 0

    def add(self, calls: int, received: int, unpacked: int) -> None:
        self.calls += calls
        self.received += received
        self.unpacked += unpacked


_Key = tuple[UUID, date, str, int]


@dataclass
class Meter:
    """The counts of one process since its last `flush`."""

    door: Door
    clock: Clock
    _sums: defaultdict[_Key, _Sum] = field(default_factory=lambda: defaultdict(_Sum), init=False)

    def note(self, tenant_id: UUID, call: Call) -> None:
        day = self.clock.now().astimezone(UTC).date()
        self._sums[tenant_id, day, call.endpoint, call.status].add(1, call.received, call.unpacked)

    async def flush(self) -> None:
        """Add the counts to PostgreSQL, with no transaction open. If it does not answer, they are kept for the next time."""
        sums, self._sums = self._sums, defaultdict(_Sum)
        if not sums:
            return
        tenants, days, endpoints, statuses = zip(*sums, strict=True)
        values = {
            "tenants": tenants, "days": days, "endpoints": endpoints, "statuses": statuses,
            "calls": [each.calls for each in sums.values()],
            "received": [each.received for each in sums.values()],
            "unpacked": [each.unpacked for each in sums.values()],
        }  # fmt: skip
        try:
            async with self.door() as session:
                await session.execute(_NOTE, {name: list(column) for name, column in values.items()})
        except BaseException:
            for key, each in sums.items():
                self._sums[key].add(each.calls, each.received, each.unpacked)
            raise


@dataclass(frozen=True)
class Month:
    """The bytes that an organisation's answers had in this month (UTC), and what the month will come to at the pace of the last
    seven days. An import of these days counts for the pace."""

    received: int
    forecast: float


async def find_months(tx: Tx, tenant_ids: Sequence[UUID]) -> dict[UUID, Month]:
    """Return the month of each tenant. A tenant without calls in this month and in the last seven days is left out."""
    now = tx.now.astimezone(UTC)
    found = await tx.session.execute(_MONTH, {"tenants": list(tenant_ids), "today": now.date()})
    return {
        row.tenant_id: Month(row.this_month, row.this_month + _to_come(now, row.last_week, row.first_day))
        for row in found
    }


def _to_come(now: datetime, last_week: int, first_day: date | None) -> float:
    """The bytes of the rest of the month, at the pace of the last seven days. Less than a day counts as a day."""
    if first_day is None:
        return 0.0
    began = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
    measured = min(max(now - began, _DAY), _WEEK)
    next_month = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    return last_week * ((next_month - now) / measured)
