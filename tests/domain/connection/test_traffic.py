"""The meter of calls and bytes: what workers add, what a month comes to, and how long it is kept."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.connection.traffic import Meter, Month, find_months
from domain.tx import TANDEM, Tx
from runtime.database import Database, DatabaseUnavailable, connect
from runtime.retention import delete_expired
from runtime.settings import load
from tests.clients import web_client
from tests.database import Place
from tests.domain.connection.clock import Clock
from tests.xero.make import TENANT, answer, bench
from xero.allowance import Traffic
from xero.errors import Retry

GB = 10**9


class Row(NamedTuple):
    tenant_id: UUID
    day: str
    endpoint: str
    status: int
    calls: int
    received: int
    unpacked: int


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(clean: Place, clock: Clock) -> AsyncIterator[Database]:
    made = connect(clean.app_url, clock=clock)
    yield made
    await made.close()


@pytest.fixture
def meter(database: Database, clock: Clock) -> Meter:
    return Meter(database.door, clock)


async def rows(owner: AsyncConnection) -> list[Row]:
    found = await owner.execute(
        sa.text(
            "select tenant_id, day::text, endpoint, status, calls, received, unpacked from xero_traffic"
            " order by endpoint, status, day"
        )
    )
    return [Row(*row) for row in found]


async def month(database: Database, tenant: UUID) -> Month | None:
    async with database.door() as session:
        tx = Tx(session, uuid4(), TANDEM, database.clock.now())
        return (await find_months(tx, [tenant])).get(tenant)


async def test_counts_of_two_workers_add_up_by_day_endpoint_and_status(
    database: Database, meter: Meter, clock: Clock, owner: AsyncConnection
) -> None:
    other = Meter(database.door, clock)
    for one in (meter, other, other):
        one.note(TENANT, Traffic("Contacts", 200, 1000, 5000))
    meter.note(TENANT, Traffic("Contacts", 429, 10, 10))
    clock.move(20 * 3600)
    meter.note(TENANT, Traffic("Contacts"))
    before = database.statements
    await meter.flush()
    await other.flush()
    await meter.flush()
    assert database.statements - before <= 4  # one insert a flush, and what opens the transaction
    assert await rows(owner) == [
        Row(TENANT, "2026-11-25", "Contacts", 0, 1, 0, 0),
        Row(TENANT, "2026-11-24", "Contacts", 200, 3, 3000, 15000),
        Row(TENANT, "2026-11-24", "Contacts", 429, 1, 10, 10),
    ]


async def test_counts_that_the_database_did_not_take_are_added_later(
    database: Database, clock: Clock, owner: AsyncConnection
) -> None:
    away = connect("postgresql+asyncpg://app@localhost:1/nowhere")
    meter = Meter(away.door, clock)
    meter.note(TENANT, Traffic("Invoices", 200, 7, 70))
    with pytest.raises((DatabaseUnavailable, OSError)):
        await meter.flush()
    await away.close()
    meter.note(TENANT, Traffic("Invoices", 200, 7, 70))
    meter.door = database.door
    await meter.flush()
    assert await rows(owner) == [Row(TENANT, "2026-11-24", "Invoices", 200, 2, 14, 140)]


async def test_the_client_counts_bytes_as_they_travelled_and_calls_without_an_answer(meter: Meter) -> None:
    made = bench()
    plain = answer("Contacts").content.ljust(4000)

    def reply(request: httpx.Request) -> httpx.Response:
        if "Invoices" in request.url.path:
            raise httpx.ReadTimeout("no answer")
        headers = {"content-encoding": "gzip", "content-type": "application/json"}
        return httpx.Response(200, headers=headers, stream=httpx.ByteStream(gzip.compress(plain)))

    calls: list[Traffic] = []

    class Noted:
        def note(self, tenant_id: UUID, call: Traffic) -> None:
            assert tenant_id == TENANT
            calls.append(call)

    http = web_client(transport=httpx.MockTransport(reply))
    client = replace(made.client, http=http, meter=Noted())
    await client.contacts_page(1)
    with pytest.raises(Retry):
        await client.invoices_page(1)
    assert calls == [Traffic("Contacts", 200, len(gzip.compress(plain)), 4000), Traffic("Invoices")]


@pytest.mark.parametrize(
    ("now", "days", "received", "forecast"),
    [
        # Seven days of 1 GB, two of them in November: two more weeks of it are to come after the 16th, at noon.
        ("2026-11-16T12:00", {f"2026-11-{day}": GB for day in range(10, 17)}, 7 * GB, 7 * GB + 14.5 * 7 / 6.5 * GB),
        # The week began in October, and October's bytes are not November's.
        ("2026-11-02T00:00", {"2026-10-30": GB, "2026-11-01": GB}, GB, GB + 29 * 2 / 3 * GB),
        # A first day that has just begun counts as a whole day.
        ("2026-12-31T01:00", {"2026-12-31": GB}, GB, GB + 23 / 24 * GB),
        # Nothing in the last seven days: nothing more is to come.
        ("2026-11-30T00:00", {"2026-11-02": GB}, GB, GB),
    ],
)  # fmt: skip
async def test_a_month_is_its_bytes_and_the_pace_of_the_last_seven_days(
    database: Database,
    meter: Meter,
    clock: Clock,
    now: str,
    days: dict[str, int],
    received: int,
    forecast: float,
) -> None:
    for day, size in days.items():
        clock.time = datetime.fromisoformat(day).replace(tzinfo=UTC)
        meter.note(TENANT, Traffic("Contacts", 200, size, 3 * size))
        meter.note(uuid4(), Traffic("Contacts", 200, size, 3 * size))
    await meter.flush()
    clock.time = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = await month(database, TENANT)
    assert found is not None
    assert found.received == received
    assert found.forecast == pytest.approx(forecast)


async def test_a_day_is_kept_for_two_months(
    database: Database, meter: Meter, clock: Clock, owner: AsyncConnection
) -> None:
    meter.note(TENANT, Traffic("Contacts", 200, 1, 1))
    await meter.flush()
    clock.move(62 * 86400)
    await delete_expired(database, load())
    assert len(await rows(owner)) == 1
    clock.move(86400)
    await delete_expired(database, load())
    assert await rows(owner) == []
    assert await month(database, TENANT) is None
