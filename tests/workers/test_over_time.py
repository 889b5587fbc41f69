"""Contacts that change in Xero over time, with the simulator."""

from datetime import timedelta

from domain.tables import RunPurpose
from tests.workers.linked import Linked, edit, poll
from workers import single_reads


async def test_an_update_refused_for_an_archived_contact_reads_it_and_breaks_the_link(linked: Linked) -> None:
    await edit(linked, linked.xero, fields={"ContactStatus": "ARCHIVED"})
    await linked.change(name="Renamed Ltd")
    await linked.send()
    link = await linked.link()
    assert (link["state"], link["failure"]["code"], link["attempts"]) == ("BROKEN", "ARCHIVED_IN_XERO", 0)
    assert link["due_at"] is not None
    # Restored, what waits goes out.
    await edit(linked, linked.xero, fields={"ContactStatus": "ACTIVE"})
    await poll(linked)
    await linked.send()
    assert (await linked.shown())["Name"] == "Renamed Ltd"
    assert (await linked.link())["state"] == "SYNCED"


async def test_a_merge_in_xero_moves_the_link(linked: Linked) -> None:
    [row] = await linked.here.world.rows(
        "select x.xero_contact_id, x.id, l.id as link from xero_contact x join sync_link l on l.xero_contact_id = x.id"
        " where x.status = 'ACTIVE' and x.xero_contact_id <> cast(:own as uuid) limit 1",
        own=linked.xero,
    )
    async with linked.here.world.tx() as tx:
        await tx.run("delete from sync_link where id = :id", id=row["link"])
    await edit(linked, linked.xero, mergeInto=str(row["xero_contact_id"]))
    await linked.change(primaryPhone="09 555 1234")
    await poll(linked)
    link = await linked.link()
    assert (link["xero_contact_id"], link["state"]) == (row["id"], "PENDING")
    linked.xero = str(row["xero_contact_id"])
    await linked.send()
    phones = {phone["PhoneType"]: phone["PhoneNumber"] for phone in (await linked.shown())["Phones"]}
    assert phones["DEFAULT"].replace(" ", "").endswith("5551234")


async def test_a_change_seen_during_a_delivery_is_read_before_the_next_send(
    linked: Linked,
) -> None:
    await linked.change(name="First Ltd")
    await linked.fault(kind="drop", when="after", method="POST", path=".*Contacts.*", count=1)
    await linked.send()  # written, and the answer is lost
    await edit(linked, linked.xero, fields={"EmailAddress": "theirs@example.com", "Name": "Theirs Ltd"})
    await poll(linked)  # the name is under way: noted, and nothing is decided about it
    link = await linked.link()
    assert link["notes"]["NAME"] == ["Theirs Ltd"]
    [row] = await linked.here.world.rows(
        "select billing_email, name from contact where id = :id", id=linked.contact
    )
    assert (row["billing_email"], row["name"]) == ("theirs@example.com", "First Ltd")
    linked.later(timedelta(minutes=11))
    await linked.recover()  # it can land no more: read
    assert not await linked.here.world.rows("select 1 from delivery where ended_at is null")
    while await single_reads.read_due(
        linked.here.process, linked.here.world.workspace, linked.here.world.organisation
    ):
        pass
    link = await linked.link()
    assert (link["read_owed_at"], link["notes"]) == (None, {})
    await poll(linked)
    await linked.send()
    shown = await linked.shown()
    [row] = await linked.here.world.rows(
        "select billing_email, name from contact where id = :id", id=linked.contact
    )
    assert (row["name"], row["billing_email"]) == (shown["Name"], shown["EmailAddress"])


async def test_a_contact_that_only_a_full_scan_shows_as_a_customer_is_imported(linked: Linked) -> None:
    [row] = await linked.here.world.rows("select contact_filter from organisation")
    assert row["contact_filter"] == "ALL"
    async with linked.here.world.tx() as tx:
        await tx.run("update organisation set contact_filter = 'CUSTOMERS_ONLY'")
    [tenant] = await linked.here.world.rows("select tenant_id from organisation")
    address = f"{linked.here.xero}/simulator/organisations/{tenant['tenant_id']}/contacts"
    added = await linked.here.process.http.post(address, json={"Contacts": [{"Name": "Quite New Ltd"}]})
    xero = added.json()["Contacts"][0]["ContactID"]
    await poll(linked)
    assert not await linked.here.world.rows("select 1 from contact where name = 'Quite New Ltd'")
    await edit(linked, xero, isCustomer=True)
    await poll(linked, RunPurpose.SCAN)
    assert await linked.here.world.rows("select 1 from contact where name = 'Quite New Ltd'")


async def test_an_unreadable_contact_is_shown_and_the_rest_of_its_page_is_applied(linked: Linked) -> None:
    await edit(linked, linked.xero, fields={"EmailAddress": "theirs@example.com"})
    await linked.fault(kind="malform", method="GET", path=".*Contacts.*", count=1)
    await poll(linked, RunPurpose.SCAN)
    [told] = await linked.here.world.rows("select message from activity where kind = 'FAILED'")
    assert "cannot be processed" in told["message"]
    [row] = await linked.here.world.rows("select count(*) as n from xero_contact")
    assert row["n"] == 40
