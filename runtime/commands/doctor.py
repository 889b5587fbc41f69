"""`tandem doctor`: checks settings and servers, and says what to do. Shows no secret."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import redis.asyncio
import redis.exceptions
import sqlalchemy as sa
from alembic.util.exc import CommandError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.auth.provider import Provider
from domain.names.text_keys import VERSION
from runtime import migrations, seals
from runtime.certificates import trusted
from runtime.clock import MachineClock
from runtime.commands import keys, protection, restore
from runtime.database import Role, create_engine, find_role
from runtime.settings import Settings

# A name holds the process and its machine (runtime.database.named_as).
WORKERS = """
select count(distinct application_name) from pg_stat_activity
where datname = current_database() and application_name like 'tandem worker %'
"""
WEBHOOK_OFF = (
    "contacts have changed in Xero since then, and no webhook announced it. Xero has probably switched the webhook off, as"
    " it does after 24 hours of failures. Switch it on at developer.xero.com: My Apps, the app, Webhooks, Send intent to"
    " receive. Until then polls find changes"
)
OLD_KEYS = (
    "the comparison keys of contacts are from older rules, so equal names may not match: run `tandem migrate`"
)


LOST = "somebody has changed the database by hand, and `tandem migrate` does not make it again. Restore a backup (docs/BACKUP.md)"
# Whether there are tables other than Alembic's. The catalogue shows them to a role without any right too.
_TABLES = sa.text("""
select exists (select from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'alembic_version')
""")


@dataclass(frozen=True)
class Finding:
    """A line of the report. `ok` is None for a fact, and for something optional that is not set."""

    subject: str
    ok: bool | None
    says: str


Check = Callable[[AsyncConnection, Settings], Awaitable[Sequence[Finding]]]


def origin(settings: Settings, *, demo: bool, wrong: bool = False) -> Finding:
    """Say whose settings the report is about. If a setting is wrong, the report is about the environment's settings."""
    if settings.embedded and not wrong:
        folder = settings.tandem_data.absolute()
        says = (
            f"the settings of the demo that runs in {folder}"
            if demo
            else f"the embedded services in {folder}"
        )
        return Finding("Checked", None, says)
    file = Path(".env")
    more = f" and {file.absolute()}" if file.is_file() else ""
    return Finding("Checked", None, f"the settings of the environment{more}")


async def examine(settings: Settings) -> list[Finding]:
    found = configured(settings)
    found += [finding async for finding in examine_database(settings)]
    found.append(await _redis(settings))
    found.append(await _api(settings))
    found += _addresses(settings)
    found.append(_webhooks(settings))
    found.append(await _sign_in(settings))
    found += [finding async for finding in _xero(settings)]
    return found


def configured(settings: Settings) -> list[Finding]:
    """List each setting, and whether it is set or has its default."""
    return [
        Finding(name.upper(), None, "set" if name in settings.model_fields_set else "default")
        for name in type(settings).model_fields
    ]


async def examine_database(settings: Settings) -> AsyncIterator[Finding]:
    """What PostgreSQL and the database are, and the findings of all `CHECKS`."""
    if settings.database_url is None:
        yield Finding("PostgreSQL", False, "DATABASE_URL is not set")
        return
    address = _place(settings.database_url)
    engine = create_engine(settings.database_url, connect_args={"timeout": 5})
    try:
        async with engine.connect() as connection:
            role = await find_role(connection)
            yield Finding("PostgreSQL", True, f"{role.version}, {address}")
            yield _bound(role)
        for subject, check in CHECKS.items():
            for finding in await _checked(engine, settings, subject, check):
                yield finding
    except (OSError, TimeoutError, SQLAlchemyError) as error:
        yield Finding("PostgreSQL", False, f"{address}: {_brief(error)}")
    finally:
        await engine.dispose()


async def _checked(engine: AsyncEngine, settings: Settings, subject: str, check: Check) -> Sequence[Finding]:
    """The check in a transaction of its own, so that a database that is broken in one place is examined in all others."""
    try:
        async with engine.connect() as connection:
            return await check(connection, settings)
    except (OSError, TimeoutError, SQLAlchemyError) as error:
        return [Finding(subject, False, f"this check failed: {_brief(error)}")]


def _bound(role: Role) -> Finding:
    says = (
        f"row-level security binds {role.name}"
        if role.bound
        else f"row-level security does not bind {role.name}, which owns tables, is a superuser or has BYPASSRLS:"
        " put another role into DATABASE_URL"
    )
    return Finding("Role", role.bound, says)


async def _rights(connection: AsyncConnection, _: Settings) -> Sequence[Finding]:
    """Whether the workspaces are kept apart, and the role may do its work."""
    if not await connection.scalar(_TABLES):
        return [Finding("Rights", None, "unknown until `tandem migrate` has run")]
    gaps = await protection.find_gaps(connection)
    if not gaps:
        return [Finding("Rights", True, "row-level security and grants are as migrate sets them")]
    return [Finding("Rights", False, f"{gap.fault}: {gap.remedy}") for gap in gaps]


