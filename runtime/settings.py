"""The settings, read once at start from the environment and .env. No other module reads the environment.

docs/OPERATIONS.md lists the settings; a test compares the two.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from runtime.embedded.services import Services

SCOPES = (
    "openid profile email offline_access accounting.contacts accounting.settings.read accounting.invoices"
)

# The headers by which clients of GraphQL name themselves, of tools that trace requests of browsers, and of request ids.
REQUEST_HEADERS = [
    "apollographql-client-name", "apollographql-client-version", "apollo-require-preflight",
    "x-apollo-operation-name", "x-apollo-operation-id", "x-apollo-operation-type", "graphql-client-name", "graphql-client-version",
    "x-graphql-client-name", "x-graphql-client-version", "traceparent", "tracestate", "baggage", "sentry-trace", "x-request-id",
    "x-requested-with", "x-correlation-id", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled",
    "x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-origin", "x-datadog-sampling-priority", "x-datadog-tags",
    "newrelic", "x-newrelic-id", "x-b3-flags", "uber-trace-id", "x-amzn-trace-id", "x-cloud-trace-context", "elastic-apm-traceparent",
    "request-id", "request-context",
]  # fmt: skip


# With a public key only: a key that both sides know could sign as well as check.
SIGNATURES = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA",
]  # fmt: skip


# Settings with several values: the pattern that each value fits, and words for it.
EACH = {
    "oidc_scopes": (r".*\S.*= *(READ|WRITE|ADMIN)", "`value=READ`, `value=WRITE` or `value=ADMIN`"),
    "oidc_client_parameters": (
        r"[a-z_]+=.+",
        "`name=value`, such as audience=https://tandem.example.com",
    ),
    "allowed_origins": (
        r"https?://[^/\s*]+",
        "an origin such as https://app.example.com, without path or *",
    ),
    "allowed_headers": (
        r"[!#$%&'+.^_`|~0-9A-Za-z-]+",
        "the name of a header such as x-request-id; * is not taken",
    ),
}


class SettingsError(Exception):
    """The message names the wrong setting, and says which values are right."""


def _list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _postgres(value: object) -> object:
    """Accept postgres://, postgresql:// and postgresql+asyncpg://, which mean the same."""
    if isinstance(value, str) and value:
        rest = re.sub(r"^postgres(ql)?(\+asyncpg)?://", "", value)
        if rest == value:
            raise ValueError("must begin with postgresql://")
        return f"postgresql+asyncpg://{rest}"
    return value


PostgresUrl = Annotated[str | None, BeforeValidator(_postgres)]
Listed = Annotated[list[str], NoDecode, BeforeValidator(_list)]


def _key(value: SecretStr) -> SecretStr:
    name, _, encoded = value.get_secret_value().partition(":")
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if not name or len(key) != 32:
        raise ValueError("each key must be `id:base64 of 32 bytes`, newest first, comma between")
    return value


