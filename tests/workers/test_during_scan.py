"""During a full scan, interactive changes are sent by the same rules as otherwise."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.actions import delete as delete_action
from domain.actions import unsync as unsync_action
from domain.connection import organisations
from domain.contacts import edits as contact_edits
from domain.inbound import imports
from domain.matching import issues
from domain.outbound import deliveries, freshness
from domain.tables import RunPurpose, Side
from tests.domain.world import as_given
from tests.workers.announced import announce, read
from tests.workers.connected import until
from tests.workers.linked import Linked, edit, poll
from tests.workers.steps import act
from workers import importing, sending
from xero.allowance import Priority, ReportedLimits
from xero.client import Client, Written
from xero.errors import Rejected
from xero.messages import Said
from xero.payloads import Updates, WrittenContact

ANNOUNCED = "select * from door.due_jobs(:now, :now, '{}', 9) where kind = 'read_contact_webhooks'"


async def begun(linked: Linked) -> UUID:
    """A full scan that is due, of an organisation that was last asked a while ago."""
    linked.later(timedelta(minutes=2))
    async with linked.here.world.tx() as tx:
        assert await organisations.begin_run(tx, linked.here.world.organisation, RunPurpose.SCAN)
    [run] = await linked.here.world.rows("select id from import_run where finished_at is null")
    found: UUID = run["id"]
    return found


async def struck(linked: Linked) -> dict[str, int]:
    faults: Any = (await linked.here.simulator())["faults"]
    found: dict[str, int] = faults["struck"]
    return found


@asynccontextmanager
async def held_up(linked: Linked) -> AsyncIterator[None]:
    """A scan whose page another worker waits for."""
    run = await begun(linked)
    await linked.fault(kind="delay", seconds=600, method="GET", path=".*/Contacts", count=1)
    task = asyncio.create_task(importing.advance(linked.here.process, linked.here.world.workspace, run))

    async def asked() -> bool:
        return (await struck(linked)).get("delay") == 1

    try:
        await until(asked)
        yield
        assert not task.done(), "the page is still under way"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_an_edit_is_sent_while_a_scan_waits_for_a_page(linked: Linked) -> None:
    async with held_up(linked):
        await linked.change(name="Renamed Ltd")
        await linked.send()
        assert (await linked.shown())["Name"] == "Renamed Ltd"
        assert (await linked.link())["state"] == "SYNCED"


@asynccontextmanager
async def claimed(linked: Linked) -> AsyncIterator[None]:
    """The same for the price of no call: another worker holds the scan."""
    run = await begun(linked)
    async with linked.here.world.tx() as tx:
        assert await imports.claim(tx, run)
    yield
    assert (await linked.here.run(run)).next_page == 1


async def test_sending_does_not_read_the_pages_of_a_waiting_scan(linked: Linked) -> None:
    run = await begun(linked)
    await linked.change(name="Renamed Ltd")
    await linked.send()
    assert (await linked.shown())["Name"] == "Renamed Ltd"
    assert (await linked.here.run(run)).next_page == 1


async def test_a_newer_change_in_xero_is_read_before_an_edit_is_sent_during_a_scan(linked: Linked) -> None:
    async with claimed(linked):
        await linked.change(billingEmail="new@practice.example")
        await edit(linked, linked.xero, fields={"Name": "Theirs Ltd"})
        await linked.send()
        shown = await linked.shown()
        assert (shown["Name"], shown["EmailAddress"]) == ("Theirs Ltd", "new@practice.example")
        [row] = await linked.here.world.rows("select name from contact where id = :id", id=linked.contact)
        assert row["name"] == "Theirs Ltd"


async def test_bulk_work_waits_for_the_end_of_a_scan(linked: Linked) -> None:
    async with claimed(linked):
        async with linked.here.world.tx() as tx, issues.evaluating(tx):
            await contact_edits.change(tx, linked.contact, as_given({"name": "Renamed Ltd"}), bulk=True)
        await linked.send()
        assert await linked.writes() == 0


async def test_nothing_is_sent_during_a_scan_if_the_organisation_may_not_send(linked: Linked) -> None:
    async with claimed(linked):
        await linked.change(name="Renamed Ltd")
        async with linked.here.world.tx() as tx:
            await tx.run("update organisation set catching_up = true")
        await linked.send()
        assert await linked.writes() == 0
        assert await linked.here.world.rows("select 1 from xero_contact where read_due_at is not null") == []


async def test_a_contact_that_could_not_be_read_is_not_sent_during_a_scan(linked: Linked) -> None:
    await linked.trust_webhooks()
    async with claimed(linked):
        await linked.change(name="Renamed Ltd")
        await linked.fault(kind="status", status=503, method="GET", path=".*/Contacts", count=None)
        await linked.send()
        assert await linked.writes() == 0
        assert (await linked.link())["due_at"] is not None


async def test_a_contact_that_xero_does_not_show_is_not_read_again_at_once(linked: Linked) -> None:
    async with claimed(linked):
        await linked.change(name="Renamed Ltd")
        await linked.here.world.rows(
            "update xero_contact set xero_contact_id = gen_random_uuid()"
            " where id = (select xero_contact_id from sync_link where contact_id = :contact) returning id",
            contact=linked.contact,
        )
        await linked.send()
        asked = (await linked.here.simulator())["tallies"]
        await linked.send()
        assert (await linked.here.simulator())["tallies"] == asked
        assert await linked.writes() == 0


async def test_more_edits_than_one_read_covers_are_all_sent_during_a_scan(linked: Linked) -> None:
    rows = await linked.here.world.rows("select contact_id from sync_link where state = 'SYNCED' limit :n",
        n=deliveries.INTERACTIVE_MOST + 4)  # fmt: skip
    async with claimed(linked):
        async with linked.here.world.tx() as tx, issues.evaluating(tx):
            for n, row in enumerate(rows):
                await contact_edits.change(
                    tx, row["contact_id"], as_given({"billingEmail": f"new{n}@practice.example"})
                )
        await linked.send()
        assert await linked.here.world.rows("select 1 from sync_link where due_at is not null") == []


async def test_an_edit_does_not_wait_for_a_delta_that_has_no_calls_left(linked: Linked) -> None:
    """A poll that is postponed for an hour, because the last tenth of the day's calls is for interactive work."""
    linked.later(timedelta(minutes=2))
    async with linked.here.world.tx() as tx:
        assert await organisations.begin_run(tx, linked.here.world.organisation, RunPurpose.DELTA)
    [row] = await linked.here.world.rows("select tenant_id from organisation")
    slot = await linked.here.process.limits.take(row["tenant_id"], Priority.INTERACTIVE)
    assert isinstance(slot, UUID)
    await linked.here.process.limits.give(slot, ReportedLimits(200, minute_remaining=50, day_remaining=60))
    [run] = await linked.here.world.rows("select id from import_run where finished_at is null")
    assert not await importing.advance(linked.here.process, linked.here.world.workspace, run["id"])
    await linked.change(name="Renamed Ltd")
    await linked.send()
    assert (await linked.shown())["Name"] == "Renamed Ltd"
    assert (await linked.here.run(run["id"])).next_page == 1


