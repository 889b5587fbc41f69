"""Access tokens of the identity provider (OpenID Connect): their signature, issuer, audience and times.

The provider's discovery document leads to its keys. joserfc checks signatures with them, by the algorithms of OIDC_ALGORITHMS only. A
token whose key is unknown makes Tandem read the keys again, so that a new key works at once. However many such tokens come, they cause
at most `MOST_READS` readings in `READS_WITHIN` seconds.
"""

import asyncio
import math
import warnings
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import httpx
import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import BadSignatureError, ExpiredTokenError, InvalidKeyIdError, JoseError, SecurityWarning
from joserfc.jwk import JWKRegistry, Key, KeySet, OctKey
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from runtime.clock import Clock, monotonic
from runtime.settings import Settings
from runtime.shared_tasks import create_shared_task

KEYS_FRESH = (
    150.0  # seconds; then the keys are read again, and after twice this time no request uses older keys
)
KEYS_KEPT = 3600.0  # seconds for which the last keys are used while the provider does not answer
MOST_READS, READS_WITHIN = 3, 30.0  # for tokens whose key is unknown
PAUSE = 5.0  # seconds after a reading that failed
PATIENCE = 5.0  # seconds for one answer of the provider
LARGEST = 500_000  # bytes of such an answer
LONGEST_SUBJECT = 255  # characters, by OpenID Connect
VERIFIED_KEPT = 1024  # tokens whose signature is not checked again while the keys stay the same
# RFC 9068's type of access tokens, and the one that most providers give. Other types are tokens for another purpose.
TYPES = ("at+jwt", "application/at+jwt", "jwt")
LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC).timestamp()

EXPIRED = "This token has expired. Get a new one from the identity provider."
NOT_FOR_US = "This token is not meant for this server: its issuer or its audience is another."
BOUND = "This token is bound to a key of its client (claim `cnf`). Tandem accepts bearer tokens only."
INVALID = "This token is not valid: it is damaged, not signed by the identity provider, or not valid yet."

log = structlog.get_logger()


class InvalidToken(Exception):
    """The token is refused. The message is for the client."""


class ProviderUnavailable(ConnectionError):
    """No key of the identity provider is known, because it does not answer."""