async def _writes(connection: AsyncConnection, _: Settings) -> Sequence[Finding]:
    """Whether the database takes writes. Nothing is said of one that does."""
    role = await find_role(connection)
    if not role.read_only:
        return []
    if await connection.scalar(sa.text("select pg_is_in_recovery()")):
        says = "this server is a standby and takes no writes: put the address of the primary server into DATABASE_URL"
    else:
        says = "default_transaction_read_only is on, so nothing can be written: set it off for the role and the database"
    return [Finding("Writes", False, says)]


async def _failing(connection: AsyncConnection, _: Settings) -> Sequence[Finding]:
    """What fails in each workspace."""
    if await connection.scalar(sa.text("select to_regproc('door.every_workspace')")) is None:
        return []  # Rights or Migrations says why
    failing = await protection.find_failing(connection)
    return [Finding("Failing", None, f"{each.workspace}: {each.what}") for each in failing]


async def _restored(connection: AsyncConnection, _: Settings) -> Sequence[Finding]:
    return [Finding("Restored", ok, says) for ok, says in await restore.describe(connection)]


def _place(address: str) -> str:
    """Database, role and server in words, without the password."""
    url = make_url(address)
    folder = url.query.get("host")
    server = f"through {folder}" if folder else f"at {url.host}:{url.port or 5432}"
    return f"database {url.database} as {url.username} {server}"


async def _schema(connection: AsyncConnection, _: Settings) -> Sequence[Finding]:
    return [await _migrations(connection)]


async def _migrations(connection: AsyncConnection) -> Finding:
    """Whether the database has the revision that this version needs, and all that belongs to the revision."""
    tables = await connection.scalar(_TABLES)
    there = await connection.scalar(sa.text("select to_regclass('public.alembic_version')"))
    found = (
        (await connection.scalars(sa.text("select version_num from alembic_version"))).all() if there else []
    )
    if len(found) > 1 or (tables and not found):
        says = f"table alembic_version has {len(found)} rows and should have one: {LOST}"
        return Finding("Migrations", False, says)
    now = found[0] if found else None
    try:
        wanted = migrations.head()
    except CommandError as error:
        return Finding("Migrations", False, str(error))
    if now == wanted:
        missing = await protection.find_missing(connection)
        if missing:
            says = (
                f"at revision {now}, the newest, but the database lacks {protection.named(missing)}: {LOST}"
            )
            return Finding("Migrations", False, says)
        behind = await connection.scalar(sa.text("select door.keys_behind(:version)"), {"version": VERSION})
        return Finding("Migrations", not behind, OLD_KEYS if behind else f"at revision {now}, the newest")
    if migrations.is_newer(now):
        says = f"at revision {now}, which a later version of Tandem made. This version works with it until it is replaced"
        return Finding("Migrations", None, says)
    at = f"at revision {now}" if now else "the database is empty"
    return Finding("Migrations", False, f"{at}, and this version needs {wanted}: run `tandem migrate`")


async def _workers(connection: AsyncConnection, _: Settings) -> Sequence[Finding]:
    """Count the workers by the connections that they keep, on whichever machine they run."""
    there = await connection.scalar(sa.text(WORKERS))
    if there:
        return [Finding("Worker", True, f"workers connected: {there}")]
    says = "no worker is connected. Nothing is sent to Xero or read from it: start `tandem worker`"
    return [Finding("Worker", None, says)]


async def _last_webhook(connection: AsyncConnection, _: Settings) -> Sequence[Finding]:
    if await connection.scalar(sa.text("select to_regproc('door.webhooks_silent_since')")) is None:
        return [Finding("Last webhook", None, "unknown until `tandem migrate` has run")]
    silent = await connection.scalar(sa.text("select door.webhooks_silent_since()"))
    if silent is not None:
        return [Finding("Last webhook", False, f"{_minute(silent)}; {WEBHOOK_OFF}")]
    last = await connection.scalar(sa.text("select door.last_webhook_at()"))
    return [Finding("Last webhook", None, _minute(last) if last else "no webhook has arrived yet")]


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


async def _keys(connection: AsyncConnection, settings: Settings) -> Sequence[Finding]:
    if not settings.tandem_keys:
        return [Finding("Keys", False, "TANDEM_KEYS is not set; `tandem key` makes a key")]
    if await connection.scalar(sa.text("select to_regproc('door.list_seals')")) is None:
        return [Finding("Keys", None, "unknown until `tandem migrate` has run")]
    now = await connection.scalar(sa.text("select clock_timestamp()"))
    found = await seals.examine(connection, now, keys.ring(settings))
    if found.trouble:
        return [Finding("Keys", False, found.trouble)]
    older = f"; {len(found.older)} with an older one: run `tandem reseal`" if found.older else ""
    return [Finding("Keys", True, f"{found.current} consents of Xero are sealed with the newest key{older}")]


