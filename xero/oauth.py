"""Xero's OAuth 2.0: authorization code with PKCE, rotating refresh tokens, custom connections, and the connections of a user.

One token covers every organisation that a Xero user has connected to this app. Each use replaces the refresh token; the
former one works for 30 minutes more, so a refresh whose answer was lost may be repeated. Disconnecting deletes one
connection. Nothing here revokes a token, because that would end all connections of the user.

A custom connection is an app of its own for one organisation. Its client id and secret give a token for 30 minutes each time
they are asked (`client_credentials`); no consent and no refresh token exist.
"""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, Self
from urllib.parse import urlencode
from uuid import UUID

import httpx
import msgspec

from xero.answers import is_from_the_way, json_of
from xero.errors import (
    CredentialsRefused,
    Misconfigured,
    NeedsReconnect,
    NoAnswer,
    Reason,
    Refused,
    Rejected,
    Retry,
    Unauthorised,
    XeroError,
    reading,
    sending,
)
from xero.payloads import Claims, ClientTokenAnswer, Connection, TokenAnswer, decode_hook

# An OAuth callback imports everything from here, errors included, and no other module of `xero`.
__all__ = [
    "App",
    "Claims",
    "ClientTokenAnswer",
    "Connection",
    "CredentialsRefused",
    "Misconfigured",
    "NeedsReconnect",
    "Refused",
    "Retry",
    "TokenAnswer",
    "Unauthorised",
    "XeroError",
    "challenge",
    "client_token",
    "connections",
    "consent_url",
    "delete_connection",
    "exchange",
    "granted",
    "is_connected",
    "new_secret",
    "read_claims",
    "refresh",
]

TIMEOUT = 25.0
SKEW = timedelta(minutes=1)
# Scopes of a person who signs in. A custom connection has no person, and Xero refuses them there.
_OF_A_PERSON = frozenset({"openid", "profile", "email", "offline_access"})


class _Secret(Protocol):
    def get_secret_value(self) -> str: ...


class AppSettings(Protocol):
    """The settings that name an app and where Xero is."""

    @property
    def xero_client_id(self) -> str | None: ...
    @property
    def xero_client_secret(self) -> _Secret | None: ...
    @property
    def xero_redirect_uri(self) -> str: ...
    @property
    def xero_scopes(self) -> str: ...
    @property
    def xero_authorize_url(self) -> str: ...
    @property
    def xero_identity_url(self) -> str: ...
    @property
    def xero_api_url(self) -> str: ...


@dataclass(frozen=True)
class App:
    """An app registered with Xero, and Xero's addresses without a slash at the end."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scopes: str
    authorize_url: str = "https://login.xero.com/identity/connect/authorize"
    identity_url: str = "https://identity.xero.com"
    api_url: str = "https://api.xero.com"

    @classmethod
    def of(cls, settings: AppSettings) -> Self:
        """An app without id and secret, which no call can use, where the settings have none."""
        secret = settings.xero_client_secret
        return cls(
            client_id=settings.xero_client_id or "",
            client_secret=secret.get_secret_value() if secret else "",
            redirect_uri=settings.xero_redirect_uri,
            scopes=settings.xero_scopes,
            authorize_url=settings.xero_authorize_url,
            identity_url=settings.xero_identity_url,
            api_url=settings.xero_api_url,
        )


class _OAuthFault(msgspec.Struct, gc=False):
    error: str = ""
    error_description: str = ""


_CONNECTIONS = msgspec.json.Decoder(list[Connection], dec_hook=decode_hook)


def new_secret() -> str:
    """A new state or PKCE verifier: 43 characters, 256 bits."""
    return secrets.token_urlsafe(32)


def challenge(verifier: str) -> str:
    """The S256 challenge of PKCE (RFC 7636)."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def consent_url(app: App, state: str, verifier: str) -> str:
    """The address of Xero's consent page. The address must be opened as a full page: a pop-up fails Xero's
    certification."""
    query = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": app.redirect_uri,
        "scope": app.scopes,
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    return f"{app.authorize_url}?{urlencode(query)}"


