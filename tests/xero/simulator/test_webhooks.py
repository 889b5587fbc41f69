"""Webhooks: what Xero sends after a change, and how it repeats failed ones."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.clients import web_client
from tests.patience import patience
from tests.xero.simulator.sales import made, person, sale
from tests.xero.simulator.serving import (
    connect,
    create,
    frozen_clock,
    post,
    serving,
    serving_app,
    small_world,
)
from xero.simulator.app import create_app
from xero.simulator.clock import ShiftedClock
from xero.webhooks import is_signed, read_events

KEY = "s3cr3t-webhook-key=="
URL = "https://tandem.example/webhooks/xero"


@dataclass
class Receiver(httpx.AsyncBaseTransport):
    """An app's address: answers as its owner should, or with `status`."""

    status: int | None = None
    bodies: list[bytes] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        if not is_signed([KEY], body, request.headers["x-xero-signature"]):
            return httpx.Response(401)
        self.bodies.append(body)
        return httpx.Response(self.status or 200)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in msgspec.json.decode(body)["events"]]


@pytest.fixture
def clock() -> ShiftedClock:
    return frozen_clock()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest_asyncio.fixture
async def http(clock: ShiftedClock, receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(small_world(5, clock), webhook_transport=receiver))
    async with web_client(transport=transport, base_url="http://simulator") as http:
        await connect(http)
        await subscribe(http)
        yield http


async def subscribe(http: httpx.AsyncClient, **more: Any) -> None:
    answer = await http.put("/simulator/webhooks", json={"url": URL, "key": KEY} | more)
    assert answer.status_code == 204, answer.text


async def edit(http: httpx.AsyncClient, contact_id: str, **edit: Any) -> None:
    tenant = http.headers["Xero-Tenant-Id"]
    answer = await http.post(f"/simulator/organisations/{tenant}/contacts/{contact_id}", json=edit)
    assert answer.status_code == 200, answer.text


async def deliver(http: httpx.AsyncClient, **how: Any) -> int:
    accepted: int = (await http.post("/simulator/webhooks/deliver", json=how)).json()["accepted"]
    return accepted


async def state(http: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get("/simulator/webhooks")).json()
    return found


async def test_webhooks_of_contacts_hold_only_ids(http: httpx.AsyncClient, receiver: Receiver) -> None:
    contact = await create(http, Name="ReportedLimits Ltd")
    await edit(http, contact["ContactID"], fields={"EmailAddress": "told@example.com"})
    assert await deliver(http) == 2
    [body] = receiver.bodies
    content = msgspec.json.decode(body)
    assert set(content) == {"events", "firstEventSequence", "lastEventSequence", "entropy"}
    assert (content["firstEventSequence"], content["lastEventSequence"]) == (1, 2)
    assert content["events"][0] == {
        "resourceUrl": f"https://api.xero.com/api.xro/2.0/Contacts/{contact['ContactID']}",
        "resourceId": contact["ContactID"],
        "eventDateUtc": "2026-11-02T09:00:00.000",
        "eventType": "CREATE",
        "eventCategory": "CONTACT",
        "tenantId": http.headers["Xero-Tenant-Id"],
        "tenantType": "ORGANISATION",
    }
    assert content["events"][1]["eventType"] == "UPDATE"
    assert read_events(body)[1] == 0


async def test_webhooks_are_sent_for_invoices_payments_and_credit_notes(
    http: httpx.AsyncClient, receiver: Receiver
) -> None:
    contact = await create(http, Name="ReportedLimits Ltd")
    await subscribe(http, ownWrites=False)
    await deliver(http)
    receiver.bodies.clear()
    invoice = await made(http, Contact={"ContactID": contact["ContactID"]})
    assert await deliver(http) == 0
    await subscribe(http)
    by_hand = await person(http, "invoices", **await sale(http, Contact={"ContactID": contact["ContactID"]}))
    await person(http, f"invoices/{invoice['InvoiceID']}/payments", amount="1")
    await person(http, f"invoices/{invoice['InvoiceID']}/credits", amount="1")
    await deliver(http)
    first, paid, credited, note = receiver.events
    assert [(e["eventCategory"], e["eventType"]) for e in (first, paid, credited, note)] == [
        ("INVOICE", "CREATE"),
        ("INVOICE", "UPDATE"),
        ("INVOICE", "UPDATE"),
        ("CREDITNOTE", "UPDATE"),
    ]
    assert (first["resourceId"], paid["resourceId"]) == (by_hand["InvoiceID"], invoice["InvoiceID"])
    assert "data" not in first
    assert note["data"] == {"Type": "ACCRECCREDIT", "Status": "PAID"}
    assert note["resourceUrl"].endswith(f"/CreditNotes/{note['resourceId']}")


async def test_archive_restore_merge_and_gdpr_send_update_webhooks_and_flags_send_none(
    http: httpx.AsyncClient, receiver: Receiver
) -> None:
    contact, other = await create(http, Name="One"), await create(http, Name="Two")
    await deliver(http)
    receiver.bodies.clear()
    key = contact["ContactID"]
    await edit(http, key, isCustomer=True)
    assert await deliver(http) == 0
    await edit(http, key, fields={"ContactStatus": "ARCHIVED"})
    await edit(http, key, fields={"ContactStatus": "ACTIVE"})
    await edit(http, key, mergeInto=other["ContactID"])
    await edit(http, other["ContactID"], gdprRequest=True)
    await deliver(http)
    told = [(event["resourceId"], event["eventType"]) for event in receiver.events]
    assert told == [(key, "UPDATE")] * 3 + [(other["ContactID"], "UPDATE")]


