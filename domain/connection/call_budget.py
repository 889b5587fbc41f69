"""Xero's limits of calls, counted over all processes in PostgreSQL: no restart and no flush of Redis loses a count.

The database functions `door.take_slot` and `door.give_slot` (migrations/sql) count. Each is one short transaction that locks
its organisation's count only. A slot that is not given back expires at the end of its hold. The rows are also the log of
calls; `runtime.retention` deletes them after 26 hours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID, uuid4

import sqlalchemy as sa

from domain.connection.poll_schedule import USUAL_DAY
from domain.tx import CallDoor, Tx

HOLD = timedelta(seconds=30)  # a call's own time-out, 25 s, and some time between taking the slot and sending

_TAKE = "select door.take_slot(:slot, :tenant, :bulk, :now, :hold) as until"
_GIVE = "select door.give_slot(:slot, :now, :status, :minute, :day, :until) as nothing"
_FIND = sa.text(
    "select tenant_id, minute_remaining, day_remaining, day_limit, limited_until"
    " from door.call_budgets(cast(:tenants as uuid[]), :now)"
)


class Clock(Protocol):
    def now(self) -> datetime: ...


class ReportedLimits(Protocol):
    """The limits that an answer reported; None if a header was absent. `until`: no call before this time."""

    @property
    def status(self) -> int: ...
    @property
    def minute_remaining(self) -> int | None: ...
    @property
    def day_remaining(self) -> int | None: ...
    @property
    def until(self) -> datetime | None: ...


@dataclass(frozen=True)
class CallBudget:
    """The calls that Xero still allows an organisation, as its last answers reported them. None: not reported."""

    tenant_id: UUID
    minute_remaining: int | None = None
    day_remaining: int | None = None
    day_limit: int = USUAL_DAY
    limited_until: datetime | None = None

    @property
    def left_today(self) -> int:
        """Before Xero has reported it, the whole day's calls are left."""
        return self.day_limit if self.day_remaining is None else self.day_remaining


async def find_many(tx: Tx, tenant_ids: Sequence[UUID]) -> dict[UUID, CallBudget]:
    """The budgets that Xero has reported, by tenant."""
    found = await tx.session.execute(_FIND, {"tenants": list(tenant_ids), "now": tx.now})
    return {row.tenant_id: CallBudget(*row) for row in found}


async def get(tx: Tx, tenant_id: UUID) -> CallBudget:
    """The budget of one organisation; the usual one if Xero has not reported it yet."""
    return (await find_many(tx, [tenant_id])).get(tenant_id) or CallBudget(tenant_id)


class _Taken(NamedTuple):
    """`until`: no slot is free before; None if the slot was taken."""

    until: datetime | None


class _Given(NamedTuple):
    nothing: object


@dataclass(frozen=True)
class Limits:
    """The limiter of the Xero client. Each of its calls is a transaction of its own; the caller must not have one open."""

    door: CallDoor
    clock: Clock

    async def take(self, tenant_id: UUID, priority: str) -> UUID | datetime:
        """A slot for one call, or the time before which no slot is free. BULK leaves one slot, 10 calls of the minute and a tenth
        of the day's calls for INTERACTIVE."""
        slot, now = uuid4(), self.clock.now()
        bulk = priority == "BULK"
        [taken] = await self.door(_Taken, _TAKE, slot=slot, tenant=tenant_id, bulk=bulk, now=now, hold=HOLD)
        return taken.until or slot

    async def give(self, slot: UUID, told: ReportedLimits | None) -> None:
        await self.door(
            _Given,
            _GIVE,
            slot=slot,
            now=self.clock.now(),
            status=told.status if told else None,
            minute=told.minute_remaining if told else None,
            day=told.day_remaining if told else None,
            until=told.until if told else None,
        )