async def test_an_edit_does_not_wait_until_a_delta_that_shows_many_contacts_is_applied(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "LONG", 2)
    linked.later(timedelta(minutes=2))
    rows = await linked.here.world.rows("select xero_contact_id from xero_contact limit 3")
    for number, row in enumerate(rows):
        await edit(linked, str(row["xero_contact_id"]), fields={"EmailAddress": f"bulk{number}@xero.example"})
    await linked.change(name="Renamed Ltd")
    workspace, organisation = linked.here.world.workspace, linked.here.world.organisation
    assert await sending.send_contacts(linked.here.process, workspace, organisation, bulk=False)
    assert (await linked.shown())["Name"] == "Renamed Ltd"
    [run] = await linked.here.world.rows("select id from import_run where finished_at is null")
    await linked.advance(run["id"])
    assert await linked.here.world.rows("select 1 from contact where billing_email like 'bulk%'")


async def test_an_edit_does_not_wait_for_the_first_page_of_a_delta_that_shows_our_own_writes(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "LONG", 2)
    linked.later(timedelta(minutes=2))
    written = await linked.here.world.rows(
        "update xero_contact set own_write_at = :at where id in (select id from xero_contact limit 3) returning id",
        at=linked.clock.now(),
    )
    assert len(written) == 3
    await linked.change(name="Renamed Ltd")
    workspace, organisation = linked.here.world.workspace, linked.here.world.organisation
    assert await sending.send_contacts(linked.here.process, workspace, organisation, bulk=False)
    assert (await linked.shown())["Name"] == "Renamed Ltd"
    runs = await linked.here.world.rows("select next_page from import_run where finished_at is null")
    assert runs == [{"next_page": 1}]