Key = Annotated[SecretStr, AfterValidator(_key)]
Keys = Annotated[list[Key], NoDecode, BeforeValidator(_list)]
Secrets = Annotated[list[SecretStr], NoDecode, BeforeValidator(_list)]


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    database_url: PostgresUrl = Field(
        None, repr=False, description="PostgreSQL, as the role that the API and workers use"
    )
    database_admin_url: PostgresUrl = Field(
        None, repr=False, description="PostgreSQL, as the owner; `tandem migrate` only"
    )
    database_direct_url: PostgresUrl = Field(
        None, repr=False, description="for LISTEN, past a transaction pooler"
    )
    database_pool_size: int = Field(
        16, ge=1, le=1000, description="connections that `tandem serve` opens at most, besides one for LISTEN"
    )
    redis_url: str | None = Field(None, repr=False, description="Redis or Valkey, for arq's jobs")
    xero_client_id: str | None = Field(None, description="of the app at developer.xero.com")
    xero_client_secret: SecretStr | None = Field(None, description="of the same app")
    xero_redirect_uri: str = Field(
        "http://localhost:8000/oauth/callback", description="exactly as registered with the app"
    )
    xero_scopes: str = Field(SCOPES, description="what the consent asks for")
    xero_authorize_url: str = Field(
        "https://login.xero.com/identity/connect/authorize", description="Xero's consent page"
    )
    xero_identity_url: str = Field(
        "https://identity.xero.com", description="Xero's token endpoint is under it"
    )
    xero_api_url: str = Field("https://api.xero.com", description="Xero's API and /connections are under it")
    public_url: str = Field(
        "http://localhost:8000",
        description="where browsers reach this server; Xero refuses invoices if it holds the word xero",
    )
    allowed_origins: Listed = Field([], description="origins that browsers may call from, comma between")
    allowed_headers: Listed = Field(
        REQUEST_HEADERS, description="headers that browsers may send besides Authorization and Content-Type"
    )
    graphiql: bool = Field(False, description="serve GraphiQL at /graphql, introspection without a token")
    oidc_issuer: str | None = Field(
        None, description="the identity provider, as its tokens name it; none: only API tokens give access"
    )
    oidc_audience: Listed = Field(
        [], description="what tokens for this server have as audience, comma between"
    )
    oidc_algorithms: Listed = Field(
        ["RS256", "PS256", "ES256"], description="algorithms that may sign the provider's tokens"
    )
    oidc_leeway_seconds: int = Field(
        30, ge=0, le=300, description="by how much the provider's clock may differ from PostgreSQL's"
    )
    oidc_workspace_claim: str = Field(
        "tandem_workspaces",
        min_length=1,
        description="claim with the person's workspaces: an id, a list of ids, or an object of ids and scopes",
    )
    oidc_scope_claim: str = Field(
        "tandem_scope", min_length=1, description="claim that gives the scope in these workspaces"
    )
    oidc_scopes: Listed = Field(
        ["READ=READ", "WRITE=WRITE", "ADMIN=ADMIN"],
        description="which values of that claim give READ, WRITE or ADMIN, such as the ids of groups",
    )
    oidc_name_claim: str = Field("name", min_length=1, description="claim with the person's name")
    oidc_email_claim: str = Field("email", min_length=1, description="claim with the person's email address")
    oidc_client_id: str | None = Field(
        None, description="of the console at the provider; none: people do not sign in to the console there"
    )
    oidc_client_secret: SecretStr | None = Field(
        None, description="of the console, if the provider gives it one; it uses PKCE in any case"
    )
    oidc_client_scope: str = Field(
        "openid profile email offline_access", description="what the console asks the provider for"
    )
    oidc_client_parameters: Listed = Field(
        [],
        description="what the console's request for a code says too, comma between: `audience=…` or `resource=…`",
    )
    xero_webhook_keys: Secrets = Field(
        [], description="of the app's webhooks, comma between; none: no webhooks"
    )
    tandem_keys: Keys = Field([], description="newest first, `id:base64 of 32 bytes`, comma between")
    tandem_data: Path = Field(Path(".tandem"), description="the folder of the embedded services")
    activity_kept_days: int | None = Field(
        None, ge=30, description="days that the activity is kept, at least 30; none: for ever"
    )
    closed_issues_kept_days: int | None = Field(
        None,
        ge=30,
        description="days that closed match issues without a person's decision are kept, at least 30; none: for ever",
    )
    host: str = Field("127.0.0.1", description="address that `tandem serve` binds")
    port: int = Field(8000, ge=0, le=65535, description="port that `tandem serve` binds")
    trusted_documents: Path | None = Field(
        None, description="JSON manifest of the only documents that clients may run; none: any document"
    )
    rate_limit_caller: int = Field(
        6_000_000, ge=15_000, description="cost that one token or person may ask for in a minute"
    )
    rate_limit_workspace: int = Field(
        20_000_000,
        ge=15_000,
        description="cost that all callers of a workspace together may ask for in a minute",
    )
    rate_limit_sign_ins: int = Field(
        100, ge=5, description="sign-ins that may fail from one address in a minute"
    )
    trusted_proxies: Listed = Field(
        [],
        description="addresses or networks of proxies whose X-Forwarded-For names the client, comma between; none: it is not read",
    )
    ops_port: int | None = Field(
        None, ge=1, le=65535, description="port of their own for /readyz and /metrics; none: PORT has them"
    )
    ops_token: SecretStr | None = Field(
        None, min_length=16, description="bearer token that /readyz and /metrics ask for"
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None, description="OpenTelemetry collector that takes traces over HTTP; none: no traces"
    )
    otel_exporter_otlp_headers: SecretStr | None = Field(
        None, description="headers for the collector, `name=value`, comma between"
    )
    otel_service_name: str = Field("tandem", min_length=1, description="name of Tandem in the traces")
    otel_traces_sampler_arg: float = Field(
        1.0, ge=0, le=1, description="share of the traces that are kept, if the client does not decide it"
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_format: Literal["json", "text"] = Field("json", description="json, or text for a person to read")

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: str | None) -> str | None:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value

    @field_validator(
        "public_url",
        "xero_redirect_uri",
        "xero_authorize_url",
        "xero_identity_url",
        "xero_api_url",
    )
    @classmethod
    def _http(cls, value: str) -> str:
        if not re.match(r"https?://[^/\s]+", value):
            raise ValueError("must be an address that begins with https:// or http://")
        return value.rstrip("/")

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _collector(cls, value: str | None) -> str | None:
        return cls._http(value) if value is not None else None

    @field_validator("otel_exporter_otlp_headers")
    @classmethod
    def _collector_headers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not all("=" in pair for pair in value.get_secret_value().split(",")):
            raise ValueError("each must be `name=value`, comma between")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(
            r"https://[^/\s?#]+(/[^\s?#]*)?|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/[^\s?#]*)?", value
        ):
            raise ValueError("must begin with https://, or be http:// on this machine; without ? and #")
        return value

    @field_validator("oidc_algorithms")
    @classmethod
    def _algorithms(cls, value: list[str]) -> list[str]:
        if not value or not set(value) <= set(SIGNATURES):
            raise ValueError(f"must be some of {', '.join(SIGNATURES)}")
        return value

    @field_validator(*EACH)
    @classmethod
    def _each(cls, value: list[str], info: ValidationInfo) -> list[str]:
        assert info.field_name is not None
        pattern, wanted = EACH[info.field_name]
        if not all(re.fullmatch(pattern, each) for each in value):
            raise ValueError(f"each must be {wanted}")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: list[str]) -> list[str]:
        for each in value:
            try:
                ip_network(each, strict=False)
            except ValueError:
                raise ValueError("each must be an address or a network such as 10.0.0.0/8") from None
        return value

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @property
    def embedded(self) -> bool:
        """Whether Tandem uses the embedded PostgreSQL and Valkey: only if neither address is set."""
        return self.database_url is None and self.redis_url is None

    @property
    def without_graphiql(self) -> bool:
        """Whether GRAPHIQL=off was given. Embedded services have GraphiQL otherwise."""
        return "graphiql" in self.model_fields_set and not self.graphiql

    @property
    def simulated(self) -> bool:
        return self.xero_client_id is None

    @property
    def listen_url(self) -> str | None:
        return self.database_direct_url or self.database_url

    def joined(self, services: Services) -> "Settings":
        """A copy with the addresses and the key of the embedded services. GraphiQL is on unless GRAPHIQL=off, as only this machine
        reaches it."""
        return self.model_copy(
            update={
                "database_url": services.app_url,
                "database_admin_url": services.admin_url,
                "redis_url": services.redis_url,
                "tandem_keys": [SecretStr(services.key)],
                "graphiql": not self.without_graphiql,
            }
        )


