"""Calls of the Accounting API for one organisation.

Each attempt asks for a token, then for a slot of the limiter, and waits for nothing while it holds the slot. A read is
retried with back-off and jitter after a lost answer, a 500, a 502 or a 504. A write is never retried here: without an
answer it is Uncertain, and the caller decides. An expired access token is renewed once. After a 403 of Xero's the client
asks /connections whether the organisation is still connected. If it is, a right is missing, and `rights` stops only the
calls that need the right. The client sends nothing while a database transaction is open: `guard` raises then.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Literal, Protocol, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx

from xero import listing, oauth
from xero.allowance import Limiter, Meter, Priority, ReportedLimits, Traffic, read_allowance
from xero.answers import check, is_expired, json_of, may_be_disconnected
from xero.errors import (
    Disconnected,
    NoAnswer,
    NotFound,
    Reason,
    Retry,
    RightMissing,
    Unauthorised,
    Uncertain,
    reading,
    sending,
)
from xero.invoices import SALE, Invoice, InvoiceCreations, InvoiceUpdates, WrittenInvoice
from xero.listing import Listing, Resource, Unreadable
from xero.payloads import Account, Contact, Creations, Organisation, Payload, TaxRate, Updates, WrittenContact
from xero.rights import Right, Rights, right_of

TIMEOUT = 25.0  # seconds for a whole call: shorter than any lease of the work that it settles
CONNECT_TIMEOUT = 5.0
ATTEMPTS = 3
PAGE_SIZE = 1000
INVOICES_A_PAGE = 250  # with their lines and payments
FOUR_PLACES = {"unitdp": "4"}  # without it unit amounts are rounded to cents, and shown so
IDS_A_CALL = 40  # Xero's limit on an address's length is not known; this many have always fitted

P = TypeVar("P", bound=Payload)
V = TypeVar("V")


class Tokens(Protocol):
    """Gives the client its access token. Both methods may raise NeedsReconnect, or Retry if the token cannot be renewed
    just now."""

    async def access_token(self) -> str: ...

    async def refresh(self, stale: str) -> str:
        """Return a newer token than `stale`. The token is renewed at most once, however many callers ask."""
        ...


class Clock(Protocol):
    def now(self) -> datetime: ...


@dataclass(frozen=True)
class Answer(Generic[V]):
    """`server_time`: Xero's clock when it answered."""

    value: V
    server_time: datetime | None


@dataclass(frozen=True)
class Page(Generic[P]):
    """`last`: no page follows. The counts are None if Xero gave none."""

    items: list[P]
    unreadable: list[Unreadable]
    page: int
    last: bool
    page_count: int | None
    item_count: int | None
    server_time: datetime | None


@dataclass(frozen=True)
class Written(Generic[P]):
    """The answer to a write: one entry for each element that Xero answered, in Xero's order. An element that was sent and
    is in neither list is as uncertain as after a lost answer."""

    items: list[P]
    unreadable: list[Unreadable]
    server_time: datetime | None


@dataclass(frozen=True)
class _Call:
    method: Literal["GET", "PUT", "POST"]
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    content: bytes | None = None

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def endpoint(self) -> str:
        """The first part of the path, such as Contacts."""
        return self.path.partition("/")[0]

    @property
    def right(self) -> Right:
        return right_of(self.path, writes=self.writes)


