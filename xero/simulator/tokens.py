"""Codes, access tokens (JWT) and rotating refresh tokens."""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from xero.simulator.world import App, Grant, World

CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(minutes=30)
ID_TOKEN_LIFE = timedelta(minutes=5)
REFRESH_LIFE = timedelta(days=60)
REFRESH_GRACE = timedelta(minutes=30)

BROAD_SCOPES = frozenset({"accounting.transactions", "accounting.reports.read"})
_RESOURCES = ("contacts", "settings", "invoices", "payments", "attachments", "banktransactions")
KNOWN_SCOPES = (
    frozenset({"offline_access", "openid", "profile", "email", "app.connections"})
    | {f"accounting.{name}{suffix}" for name in _RESOURCES for suffix in ("", ".read")}
    | BROAD_SCOPES
    | {"accounting.transactions.read"}
)
OF_A_PERSON = frozenset({"offline_access", "openid", "profile", "email"})
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


class OAuthError(Exception):
    """An error of the token or authorization endpoint, by its OAuth name."""

    def __init__(self, error: str, description: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class Code(msgspec.Struct, kw_only=True):
    client_id: str
    redirect_uri: str
    user_id: str
    scope: str
    challenge: str | None
    auth_event_id: str
    expires: datetime


class Access(msgspec.Struct):
    """The content of an access token. `user_id` is None for client credentials."""

    client_id: str
    user_id: str | None
    scopes: frozenset[str]
    expires: datetime


def check_scope(app: App, scope: str) -> None:
    asked = set(scope.split())
    if not asked or not asked <= KNOWN_SCOPES:
        raise OAuthError("invalid_scope", "Invalid scope for client")
    if app.granular and asked & BROAD_SCOPES:
        raise OAuthError("invalid_scope", "This app has granular scopes only")


class TokenIssuer:
    """Codes are kept here. Grants are kept in the world, because they outlast a restart."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._codes: dict[str, Code] = {}

    def issue_code(
        self, app: App, user_id: str, redirect_uri: str, scope: str, challenge: str | None, auth_event_id: str
    ) -> str:
        code = secrets.token_urlsafe(32)
        self._codes[code] = Code(
            client_id=app.client_id,
            redirect_uri=redirect_uri,
            user_id=user_id,
            scope=scope,
            challenge=challenge,
            auth_event_id=auth_event_id,
            expires=self._world.clock() + CODE_LIFE,
        )
        return code

    def exchange_code(self, app: App, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """Exchange a code. A code works once, even if the exchange fails."""
        found = self._codes.pop(code, None)
        if (
            found is None
            or found.client_id != app.client_id
            or found.redirect_uri != redirect_uri
            or found.expires <= self._world.clock()
            or not _verifies(found.challenge, verifier)
        ):
            raise OAuthError("invalid_grant")
        grant = Grant(app.client_id, found.user_id, found.auth_event_id, found.scope, "", self._world.clock())
        if "offline_access" in found.scope.split():
            grant.token = _new_refresh_token()
            self._world.grants.append(grant)
            self._world.changed()
        return self._answer(grant)

    def refresh(self, app: App, token: str) -> dict[str, Any]:
        """Rotate the refresh token. The former token works for 30 minutes more, or until the new one is used."""
        now = self._world.clock()
        grant = self._find_grant(app, token)
        if grant is None:
            raise OAuthError("invalid_grant")
        if token == grant.token:
            if now - grant.issued >= REFRESH_LIFE:
                raise OAuthError("invalid_grant")
            grant.previous, grant.previous_until = token, now + REFRESH_GRACE
        elif grant.previous_until is None or now >= grant.previous_until:
            raise OAuthError("invalid_grant")
        grant.token, grant.issued = _new_refresh_token(), now
        self._world.changed()
        return self._answer(grant)

    def revoke(self, app: App, token: str) -> None:
        """Remove every connection of that user to that app, and all their refresh tokens."""
        grant = self._find_grant(app, token)
        if grant is None:
            return
        for connection in self._world.connections_of(app.client_id, grant.user_id):
            self._world.disconnect(connection.id)
        ended = (app.client_id, grant.user_id)
        self._world.grants = [g for g in self._world.grants if (g.client_id, g.user_id) != ended]
        self._world.changed()

    def issue_client_token(self, app: App, scope: str) -> dict[str, Any]:
        """The token of a custom connection, or a token that manages connections. Such a token cannot be refreshed. A custom
        connection that was disconnected gives none until it is authorised again."""
        if app.custom_tenant is None and set(scope.split()) != {"app.connections"}:
            raise OAuthError("unauthorized_client")
        check_scope(app, scope)
        if app.custom_tenant is not None:
            if set(scope.split()) & OF_A_PERSON:
                raise OAuthError("invalid_scope", "Invalid scope for client")
            if self._world.find_connection(app.client_id, None, app.custom_tenant) is None:
                raise OAuthError("unauthorized_client")
        return {
            "access_token": self._access_token(app.client_id, None, str(uuid4()), scope),
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "token_type": "Bearer",
            "scope": scope,
        }

    def find_access(self, token: str) -> Access | None:
        """The claims of a token of ours, expired or not. None for any other token."""
        try:
            claims = jwt.decode(token, self._key(), algorithms=["HS256"]).claims
        except (JoseError, ValueError):
            return None
        if "client_id" not in claims or "scope" not in claims:
            return None
        expires = datetime.fromtimestamp(claims["exp"], self._world.clock().tzinfo)
        return Access(
            claims["client_id"], claims.get("xero_userid"), frozenset(claims["scope"].split()), expires
        )

    def _find_grant(self, app: App, token: str) -> Grant | None:
        if not token:
            return None
        own = (g for g in self._world.grants if g.client_id == app.client_id)
        return next((g for g in own if token in (g.token, g.previous)), None)

    def _answer(self, grant: Grant) -> dict[str, Any]:
        answer = {
            "access_token": self._access_token(
                grant.client_id, grant.user_id, grant.auth_event_id, grant.scope
            ),
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "token_type": "Bearer",
            "scope": grant.scope,
        }
        if grant.token:
            answer["refresh_token"] = grant.token
        if "openid" in grant.scope.split():
            answer["id_token"] = self._id_token(grant)
        return answer

    def _access_token(self, client_id: str, user_id: str | None, event: str, scope: str) -> str:
        claims: dict[str, Any] = {
            "aud": "https://identity.xero.com/resources",
            "client_id": client_id,
            "authentication_event_id": event,
            "scope": scope,
        }
        if user_id is not None:
            claims |= {"xero_userid": user_id, "sub": user_id}
        return self._sign(claims, ACCESS_LIFE)

    def _id_token(self, grant: Grant) -> str:
        user = self._world.users[grant.user_id]
        first, _, last = user.name.partition(" ")
        claims = {
            "aud": grant.client_id,
            "sub": user.id,
            "xero_userid": user.id,
            "email": user.email,
            "preferred_username": user.email,
            "given_name": first,
            "family_name": last,
        }
        return self._sign(claims, ID_TOKEN_LIFE)

    def _sign(self, claims: dict[str, Any], life: timedelta) -> str:
        now = self._world.clock()
        times = {
            "iss": "https://identity.xero.com",
            "nbf": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode({"alg": "HS256"}, claims | times, self._key())

    def _key(self) -> OctKey:
        return OctKey.import_key(self._world.signing_key)


def _verifies(challenge: str | None, verifier: str) -> bool:
    if challenge is None:
        return True
    digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return _VERIFIER.fullmatch(verifier) is not None and secrets.compare_digest(digest, challenge)


def _new_refresh_token() -> str:
    return secrets.token_urlsafe(32)
