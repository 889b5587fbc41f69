"""Webhook events are read and applied once, in few calls, and whatever fails."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.contacts import edits as contact_edits
from domain.inbound import webhook_inbox
from domain.inbound.event_judgement import InboxEvent
from domain.inbound.webhook_inbox import GATHER
from domain.tables import RunPurpose
from runtime import retention
from runtime.embedded import services as embedded_services
from tests.api.edge import make_process, serving
from tests.database import Place
from tests.domain.world import as_given
from tests.hooks import KEY
from tests.workers.announced import announce, read
from tests.workers.connected import Connected, until
from tests.workers.linked import Linked
from workers import housekeeping, sending
from workers.run import work
from xero.simulator.demo import DEMO_CLIENT_ID


async def edit(here: Connected, xero: str, **fields: Any) -> None:
    [row] = await here.world.rows("select tenant_id from organisation")
    address = f"{here.xero}/simulator/organisations/{row['tenant_id']}/contacts/{xero}"
    answer = await here.process.http.post(address, json={"fields": fields})
    assert answer.status_code == 200, answer.text


async def calls(linked: Linked) -> int:
    state: Any = await linked.here.simulator()
    found: int = state["tallies"][0]["calls"]
    return found


async def inbox(owner: AsyncConnection) -> Sequence[sa.Row[Any]]:
    return (await owner.exec_driver_sql("select resource_id, reads, due_at from webhook_event")).all()


async def name(linked: Linked) -> str:
    [row] = await linked.here.world.rows("select name from contact where id = :id", id=linked.contact)
    found: str = row["name"]
    return found


async def test_a_webhook_event_is_read_and_applied(linked: Linked, owner: AsyncConnection) -> None:
    await edit(linked.here, linked.xero, Name="Renamed in Xero Ltd")
    before = await calls(linked)
    await announce(linked, linked.xero)
    assert await read(linked)
    assert await name(linked) == "Renamed in Xero Ltd"
    assert (await inbox(owner), await calls(linked) - before) == ([], 1)
    told = await linked.here.world.rows("select kind from event order by position desc limit 2")
    assert {row["kind"] for row in told} == {"LINK", "CONTACT"}
    assert not await read(linked)


async def test_a_webhook_event_waits_to_be_gathered_with_others(linked: Linked) -> None:
    await announce(linked, linked.xero)
    linked.later(-GATHER)
    assert not await read(linked)


async def test_forty_webhook_events_are_read_by_one_call(linked: Linked, owner: AsyncConnection) -> None:
    rows = await linked.here.world.rows("select xero_contact_id from xero_contact")
    assert len(rows) == 40
    before = await calls(linked)
    await announce(
        linked, *(row["xero_contact_id"] for row in rows), at=datetime.now(UTC) + timedelta(hours=1)
    )
    assert await read(linked)
    assert await calls(linked) - before == 1
    assert {row.reads for row in await inbox(owner)} == {1}  # Xero shows nothing so new


async def test_a_webhook_event_of_our_own_write_costs_no_call(linked: Linked, owner: AsyncConnection) -> None:
    await linked.change(name="Renamed here Ltd")
    await linked.send()
    before = await calls(linked)
    await announce(linked, linked.xero)
    assert not await read(linked)
    assert (await inbox(owner), await calls(linked)) == ([], before)


async def test_a_webhook_event_about_an_open_delivery_waits_for_its_end(
    linked: Linked, owner: AsyncConnection
) -> None:
    await linked.change(name="Renamed here Ltd")
    await linked.fault(kind="drop", when="before", method="POST", path=".*Contacts.*", count=1)
    await linked.send()
    before = await calls(linked)
    await announce(linked, linked.xero, at=datetime.now(UTC) + timedelta(minutes=1))
    assert not await read(linked)
    assert (len(await inbox(owner)), await calls(linked)) == (1, before)
    await linked.recover()
    linked.later(webhook_inbox.IN_FLIGHT_AGAIN)
    assert await read(linked)
    assert await name(linked) == "Renamed here Ltd"


async def test_more_than_200_webhook_events_are_read_by_one_delta(
    linked: Linked, owner: AsyncConnection
) -> None:
    await edit(linked.here, linked.xero, Name="Renamed in Xero Ltd")
    before = await calls(linked)
    await announce(linked, linked.xero, *(uuid4() for _ in range(200)))
    assert not await read(linked)
    [run] = await linked.here.world.rows("select id, purpose from import_run where finished_at is null")
    assert (run["purpose"], await calls(linked)) == (RunPurpose.DELTA, before)
    assert len(await inbox(owner)) == 201
    await linked.advance(run["id"])
    assert await name(linked) == "Renamed in Xero Ltd"
    linked.later(webhook_inbox.DELTA_AGAIN)
    await read(linked)
    assert UUID(linked.xero) not in {row.resource_id for row in await inbox(owner)}


async def test_a_contact_that_xero_shows_too_old_is_read_once_more(
    linked: Linked, owner: AsyncConnection
) -> None:
    [row] = await linked.here.world.rows("select tenant_id from organisation")
    lag = f"{linked.here.xero}/simulator/organisations/{row['tenant_id']}/lag"
    await linked.here.process.http.put(lag, json={"seconds": 600})
    await edit(linked.here, linked.xero, Name="Renamed in Xero Ltd")
    await announce(linked, linked.xero, at=datetime.now(UTC) + timedelta(seconds=10))
    assert await read(linked)
    assert await name(linked) != "Renamed in Xero Ltd"
    assert not await read(linked)
    linked.later(webhook_inbox.LAG_AGAIN)
    assert await read(linked)
    assert await inbox(owner) == []  # polls bring what comes later still


async def test_a_webhook_event_about_an_unknown_contact_is_dropped_after_two_reads(
    linked: Linked, owner: AsyncConnection
) -> None:
    await announce(linked, uuid4())
    assert await read(linked)
    linked.later(webhook_inbox.LAG_AGAIN)
    assert await read(linked)
    assert await inbox(owner) == []


async def test_a_killed_reader_loses_no_webhook_event(linked: Linked, owner: AsyncConnection) -> None:
    await edit(linked.here, linked.xero, Name="Renamed in Xero Ltd")
    await announce(linked, linked.xero)
    async with linked.here.world.tx() as tx:
        assert await webhook_inbox.claim(tx, linked.here.world.organisation) is not None
    assert not await read(linked)
    linked.later(webhook_inbox.LEASE)
    assert await read(linked)
    assert (await name(linked), await inbox(owner)) == ("Renamed in Xero Ltd", [])


async def test_a_webhook_event_that_arrives_during_the_read_of_its_contact_stays(
    linked: Linked, owner: AsyncConnection
) -> None:
    await announce(linked, linked.xero)
    async with linked.here.world.tx() as tx:
        claimed = await webhook_inbox.claim(tx, linked.here.world.organisation)
    assert claimed is not None
    await announce(linked, linked.xero, at=datetime.now(UTC) + timedelta(seconds=30))
    async with linked.here.world.tx() as tx:
        events = [InboxEvent(one.resource_id, one.at, late=True) for one in claimed.events]
        await webhook_inbox.settle(tx, linked.here.world.organisation, events, [])
    assert len(await inbox(owner)) == 1


async def test_two_readers_at_once_make_one_call(linked: Linked) -> None:
    await edit(linked.here, linked.xero, Name="Renamed in Xero Ltd")
    await announce(linked, linked.xero)
    before = await calls(linked)
    assert sorted(await asyncio.gather(read(linked), read(linked))) == [False, True]
    assert await calls(linked) - before == 1


async def test_webhook_events_whose_read_had_no_answer_are_due_again(
    linked: Linked, owner: AsyncConnection
) -> None:
    await edit(linked.here, linked.xero, Name="Renamed in Xero Ltd")
    await announce(linked, linked.xero)
    await linked.fault(kind="status", status=429, retry_after=7, limit="minute", method="GET", count=1)
    assert not await read(linked)
    assert len(await inbox(owner)) == 1
    linked.later(timedelta(seconds=10))
    assert await read(linked)
    assert (await name(linked), await inbox(owner)) == ("Renamed in Xero Ltd", [])


async def test_unread_webhook_events_are_deleted_in_the_end(linked: Linked, owner: AsyncConnection) -> None:
    await announce(linked, linked.xero)
    await linked.change(name="Renamed here Ltd")
    await linked.send()
    await housekeeping.keep_house(linked.here.process)
    assert len(await inbox(owner)) == 1
    linked.later(retention.INBOX_KEPT)
    await housekeeping.keep_house(linked.here.process)
    assert await inbox(owner) == []
    assert await linked.here.world.rows("select 1 from delivery") == []


async def test_the_bytes_of_an_open_delivery_are_deleted_after_a_day(linked: Linked) -> None:
    await linked.change(name="Renamed here Ltd")
    await linked.fault(kind="drop", when="before", method="POST", path=".*Contacts.*", count=1)
    await linked.send()
    linked.later(retention.DELIVERIES_KEPT)
    await housekeeping.keep_house(linked.here.process)
    [row] = await linked.here.world.rows("select id, body from delivery")
    assert row["body"] is None
    await sending.recover(linked.here.process, linked.here.world.workspace, row["id"])
    linked.later(timedelta(seconds=90))
    await linked.send()
    assert (await linked.shown())["Name"] == "Renamed here Ltd"


async def test_an_edit_in_xero_reaches_the_practice_through_a_webhook(
    linked: Linked, place: Place, services: embedded_services.Services, valkey: Redis, owner: AsyncConnection
) -> None:
    """Xero's own sender, the API and a worker: edits in Xero arrive, and our own edits cost no read."""
    async with (
        make_process(place, services, xero_webhook_keys=[SecretStr(KEY)]) as process,
        serving(process) as address,
    ):
        stop = asyncio.Event()
        worker = asyncio.create_task(work(linked.here.process, stop))
        http = linked.here.process.http
        hook = {"url": f"http://{address}/webhooks/xero", "key": KEY, "clientId": DEMO_CLIENT_ID}
        assert (await http.put(f"{linked.here.xero}/simulator/webhooks", json=hook)).status_code == 204
        intent = await http.post(f"{linked.here.xero}/simulator/webhooks/intent")
        assert intent.json()["passed"], intent.text
        await edit(linked.here, linked.xero, EmailAddress="from-xero@example.nz")
        came = "select 1 from contact where billing_email = 'from-xero@example.nz'"
        await until(lambda: linked.here.world.rows(came))

        async def is_empty() -> bool:
            return await inbox(owner) == []

        await until(is_empty)
        stop.set()
        await worker


async def test_a_burst_of_our_edits_costs_a_delta_and_a_write_and_no_reads(
    linked: Linked, owner: AsyncConnection
) -> None:
    """bench/sync.py counts the same over 5,000."""
    rows = await linked.here.world.rows(
        "select l.contact_id, x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
    )
    linked.later(timedelta(seconds=70))  # what was read before is stale
    await announce(linked, linked.xero, at=datetime(2020, 1, 1, tzinfo=UTC))  # webhooks come
    assert not await read(linked)
    before = await calls(linked)
    async with linked.here.world.tx() as tx:
        for number, row in enumerate(rows):
            await contact_edits.change(
                tx, row["contact_id"], as_given({"billingEmail": f"burst{number}@example.nz"})
            )
    await linked.send()
    await announce(linked, *(row["xero_contact_id"] for row in rows), at=datetime.now(UTC))
    assert not await read(linked)
    assert (await calls(linked) - before, await inbox(owner)) == (2, [])
