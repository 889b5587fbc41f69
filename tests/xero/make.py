"""A scripted Xero behind httpx's transport. The client's other dependencies are plain objects that remember their calls."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx

from tests.clients import web_client
from xero.allowance import Priority, ReportedLimits
from xero.client import Client
from xero.invoices import ContactRef, NewInvoice, NewLine
from xero.payloads import Creations, NewContact
from xero.rights import Right

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
TENANT = UUID("11111111-1111-4111-8111-111111111111")
Reply = httpx.Response | Exception


class Script(httpx.AsyncBaseTransport):
    """Answers each request with the next reply; an exception is raised instead."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


@dataclass
class Clock:
    time: datetime = NOW

    def now(self) -> datetime:
        return self.time


@dataclass
class Tokens:
    current: str = "token-0"
    stale: list[str] = field(default_factory=list)

    async def access_token(self) -> str:
        return self.current

    async def refresh(self, stale: str) -> str:
        self.stale.append(stale)
        self.current = f"token-{len(self.stale)}"
        return self.current


@dataclass
class Limiter:
    """Gives each caller a slot. If `until` is set, no slot is free before that time."""

    until: datetime | None = None
    taken: list[UUID] = field(default_factory=list)
    given: list[ReportedLimits | None] = field(default_factory=list)

    async def take(self, tenant_id: UUID, priority: Priority) -> UUID | datetime:
        assert tenant_id == TENANT
        if self.until:
            return self.until
        self.taken.append(uuid4())
        return self.taken[-1]

    async def give(self, slot: UUID, told: ReportedLimits | None) -> None:
        assert slot in self.taken
        self.given.append(told)


@dataclass
class Rights:
    """Remembers what the client said of each right. A right in `closed` is closed until its time."""

    closed: dict[Right, datetime] = field(default_factory=dict)
    denied: dict[Right, str] = field(default_factory=dict)
    granted: list[Right] = field(default_factory=list)

    def closed_until(self, right: Right) -> datetime | None:
        return self.closed.get(right)

    async def deny(self, right: Right, why: str) -> datetime:
        self.denied[right] = why
        return NOW + timedelta(seconds=5)

    async def grant(self, right: Right) -> None:
        self.granted.append(right)


@dataclass
class Bench:
    """A client and everything around it."""

    script: Script
    client: Client
    tokens: Tokens
    limiter: Limiter
    rights: Rights
    slept: list[float]


def bench(*replies: Reply, until: datetime | None = None, guard: Callable[[], None] = lambda: None) -> Bench:
    script, tokens, limiter, slept = Script(*replies), Tokens(), Limiter(until), list[float]()
    rights = Rights()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    client = Client(
        http=web_client(transport=script),
        tenant_id=TENANT,
        tokens=tokens,
        limiter=limiter,
        rights=rights,
        clock=Clock(),
        guard=guard,
        api_url="https://xero.example/",
        sleep=sleep,
        jitter=lambda: 0.5,
    )
    return Bench(script, client, tokens, limiter, rights, slept)


def ms_date(time: datetime) -> str:
    return f"/Date({int(time.timestamp() * 1000)}+0000)/"


def envelope(resource: str, elements: list[Any], **more: Any) -> dict[str, Any]:
    return {"Status": "OK", "DateTimeUTC": ms_date(NOW - timedelta(seconds=3)), resource: elements, **more}


def answer(
    resource: str, *elements: Any, headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    return httpx.Response(200, json=envelope(resource, list(elements), **more), headers=headers)


def contact(name: str = "Ada Lovelace", **members: Any) -> dict[str, Any]:
    return {"ContactID": str(uuid4()), "Name": name, "ContactStatus": "ACTIVE", **members}


def fault(status: int, detail: str = "", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"Title": "x", "Status": status, "Detail": detail}, headers=named)


def jwt(**claims: Any) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2ln"


CONTACT = UUID(int=7)


def new_invoice(number: str = "T-1", **fields: Any) -> NewInvoice:
    line = NewLine(
        description="Advice", quantity=Decimal("1.5"), unit_amount=Decimal("33.3333"), account_code="200", tax_type="OUTPUT2"
    )  # fmt: skip
    given: dict[str, Any] = {
        "invoice_number": number,
        "contact": ContactRef(contact_id=CONTACT),
        "date": date(2026, 11, 2),
        "due_date": date(2026, 11, 20),
        "line_amount_types": "Exclusive",
        "currency_code": "NZD",
        "line_items": [line],
        "url": "https://tandem.example/i/1",
    }
    return NewInvoice(**given | fields)


def invoice(number: str = "T-1", **members: Any) -> dict[str, Any]:
    return {"InvoiceID": str(uuid4()), "InvoiceNumber": number, "Type": "ACCREC", **members}


def creations() -> Creations:
    return Creations.of([NewContact(name="Ada", contact_number="T-1")])
