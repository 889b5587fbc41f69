"""Xero's consents: one grant for each client id and Xero user, over all workspaces. Its tokens are sealed.

One process at a time refreshes a grant. A lease says which process may ask Xero. The result is stored only if the grant
still has the leased version (compare-and-set). If a lease ends without a result, another process takes it and uses the
stored token again, which Xero allows for 30 minutes. No transaction is open while Xero is asked.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID, uuid4

from domain.tx import CallDoor

LEASE = timedelta(seconds=60)  # longer than the call's own time-out
UNUSED = timedelta(days=6)  # every grant is refreshed within a week; Xero's tokens die after 60 unused days

_KEEP = "select door.keep_grant(:id, :client, :user, :sealed, :expires, :now) as id"
_READ = "select * from door.read_grant(:id)"
_LEASE = "select door.lease_grant(:id, :version, :token, :now, :until) as done"
_SETTLE = "select door.settle_grant(:id, :version, :token, :sealed, :expires, :failed, :now) as done"
_RELEASE = "select door.release_grant(:id, :token) as done"
_STALE = "select id from door.stale_grants(:before) as id"


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


class _Id(NamedTuple):
    id: UUID


class _Done(NamedTuple):
    done: bool


@dataclass(frozen=True)
class Grants:
    """Each of its calls is a transaction of its own. The caller must not have one open."""

    door: CallDoor
    clock: Clock

    async def keep(self, client_id: str, xero_user_id: UUID, sealed: bytes, expires_at: datetime) -> UUID:
        """Store the tokens of a new consent in place of the user's earlier ones. Return the grant's id."""
        now, new = self.clock.now(), uuid4()
        [kept] = await self.door(
            _Id,
            _KEEP,
            id=new,
            client=client_id,
            user=xero_user_id,
            sealed=sealed,
            expires=expires_at,
            now=now,
        )
        return kept.id

    async def find(self, grant_id: UUID) -> Grant | None:
        found = await self.door(Grant, _READ, id=grant_id)
        return found[0] if found else None

    async def lease(self, grant: Grant) -> UUID | None:
        """A lease token. None if another process refreshes the grant, if it has a newer version, or if it has failed."""
        token, now = uuid4(), self.clock.now()
        [leased] = await self.door(
            _Done, _LEASE, id=grant.id, version=grant.version, token=token, now=now, until=now + LEASE
        )
        return token if leased.done else None

    async def settle(self, grant: Grant, lease: UUID, sealed: bytes, expires_at: datetime) -> bool:
        """Store renewed tokens. False if the grant has a newer version: these tokens must not be used."""
        return await self._settle(grant, lease, sealed, expires_at, None)

    async def fail(self, grant: Grant, lease: UUID, reason: str) -> bool:
        """End the grant. False if it has a newer version, whose tokens may be good."""
        return await self._settle(grant, lease, None, None, reason)

    async def release(self, grant: Grant, lease: UUID) -> None:
        await self.door(_Done, _RELEASE, id=grant.id, token=lease)

    async def stale(self) -> list[UUID]:
        """The grants that nobody has used for UNUSED; they are refreshed all the same."""
        return [found.id for found in await self.door(_Id, _STALE, before=self.clock.now() - UNUSED)]

    async def _settle(
        self, grant: Grant, lease: UUID, sealed: bytes | None, expires: datetime | None, failed: str | None
    ) -> bool:
        [settled] = await self.door(
            _Done,
            _SETTLE,
            id=grant.id,
            version=grant.version,
            token=lease,
            now=self.clock.now(),
            sealed=sealed,
            expires=expires,
            failed=failed,
        )
        return settled.done