def load(**values: str) -> Settings:
    """The settings; SettingsError names every wrong one. `values` win over the environment."""
    settings, wrong = read(**values)
    if wrong:
        raise SettingsError("\n".join(wrong))
    return settings


def read(**values: str) -> tuple[Settings, list[str]]:
    """The settings, and a line for each wrong or missing one. A wrong setting has its default value."""
    wrong: list[tuple[str, str]] = []
    try:
        settings = Settings(**values)  # type: ignore[arg-type]  # texts, as the environment has them
    except ValidationError as error:
        wrong = [(str(e["loc"][0]).lower(), e["msg"].removeprefix("Value error, ")) for e in error.errors()]
        defaults = {name: Settings.model_fields[name].default for name, _ in wrong}
        settings = Settings(**{**values, **defaults})
    named = {name for name, _ in wrong}
    wrong += [(name, says) for name, says in _missing(settings) if name not in named]
    return settings, [f"{name.upper()}: {says}" for name, says in wrong]


def _missing(settings: Settings) -> Iterator[tuple[str, str]]:
    """The settings that other settings require."""
    both = "set both DATABASE_URL and REDIS_URL, or neither to use the embedded services"
    if settings.database_url is None and settings.redis_url is not None:
        yield "database_url", both
    if settings.redis_url is None and settings.database_url is not None:
        yield "redis_url", both
    if settings.xero_client_id and not settings.xero_client_secret:
        yield "xero_client_secret", "needed with XERO_CLIENT_ID"
    if settings.ops_port is not None and settings.ops_port == settings.port:
        yield "ops_port", "must differ from PORT"
    if settings.oidc_issuer and not settings.oidc_audience:
        yield (
            "oidc_audience",
            "needed with OIDC_ISSUER: without it, tokens for other servers would let in here",
        )
    if settings.oidc_client_id and not settings.oidc_issuer:
        yield "oidc_issuer", "needed with OIDC_CLIENT_ID"
    if not settings.embedded and not settings.tandem_keys:
        yield "tandem_keys", "needed to seal Xero's tokens; `tandem key` makes one"
