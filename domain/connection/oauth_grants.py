"""Xero's consents: one grant for each client id and Xero user, over all workspaces. Its tokens are sealed.

One process at a time refreshes a grant: a lease says which one may ask Xero, and the result is stored only if the version is
still the leased one (compare-and-set). If a lease ends without a result, another process takes it and uses the stored token
again, which Xero allows for 30 minutes. No transaction is open while Xero is asked.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

Door = Callable[[], AbstractAsyncContextManager[AsyncSession]]

LEASE = timedelta(seconds=60)  # longer than the call's own time-out
UNUSED = timedelta(days=6)  # every grant is refreshed within a week; Xero's tokens die after 60 unused days

_KEEP = sa.text("select door.keep_grant(:id, :client, :user, :sealed, :expires, :now)")
_READ = sa.text("select * from door.read_grant(:id)")
_LEASE = sa.text("select door.lease_grant(:id, :version, :token, :now, :until)")
_SETTLE = sa.text("select door.settle_grant(:id, :version, :token, :sealed, :expires, :failed, :now)")
_RELEASE = sa.text("select door.release_grant(:id, :token)")
_STALE = sa.text("select door.stale_grants(:before)")


class Clock(Protocol):
    def now(self) -> datetime: ...


@dataclass(frozen=True)
class Grant:
    """`version` rises with every change of the tokens. `failed`: why a person must consent again."""

    id: UUID
    client_id: str
    xero_user_id: UUID
    sealed: bytes = field(repr=False)
    version: int
    access_expires_at: datetime
    lease_until: datetime | None
    failed: str | None


@dataclass(frozen=True)
class Grants:
    """Opens its own transactions. The caller must not have one open."""

    door: Door
    clock: Clock

    async def keep(self, client_id: str, xero_user_id: UUID, sealed: bytes, expires_at: datetime) -> UUID:
        """Store the tokens of a new consent in place of the user's earlier ones. Return the grant's id."""
        values = {"id": uuid4(), "client": client_id, "user": xero_user_id, "sealed": sealed}
        kept: UUID = await self._ask(_KEEP, **values, expires=expires_at, now=self.clock.now())
        return kept

    async def find(self, grant_id: UUID) -> Grant | None:
        async with self.door() as session:
            row = (await session.execute(_READ, {"id": grant_id})).one_or_none()
        return Grant(**row._mapping) if row else None

    async def lease(self, grant: Grant) -> UUID | None:
        """A lease token. None if another process refreshes the grant, if it has a newer version, or if it has failed."""
        token, now = uuid4(), self.clock.now()
        values = {"id": grant.id, "version": grant.version, "token": token, "now": now, "until": now + LEASE}
        return token if await self._ask(_LEASE, **values) else None

    async def settle(self, grant: Grant, lease: UUID, sealed: bytes, expires_at: datetime) -> bool:
        """Store renewed tokens. False if the grant has a newer version: these tokens must not be used."""
        return await self._settle(grant, lease, sealed=sealed, expires=expires_at, failed=None)

    async def fail(self, grant: Grant, lease: UUID, reason: str) -> bool:
        """End the grant. False if it has a newer version, whose tokens may be good."""
        return await self._settle(grant, lease, sealed=None, expires=None, failed=reason)

    async def release(self, grant: Grant, lease: UUID) -> None:
        await self._ask(_RELEASE, id=grant.id, token=lease)

    async def stale(self) -> list[UUID]:
        """The grants that nobody has used for UNUSED; they are refreshed all the same."""
        async with self.door() as session:
            found = await session.scalars(_STALE, {"before": self.clock.now() - UNUSED})
            return list(found)

    async def _settle(self, grant: Grant, lease: UUID, **result: Any) -> bool:
        values = {"id": grant.id, "version": grant.version, "token": lease, "now": self.clock.now()}
        return bool(await self._ask(_SETTLE, **values, **result))

    async def _ask(self, statement: sa.TextClause, **values: Any) -> Any:
        async with self.door() as session:
            return await session.scalar(statement, values)
