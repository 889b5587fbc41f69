"""Access tokens of a consent or of a custom connection. Tokens are renewed shortly before they expire, by one caller at a
time over all processes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import httpx
import msgspec

from xero import oauth
from xero.errors import KeyMissing, NeedsReconnect, Reason, Retry, XeroError
from xero.oauth import App
from xero.payloads import ClientTokenAnswer, TokenAnswer

MARGIN = timedelta(minutes=2)  # a token is renewed so long before it ends
CHECKS, PAUSE = (
    50,
    0.1,
)  # how often, and after how many seconds, a caller checks whether another has refreshed


class Grant(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def client_id(self) -> str: ...
    @property
    def xero_user_id(self) -> UUID: ...
    @property
    def sealed(self) -> bytes: ...
    @property
    def access_expires_at(self) -> datetime: ...
    @property
    def failed(self) -> str | None: ...


G = TypeVar("G", bound=Grant)


class Grants(Protocol[G]):
    """The store of grants. `lease` gives one caller the right to refresh. `settle` and `fail` return False if the grant has changed."""

    async def find(self, grant_id: UUID) -> G | None: ...
    async def lease(self, grant: G) -> UUID | None: ...
    async def settle(self, grant: G, lease: UUID, sealed: bytes, expires_at: datetime) -> bool: ...
    async def fail(self, grant: G, lease: UUID, reason: str) -> bool: ...
    async def release(self, grant: G, lease: UUID) -> None: ...


class Seal(Protocol):
    def seal(self, plain: bytes, identity: str) -> bytes: ...
    def unseal(self, sealed: bytes, identity: str) -> bytes:
        """Open the seal. Raise ValueError, with a message for people, if no key opens it."""


class Clock(Protocol):
    def now(self) -> datetime: ...


NO_USER = UUID(int=0)  # a custom connection is of an app, and of no Xero user


class _Sealed(msgspec.Struct, kw_only=True):
    """The sealed content of a grant. A consent has a refresh token; a custom connection has the secret of its own app."""

    access_token: str
    refresh_token: str = ""
    client_secret: str = ""

    def __repr__(self) -> str:
        return "_Sealed()"


def seal_client_token(seal: Seal, answer: ClientTokenAnswer, client_id: str, client_secret: str) -> bytes:
    """Seal the token of a custom connection together with the secret that gives the next token."""
    sealed = _Sealed(access_token=answer.access_token, client_secret=client_secret)
    return seal.seal(msgspec.json.encode(sealed), identity(client_id, NO_USER))


def seal_tokens(seal: Seal, tokens: TokenAnswer, client_id: str, xero_user_id: UUID) -> bytes:
    """Seal tokens with the grant's key as associated data, so that they open in no other grant."""
    return seal.seal(msgspec.json.encode(tokens), identity(client_id, xero_user_id))


def expires_at(tokens: TokenAnswer | ClientTokenAnswer, now: datetime) -> datetime:
    return now + timedelta(seconds=tokens.expires_in)


@dataclass(frozen=True, kw_only=True)
class GrantTokens(Generic[G]):
    """The access tokens for the organisations of one grant. Without a grant, each use raises NeedsReconnect."""

    http: httpx.AsyncClient
    app: App
    grants: Grants[G]
    seal: Seal
    clock: Clock
    grant_id: UUID | None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def access_token(self) -> str:
        return await self._token(lambda grant, _: grant.access_expires_at > self.clock.now() + MARGIN)

    async def refresh(self, stale: str) -> str:
        """Refresh the tokens, unless another caller has refreshed them meanwhile."""
        return await self._token(lambda _, tokens: tokens.access_token != stale)

    async def keep_alive(self) -> None:
        """Refresh in any case, for a grant that has not been used for long."""
        grant = await self._grant()
        await self.refresh(self._open(grant).access_token)

    async def _token(self, good: Callable[[G, _Sealed], bool]) -> str:
        checks = 0
        while True:
            grant = await self._grant()
            tokens = self._open(grant)
            if good(grant, tokens):
                return tokens.access_token
            lease = await self.grants.lease(grant)
            if lease is not None:
                renewed = await self._renew(grant, lease, tokens)
                if renewed is not None:
                    return renewed
            elif checks == CHECKS:
                raise Retry(Reason.TOKEN_BUSY, self.clock.now() + timedelta(seconds=CHECKS * PAUSE))
            else:
                await self.sleep(PAUSE)
                checks += 1

    async def _renew(self, grant: G, lease: UUID, tokens: _Sealed) -> str | None:
        """Renew under a lease, and return the access token. None if the grant has changed meanwhile: read it again."""
        began = self.clock.now()
        try:
            if tokens.client_secret:
                return await self._renew_client_token(grant, lease, tokens.client_secret)
            renewed = await oauth.refresh(self.http, self.app, tokens.refresh_token)
        except NeedsReconnect as error:
            if await self.grants.fail(grant, lease, str(error)):
                raise
            return None
        except XeroError:
            await self.grants.release(grant, lease)
            raise
        sealed = seal_tokens(self.seal, renewed, grant.client_id, grant.xero_user_id)
        stored = await self.grants.settle(grant, lease, sealed, expires_at(renewed, began))
        return renewed.access_token if stored else None

    async def _renew_client_token(self, grant: G, lease: UUID, client_secret: str) -> str | None:
        began, app = (
            self.clock.now(),
            replace(self.app, client_id=grant.client_id, client_secret=client_secret),
        )
        renewed = await oauth.client_token(self.http, app)
        sealed = seal_client_token(self.seal, renewed, grant.client_id, client_secret)
        stored = await self.grants.settle(grant, lease, sealed, expires_at(renewed, began))
        return renewed.access_token if stored else None

    async def _grant(self) -> G:
        grant = await self.grants.find(self.grant_id) if self.grant_id is not None else None
        if grant is None:
            raise NeedsReconnect("there is no such consent here")
        if grant.failed is not None:
            raise NeedsReconnect(grant.failed)
        return grant

    def _open(self, grant: G) -> _Sealed:
        try:
            opened = self.seal.unseal(grant.sealed, identity(grant.client_id, grant.xero_user_id))
        except ValueError as error:
            raise KeyMissing(str(error)) from None
        return msgspec.json.decode(opened, type=_Sealed)


def identity(client_id: str, xero_user_id: UUID) -> str:
    """The identity to which the tokens' seal is bound."""
    return f"xero_grant/{client_id}/{xero_user_id}"