@dataclass(frozen=True, kw_only=True)
class Client:
    http: httpx.AsyncClient
    tenant_id: UUID
    tokens: Tokens
    limiter: Limiter
    rights: Rights
    clock: Clock
    guard: Callable[[], None]
    api_url: str = "https://api.xero.com"
    priority: Priority = Priority.BULK
    timeout: float = TIMEOUT
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    meter: Meter | None = None

    async def organisation(self) -> Answer[Organisation]:
        found = await self._read(listing.ORGANISATIONS, "Organisation")
        if not found.items:
            raise Retry(Reason.UNREADABLE_ANSWER, detail=_reasons(found) or "no organisation")
        return Answer(found.items[0], found.server_time)

    async def accounts(self) -> Answer[list[Account]]:
        """Archived accounts included; Xero does not page accounts."""
        return _whole(await self._read(listing.ACCOUNTS, "Accounts"))

    async def tax_rates(self) -> Answer[list[TaxRate]]:
        return _whole(await self._read(listing.TAX_RATES, "TaxRates"))

    async def contacts_page(
        self,
        page: int,
        *,
        page_size: int = PAGE_SIZE,
        modified_since: datetime | None = None,
    ) -> Page[Contact]:
        """Archived contacts included. Ordered by ContactID, so that no contact moves to an earlier page while the pages
        are read, and none is missed. `modified_since` counts to the second; whether Xero includes that second
        is not known."""
        params = {
            "page": str(page),
            "pageSize": str(page_size),
            "includeArchived": "true",
            "order": "ContactID ASC",
        }
        found = await self._read(listing.CONTACTS, "Contacts", params, modified_since)
        return _page(found, page, page_size)

    async def contacts_by_ids(self, ids: Sequence[UUID]) -> Page[Contact]:
        """At most 40 ids. The answer lacks the ids that Xero does not know."""
        params = {"includeArchived": "true", **_by_ids(ids)}
        return _page(await self._read(listing.CONTACTS, "Contacts", params), 1, len(ids))

    async def find_contact_by_number(self, number: str) -> Answer[Contact | None]:
        """Find the contact with this ContactNumber. Numbers are unique over all contacts, archived ones
        included."""
        if not number.strip():
            raise ValueError("a blank number would list all contacts")
        try:
            found = await self._read(listing.CONTACTS, f"Contacts/{quote(number, safe='')}")
        except NotFound:
            return Answer(None, None)
        if found.unreadable:
            raise Retry(Reason.UNREADABLE_ANSWER, detail=_reasons(found))
        # Xero would have looked up a text that is an id as an id.
        ours = [contact for contact in found.items if contact.contact_number == number]
        return Answer(ours[0] if ours else None, found.server_time)

    async def create_contacts(self, body: Creations, idempotency_key: str) -> Written[WrittenContact]:
        """By PUT, which only creates. A taken name or number is an error of its element."""
        call = _writing("PUT", "Contacts", body.content, idempotency_key)
        return await self._write(call, listing.WRITTEN_CONTACTS)

    async def update_contacts(self, body: Updates, idempotency_key: str) -> Written[WrittenContact]:
        call = _writing("POST", "Contacts", body.content, idempotency_key)
        return await self._write(call, listing.WRITTEN_CONTACTS)

    async def invoices_page(
        self,
        page: int,
        *,
        page_size: int = INVOICES_A_PAGE,
        modified_since: datetime | None = None,
    ) -> Page[Invoice]:
        """Sales invoices with lines, payments and credits, voided and deleted ones included. Order and
        `modified_since` as for contacts. A payment moves an invoice's UpdatedDateUTC. A new DueDate or
        SentToContact of a partly paid invoice does not."""
        params = {
            "page": str(page),
            "pageSize": str(page_size),
            "where": f'Type=="{SALE}"',
            "order": "InvoiceID ASC",
            **FOUR_PLACES,
        }
        found = await self._read(listing.INVOICES, "Invoices", params, modified_since)
        return _page(found, page, page_size)

    async def invoices_by_ids(self, ids: Sequence[UUID]) -> Page[Invoice]:
        """At most 40 ids. The answer lacks the ids that Xero does not know."""
        return _page(await self._read(listing.INVOICES, "Invoices", _by_ids(ids) | FOUR_PLACES), 1, len(ids))

    async def find_invoice_by_number(self, number: str) -> Answer[Invoice | None]:
        """The sales invoice with this number, in any status. A bill may have the same number."""
        if not number.strip():
            raise ValueError("a blank number would list all invoices")
        path, params = "Invoices", dict(FOUR_PLACES)
        if "," in number and "/" in number:  # the one parts the list's numbers, the other the path
            params |= {"searchTerm": number, "page": "1", "pageSize": str(INVOICES_A_PAGE)}
        elif "," in number:
            path = f"Invoices/{quote(number, safe='')}"
        else:
            params |= {"InvoiceNumbers": number, "page": "1"}
        try:
            found = await self._read(listing.INVOICES, path, params)
        except NotFound:
            return Answer(None, None)
        if found.unreadable:
            raise Retry(Reason.UNREADABLE_ANSWER, detail=_reasons(found))
        sales = [invoice for invoice in found.items if invoice.type == SALE]
        # It is not known whether Xero distinguishes numbers by case; the same number in another case blocks ours as well.
        same = [one for one in sales if (one.invoice_number or "").casefold() == number.casefold()]
        exact = [one for one in same if one.invoice_number == number]
        return Answer(next(iter(exact or same), None), found.server_time)

    async def create_invoices(self, body: InvoiceCreations, idempotency_key: str) -> Written[WrittenInvoice]:
        """By PUT, which only creates. A taken number is an error of its element."""
        call = _writing("PUT", "Invoices", body.content, idempotency_key, FOUR_PLACES)
        return await self._write(call, listing.WRITTEN_INVOICES)

    async def update_invoices(self, body: InvoiceUpdates, idempotency_key: str) -> Written[WrittenInvoice]:
        call = _writing("POST", "Invoices", body.content, idempotency_key, FOUR_PLACES)
        return await self._write(call, listing.WRITTEN_INVOICES)

    async def _write(self, call: _Call, resource: Resource[P]) -> Written[P]:
        answer = await self._answer(call)
        try:
            with reading():
                found = resource.read(json_of(answer))
        except Retry as error:
            raise Uncertain(str(error), answer.status_code) from None
        return Written(found.items, found.unreadable, found.server_time)

    async def _read(
        self,
        resource: Resource[P],
        path: str,
        params: dict[str, str] | None = None,
        modified_since: datetime | None = None,
    ) -> Listing[P]:
        since = {"If-Modified-Since": _if_modified_since(modified_since)} if modified_since else {}
        answer = await self._answer(_Call("GET", path, params or {}, since))
        with reading():
            return resource.read(json_of(answer))

    async def _answer(self, call: _Call) -> httpx.Response:
        """Return an answer with a 2xx, or raise one of our errors."""
        closed = self.rights.closed_until(call.right)
        if closed is not None and closed > self.clock.now():
            raise RightMissing(call.right, f"Xero does not let Tandem {call.right.words}", closed)
        try:
            answer = await self._checked(call)
        except RightMissing as error:
            error.at = await self.rights.deny(call.right, str(error))
            raise
        await self.rights.grant(call.right)
        return answer

    async def _checked(self, call: _Call) -> httpx.Response:
        token = await self.tokens.access_token()
        renewed = False
        attempt = 1
        while True:
            answer = await self._attempt(call, token, last=attempt == ATTEMPTS)
            if answer is not None and not renewed and is_expired(answer):
                token, renewed = await self.tokens.refresh(token), True
            elif answer is not None and (call.writes or attempt == ATTEMPTS or not _passing(answer)):
                if may_be_disconnected(answer) and not await self._is_connected(token):
                    raise Disconnected
                check(answer, self.clock.now(), writes=call.writes, right=call.right)
                return answer
            else:
                await self.sleep((0.5 + self.jitter()) * 2 ** (attempt - 1))
                attempt += 1

    async def _is_connected(self, token: str) -> bool:
        """Ask /connections, with a newer token if Xero refuses this one. The call is not one of the organisation's."""
        self.guard()
        try:
            return await oauth.is_connected(self.http, self.api_url, token, self.tenant_id)
        except Unauthorised:
            newer = await self.tokens.refresh(token)
            return await oauth.is_connected(self.http, self.api_url, newer, self.tenant_id)

    async def _attempt(self, call: _Call, token: str, *, last: bool) -> httpx.Response | None:
        """Return None if the answer to a read was lost and the read may be retried. After a time-out it may
        not: the caller's own time is over."""
        try:
            return await self._send(call, token)
        except NoAnswer as error:
            if call.writes:
                raise Uncertain(str(error)) from None
            if last or error.timed_out:
                raise Retry(Reason.UNREACHABLE, detail=str(error)) from None
            return None

    async def _send(self, call: _Call, token: str) -> httpx.Response:
        """Take a slot, and give it back with the answer. Without an answer the slot lapses by itself, because
        Xero may still be working on the call."""
        self.guard()
        slot = await self.limiter.take(self.tenant_id, self.priority)
        if isinstance(slot, datetime):
            raise Retry(Reason.LIMIT, slot)
        try:
            with sending():
                async with asyncio.timeout(self.timeout):
                    answer = await self.http.send(self._request(call, token), follow_redirects=False)
        except Retry:
            await self.limiter.give(slot, None)
            raise
        except NoAnswer:
            self._count(Traffic(call.endpoint))
            raise
        self._count(
            Traffic(call.endpoint, answer.status_code, answer.num_bytes_downloaded, len(answer.content))
        )
        await self.limiter.give(slot, self._reported(answer))
        return answer

    def _count(self, traffic: Traffic) -> None:
        if self.meter is not None:
            self.meter.note(self.tenant_id, traffic)

    def _request(self, call: _Call, token: str) -> httpx.Request:
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {token}",
            "Xero-Tenant-Id": str(self.tenant_id),
            **call.headers,
        }
        return self.http.build_request(
            call.method,
            f"{self.api_url.rstrip('/')}/api.xro/2.0/{call.path}",
            params=call.params or None,
            headers=headers,
            content=call.content,
            timeout=httpx.Timeout(self.timeout, connect=CONNECT_TIMEOUT),
        )

    def _reported(self, answer: httpx.Response) -> ReportedLimits:
        return read_allowance(answer.status_code, answer.headers, self.clock.now())


