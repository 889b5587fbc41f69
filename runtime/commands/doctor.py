"""`tandem doctor`: what is configured, what answers, what is missing. Shows no secret."""

from collections.abc import AsyncIterator
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
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.names.text_keys import VERSION
from runtime.commands import keys
from runtime.commands import migrate as migrate_command
from runtime.database import create_engine
from runtime.settings import Settings

ROLE = """
select current_user as name, rolsuper or rolbypassrls as bypasses,
       current_setting('server_version') as version,
       exists (select from pg_class where relowner = pg_roles.oid and relnamespace = 'public'::regnamespace) as owns
from pg_roles where rolname = current_user
"""
# A name holds the process and its machine (runtime.database.told_as).
WORKERS = """
select count(distinct application_name) from pg_stat_activity
where datname = current_database() and application_name like 'tandem worker %'
"""
WEBHOOK_OFF = (
    "contacts have changed in Xero since, and Xero has announced none of it: it has probably switched the webhook off, as"
    " it does after 24 hours of failures. Switch it on at developer.xero.com: My Apps, the app, Webhooks, Send intent to"
    " receive. Until then changes are found by polls"
)
OLD_KEYS = "names' keys are of older rules, and may not meet: run `tandem migrate`"


@dataclass(frozen=True)
class Finding:
    """`ok` is None where something optional is not set."""

    subject: str
    ok: bool | None
    says: str


def origin(settings: Settings, *, demo: bool, wrong: bool = False) -> Finding:
    """What is looked at: whose settings. Where one is wrong, those that are set."""
    if settings.embedded and not wrong:
        folder = settings.tandem_data.absolute()
        says = (
            f"the demo that runs in {folder}, by its own settings"
            if demo
            else f"the embedded parts in {folder}"
        )
        return Finding("Looked at", None, says)
    file = Path(".env")
    more = f" and {file.absolute()}" if file.is_file() else ""
    return Finding("Looked at", None, f"what the environment{more} set")


async def examine(settings: Settings) -> list[Finding]:
    found = configured(settings)
    found += [finding async for finding in _postgres(settings)]
    found.append(await _redis(settings))
    found.append(await _api(settings))
    found += _addresses(settings)
    found.append(_webhooks(settings))
    found += [finding async for finding in _xero(settings)]
    return found


def configured(settings: Settings) -> list[Finding]:
    """Each setting: whether it is set here, or has its default."""
    return [
        Finding(name.upper(), None, "set" if name in settings.model_fields_set else "default")
        for name in type(settings).model_fields
    ]


async def _postgres(settings: Settings) -> AsyncIterator[Finding]:
    if settings.database_url is None:
        yield Finding("PostgreSQL", False, "needs DATABASE_URL")
        return
    address = _place(settings.database_url)
    engine = create_engine(settings.database_url, connect_args={"timeout": 5})
    try:
        async with engine.connect() as connection:
            for finding in await _database(connection, address):
                yield finding
            yield await _keys(connection, settings)
    except (OSError, TimeoutError, SQLAlchemyError) as error:
        yield Finding("PostgreSQL", False, f"{address}: {_brief(error)}")
    finally:
        await engine.dispose()


def _place(address: str) -> str:
    """Database, role and server in words; no password."""
    url = make_url(address)
    folder = url.query.get("host")
    server = f"through {folder}" if folder else f"at {url.host}:{url.port or 5432}"
    return f"database {url.database} as {url.username} {server}"


async def _database(connection: AsyncConnection, address: str) -> list[Finding]:
    role = (await connection.execute(sa.text(ROLE))).mappings().one()
    bound = not role["bypasses"] and not role["owns"]
    return [
        Finding("PostgreSQL", True, f"{role['version']}, {address}"),
        Finding(
            "Role",
            bound,
            f"{role['name']} is bound by row-level security"
            if bound
            else f"{role['name']} owns tables, is a superuser or has BYPASSRLS; DATABASE_URL needs a role that is not",
        ),
        await _schema(connection),
        await _workers(connection),
        await _last_webhook(connection),
    ]


async def _schema(connection: AsyncConnection) -> Finding:
    there = await connection.scalar(sa.text("select to_regclass('alembic_version')"))
    now = await connection.scalar(sa.text("select version_num from alembic_version")) if there else None
    try:
        wanted = migrate_command.head()
    except CommandError as error:
        return Finding("Migrations", False, str(error))
    if now == wanted:
        behind = await connection.scalar(sa.text("select door.keys_behind(:version)"), {"version": VERSION})
        return Finding("Migrations", not behind, OLD_KEYS if behind else f"at {now}")
    return Finding(
        "Migrations", False, f"at {now or 'nothing'}, and {wanted} is needed: run `tandem migrate`"
    )