class Metadata(msgspec.Struct):
    """The provider's discovery document. An endpoint is blank if the provider names none."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _KeyList(msgspec.Struct):
    keys: list[dict[str, object]]


@dataclass(frozen=True)
class SignedClaims:
    """The claims of a valid token. `issued_at` is None if the token has no such claim."""

    subject: str
    issued_at: datetime | None
    expires_at: datetime
    claims: Mapping[str, object]


class Provider:
    """The identity provider that OIDC_ISSUER names."""

    def __init__(
        self,
        settings: Settings,
        http: httpx.AsyncClient,
        clock: Clock,
        *,
        keys_fresh: float = KEYS_FRESH,
        keys_kept: float = KEYS_KEPT,
    ) -> None:
        assert settings.oidc_issuer is not None
        self.issuer = settings.oidc_issuer
        self._http, self._clock = http, clock
        self._keys_fresh, self._keys_kept = keys_fresh, keys_kept
        self._registry = JWSRegistry(algorithms=settings.oidc_algorithms, strict_check_header=False)
        self._times_and_audience = JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=settings.oidc_leeway_seconds,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "values": settings.oidc_audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        self._keys: KeySet | None = None
        self._read_at, self._failed_at = 0.0, -math.inf
        self._reads: deque[float] = deque(maxlen=MOST_READS)
        self._reading: asyncio.Task[None] | None = None
        self._decode = lru_cache(VERIFIED_KEPT)(self._check_signature)

    async def verify(self, token: str) -> SignedClaims:
        """The claims of a token that this provider signed for this server and that is valid now.

        Raises InvalidToken, or ProviderUnavailable if no key is known.
        """
        keys = await self._known_keys()
        try:
            decoded = self._decode_or_refuse(token)
        except (InvalidKeyIdError, BadSignatureError):
            await self._find_newer_keys()
            if self._keys is keys:
                raise InvalidToken(INVALID) from None
            try:
                decoded = self._decode_or_refuse(token)
            except (InvalidKeyIdError, BadSignatureError):
                raise InvalidToken(INVALID) from None
        return self._check_claims(decoded)

    async def read_keys(self) -> int:
        """Read the keys now, for `tandem doctor`. Return their number. Raise ValueError or httpx.HTTPError."""
        found = await self._fetch()
        return len(found.keys)

    # The token

    def _decode_or_refuse(self, token: str) -> jwt.Token:
        """Check the token. InvalidKeyIdError and BadSignatureError are raised unchanged, because newer keys of the provider
        may verify the token."""
        try:
            return self._decode(token)
        except (InvalidKeyIdError, BadSignatureError):
            raise
        # A header is read before its signature is known to be good, and may hold anything.
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise InvalidToken(INVALID) from None

    def _check_signature(self, token: str) -> jwt.Token:
        """`_decode` keeps the results until the keys change."""
        assert self._keys is not None
        return jwt.decode(token, self._keys, registry=self._registry)

    def _check_claims(self, decoded: jwt.Token) -> SignedClaims:
        claims: Mapping[str, object] = decoded.claims
        if str(decoded.header.get("typ") or "jwt").lower() not in TYPES:
            raise InvalidToken("This is no access token. Send the access token of the identity provider.")
        if "cnf" in claims:
            raise InvalidToken(BOUND)
        try:
            self._times_and_audience.validate(decoded.claims)
        except ExpiredTokenError:
            raise InvalidToken(EXPIRED) from None
        except JoseError as error:
            foreign = getattr(error, "claim", "") in ("iss", "aud")
            raise InvalidToken(NOT_FOR_US if foreign else INVALID) from None
        subject = claims["sub"]
        if not isinstance(subject, str) or len(subject) > LONGEST_SUBJECT or not subject.isprintable():
            raise InvalidToken(INVALID)
        expires = _moment(claims["exp"])
        assert expires is not None, "checked above"
        return SignedClaims(subject, _moment(claims.get("iat")), expires, claims)

    # The keys

    async def _known_keys(self) -> KeySet:
        """Wait for the provider only if the keys are missing or old, and not if it has just failed to answer."""
        age = self._age()
        if age > self._keys_fresh:
            reading = self._begin_reading()
            is_old = age > 2 * self._keys_fresh and self._failed_at == -math.inf
            if reading is not None and (is_old or age > self._keys_kept):
                await asyncio.shield(reading)
        if self._keys is None or self._age() > self._keys_kept:
            raise ProviderUnavailable("The identity provider does not answer")
        return self._keys

    async def _find_newer_keys(self) -> None:
        """Read the keys for a token whose key is unknown, unless this was done too often lately."""
        now = monotonic()
        is_reading = self._reading is not None and not self._reading.done()
        if not is_reading:
            if len(self._reads) == MOST_READS and now - self._reads[0] < READS_WITHIN:
                return
            self._reads.append(now)
        reading = self._begin_reading()
        if reading is not None:
            await asyncio.shield(reading)

    def _age(self) -> float:
        return math.inf if self._keys is None else monotonic() - self._read_at

    def _begin_reading(self) -> asyncio.Task[None] | None:
        """The reading that runs, or a new one: everybody shares it. None for a while after a reading that failed."""
        if self._reading is None or self._reading.done():
            if monotonic() < self._failed_at + PAUSE:
                return None
            self._reading = create_shared_task(self._replace_keys())
        return self._reading

    async def _replace_keys(self) -> None:
        try:
            found = await self._fetch()
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            self._failed_at = monotonic()
            log.warning(
                "provider_keys_unknown",
                issuer=self.issuer,
                error=type(error).__name__,
                why=_first_line(error),
            )
            return
        if self._keys is None or self._keys != found:
            self._keys = found
            self._decode.cache_clear()
        self._read_at, self._failed_at = monotonic(), -math.inf

    async def _fetch(self) -> KeySet:
        metadata = await read_metadata(self._http, self.issuer)
        listed = msgspec.json.decode(await _get(self._http, metadata.jwks_uri), type=_KeyList)
        found = [key for key in map(_import_key, listed.keys) if key is not None]
        if not found:
            raise ValueError("The provider has no public key that can check signatures")
        return KeySet(found)


async def read_metadata(http: httpx.AsyncClient, issuer: str) -> Metadata:
    """Read the provider's metadata. Raise ValueError, OSError or httpx.HTTPError if it cannot be read."""
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    metadata = msgspec.json.decode(await _get(http, address), type=Metadata)
    if metadata.issuer != issuer:
        raise ValueError(
            f"{address} names another issuer: {metadata.issuer[:200]}. OIDC_ISSUER must be equal to it"
        )
    named = (metadata.jwks_uri, metadata.authorization_endpoint, metadata.token_endpoint)
    if issuer.startswith("https:") and not all(one.startswith("https:") for one in named if one):
        raise ValueError("The provider's addresses must be https")
    return metadata


async def _get(http: httpx.AsyncClient, address: str) -> bytes:
    async with (
        asyncio.timeout(PATIENCE),
        http.stream("GET", address, headers={"accept": "application/json"}) as answer,
    ):
        answer.raise_for_status()
        body = b""
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > LARGEST:
                raise ValueError(f"The answer of {address} is too large")
        return body


def _import_key(listed: dict[str, object]) -> Key | None:
    """None for a key that checks no signatures here: a symmetric, weak or unknown one, and one for encryption."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)
            key = JWKRegistry.import_key(listed)  # type: ignore[arg-type]  # checked there
    except (JoseError, SecurityWarning, ValueError, TypeError, KeyError):
        return None
    usable = not isinstance(key, OctKey) and not key.is_private and key.get("use") in (None, "sig")
    return key if usable else None


def _moment(value: object) -> datetime | None:
    """The time of a NumericDate. A time beyond the year 9999 is the last moment of that year."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return datetime.fromtimestamp(max(0.0, min(value, LAST_MOMENT)), UTC)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:300]
