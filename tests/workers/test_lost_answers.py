"""Answers that are lost, late, or say little: no write is made twice, and none overwrites a newer value."""

from datetime import timedelta
from typing import Any

import pytest

from domain.connection import organisation_copy
from domain.outbound import contact_deliveries
from domain.outbound.deliveries import LEASE
from tests.workers.announced import announce
from tests.workers.linked import Linked, edit, poll
from tests.workers.steps import drop, in_time, pushed
from workers import delivery_attempts, sending
from xero.allowance import Priority


async def both(linked: Linked) -> tuple[str, str]:
    """The name in the practice, and in Xero."""
    [row] = await linked.here.world.rows("select name from contact where id = :id", id=linked.contact)
    return row["name"], (await linked.shown())["Name"]


async def fail(linked: Linked, status: int, when: str, **more: Any) -> None:
    await linked.fault(kind="status", status=status, when=when, method="POST", path=".*Contacts.*", **more)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_500_to_an_update_leaves_the_delivery_uncertain(linked: Linked, when: str) -> None:
    await linked.change(name="Renamed Ltd")
    await fail(linked, 500, when)
    await linked.send()
    assert await linked.writes() == 1, "not as if nothing had been done"
    link = await linked.link()
    assert (link["state"], link["failure"]["code"]) == ("FAILING", "UNCERTAIN")
    await in_time(linked)
    assert await both(linked) == ("Renamed Ltd", "Renamed Ltd")
    assert (await linked.link())["state"] == "SYNCED"


async def test_a_500_to_a_create_that_cannot_be_looked_up_is_looked_up_later(linked: Linked) -> None:
    await pushed(linked)
    await linked.fault(kind="status", status=500, when="after", method="PUT", path=".*Contacts.*")
    await linked.fault(kind="status", status=429, retry_after=7, method="GET", path=".*Contacts/.*")
    await linked.send()
    assert (await linked.link())["failure"]["code"] == "UNCERTAIN"
    await in_time(linked)
    assert (await linked.link())["state"] == "SYNCED"
    assert await linked.writes() == 1


async def test_a_429_to_a_resent_contact_says_nothing_about_the_first_send(linked: Linked) -> None:
    await linked.trust_webhooks()
    await linked.change(name="Renamed Ltd")
    await drop(linked, "after", "POST")
    await linked.send()  # it has landed
    await edit(linked, linked.xero, fields={"Name": "Theirs Ltd"})
    await fail(linked, 429, "before", retry_after=7)
    await linked.recover()
    linked.later(timedelta(seconds=10))
    await linked.send()
    assert (await linked.shown())["Name"] == "Theirs Ltd"
    await linked.recover()
    await poll(linked)
    await in_time(linked)
    assert await both(linked) == ("Theirs Ltd", "Theirs Ltd")


async def test_a_delivery_is_not_sent_again_after_a_read_showed_a_newer_value(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    await drop(linked, "before", "POST")
    await linked.send()
    await edit(linked, linked.xero, fields={"Name": "Theirs Ltd"})
    await poll(linked)
    asked = await linked.writes()
    await linked.recover()  # within the four minutes
    assert await linked.writes() == asked
    assert (await linked.shown())["Name"] == "Theirs Ltd"
    await in_time(linked)
    assert await both(linked) == ("Theirs Ltd", "Theirs Ltd")


async def test_nothing_is_sent_when_too_little_of_the_lease_is_left(linked: Linked) -> None:
    """The worker stopped after the claim: another may hold the delivery before the answer comes."""
    await linked.change(name="Renamed Ltd")
    process, world = linked.here.process, linked.here.world
    async with world.tx() as tx:
        claimed = await contact_deliveries.claim(tx, await world.read_organisation(tx), sending.build)
        organisation = await organisation_copy.get(tx, world.organisation)
    assert claimed is not None
    linked.later(LEASE - delivery_attempts.MARGIN)
    client = process.client(organisation, Priority.INTERACTIVE)
    await delivery_attempts.call(
        delivery_attempts.DeliveryAttempt(process, world.workspace, sending.CONTACTS, claimed, client),
        organisation,
    )
    assert await linked.writes() == 0
    linked.later(delivery_attempts.MARGIN)
    await linked.recover()
    assert await both(linked) == ("Renamed Ltd", "Renamed Ltd")
    assert await linked.writes() == 1


@pytest.mark.parametrize("lost", ["answer", "request"])
async def test_an_edit_in_xero_after_our_unanswered_write_is_kept(linked: Linked, lost: str) -> None:
    await linked.change(name="Renamed Ltd", billingEmail="ours@example.com")
    await drop(linked, "after" if lost == "answer" else "before", "POST")
    await linked.send()
    await edit(linked, linked.xero, fields={"Name": "Theirs Ltd"})
    await in_time(linked)
    await poll(linked)
    await in_time(linked)
    assert await both(linked) == ("Theirs Ltd", "Theirs Ltd")
    assert (await linked.shown())["EmailAddress"] == "ours@example.com"


async def test_an_announced_value_is_read_before_the_same_bytes_go_again(linked: Linked) -> None:
    await linked.change(billingEmail="ours@practice.example")
    await drop(linked, "before", "POST")
    await linked.send()  # it has not landed
    await edit(linked, linked.xero, fields={"EmailAddress": "theirs@xero.example"})
    await announce(linked, linked.xero)
    linked.later(LEASE)
    await linked.recover()
    assert (await linked.shown())["EmailAddress"] == "theirs@xero.example"
    assert (await linked.link())["notes"] == {"BILLING_EMAIL": ["theirs@xero.example"]}
