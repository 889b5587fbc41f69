"""The demo under test: its processes, GraphQL, the simulator's control routes, and Xero's own API for the last look."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec

READY = "Tandem runs until Ctrl-C"
PATIENCE = 120.0  # seconds in which some API must answer
AGAIN = {"UNAVAILABLE", "INTERNAL"}  # codes of answers that are asked for again


class Answer(msgspec.Struct, rename="camel"):
    """Base of what the API answers. Members that nobody asks for here are ignored."""


class InXero(msgspec.Struct, rename="pascal"):
    """Base of what the simulator answers in Xero's form."""


class Count(Answer):
    total_count: int


class UserError(Answer):
    code: str
    message: str


class _Extensions(msgspec.Struct, frozen=True):
    code: str = ""


class _Error(msgspec.Struct):
    message: str
    extensions: _Extensions = _Extensions()


class _Body(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[_Error] = []


class _Settings(msgspec.Struct):
    xero_api_url: str
    redis_url: str
    database_url: str
    xero_client_id: str
    xero_client_secret: str
    xero_redirect_uri: str
    xero_webhook_keys: str


class Phone(InXero):
    phone_type: str
    phone_number: str = ""


class Address(InXero):
    address_type: str
    city: str = ""


class XeroContact(InXero):
    contact_id: str = msgspec.field(name="ContactID")
    name: str = ""
    email_address: str = ""
    contact_status: str = "ACTIVE"
    phones: list[Phone] = []
    addresses: list[Address] = []

    @property
    def phone(self) -> str:
        return next((one.phone_number for one in self.phones if one.phone_type == "DEFAULT"), "")

    @property
    def city(self) -> str:
        return next((one.city for one in self.addresses if one.address_type == "POBOX"), "")


class XeroInvoice(InXero):
    invoice_number: str = ""
    status: str = ""
    total: float = 0.0
    url: str = ""


class Page(InXero):
    contacts: list[XeroContact] = []
    invoices: list[XeroInvoice] = []


class Tally(Answer):
    refused: dict[str, int]


class State(Answer):
    tallies: list[Tally]


class Ignored(msgspec.Struct):
    """An answer of which nothing is needed."""


class _Token(msgspec.Struct):
    access_token: str


AnswerT = TypeVar("AnswerT", bound=msgspec.Struct)


@dataclass
class Place:
    """The demo's addresses. `ports`: of two APIs, of which one may be down; webhooks go to the first one."""

    folder: Path
    ports: tuple[int, int]
    settings: _Settings
    token: str
    http: httpx.AsyncClient
    repeated: int = 0

    async def ask(self, answer: type[AnswerT], query: str, **variables: object) -> AnswerT:
        """The answer's data, from whichever API lives. A query may run twice: its answer may be lost with its API."""
        until, turn = time.monotonic() + PATIENCE, 0
        while time.monotonic() < until:
            found = await self._try(self.ports[turn % 2], query, variables)
            if found is not None:
                return msgspec.json.decode(found, type=answer)
            turn += 1
            self.repeated += 1
            await asyncio.sleep(0.1)
        raise SystemExit(f"no API has answered for {PATIENCE:.0f} s")

    async def _try(self, port: int, query: str, variables: object) -> msgspec.Raw | None:
        with suppress(httpx.TransportError):
            answer = await self.http.post(
                f"http://127.0.0.1:{port}/graphql",
                json={"query": query, "variables": variables},
                headers={"Authorization": f"Bearer {self.token}"},
            )
            if answer.status_code == 200:
                body = msgspec.json.decode(answer.content, type=_Body)
                if not body.errors:
                    return body.data
                if body.errors[0].extensions.code not in AGAIN:
                    raise SystemExit(f"the API answered: {body.errors}")
            elif answer.status_code not in {502, 503, 504}:
                raise SystemExit(f"the API answered {answer.status_code}: {answer.text[:300]}")
        return None

    async def control(self, answer: type[AnswerT], method: str, path: str, body: object = None) -> AnswerT:
        """A control route of the simulator."""
        made = await self.http.request(method, f"{self.settings.xero_api_url}/simulator/{path}", json=body)
        if made.is_error:
            raise SystemExit(f"the simulator answered {made.status_code}: {made.text[:300]}")
        return msgspec.json.decode(made.content or b"{}", type=answer)

    async def answers(self, port: int) -> bool:
        try:
            return (await self.http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def list_xero(self, tenant: str) -> Page:
        """List all contacts and invoices of the organisation, by Xero's API and a consent of the bench's own."""
        held, xero = self.settings, self.settings.xero_api_url
        form = {
            "action": "allow", "response_type": "code", "client_id": held.xero_client_id, "tenantId": tenant,
            "redirect_uri": held.xero_redirect_uri,
            "scope": "offline_access accounting.contacts accounting.settings.read accounting.invoices",
        }  # fmt: skip
        consent = await self.http.post(f"{xero}/identity/connect/authorize", data=form)
        code = parse_qs(urlsplit(consent.headers["location"]).query)["code"][0]
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": held.xero_redirect_uri,
        }
        app = (held.xero_client_id, held.xero_client_secret)
        answer = await self.http.post(f"{xero}/connect/token", data=given, auth=app)
        token = msgspec.json.decode(answer.content, type=_Token).access_token
        headers = {
            "Authorization": f"Bearer {token}",
            "Xero-Tenant-Id": tenant,
            "Accept": "application/json",
        }
        found = Page()
        for what in ("Contacts", "Invoices"):
            page = 1
            while True:
                params = {"page": page, "pageSize": 1000, "includeArchived": "true"}
                answer = await self.http.get(f"{xero}/api.xro/2.0/{what}", params=params, headers=headers)
                answer.raise_for_status()
                some = msgspec.json.decode(answer.content, type=Page)
                found.contacts += some.contacts
                found.invoices += some.invoices
                if len(some.contacts) + len(some.invoices) < 1000:
                    break
                page += 1
        return found


def environment(folder: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return kept | {"TANDEM_DATA": str(folder), "PORT": str(port), "LOG_LEVEL": "WARNING"}


def command(*words: str) -> Sequence[str]:
    return [sys.executable, "-m", "runtime", *words]


@contextmanager
def demo(folder: Path, port: int) -> Iterator[None]:
    """`tandem demo`, once it has imported. The demo ends with the block."""
    log = folder.parent / "demo.log"
    with log.open("wb") as output:
        started = subprocess.Popen(
            command("demo"), env=environment(folder, port), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while READY not in log.read_text():
                if started.poll() is not None:
                    raise SystemExit(f"the demo has ended: {log.read_text()[-2000:]}")
                time.sleep(0.5)
            yield
        finally:
            started.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                started.wait(timeout=30)


@asynccontextmanager
async def place(folder: Path, ports: tuple[int, int]) -> AsyncIterator[Place]:
    settings = msgspec.json.decode((folder / "demo" / "settings.json").read_bytes(), type=_Settings)
    token = (folder / "demo" / "token").read_text().strip()
    async with httpx.AsyncClient(timeout=15) as http:
        yield Place(folder, ports, settings, token, http)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def postmaster(database_url: str) -> int:
    """The process id of PostgreSQL, whose sockets are in the folder that the address names."""
    [folder] = re.findall(r"host=([^&]+)", database_url)
    lock = Path(folder.replace("%2F", "/")) / ".s.PGSQL.5432.lock"
    return int(lock.read_text().split()[0])
