"""Finds the caller of a request: an API token or a person, over HTTP or on a socket."""

from collections.abc import Collection
from datetime import datetime

import httpx
import structlog
from starlette.requests import HTTPConnection

from api.auth.addresses import client_address, read_networks
from api.auth.credentials import Credential, NotLetIn, workspace_key
from api.auth.people import People
from api.auth.provider import Provider
from api.auth.sign_in_limit import SignInLimit
from api.auth.tokens import Recalled, Tokens
from api.context import Viewer
from api.errors import Code
from domain.practice.workspaces import TOKEN_PREFIX
from runtime.database import Database
from runtime.settings import Settings

UNKNOWN = "This token is unknown, revoked or expired. An ADMIN of the workspace can create another one."
OTHER_WORKSPACE = "This API token belongs to another workspace than the one that the request names."
log = structlog.get_logger()


class Callers:
    """Finds the caller by a credential. People can sign in only if OIDC_ISSUER is set."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        http: httpx.AsyncClient,
        provider: Provider | None = None,
        limit: SignInLimit | None = None,
    ) -> None:
        self._tokens, self._limit = Tokens(database), limit
        self._proxies = read_networks(settings.trusted_proxies)
        if provider is None and settings.oidc_issuer:
            provider = Provider(settings, http, database.clock)
        self._people = People(settings, provider, database) if provider else None

    def address_of(self, connection: HTTPConnection) -> str:
        return client_address(connection, self._proxies)

    async def find(
        self,
        credential: Credential,
        session_began: datetime | None = None,
        *,
        address: str | None = None,
    ) -> Viewer:
        """Return the viewer of a valid credential; raise NotLetIn for any other. `session_began`: the time of the sign-in,
        if the token is a renewed one. `address`: failed sign-ins are counted for this address; None if Tandem itself got
        the token from the provider."""
        try:
            if self._limit is None or address is None:
                return await self._find(credential, session_began)
            self._limit.check(credential, address)
            viewer = await self._find(credential, session_began)
            self._limit.succeeded(credential)
        except NotLetIn as error:
            log.info("not_let_in", code=error.code.value, why=error.message)
            if self._limit is not None and address is not None and error.code is Code.UNAUTHENTICATED:
                await self._limit.failed(credential, address)
            raise
        return viewer

    async def _find(self, credential: Credential, session_began: datetime | None) -> Viewer:
        if self._people is not None and is_signed(credential.token):
            return await self._people.find_viewer(credential, session_began)
        return await self._find_token(credential)

    def recall(self, token: str) -> Recalled | None:
        """An API token as it was found last (api.auth.tokens). None for any other credential."""
        return self._tokens.recall(token) if token.startswith(TOKEN_PREFIX) else None

    def forget(self, token: str) -> None:
        """Makes `recall` find nothing, until the token has been found again."""
        self._tokens.forget(token)

    async def find_valid(self, credentials: Collection[Credential]) -> set[Credential]:
        """The credentials of open streams that are still valid."""
        signed = {one for one in credentials if self._people is not None and is_signed(one.token)}
        others = [one for one in credentials if one not in signed]
        tokens = await self._tokens.find_valid({one.token for one in others}) if others else set()
        valid = {one for one in others if one.token in tokens}
        if self._people is not None and signed:
            valid |= await self._people.find_valid(signed)
        return valid

    async def _find_token(self, credential: Credential) -> Viewer:
        viewer = await self._tokens.find_viewer(credential.token)
        if viewer is None:
            raise NotLetIn(Code.UNAUTHENTICATED, UNKNOWN)
        if credential.workspace is not None and workspace_key(credential.workspace) != viewer.workspace:
            raise NotLetIn(Code.FORBIDDEN, OTHER_WORKSPACE)
        return viewer


def is_signed(token: str) -> bool:
    """Whether it is a token of the identity provider (a JWT), and not an API token."""
    return not token.startswith(TOKEN_PREFIX) and token.count(".") == 2
