"""POST /webhooks/xero: the bodies that Xero sends, and the answers that Xero gets."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncConnection

from api.context import Process
from runtime import database
from runtime.embedded.services import Services
from runtime.notifications import DUE, Notifications
from tests.api.edge import make_process, serving, with_settings
from tests.clients import web_client
from tests.database import Place
from tests.domain.world import World, make_world
from tests.hooks import KEY, body, event, signed
from tests.patience import patience

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
PATH = "/webhooks/xero"


@pytest.fixture
async def process(clean: Place, services: Services) -> AsyncIterator[Process]:
    keys = [SecretStr("the new key"), SecretStr(KEY)]
    async with make_process(clean, services, xero_webhook_keys=keys) as made:
        yield made


@pytest.fixture
async def world(process: Process) -> World:
    return await make_world(process.database)


@pytest.fixture
async def xero(process: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(process) as place, web_client(base_url=f"http://{place}") as http:
        yield http


async def tenant_of(world: World) -> str:
    [row] = await world.rows("select tenant_id from organisation where workspace_id = :ws")
    return str(row["tenant_id"])


async def inbox(owner: AsyncConnection) -> list[tuple[str, str, datetime]]:
    found = await owner.exec_driver_sql(
        "select category, resource_id::text as resource_id, event_at from webhook_event order by 1, 3"
    )
    return [(row.category, row.resource_id, row.event_at) for row in found.all()]


async def outcome(xero: httpx.AsyncClient, name: str) -> float:
    text = (await xero.get("/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("tandem_webhook_events_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines if f'"{name}"' in line)


async def test_webhook_events_are_stored_before_the_answer(
    xero: httpx.AsyncClient, world: World, owner: AsyncConnection
) -> None:
    async with world.tx() as tx:
        await tx.run("update organisation set invoice_sync = true where workspace_id = :ws")
    tenant, contact, invoice = await tenant_of(world), str(uuid4()), str(uuid4())
    content = body(event(tenant, contact, NOW), event(tenant, invoice, NOW, "Invoice"))
    answer = await xero.post(PATH, content=content, headers=signed(content))
    assert (answer.status_code, answer.content) == (200, b"")
    assert "set-cookie" not in answer.headers
    assert await inbox(owner) == [("CONTACT", contact, NOW), ("INVOICE", invoice, NOW)]
    [row] = await world.rows("select last_webhook_at from organisation")
    assert row["last_webhook_at"] is not None


async def test_a_webhook_reaches_the_workspace_of_its_organisation_only(
    xero: httpx.AsyncClient, process: Process, world: World
) -> None:
    other = await make_world(process.database)
    content = body(event(await tenant_of(world), str(uuid4()), NOW))
    assert (await xero.post(PATH, content=content, headers=signed(content))).status_code == 200
    for practice, is_reached in ((world, True), (other, False)):
        [row] = await practice.rows("select last_webhook_at from organisation where workspace_id = :ws")
        assert (row["last_webhook_at"] is not None) == is_reached


async def test_a_webhook_notifies_the_workers(
    xero: httpx.AsyncClient, process: Process, world: World, clean: Place
) -> None:
    notifications = Notifications(clean.app_url)
    listening = asyncio.create_task(notifications.listen())
    async with notifications.wake_on(DUE, world.workspace) as woken:
        while notifications.interrupted:  # noqa: ASYNC110 - another task's connection
            await asyncio.sleep(0.01)
        woken.clear()
        content = body(event(await tenant_of(world), uuid4(), NOW))
        await xero.post(PATH, content=content, headers=signed(content))
        async with patience(60):
            await woken.wait()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)


async def test_an_intent_to_receive_is_answered_by_the_signature_check(xero: httpx.AsyncClient) -> None:
    content = body()
    right = signed(content)["x-xero-signature"]
    for signature, status in {right: 200, "A" + right[1:]: 401, right[:-1]: 401, "": 401}.items():
        answer = await xero.post(PATH, content=content, headers={"x-xero-signature": signature})
        assert (answer.status_code, answer.content) == (status, b"")
    assert (await xero.post(PATH, content=content)).status_code == 401


async def test_a_signature_by_any_of_the_keys_is_accepted(xero: httpx.AsyncClient) -> None:
    content = body()
    statuses = [
        (await xero.post(PATH, content=content, headers=signed(content, key))).status_code
        for key in ("the new key", KEY, "another key")
    ]
    assert statuses == [200, 200, 401]


async def test_a_body_with_a_wrong_signature_is_refused_and_stores_nothing(
    xero: httpx.AsyncClient, world: World, owner: AsyncConnection
) -> None:
    content = body(event(await tenant_of(world), uuid4(), NOW))
    answer = await xero.post(PATH, content=content + b" ", headers=signed(content))
    assert (answer.status_code, await inbox(owner)) == (401, [])


async def test_without_a_webhook_key_the_address_does_not_exist(process: Process) -> None:
    async with (
        serving(with_settings(process, xero_webhook_keys=[])) as place,
        web_client(base_url=f"http://{place}") as http,
    ):
        content = body()
        assert (await http.post(PATH, content=content, headers=signed(content, ""))).status_code == 404


async def test_repeated_webhook_events_in_any_order_are_one_with_the_latest_time(
    xero: httpx.AsyncClient, world: World, owner: AsyncConnection
) -> None:
    tenant, contact = await tenant_of(world), str(uuid4())
    for at in (NOW, NOW + timedelta(seconds=9), NOW, NOW + timedelta(seconds=3)):
        content = body(event(tenant, contact, at), event(tenant, contact, NOW), entropy=str(uuid4()))
        assert (await xero.post(PATH, content=content, headers=signed(content))).status_code == 200
    assert await inbox(owner) == [("CONTACT", contact, NOW + timedelta(seconds=9))]


async def test_webhook_events_of_unknown_organisations_are_dropped_and_counted(
    xero: httpx.AsyncClient, world: World, owner: AsyncConnection
) -> None:
    tenant, contact = await tenant_of(world), str(uuid4())
    content = body(
        event(uuid4(), uuid4(), NOW), event(tenant, uuid4(), NOW, "CREDITNOTE"), {"tenantId": 7}, 7,
        event(tenant, contact, NOW),
    )  # fmt: skip
    assert (await xero.post(PATH, content=content, headers=signed(content))).status_code == 200
    assert await inbox(owner) == [("CONTACT", contact, NOW)]
    counts = [
        await outcome(xero, name) for name in ("unknown organisation", "not followed", "unreadable", "kept")
    ]
    assert counts == [1, 1, 2, 1]


async def test_webhook_events_of_data_that_is_not_synced_are_not_stored(
    xero: httpx.AsyncClient, world: World, owner: AsyncConnection
) -> None:
    async with world.tx() as tx:
        await tx.run("update organisation set started_at = null where workspace_id = :ws")
    tenant = await tenant_of(world)
    content = body(event(tenant, uuid4(), NOW), event(tenant, uuid4(), NOW, "INVOICE"))
    assert (await xero.post(PATH, content=content, headers=signed(content))).status_code == 200
    assert await inbox(owner) == []


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{}", b'{"events":7}', b"\xff", b"[" * 100_000])
async def test_a_signed_body_that_is_no_webhook_is_a_bad_request(
    xero: httpx.AsyncClient, content: bytes
) -> None:
    assert (await xero.post(PATH, content=content, headers=signed(content))).status_code == 400


async def test_metrics_show_how_long_work_has_been_due(
    xero: httpx.AsyncClient, world: World, owner: AsyncConnection
) -> None:
    content = body(event(await tenant_of(world), uuid4(), NOW))
    await xero.post(PATH, content=content, headers=signed(content))
    await owner.exec_driver_sql("update webhook_event set due_at = now() - interval '90 s'")
    text = (await xero.get("/metrics")).text
    due = {
        line.split('"')[1]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith("tandem_due_seconds{")
    }
    assert set(due) == {"send", "webhook", "import", "delivery"}
    assert due["webhook"] >= 90
    assert due["send"] == 0


async def test_a_webhook_of_more_than_a_megabyte_is_refused(xero: httpx.AsyncClient) -> None:
    content = b" " * 1_000_001
    assert (await xero.post(PATH, content=content, headers=signed(content))).status_code == 413


async def test_a_webhook_by_another_method_is_refused(xero: httpx.AsyncClient) -> None:
    assert (await xero.get(PATH)).status_code == 405


async def test_many_webhooks_at_once_are_stored_by_few_statements(
    xero: httpx.AsyncClient, process: Process, world: World, owner: AsyncConnection
) -> None:
    tenant = await tenant_of(world)
    contents = [body(event(tenant, uuid4(), NOW)) for _ in range(100)]
    before = process.database.statements
    answers = await asyncio.gather(*(xero.post(PATH, content=c, headers=signed(c)) for c in contents))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await inbox(owner)) == 100
    assert process.database.statements - before < 60


async def test_a_webhook_gets_503_without_postgresql(process: Process) -> None:
    away = database.connect("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    object.__setattr__(process, "database", away)
    async with serving(process) as place, web_client(base_url=f"http://{place}") as http:
        content = body(event(uuid4(), uuid4(), NOW))
        assert (await http.post(PATH, content=content, headers=signed(content))).status_code == 503
        content = body()  # an intent to receive needs no database
        assert (await http.post(PATH, content=content, headers=signed(content))).status_code == 200
    await away.close()
