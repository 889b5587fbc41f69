"""The demo's processes: PostgreSQL, Valkey, the Xero simulator, the API and a worker. All end with this process."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import httpx
import msgspec
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from runtime.demo.processes import Process, tandem
from runtime.embedded import children
from runtime.embedded import services as embedded_services
from runtime.embedded.children import StartError
from runtime.embedded.ports import refuse_busy
from runtime.migrations import migrate
from runtime.settings import Settings
from xero.simulator.demo import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET

CONTACTS, SEED = 1200, 1
PRACTICE_NAME = "Harbour Accounting"
SETTINGS = "settings.json"


class Answer(msgspec.Struct, rename="camel"):
    """Base of the answers that the demo reads. Members that a query asks for and the demo does not need are ignored."""


class Count(Answer):
    total_count: int


AnswerT = TypeVar("AnswerT", bound=msgspec.Struct)


class _Error(msgspec.Struct):
    message: str


class Body(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[_Error] = []


def _user_errors(data: object) -> Iterator[str]:
    """The messages in `userErrors` of the mutations that the answer is about."""
    for mutation in data.values() if isinstance(data, dict) else ():
        if isinstance(mutation, dict):
            yield from (error["message"] for error in mutation.get("userErrors") or ())


@dataclass(frozen=True)
class Running:
    """The addresses of the demo's API and simulator, the token, and the processes."""

    api: str
    simulator: str
    token: str
    http: httpx.Client
    processes: Sequence[Process] = ()

    def ask(self, answer: type[AnswerT], query: str, **variables: object) -> AnswerT:
        """The data of the query's answer. Raises StartError if the API answers with errors or refuses a mutation."""
        response = self.http.post(
            f"{self.api}/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {self.token}"},
        )
        body = msgspec.json.decode(response.content, type=Body)
        if body.errors:
            raise StartError(f"the API answered: {body.errors[0].message}")
        for error in _user_errors(msgspec.json.decode(body.data)):
            raise StartError(f"the API refused: {error}")
        return msgspec.json.decode(body.data, type=answer)


@contextmanager
def started(settings: Settings, data: Path, console: Console, contacts: int = CONTACTS) -> Iterator[Running]:
    """Start all processes, with so many contacts in a new simulated Xero. Parts that do not need each other start at the
    same time, because each takes about a second."""
    began = time.monotonic()
    refuse_busy(settings.host, settings.port)
    with ExitStack() as stack, httpx.Client(timeout=60) as http:
        console.print("Starting PostgreSQL, Valkey, the Xero simulator, the API and a worker …", end=" ")
        parts = stack.enter_context(embedded_services.services(data))
        home = data / "demo"
        home.mkdir(exist_ok=True)
        api, port = f"http://localhost:{settings.port}", _free_port()
        simulator = f"http://127.0.0.1:{port}"
        webhook_key = uuid4().hex
        own = _settings(settings, parts, api, simulator, webhook_key)
        environment = children.ENVIRONMENT | own
        stack.enter_context(_kept(home, own))
        given = {"--port": port, "--contacts": contacts, "--seed": SEED, "--data": home / "xero.json",
                 "--redirect-uri": f"{api}/oauth/callback", "--webhook-url": f"{api}/webhooks/xero",
                 "--webhook-key": webhook_key}  # fmt: skip
        words = [str(word) for option in given.items() for word in option]
        xero = tandem(home, environment, "simulator", *words)
        server, worker = tandem(home, environment, "serve"), tandem(home, environment, "worker")
        _start(xero, stack)
        asyncio.run(migrate(parts.admin_url, embedded_services.APP))
        _start(server, stack)
        _start(worker, stack)
        token = _token(home, environment)
        children.wait_for(lambda: _answers(http, f"{simulator}/simulator/state"), xero.child, xero.log)
        children.wait_for(lambda: _answers(http, f"{api}/readyz"), server.child, server.log)
        console.print(f"{time.monotonic() - began:.1f} s")
        yield Running(api, simulator, token, http, (xero, server, worker))


def find_settings(data: Path) -> dict[str, str] | None:
    """The settings of the demo that runs in this folder, for other commands; None if no demo runs there."""
    try:
        kept: dict[str, str] = json.loads((data / "demo" / SETTINGS).read_text())
    except (OSError, ValueError):
        return None
    return kept


@contextmanager
def _kept(home: Path, own: Mapping[str, str]) -> Iterator[None]:
    path = home / SETTINGS
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps({name.lower(): value for name, value in own.items()}))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _settings(
    settings: Settings, parts: embedded_services.Services, api: str, simulator: str, webhook_key: str
) -> dict[str, str]:
    return {
        "DATABASE_URL": parts.app_url,
        "DATABASE_ADMIN_URL": parts.admin_url,
        "REDIS_URL": parts.redis_url,
        "TANDEM_KEYS": parts.key,
        "XERO_CLIENT_ID": DEMO_CLIENT_ID,
        "XERO_CLIENT_SECRET": DEMO_CLIENT_SECRET,
        "XERO_REDIRECT_URI": f"{api}/oauth/callback",
        "XERO_AUTHORIZE_URL": f"{simulator}/identity/connect/authorize",
        "XERO_IDENTITY_URL": simulator,
        "XERO_API_URL": simulator,
        "XERO_WEBHOOK_KEYS": webhook_key,
        "PUBLIC_URL": api,
        "GRAPHIQL": "off" if settings.without_graphiql else "on",
        "HOST": settings.host,
        "PORT": str(settings.port),
        "LOG_LEVEL": settings.log_level,
        "ALLOWED_ORIGINS": ",".join(settings.allowed_origins),
        "ALLOWED_HEADERS": ",".join(settings.allowed_headers),
        **_sign_in(settings),
    }


def _sign_in(settings: Settings) -> dict[str, str]:
    """The settings of the identity provider that are set, as the environment has them."""
    given = {name: getattr(settings, name) for name in settings.model_fields_set if name.startswith("oidc_")}
    return {name.upper(): _written(value) for name, value in given.items() if value is not None}


def _written(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, list) else str(value)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tandem(environment: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "runtime", *words],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StartError(f"tandem {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _start(process: Process, stack: ExitStack) -> None:
    process.start(time.monotonic())
    stack.callback(process.stop)


def _answers(http: httpx.Client, address: str) -> bool:
    try:
        return http.get(address, timeout=5).is_success
    except httpx.TransportError:
        return False


def _token(home: Path, environment: Mapping[str, str]) -> str:
    """The ADMIN token of the demo's practice, created at the first start and kept in the demo's folder."""
    kept = home / "token"
    if not kept.exists():
        printed = _tandem(environment, "workspace", "create", PRACTICE_NAME, "--currency", "NZD")
        token = next(word for word in printed.split() if word.startswith("tdm_"))
        kept.touch(mode=0o600)
        kept.write_text(token)
    return kept.read_text()


@contextmanager
def bar(console: Console, what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar that disappears at the end. Without a terminal it prints nothing."""
    columns = (TextColumn("   {task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def heading(console: Console, text: str) -> None:
    console.print(f"\n{text}", style="bold")
