"""The actions of a person while Xero accepts them, loses its answers, or knows more than the mirror."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from domain.actions import conflicts
from domain.actions import delete as delete_action
from domain.actions import push as push_action
from domain.actions import retry as retry_action
from domain.actions import unsync as unsync_action
from domain.actions.push import Wish
from domain.connection import organisation_copy
from domain.contacts import edits as contact_edits
from domain.links import link as links
from domain.matching import issues
from domain.outbound import contact_deliveries
from domain.problems import Code, Refused
from domain.tables import Side, SyncedField
from tests.domain.world import as_given
from tests.workers.linked import Linked, edit, poll
from tests.workers.steps import act, count, drop, in_time, pushed, read, unsync
from workers import delivery_attempts, sending
from xero.allowance import Priority


async def made(linked: Linked) -> dict[str, Any] | None:
    """The Xero contact with the number of the only push."""
    [row] = await linked.here.world.rows("select contact_number from push")
    return await read(linked, row["contact_number"])


async def other_contact(linked: Linked) -> dict[str, Any]:
    """An active Xero contact, linked, other than the picked one."""
    [row] = await linked.here.world.rows(
        "select x.id, x.name, x.xero_contact_id, l.id as link, l.contact_id from xero_contact x"
        " join sync_link l on l.xero_contact_id = x.id"
        " where x.status = 'ACTIVE' and x.xero_contact_id <> cast(:own as uuid) order by x.name limit 1",
        own=linked.xero,
    )
    return row


async def test_a_push_creates_one_xero_contact_with_its_push_number(linked: Linked) -> None:
    await pushed(linked)
    await linked.send()
    link, found = await linked.link(), await made(linked)
    assert (link["state"], link["failure"], link["due_at"]) == ("SYNCED", None, None)
    assert found is not None
    assert (found["Name"], found["EmailAddress"]) == ("Quite New Ltd", "new@quite.example")
    assert await linked.writes() == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_push_without_an_answer_is_looked_up_by_its_number(linked: Linked, when: str) -> None:
    await pushed(linked)
    contacts = await linked.here.simulator()
    await drop(linked, when)
    await linked.send()
    await in_time(linked)
    link, after = await linked.link(), await linked.here.simulator()
    assert (link["state"], link["failure"]) == ("SYNCED", None)
    before = contacts["organisations"][0]["contacts"]  # type: ignore[index]  # JSON
    assert after["organisations"][0]["contacts"] == before + 1  # type: ignore[index]  # JSON


async def test_a_push_is_completed_by_any_read_that_shows_its_number(linked: Linked) -> None:
    await pushed(linked)
    await drop(linked, "after")
    await linked.send()
    assert (await linked.link())["failure"]["code"] == "UNCERTAIN"
    await poll(linked)
    link = await linked.link()
    assert (link["state"], link["failure"]) == ("SYNCED", None)
    asked = await linked.writes()
    await in_time(linked)
    assert await linked.writes() == asked
    assert await count(linked, "delivery where ended_at is null") == 0


async def test_a_value_typed_while_a_push_has_no_answer_is_sent_next(linked: Linked) -> None:
    await pushed(linked)
    await drop(linked, "after")
    await linked.send()
    await linked.change(name="Renamed Meanwhile Ltd")
    await poll(linked)
    await linked.send()
    found = await made(linked)
    assert found is not None
    assert found["Name"] == "Renamed Meanwhile Ltd"
    assert (await linked.link())["state"] == "SYNCED"


async def test_a_link_unsynced_during_its_push_gets_its_xero_contact_and_syncs_nothing(
    linked: Linked,
) -> None:
    await pushed(linked)
    contacts = await count(linked, "contact")
    await drop(linked, "after")
    await linked.send()
    await unsync(linked)
    await poll(linked)
    link = await linked.link()
    assert (link["state"], link["xero_contact_id"] is None) == ("UNSYNCED", False)
    await linked.change(name="Typed afterwards")
    asked = await linked.writes()
    await in_time(linked)
    assert await linked.writes() == asked
    assert await count(linked, "contact") == contacts  # nothing was imported


async def test_a_repeated_push_creates_one_xero_contact_with_the_newest_values(linked: Linked) -> None:
    link = await pushed(linked)
    await drop(linked, "after")
    await linked.send()
    await unsync(linked)
    await linked.change(name="Second Thoughts Ltd")
    wish = Wish(linked.contact, linked.here.world.organisation)
    assert (await act(linked, lambda tx: push_action.push(tx, wish))).link_id == link
    await poll(linked)
    await in_time(linked)
    found = await made(linked)
    assert found is not None
    assert (found["Name"], (await linked.link())["state"]) == ("Second Thoughts Ltd", "SYNCED")
    assert await count(linked, "push") == 1


async def test_a_create_refused_for_its_number_finds_the_contact_and_sends_the_differences(
    linked: Linked,
) -> None:
    """The first send landed unseen; the second, of other values, is refused: the number is taken."""
    await pushed(linked)
    await drop(linked, "after")
    await linked.send()
    await unsync(linked)
    await linked.change(name="Second Thoughts Ltd")
    wish = Wish(linked.contact, linked.here.world.organisation)
    await act(linked, lambda tx: push_action.push(tx, wish))
    async with (
        linked.here.world.tx() as tx
    ):  # as if the delta had been asked just before the first one landed
        await tx.run("update organisation set read_asked_at = :now")
    await linked.send()
    await linked.send()
    found = await made(linked)
    assert found is not None
    assert (found["Name"], (await linked.link())["state"]) == ("Second Thoughts Ltd", "SYNCED")


async def test_a_contact_deleted_during_its_push_is_not_imported_and_is_archived_in_xero(
    linked: Linked,
) -> None:
    await pushed(linked)
    contacts = await count(linked, "contact")
    await drop(linked, "after")
    await linked.send()
    await act(linked, lambda tx: delete_action.delete(tx, linked.contact, archive_in_xero=True))
    await poll(linked)
    await linked.send()
    found = await made(linked)
    assert found is not None
    assert found["ContactStatus"] == "ARCHIVED"
    assert await count(linked, "contact") == contacts - 1
    assert (await count(linked, "reimport_mark"), await count(linked, "owed_status")) == (1, 0)


async def test_a_name_taken_by_an_unread_xero_contact_is_shown_with_its_holder_and_can_be_retried(
    linked: Linked,
) -> None:
    await pushed(linked)
    other = await other_contact(linked)
    await edit(linked, str(other["xero_contact_id"]), fields={"Name": "Quite New Ltd"})
    async with linked.here.world.tx() as tx:  # read just before that
        await tx.run("update organisation set read_asked_at = :now")
    await linked.send()
    link = await linked.link()
    assert (link["state"], link["failure"]["code"]) == ("FAILING", "NAME_TAKEN_IN_XERO")
    await edit(linked, str(other["xero_contact_id"]), fields={"Name": "Free again"})
    async with linked.here.world.tx() as tx:
        assert (await retry_action.retry(tx, [link["id"]])).link_ids == (link["id"],)
    assert (await linked.link())["state"] == "PENDING"
    await linked.send()
    assert (await linked.link())["state"] == "SYNCED"


@pytest.mark.parametrize("freed", [{"Name": "Free again"}, {"ContactStatus": "ARCHIVED"}])
async def test_a_link_that_waits_for_a_taken_name_is_sent_once_xero_frees_the_name(
    linked: Linked, freed: dict[str, str]
) -> None:
    other = await other_contact(linked)
    taken = (await linked.shown())["Name"]
    async with linked.here.world.tx() as tx, issues.evaluating(tx):
        await contact_edits.change(tx, other["contact_id"], as_given({"name": taken}))
    await linked.send()
    async with linked.here.world.tx() as tx:
        failing = await links.find(tx, other["link"])
    assert failing is not None
    assert failing.failure is not None
    assert (failing.state, failing.failure["code"]) == ("FAILING", "NAME_TAKEN_IN_XERO")
    await edit(linked, linked.xero, fields=freed)
    await poll(linked)
    await linked.send()
    async with linked.here.world.tx() as tx:
        after = await links.find(tx, other["link"])
    assert after is not None
    assert (after.state, after.failure) == ("SYNCED", None)


async def test_a_retry_does_not_free_an_uncertain_delivery_early(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    await drop(linked, "before", "POST")
    await linked.send()
    link = await linked.link()
    linked.later(timedelta(minutes=5))  # beyond resending, and the request may still land
    async with linked.here.world.tx() as tx:
        await retry_action.retry(tx, [link["id"]])
    asked = await linked.writes()
    await linked.recover()
    await linked.send()
    assert await linked.writes() == asked
    assert (await linked.link())["failure"]["code"] == "UNCERTAIN"
    await in_time(linked)
    assert (await linked.shown())["Name"] == "Renamed Ltd"


async def test_the_open_delivery_of_an_unsynced_link_is_not_sent_again(linked: Linked) -> None:
    before = (await linked.shown())["Name"]
    await linked.change(name="Never Sent Ltd")
    await drop(linked, "before", "POST")
    await linked.send()
    await unsync(linked)
    await linked.recover()
    await in_time(linked)
    assert (await linked.shown())["Name"] == before
    assert await count(linked, "delivery where ended_at is null") == 0


async def test_an_archived_xero_contact_is_restored_before_it_is_linked(linked: Linked) -> None:
    other = await other_contact(linked)
    await edit(linked, str(other["xero_contact_id"]), fields={"ContactStatus": "ARCHIVED"})
    await poll(linked)
    await pushed(linked, link_to=other["id"], keep_practice=tuple(SyncedField))
    assert (await linked.link())["state"] == "PENDING"
    await poll(linked)  # a read that still shows it archived breaks nothing
    assert (await linked.link())["state"] == "PENDING"
    await linked.send()
    found = await read(linked, str(other["xero_contact_id"]))
    assert found is not None
    assert (found["ContactStatus"], found["Name"]) == ("ACTIVE", "Quite New Ltd")
    assert (await linked.link())["state"] == "SYNCED"
    assert await count(linked, "owed_status") == 0


async def test_a_restore_without_an_answer_is_recovered(linked: Linked) -> None:
    await edit(linked, linked.xero, fields={"ContactStatus": "ARCHIVED"})
    await poll(linked)
    link = await linked.link()
    await act(linked, lambda tx: unsync_action.rematch(tx, link["id"]))
    await drop(linked, "before", "POST")
    await linked.send()
    await in_time(linked)
    assert (await linked.shown())["ContactStatus"] == "ACTIVE"
    assert (await linked.link())["state"] == "SYNCED"


async def test_a_refused_restore_is_shown_and_can_be_retried(linked: Linked) -> None:
    name = (await linked.shown())["Name"]
    other = await other_contact(linked)
    await edit(linked, linked.xero, fields={"ContactStatus": "ARCHIVED"})
    await poll(linked)
    await edit(linked, str(other["xero_contact_id"]), fields={"Name": name})
    async with linked.here.world.tx() as tx:
        await tx.run("update organisation set read_asked_at = :now")
    link = await linked.link()
    await act(linked, lambda tx: unsync_action.rematch(tx, link["id"]))
    await linked.send()
    failing = await linked.link()
    assert (failing["state"], failing["failure"]["code"]) == ("FAILING", "NAME_TAKEN_IN_XERO")
    assert failing["failure"]["remedy"] == "RETRY_SYNC"
    asked = await linked.writes()
    await linked.send()
    assert await linked.writes() == asked
    await edit(linked, str(other["xero_contact_id"]), fields={"Name": "Free again"})
    async with linked.here.world.tx() as tx:
        await retry_action.retry(tx, organisation_id=linked.here.world.organisation)
    await linked.send()
    assert (await linked.link())["state"] == "SYNCED"
    assert (await linked.shown())["ContactStatus"] == "ACTIVE"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_deleted_contact_is_archived_in_xero_even_if_the_answer_is_lost(
    linked: Linked, when: str
) -> None:
    await act(linked, lambda tx: delete_action.delete(tx, linked.contact, archive_in_xero=True))
    await drop(linked, when, "POST")
    await linked.send()
    await in_time(linked)
    assert (await linked.shown())["ContactStatus"] == "ARCHIVED"
    assert (await count(linked, "owed_status"), await count(linked, "delivery where ended_at is null")) == (
        0,
        0,
    )


async def test_a_deleted_contact_is_imported_again_only_with_reimport(linked: Linked) -> None:
    other = await other_contact(linked)
    contacts = await count(linked, "contact")
    await act(linked, lambda tx: delete_action.delete(tx, linked.contact))
    await act(linked, lambda tx: delete_action.delete(tx, other["contact_id"], reimport=True))
    for key in (linked.xero, str(other["xero_contact_id"])):
        await edit(linked, key, fields={"EmailAddress": "moved@x.example"})
    await poll(linked)
    assert await count(linked, "contact") == contacts - 1
    [back] = await linked.here.world.rows(
        "select x.id from contact c join sync_link l on l.contact_id = c.id"
        " join xero_contact x on x.id = l.xero_contact_id where c.billing_email = 'moved@x.example'"
    )
    assert back["id"] == other["id"]


async def test_a_settled_conflict_is_sent_and_the_losing_value_can_be_restored(linked: Linked) -> None:
    async with linked.here.world.tx() as tx:
        await tx.run("update organisation set conflict_policy = 'ASK'")
    await linked.change(name="Ours Ltd")
    await edit(linked, linked.xero, fields={"Name": "Theirs Ltd"})
    await poll(linked)
    link = await linked.link()
    assert link["state"] == "CONFLICT"
    done = await act(linked, lambda tx: conflicts.settle(tx, link["id"], Side.PRACTICE))
    await linked.send()
    assert (await linked.shown())["Name"] == "Ours Ltd"
    event = done.activity_id
    assert event is not None
    await act(linked, lambda tx: conflicts.restore_value(tx, event, "NAME"))
    await linked.send()
    assert (await linked.shown())["Name"] == "Theirs Ltd"
    with pytest.raises(Refused) as refused:
        await act(linked, lambda tx: conflicts.restore_value(tx, event, "NAME"))
    assert refused.value.problems[0].code is Code.WRONG_STATE


async def test_an_answer_that_comes_after_an_unsync_has_no_effect(linked: Linked) -> None:
    """The claim is made, and the link unsynced before the answer is settled."""
    await linked.change(name="Under Way Ltd")
    process, world = linked.here.process, linked.here.world
    async with world.tx() as tx:
        await tx.run("update organisation set read_asked_at = :now")
    link = await linked.link()
    async with world.tx() as tx:
        claimed = await contact_deliveries.claim(tx, await world.read_organisation(tx), sending.build)
    assert claimed is not None
    await unsync(linked)
    async with world.tx() as tx:
        organisation = await organisation_copy.get(tx, world.organisation)
    client = process.client(organisation, Priority.INTERACTIVE)
    attempt = delivery_attempts.DeliveryAttempt(process, world.workspace, sending.CONTACTS, claimed, client)
    await delivery_attempts.call(attempt, organisation)
    after = await linked.link()
    assert (after["state"], after["version"]) == ("UNSYNCED", link["version"] + 1)
    assert after["base_xero"] == link["base_xero"]
    [mirror] = await world.rows(
        "select name from xero_contact where xero_contact_id = cast(:id as uuid)", id=linked.xero
    )
    assert mirror["name"] == "Under Way Ltd"
    assert await count(linked, "delivery where ended_at is null") == 0


async def test_a_delete_during_a_send_leaves_no_pending_link(linked: Linked) -> None:
    await pushed(linked)
    contacts = await count(linked, "contact")
    await asyncio.gather(
        linked.send(), act(linked, lambda tx: delete_action.delete(tx, linked.contact, archive_in_xero=True))
    )
    await poll(linked)
    await linked.send()
    found = await made(linked)
    assert found is None or found["ContactStatus"] == "ARCHIVED"
    assert await count(linked, "contact") == contacts - 1
    assert await count(linked, "sync_link where state = 'PENDING'") == 0


async def test_an_unsync_during_a_send_leaves_nothing_due(linked: Linked) -> None:
    await linked.change(name="Perhaps Ltd")
    await asyncio.gather(linked.send(), unsync(linked))
    await linked.change(name="Never Sent Ltd")
    await in_time(linked)
    assert (await linked.shown())["Name"] != "Never Sent Ltd"
    link = await linked.link()
    assert (link["state"], link["due_at"]) == ("UNSYNCED", None)