# What is examined in the database, by the subject of its lines.
CHECKS: dict[str, Check] = {
    "Writes": _writes,
    "Rights": _rights,
    "Migrations": _schema,
    "Worker": _workers,
    "Last webhook": _last_webhook,
    "Keys": _keys,
    "Failing": _failing,
    "Restored": _restored,
}


async def _api(settings: Settings) -> Finding:
    """Whether the API answers on this machine. The server may run on another machine."""
    here = f"http://{settings.host}:{settings.ops_port or settings.port}"
    token = settings.ops_token
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    try:
        async with httpx.AsyncClient(timeout=5, headers=headers, verify=trusted()) as client:
            answer = await client.get(f"{here}/readyz")
    except httpx.HTTPError:
        return Finding("Server", None, f"no API answers at {here}; `tandem serve` starts it")
    says = "is ready" if answer.is_success else f"answers {answer.status_code}: {answer.text.strip()[:200]}"
    return Finding("Server", answer.is_success, f"{here} {says}; browsers reach it at {settings.public_url}")


def _addresses(settings: Settings) -> list[Finding]:
    """Addresses that Xero refuses, or that browsers could not come back to."""
    found = []
    if "xero" in settings.public_url.lower():
        says = "contains the word xero. Xero refuses invoices whose Url contains it: give the server another name"
        found.append(Finding("Public URL", False, f"{settings.public_url} {says}"))
    back = urlsplit(settings.xero_redirect_uri)
    if back.scheme != "https" and back.hostname != "localhost":
        says = "Xero accepts https only, or http://localhost: change XERO_REDIRECT_URI here and in the app at Xero"
        found.append(Finding("Redirect", False, f"{settings.xero_redirect_uri}: {says}"))
    if settings.xero_redirect_uri != f"{settings.public_url}/oauth/callback":
        says = f"differs from {settings.public_url}/oauth/callback: check that it leads to this server"
        found.append(Finding("Redirect", None, f"{settings.xero_redirect_uri} {says}"))
    return found


def _webhooks(settings: Settings) -> Finding:
    address = f"{settings.public_url}/webhooks/xero"
    if not settings.xero_webhook_keys:
        says = (
            "XERO_WEBHOOK_KEYS is not set. Polls find changes in Xero, more slowly;"
            f" docs/OPERATIONS.md says how to set up {address}"
        )
        return Finding("Webhooks", None, says)
    if _is_xeros(settings.xero_api_url) and not settings.public_url.startswith("https://"):
        return Finding(
            "Webhooks",
            False,
            f"Xero calls only https, and {address} is not: set PUBLIC_URL to an https address",
        )
    return Finding("Webhooks", True, f"keys set: {len(settings.xero_webhook_keys)}; Xero calls {address}")


def _is_xeros(address: str) -> bool:
    """Whether the address is Xero's own, not a simulator's."""
    return (urlsplit(address).hostname or "").endswith("xero.com")


async def _sign_in(settings: Settings) -> Finding:
    """Whether the identity provider gives keys, with which people's tokens can be checked."""
    if settings.oidc_issuer is None:
        return Finding("Sign-in", None, "OIDC_ISSUER is not set: only API tokens give access")
    try:
        async with httpx.AsyncClient(timeout=10, verify=trusted()) as client:
            count = await Provider(settings, client, MachineClock()).read_keys()
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return Finding("Sign-in", False, f"{settings.oidc_issuer}: {_brief(error) or type(error).__name__}")
    audience = ", ".join(settings.oidc_audience)
    return Finding("Sign-in", True, f"{settings.oidc_issuer} has {count} keys; audience {audience}")


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return Finding("Redis", False, "REDIS_URL is not set")
    client = redis.asyncio.Redis.from_url(settings.redis_url, socket_connect_timeout=5, socket_timeout=5)
    try:
        facts = await client.info("server")
    except (OSError, redis.exceptions.RedisError) as error:
        return Finding("Redis", False, _brief(error))
    finally:
        await client.aclose()
    name = "Valkey" if "valkey_version" in facts else "Redis"
    return Finding("Redis", True, f"{name} {facts.get('valkey_version', facts['redis_version'])}")


async def _xero(settings: Settings) -> AsyncIterator[Finding]:
    """Whether Xero's addresses answer. A refusal is an answer too, as these requests carry no token."""
    if settings.simulated:
        yield Finding(
            "Xero",
            None,
            "XERO_CLIENT_ID is not set: organisations connect by custom connections only. `tandem demo` has a simulator",
        )
        return
    async with httpx.AsyncClient(timeout=10, verify=trusted()) as client:
        addresses = (settings.xero_authorize_url, settings.xero_identity_url, settings.xero_api_url)
        for address in dict.fromkeys(addresses):
            try:
                answer = await client.get(address)
                who = "" if _is_xeros(address) else "a simulator at "
                answers = f"answers ({answer.status_code})"
                yield Finding("Xero", answer.status_code < 500, f"{who}{address} {answers}")
            except httpx.HTTPError as error:
                yield Finding("Xero", False, f"{address}: {_brief(error)}")


def _brief(error: Exception) -> str:
    """The first line of the cause. SQLAlchemy's own text repeats statements."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
