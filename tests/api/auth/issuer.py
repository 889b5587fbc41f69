"""A small identity provider in the test's own process: it signs tokens, publishes its keys, and counts who asks for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey

ISSUER = "https://id.example.com/practice"
AUDIENCE = "tandem-api"
SETTINGS: Mapping[str, object] = {"oidc_issuer": ISSUER, "oidc_audience": [AUDIENCE]}


def new_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


@dataclass
class Issuer:
    """`published` are the keys that the provider shows. The first of them signs."""

    published: list[Key] = field(default_factory=lambda: [new_key("first")])
    issuer: str = ISSUER
    asked: int = 0
    silent: bool = False
    exchange: Callable[[httpx.Request, dict[str, str]], httpx.Response] = lambda *_: httpx.Response(404)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.silent:
            raise httpx.ConnectError("silent", request=request)
        if request.url.path.endswith("/.well-known/openid-configuration"):
            addresses = {
                "jwks_uri": f"{ISSUER}/jwks",
                "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token",
            }
            return httpx.Response(200, json={"issuer": self.issuer} | addresses)
        if request.url.path.endswith("/token"):
            return self.exchange(request, dict(parse_qsl(request.content.decode())))
        self.asked += 1
        keys = [key.as_dict(private=isinstance(key, OctKey)) for key in self.published]
        return httpx.Response(200, json={"keys": keys})

    def token(
        self,
        workspace: object = None,
        scope: object = "ADMIN",
        *,
        key: Key | None = None,
        alg: str = "ES256",
        typ: str = "at+jwt",
        seconds: float = 300,
        without: str | None = None,
        **claims: object,
    ) -> str:
        """A token that lets in, unless something is changed. `without` leaves a claim out."""
        key = key or self.published[0]
        now = datetime.now(UTC)
        said: dict[str, object] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "ada",
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(seconds=seconds)).timestamp()),
            "jti": uuid4().hex,
            "name": "Ada Lovelace",
            "email": "ada@practice.example",
            "tandem_workspaces": [str(workspace)] if isinstance(workspace, UUID) else workspace,
            "tandem_scope": scope,
        } | claims
        said.pop(without or "", None)
        header = {"alg": alg, "typ": typ} | ({"kid": key.kid} if key.kid else {})
        return jwt.encode(header, said, key, algorithms=[alg])