async def _workers(connection: AsyncConnection) -> Finding:
    """Each has connections of its own while it lives, whichever machine it is on."""
    there = await connection.scalar(sa.text(WORKERS))
    if there:
        return Finding("Worker", True, f"{there} connected")
    return Finding(
        "Worker",
        None,
        "none is connected: nothing is sent to Xero or read from it until `tandem worker` runs",
    )


async def _last_webhook(connection: AsyncConnection) -> Finding:
    if await connection.scalar(sa.text("select to_regproc('door.webhooks_silent_since')")) is None:
        return Finding("Last webhook", None, "unknown before the migrations have run")
    silent = await connection.scalar(sa.text("select door.webhooks_silent_since()"))
    if silent is not None:
        return Finding("Last webhook", False, f"{_minute(silent)}; {WEBHOOK_OFF}")
    last = await connection.scalar(sa.text("select door.last_webhook_at()"))
    return Finding("Last webhook", None, _minute(last) if last else "none has come")


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


async def _keys(connection: AsyncConnection, settings: Settings) -> Finding:
    if not settings.tandem_keys:
        return Finding("Keys", False, "TANDEM_KEYS is not set; `tandem key` makes a key")
    if await connection.scalar(sa.text("select to_regproc('door.list_seals')")) is None:
        return Finding("Keys", None, "unknown before the migrations have run")
    now = await connection.scalar(sa.text("select clock_timestamp()"))
    seals = await keys.examine(connection, now, keys.ring(settings))
    if seals.trouble:
        return Finding("Keys", False, seals.trouble)
    older = f"; {len(seals.older)} with an older one: run `tandem reseal`" if seals.older else ""
    return Finding("Keys", True, f"{seals.current} consents of Xero are sealed with the newest key{older}")


async def _api(settings: Settings) -> Finding:
    """Whether this machine's own answers; it may well run elsewhere."""
    here = f"http://{settings.host}:{settings.port}"
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(f"{here}/readyz")
    except httpx.HTTPError:
        return Finding("Server", None, f"nothing answers at {here}; `tandem serve` runs it")
    says = "is ready" if answer.is_success else f"answers {answer.status_code}: {answer.text.strip()[:200]}"
    return Finding("Server", answer.is_success, f"{here} {says}; browsers reach it at {settings.public_url}")


def _addresses(settings: Settings) -> list[Finding]:
    """What Xero, and browsers that come back from it, will not take."""
    found = []
    if "xero" in settings.public_url.lower():
        says = (
            "holds the word xero, and Xero refuses an invoice whose Url has it: give the server another name"
        )
        found.append(Finding("Public URL", False, f"{settings.public_url} {says}"))
    back = urlsplit(settings.xero_redirect_uri)
    if back.scheme != "https" and back.hostname != "localhost":
        says = "Xero takes https only, or http://localhost"
        found.append(Finding("Redirect", False, f"{settings.xero_redirect_uri}: {says}"))
    if settings.xero_redirect_uri != f"{settings.public_url}/oauth/callback":
        says = f"is not PUBLIC_URL/oauth/callback, {settings.public_url}/oauth/callback: does it lead here?"
        found.append(Finding("Redirect", None, f"{settings.xero_redirect_uri} {says}"))
    return found


def _webhooks(settings: Settings) -> Finding:
    address = f"{settings.public_url}/webhooks/xero"
    if not settings.xero_webhook_keys:
        says = f"XERO_WEBHOOK_KEYS is not set: changes in Xero are found by polls; docs/OPERATIONS.md sets up {address}"
        return Finding("Webhooks", None, says)
    if _is_xeros(settings.xero_api_url) and not settings.public_url.startswith("https://"):
        return Finding(
            "Webhooks", False, f"Xero calls https only, and PUBLIC_URL makes the address {address}"
        )
    return Finding("Webhooks", True, f"{len(settings.xero_webhook_keys)} key(s); the address is {address}")


def _is_xeros(address: str) -> bool:
    """Not a simulator's."""
    return (urlsplit(address).hostname or "").endswith("xero.com")


async def _redis(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return Finding("Redis", False, "needs REDIS_URL")
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
    """Any answer will do, a refusal too: without a token more cannot be asked."""
    if settings.simulated:
        yield Finding("Xero", None, "XERO_CLIENT_ID is not set; `tandem demo` brings a simulator")
        return
    async with httpx.AsyncClient(timeout=10) as client:
        addresses = (settings.xero_authorize_url, settings.xero_identity_url, settings.xero_api_url)
        for address in dict.fromkeys(addresses):
            try:
                answer = await client.get(address)
                who = "" if _is_xeros(address) else "the stand-in Xero at "
                answers = f"answers ({answer.status_code})"
                yield Finding("Xero", answer.status_code < 500, f"{who}{address} {answers}")
            except httpx.HTTPError as error:
                yield Finding("Xero", False, f"{address}: {_brief(error)}")


def _brief(error: Exception) -> str:
    """The cause's first line: SQLAlchemy's own text repeats statements and values."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