async def exchange(http: httpx.AsyncClient, app: App, code: str, verifier: str) -> TokenAnswer:
    """Exchange a code for tokens. A code is valid once, within 5 minutes; a used one raises NeedsReconnect."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": app.redirect_uri}
    return await _token(http, app, form | {"code_verifier": verifier})


async def refresh(http: httpx.AsyncClient, app: App, refresh_token: str) -> TokenAnswer:
    """Refresh the tokens. Store the answer before you use it: the token that was sent works for 30 minutes more at most.

    Retry means that the same token may be sent again.
    """
    return await _token(http, app, {"grant_type": "refresh_token", "refresh_token": refresh_token})


async def client_token(http: httpx.AsyncClient, app: App) -> ClientTokenAnswer:
    """A new token of a custom connection, by the app's own credentials. The token before works on until it ends.

    Xero gives only scopes that were chosen for the custom connection, and demands that they are asked for."""
    scopes = " ".join(scope for scope in app.scopes.split() if scope not in _OF_A_PERSON)
    try:
        answer = await _ask_token(http, app, {"grant_type": "client_credentials", "scope": scopes})
    except Misconfigured as error:
        raise CredentialsRefused(error.code) from None
    except NeedsReconnect:
        raise CredentialsRefused("invalid_grant") from None
    with reading():
        return msgspec.json.decode(json_of(answer), type=ClientTokenAnswer)


async def connections(http: httpx.AsyncClient, app: App, access_token: str) -> list[Connection]:
    """All tenants that this Xero user has connected to this app, by earlier consents too: see `granted`."""
    return await _connections(http, app.api_url, access_token)


async def _connections(http: httpx.AsyncClient, api_url: str, access_token: str) -> list[Connection]:
    answer = await _send(http, "GET", f"{api_url.rstrip('/')}/connections", access_token=access_token)
    _check(answer)
    with reading():
        return _CONNECTIONS.decode(json_of(answer))


async def is_connected(http: httpx.AsyncClient, api_url: str, access_token: str, tenant_id: UUID) -> bool:
    """Whether Xero lists the organisation among the connections of the token's user. Other organisations may share the
    token."""
    found = await _connections(http, api_url, access_token)
    return any(connection.tenant_id == tenant_id for connection in found)


async def delete_connection(
    http: httpx.AsyncClient, app: App, access_token: str, connection_id: UUID
) -> None:
    """Disconnect the organisation. An organisation that is not connected is no error."""
    address = f"{app.api_url}/connections/{connection_id}"
    answer = await _send(http, "DELETE", address, access_token=access_token)
    if answer.status_code != 404:
        _check(answer)


def read_claims(access_token: str) -> Claims:
    """The claims of an access token. Its signature is not verified.

    The token comes straight from Xero's token endpoint over TLS, in answer to our own request (OpenID Connect Core 3.1.3.7
    allows this).
    """
    with reading():
        payload = access_token.split(".")[1] if access_token.count(".") == 2 else ""
        padded = payload + "=" * (-len(payload) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=Claims)


def granted(
    found: Iterable[Connection], claims: Claims, flow_began: datetime, known_tenants: Set[UUID]
) -> list[Connection]:
    """The organisations that this consent gave. `known_tenants` are those that the workspace already has.

    These connections have the token's authEventId. The authEventId reportedly stays the same on a reconnect. So if none has
    it, they are the connections that were updated since the flow began and that the workspace already has. Other
    connections came from other consents, perhaps for another workspace. Xero's clock may differ from ours by a minute.
    """
    organisations = [connection for connection in found if connection.tenant_type.upper() == "ORGANISATION"]
    event = claims.authentication_event_id
    fresh = [connection for connection in organisations if event and connection.auth_event_id == event]
    if fresh:
        return fresh
    since = flow_began - SKEW
    return [
        connection
        for connection in organisations
        if connection.tenant_id in known_tenants
        and connection.updated_date_utc
        and connection.updated_date_utc >= since
    ]


async def _token(http: httpx.AsyncClient, app: App, form: dict[str, str]) -> TokenAnswer:
    answer = await _ask_token(http, app, form)
    with reading():
        return msgspec.json.decode(json_of(answer), type=TokenAnswer)


async def _ask_token(http: httpx.AsyncClient, app: App, form: dict[str, str]) -> httpx.Response:
    answer = await _send(
        http, "POST", f"{app.identity_url}/connect/token", form=form, basic=(app.client_id, app.client_secret)
    )
    if answer.status_code in (400, 401, 403):
        raise _fault(answer)
    _check(answer)
    return answer


async def _send(
    http: httpx.AsyncClient,
    method: str,
    address: str,
    *,
    form: dict[str, str] | None = None,
    basic: tuple[str, str] | None = None,
    access_token: str | None = None,
) -> httpx.Response:
    """Send a request. Every request here may be repeated, so a lost answer raises Retry."""
    headers = {"Accept": "application/json"}
    if access_token is not None:
        headers["Authorization"] = f"Bearer {access_token}"
    try:
        with sending():
            async with asyncio.timeout(TIMEOUT):
                return await http.request(
                    method, address, data=form, headers=headers, auth=basic, timeout=TIMEOUT
                )
    except NoAnswer as error:
        raise Retry(Reason.UNREACHABLE, detail=str(error)) from None


# RFC 6749, 4.1.2.1 and 5.2.
_CODES = frozenset({
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
    "access_denied", "server_error", "temporarily_unavailable",
})  # fmt: skip


def _fault(answer: httpx.Response) -> NeedsReconnect | Misconfigured | Retry:
    """The exception for an OAuth error code. `invalid_grant` is a used, expired or revoked code or refresh token. An
    answer without one of OAuth's codes may come from a proxy or firewall on the way."""
    try:
        fault = msgspec.json.decode(json_of(answer), type=_OAuthFault)
    except (ValueError, RecursionError):
        fault = _OAuthFault()
    if fault.error == "invalid_grant":
        return NeedsReconnect(fault.error)
    if fault.error not in _CODES and is_from_the_way(answer):
        return Retry(Reason.BLOCKED, detail=f"status {answer.status_code}, not from Xero")
    return Misconfigured(fault.error or f"status {answer.status_code}", fault.error_description)


def _check(answer: httpx.Response) -> None:
    status = answer.status_code
    if is_from_the_way(answer):
        raise Retry(Reason.BLOCKED, detail=f"status {status}, not from Xero")
    if status in (401, 403):
        raise Unauthorised(f"status {status}")
    if status == 429:
        raise Retry(Reason.LIMIT)
    if status >= 500:
        raise Retry(Reason.SERVER_ERROR, detail=f"status {status}")
    if not 200 <= status < 300:
        raise Rejected(status)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