def _writing(
    method: Literal["PUT", "POST"],
    path: str,
    content: bytes,
    key: str,
    params: Mapping[str, str] | None = None,
) -> _Call:
    """A write that asks for the outcome of each element, with an idempotency key."""
    if not 0 < len(key) <= 128:
        raise ValueError("an Idempotency-Key has 1 to 128 characters")
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
    return _Call(method, path, {"summarizeErrors": "false", **(params or {})}, headers, content)


def _by_ids(ids: Sequence[UUID]) -> dict[str, str]:
    if not 0 < len(ids) <= IDS_A_CALL:
        raise ValueError(f"1 to {IDS_A_CALL} ids a call, not {len(ids)}")
    return {"IDs": ",".join(map(str, ids)), "page": "1", "pageSize": str(len(ids))}


def _passing(answer: httpx.Response) -> bool:
    """Whether the same read is likely to succeed in a moment."""
    return answer.status_code in (500, 502, 504)


def _if_modified_since(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _page(found: Listing[P], page: int, page_size: int) -> Page[P]:
    pagination = found.pagination
    count = len(found.items) + len(found.unreadable)
    return Page(
        found.items,
        found.unreadable,
        page,
        page >= pagination.page_count if pagination else count < page_size,
        pagination.page_count if pagination else None,
        pagination.item_count if pagination else None,
        found.server_time,
    )


def _whole(found: Listing[P]) -> Answer[list[P]]:
    """A list that replaces the stored one as a whole must not lose an element that could not be read."""
    if found.unreadable:
        raise Retry(Reason.UNREADABLE_ANSWER, detail=_reasons(found))
    return Answer(found.items, found.server_time)


def _reasons(found: Listing[P]) -> str:
    return "; ".join(sorted({element.reason for element in found.unreadable}))