async def test_halves_of_a_refused_batch_wait_for_changes_that_the_scan_read_meanwhile(
    linked: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await begun(linked)
    [other] = await linked.here.world.rows(
        "select contact_id from sync_link where state = 'SYNCED' and contact_id <> :id limit 1",
        id=linked.contact,
    )
    send, refused = Client.update_contacts, list[str]()

    async def refusing(client: Client, body: Updates, key: str) -> Written[WrittenContact]:
        if refused:
            return await send(client, body, key)
        refused.append(key)
        linked.later(timedelta(seconds=1))
        await edit(linked, linked.xero, fields={"EmailAddress": "theirs@xero.example"})
        assert await importing.advance(linked.here.process, linked.here.world.workspace, run)
        raise Rejected(400, (Said("The request could not be read."),), 10)

    monkeypatch.setattr(Client, "update_contacts", refusing)
    async with linked.here.world.tx() as tx, issues.evaluating(tx):
        for contact in (linked.contact, other["contact_id"]):
            await contact_edits.change(
                tx, contact, as_given({"billingEmail": f"ours{contact}@practice.example"})
            )
    await linked.send()
    assert refused
    assert (await linked.shown())["EmailAddress"] == "theirs@xero.example"


async def delete_and_archive(linked: Linked) -> None:
    await act(linked, lambda tx: delete_action.delete(tx, linked.contact, archive_in_xero=True))


async def test_archiving_is_sent_while_a_scan_waits_for_a_page(linked: Linked) -> None:
    async with held_up(linked):
        await delete_and_archive(linked)
        await linked.send()
        assert (await linked.shown())["ContactStatus"] == "ARCHIVED"
        assert await linked.here.world.rows("select 1 from owed_status") == []


async def test_restoring_a_contact_and_its_values_are_sent_during_a_scan(linked: Linked) -> None:
    await edit(linked, linked.xero, fields={"ContactStatus": "ARCHIVED"})
    await poll(linked)
    link = await linked.link()
    assert link["state"] == "BROKEN"
    async with claimed(linked):
        await linked.change(billingEmail="new@practice.example")
        await act(linked, lambda tx: unsync_action.rematch(tx, link["id"], winner=Side.PRACTICE))
        await linked.send()
        shown = await linked.shown()
        assert (shown["ContactStatus"], shown["EmailAddress"]) == ("ACTIVE", "new@practice.example")
        assert (await linked.link())["state"] == "SYNCED"


async def test_archiving_a_contact_that_is_archived_in_xero_sends_nothing_during_a_scan(
    linked: Linked,
) -> None:
    async with claimed(linked):
        await edit(linked, linked.xero, fields={"ContactStatus": "ARCHIVED"})
        await delete_and_archive(linked)
        await linked.send()
        assert await linked.writes() == 0
        assert await linked.here.world.rows("select 1 from owed_status") == []


async def test_archiving_and_restoring_in_xero_are_applied_during_a_scan(linked: Linked) -> None:
    async with claimed(linked):
        for status, state in (("ARCHIVED", "BROKEN"), ("ACTIVE", "SYNCED")):
            await edit(linked, linked.xero, fields={"ContactStatus": status})
            await announce(linked, linked.xero, at=linked.clock.now())
            assert len(await linked.here.world.rows(ANNOUNCED)) == 1
            assert await read(linked)
            assert (await linked.link())["state"] == state
            linked.later(timedelta(seconds=5))


async def test_a_webhook_waits_for_the_end_of_a_delta(linked: Linked) -> None:
    async with linked.here.world.tx() as tx:
        assert await organisations.begin_run(tx, linked.here.world.organisation, RunPurpose.DELTA)
    await announce(linked, linked.xero, at=linked.clock.now())
    assert await linked.here.world.rows(ANNOUNCED) == []
    [run] = await linked.here.world.rows("select id from import_run where finished_at is null")
    await linked.advance(run["id"])
    assert len(await linked.here.world.rows(ANNOUNCED)) == 1


async def test_a_webhook_of_a_change_is_applied_during_a_scan_and_of_a_new_contact_after_it(
    linked: Linked,
) -> None:
    async with claimed(linked):
        await edit(linked, linked.xero, fields={"Name": "Theirs Ltd"})
        [row] = await linked.here.world.rows(
            "select l.id, x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
            " where l.contact_id <> :contact limit 1",
            contact=linked.contact,
        )
        async with linked.here.world.tx() as tx:  # as if nobody had matched it yet
            await tx.run("delete from sync_link where id = :id", id=row["id"])
        await edit(linked, row["xero_contact_id"], fields={"Name": "New to us Ltd"})
        await announce(linked, linked.xero, row["xero_contact_id"], at=linked.clock.now())
        assert await read(linked)
        found = await linked.here.world.rows(
            "select name from contact where name in ('Theirs Ltd', 'New to us Ltd')"
        )
        assert found == [{"name": "Theirs Ltd"}]
        found = await linked.here.world.rows("select name from xero_contact where dirty")
        assert found == [{"name": "New to us Ltd"}]


async def test_archiving_waits_while_its_contact_cannot_be_read(linked: Linked) -> None:
    async with claimed(linked):
        await delete_and_archive(linked)
        await linked.fault(kind="status", status=503, method="GET", path=".*/Contacts", count=None)
        await linked.send()
        assert await linked.writes() == 0
        assert len(await linked.here.world.rows("select 1 from owed_status")) == 1


async def test_a_contact_to_archive_that_xero_does_not_show_is_not_read_again_at_once(
    linked: Linked,
) -> None:
    async with claimed(linked):
        await delete_and_archive(linked)
        await linked.here.world.rows(
            "update xero_contact set xero_contact_id = gen_random_uuid()"
            " where id = (select xero_contact_id from owed_status) returning id"
        )
        await linked.send()
        asked = (await linked.here.simulator())["tallies"]
        await linked.send()
        assert (await linked.here.simulator())["tallies"] == asked
        assert await linked.writes() == 0


async def hide(linked: Linked) -> None:
    """Xero does not show the contact any more."""
    hidden = await linked.here.world.rows(
        "update xero_contact set xero_contact_id = gen_random_uuid() where xero_contact_id = :id returning id",
        id=UUID(linked.xero),
    )
    assert hidden


async def read_in_vain(linked: Linked) -> None:
    for _ in range(freshness.READS_UNTIL_FAILURE):
        await linked.send()
        linked.later(freshness.FRESH + timedelta(seconds=1))


async def test_a_contact_to_archive_that_several_reads_do_not_show_is_given_up(linked: Linked) -> None:
    async with claimed(linked):
        await delete_and_archive(linked)
        await hide(linked)
        await read_in_vain(linked)
        assert await linked.here.world.rows("select 1 from owed_status") == []
        told = await linked.here.world.rows(
            "select 1 from activity where message like '%Xero does not show%'"
        )
        assert len(told) == 1
        assert await linked.writes() == 0


async def test_an_edit_of_a_contact_that_several_reads_do_not_show_fails_during_a_scan(
    linked: Linked,
) -> None:
    async with claimed(linked):
        await linked.change(name="Renamed Ltd")
        await hide(linked)
        await read_in_vain(linked)
        link = await linked.link()
        assert (link["state"], link["failure"]["remedy"]) == ("FAILING", "IN_XERO")
        assert await linked.writes() == 0


async def test_nothing_is_archived_while_the_brake_holds(linked: Linked) -> None:
    await delete_and_archive(linked)
    async with linked.here.world.tx() as tx:
        await tx.run("update organisation set mass_change = cast('{}' as jsonb), read_asked_at = :now")
    await linked.send()
    assert await linked.writes() == 0
