"""The authorization code flow with PKCE (RFC 7636): how the console gets a person's access token from the identity provider.

The browser is sent to the provider, and comes back with a code. Tandem redeems the code itself, so that no address and no
script's storage holds the code's secret or a token.
"""

import asyncio
import base64
import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import httpx
import msgspec
import structlog

from api.auth.provider import LARGEST, PATIENCE, Metadata, ProviderUnavailable, read_metadata
from runtime.settings import Settings

CALLBACK = "/console/sign-in/done"
SILENT = "The identity provider does not answer as OpenID Connect says. Try again in a moment."

log = structlog.get_logger()


class CodeRefused(Exception):
    """The provider refuses the code or the refresh token. The message is for the person."""


class Grant(msgspec.Struct):
    """Tokens of the provider. Without a refresh token, the session ends with the access token."""

    access_token: str
    refresh_token: str | None = None


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str = ""


@dataclass(frozen=True)
class Begun:
    """A sign-in that has begun: the provider's address for the browser, and two secrets that only this browser holds until
    it returns."""

    address: str
    state: str
    verifier: str


class CodeFlow:
    """OIDC_CLIENT_ID is set. Each method raises ProviderUnavailable if the provider does not answer."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        assert settings.oidc_issuer
        assert settings.oidc_client_id
        self.issuer, self._client = settings.oidc_issuer, settings.oidc_client_id
        self._settings, self._http = settings, http
        self._redirect = settings.public_url + CALLBACK

    async def start(self) -> Begun:
        metadata = await self._read_metadata()
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        asked = dict(one.split("=", 1) for one in self._settings.oidc_client_parameters) | {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": self._redirect,
            "scope": self._settings.oidc_client_scope,
            "state": state,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in metadata.authorization_endpoint else "?"
        return Begun(f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}", state, verifier)

    async def redeem(self, code: str, verifier: str) -> Grant:
        """Exchange the code for tokens. Raise CodeRefused if the provider refuses the code."""
        return await self._ask(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect,
                "code_verifier": verifier,
            }
        )

    async def refresh(self, token: str) -> Grant:
        """Exchange the refresh token for new tokens. Raise CodeRefused if the provider refuses. The grant holds the next
        refresh token: the provider's new one, or else the old one."""
        grant = await self._ask({"grant_type": "refresh_token", "refresh_token": token})
        return Grant(grant.access_token, grant.refresh_token or token)

    async def _ask(self, form: dict[str, str]) -> Grant:
        metadata = await self._read_metadata()
        headers = {"accept": "application/json"}
        secret = self._settings.oidc_client_secret
        form["client_id"] = self._client
        if secret is not None and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote(self._client, safe='')}:{quote(secret.get_secret_value(), safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif secret is not None:
            form["client_secret"] = secret.get_secret_value()
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await self._http.post(metadata.token_endpoint, data=form, headers=headers)
            if 400 <= answer.status_code < 500:
                raise self._refused(answer)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content[:LARGEST], type=Grant)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            log.warning("provider_silent", issuer=self.issuer, error=type(error).__name__)
            raise ProviderUnavailable(SILENT) from None

    def _refused(self, answer: httpx.Response) -> CodeRefused:
        try:
            refusal = msgspec.json.decode(answer.content[:LARGEST], type=_Refusal)
        except ValueError:
            refusal = _Refusal(f"status {answer.status_code}")
        log.warning("code_refused", issuer=self.issuer, error=refusal.error[:100])
        return CodeRefused(
            f"The identity provider refuses the sign-in: {refusal.error_description[:300] or refusal.error[:100]}"
        )

    async def _read_metadata(self) -> Metadata:
        try:
            metadata = await read_metadata(self._http, self.issuer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            log.warning("provider_silent", issuer=self.issuer, error=type(error).__name__)
            raise ProviderUnavailable(SILENT) from None
        if not (metadata.authorization_endpoint and metadata.token_endpoint):
            raise ProviderUnavailable(
                "The identity provider names no endpoints for the authorization code flow."
            )
        return metadata