async def test_webhooks_of_own_writes_can_be_switched_off(
    http: httpx.AsyncClient, receiver: Receiver
) -> None:
    await subscribe(http, ownWrites=False)
    contact = await create(http, Name="Ours")
    await post(http, {"ContactID": contact["ContactID"], "FirstName": "A"})
    await edit(http, contact["ContactID"], fields={"FirstName": "B"})
    assert await deliver(http) == 1


async def test_a_refused_element_sends_no_webhook(http: httpx.AsyncClient) -> None:
    await post(http, {"Name": "<"}, summarizeErrors="false")
    assert await deliver(http) == 0


async def test_an_app_that_is_not_connected_gets_no_webhooks(http: httpx.AsyncClient) -> None:
    tenant = http.headers["Xero-Tenant-Id"]
    contact = await create(http, Name="Before")
    await deliver(http)
    await http.delete(f"/simulator/organisations/{tenant}/connections")
    await edit(http, contact["ContactID"], fields={"FirstName": "After"})
    assert await deliver(http) == 0


async def test_a_failed_webhook_is_sent_again_at_once_then_after_a_pause(
    http: httpx.AsyncClient, receiver: Receiver, clock: ShiftedClock
) -> None:
    receiver.status = 503
    await create(http, Name="First")
    assert await deliver(http, early=False) == 0
    assert await deliver(http, early=False) == 0
    await create(http, Name="Second")
    assert (len(receiver.bodies), (await state(http))["failed"]) == (2, 2)
    await deliver(http, early=False)
    assert len(receiver.bodies) == 2
    receiver.status = None
    clock.advance(timedelta(minutes=15))
    assert await deliver(http, early=False) == 2
    assert (await state(http))["subscriptions"][0]["waiting"] == 0


async def test_a_subscription_is_disabled_after_a_day_of_failures_and_resumes_when_enabled(
    http: httpx.AsyncClient, receiver: Receiver, clock: ShiftedClock
) -> None:
    receiver.status = 500
    await create(http, Name="Kept")
    for _ in range(3):
        await deliver(http)
        clock.advance(timedelta(hours=12))
    assert (await state(http))["subscriptions"][0]["enabled"] is False
    receiver.status = None
    assert await deliver(http) == 0
    assert (await http.post("/simulator/webhooks/intent")).json()["passed"] is True
    assert await deliver(http) == 1


async def test_webhooks_are_repeated_delayed_and_shuffled_by_the_seed(receiver: Receiver) -> None:
    told = []
    for _ in range(2):
        receiver.bodies.clear()
        clock = frozen_clock()
        transport = httpx.ASGITransport(create_app(small_world(3, clock), webhook_transport=receiver))
        async with web_client(transport=transport, base_url="http://simulator") as http:
            await connect(http)
            await subscribe(http, chance={"delay": 60, "duplicate": 0.5, "shuffle": True})
            names = {(await create(http, Name=f"C{n}"))["ContactID"]: n for n in range(20)}
            assert await deliver(http, early=False) == 0
            for _ in range(20):
                clock.advance(timedelta(seconds=30))
                await deliver(http, early=False, most=3)
        told.append([names[event["resourceId"]] for event in receiver.events])
    assert told[0] == told[1]
    assert set(told[0]) == set(range(20))
    assert len(told[0]) > 20
    assert told[0] != sorted(told[0])


@pytest.mark.parametrize(
    ("right", "wrong", "content", "passed"),
    [(200, 401, b"", True), (200, 200, b"", False), (401, 401, b"", False), (200, 401, b"thanks", False)],
)
async def test_an_intent_to_receive_is_sent(right: int, wrong: int, content: bytes, passed: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        known = is_signed([KEY], request.content, request.headers["x-xero-signature"])
        return httpx.Response(right if known else wrong, content=content)

    app = create_app(small_world(1), webhook_transport=httpx.MockTransport(answer))
    async with web_client(transport=httpx.ASGITransport(app), base_url="http://simulator") as http:
        await subscribe(http)
        assert (await http.post("/simulator/webhooks/intent")).json()["passed"] is passed


async def test_bad_subscriptions_are_refused(http: httpx.AsyncClient) -> None:
    for bad in (
        {"url": URL},
        {"url": URL, "key": KEY, "clientId": "x"},
        {"url": URL, "key": KEY, "speed": 1},
    ):
        assert (await http.put("/simulator/webhooks", json=bad)).status_code == 400


async def test_the_served_simulator_sends_webhooks_and_repeats_failed_ones() -> None:
    """Over real sockets: the first attempt is refused, the second is made at once."""
    heard: asyncio.Queue[list[UUID]] = asyncio.Queue()
    answers = iter([503, 200])

    async def receive(request: Request) -> Response:
        events, _ = read_events(await request.body())
        heard.put_nowait([event.resource_id for event in events])
        return Response(status_code=next(answers))

    app = Starlette(routes=[Route("/hooks", receive, methods=["POST"])])
    async with (
        serving_app(app) as receiver,
        serving(small_world(2)) as url,
        web_client(base_url=url) as http,
    ):
        await connect(http)
        await subscribe(http, url=f"{receiver}/hooks")
        contact = await create(http, Name="Heard")
        async with patience(30):
            told = [await heard.get() for _ in range(2)]
    assert told == [[UUID(contact["ContactID"])]] * 2
