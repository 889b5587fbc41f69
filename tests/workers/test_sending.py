"""A change of the practice reaches Xero once, even without an answer."""

from datetime import timedelta
from uuid import UUID

import httpx
import sqlalchemy as sa

from domain.contacts import edits as contact_edits
from tests.domain.world import as_given
from tests.workers.linked import Linked, poll
from workers import due, sending


async def test_a_sent_change_reaches_xero_and_the_link_is_synced(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd", billingEmail="new@example.com", primaryPhone="09 555 1234")
    assert (await linked.link())["state"] == "PENDING"
    await linked.send()
    shown, link = await linked.shown(), await linked.link()
    assert (shown["Name"], shown["EmailAddress"]) == ("Renamed Ltd", "new@example.com")
    assert (link["state"], link["due_at"]) == ("SYNCED", None)
    assert await linked.writes() == 1


async def test_nine_statements_in_one_transaction_run_between_a_due_mark_and_its_call(
    linked: Linked,
) -> None:
    """A person waits for each of them. The functions of schema `door` need no transaction besides."""
    process, world = linked.here.process, linked.here.world
    await linked.trust_webhooks()
    await linked.change(billingEmail="new@example.com")
    statements: list[str] = []
    transactions: list[object] = []

    async def call(request: httpx.Request) -> None:
        if request.method == "POST":
            statements.append(f"{process.database.statements - before} until {request.url.path}")

    process.http.event_hooks = {"request": [call]}
    sa.event.listen(process.database.engine.sync_engine, "begin", transactions.append)
    before = process.database.statements
    found = await due.find(process.database, process.database.clock.now())
    assert "send_contacts" in {one.job.kind for one in found}
    assert process.database.statements - before == 1
    before += 1
    await sending.send_contacts(process, world.workspace, world.organisation, bulk=False)
    assert statements == ["9 until /api.xro/2.0/Contacts"]
    assert len(transactions) == 2, "one for the claim, one for the answer"


async def test_a_second_send_sends_nothing(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    await linked.send()
    await linked.send()
    assert await linked.writes() == 1


async def test_only_changed_fields_are_sent(linked: Linked) -> None:
    before = await linked.shown()
    await linked.change(billingEmail="new@example.com")
    await linked.send()
    after = await linked.shown()
    assert {key for key in before if before[key] != after[key]} == {"EmailAddress", "UpdatedDateUTC"}


async def test_a_name_of_which_xero_drops_the_emoji_is_synced_and_never_sent_again(linked: Linked) -> None:
    await linked.change(name="Café 🎉 Ltd", billingAddress={"lines": ["1 High St 🏠"]})
    await linked.send()
    shown = await linked.shown()
    assert shown["Name"] == "Café Ltd"
    assert [one["AddressLine1"] for one in shown["Addresses"] if one["AddressType"] == "POBOX"] == [
        "1 High St"
    ]
    await poll(linked)
    await linked.send()
    link = await linked.link()
    assert (link["state"], link["due_at"], link["failure"]) == ("SYNCED", None, None)
    assert await linked.writes() == 1
    [contact] = await linked.here.world.rows("select name from contact where id = :id", id=link["contact_id"])
    assert contact["name"] == "Café 🎉 Ltd"


async def test_a_resend_after_a_lost_answer_is_one_write_in_xero(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    await linked.fault(kind="drop", when="after", method="POST", path=".*Contacts.*", count=1)
    await linked.send()
    link = await linked.link()
    assert (link["state"], link["failure"]["code"]) == ("FAILING", "UNCERTAIN")
    await linked.recover()  # its lease has been given back: the same bytes under the same key
    link = await linked.link()
    assert (link["state"], link["failure"], link["due_at"]) == ("SYNCED", None, None)
    assert await linked.writes() == 2


async def test_a_value_typed_while_a_write_is_uncertain_is_sent_next(linked: Linked) -> None:
    await linked.change(name="First Ltd")
    await linked.fault(kind="drop", when="after", method="POST", path=".*Contacts.*", count=1)
    await linked.send()
    await linked.change(name="Second Ltd")
    await linked.recover()
    assert (await linked.link())["state"] == "PENDING"
    await linked.send()
    assert (await linked.shown())["Name"] == "Second Ltd"
    assert await linked.writes() == 3


async def test_an_unanswered_update_is_read_and_not_resent_after_four_minutes(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    await linked.fault(kind="drop", when="before", method="POST", path=".*Contacts.*", count=1)
    await linked.send()
    asked = await linked.writes()
    linked.later(timedelta(minutes=5))
    await linked.recover()
    assert await linked.writes() == asked
    linked.later(timedelta(minutes=6))
    await linked.recover()  # it can land no more, and Xero has the old name: free, and due again
    linked.later(timedelta(minutes=1))
    await linked.send()
    assert (await linked.shown())["Name"] == "Renamed Ltd"
    assert await linked.writes() == asked + 1


async def test_a_429_counts_as_no_attempt(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    await linked.fault(
        kind="status", status=429, retry_after=7, limit="minute", method="POST", path=".*", count=1
    )
    await linked.send()
    link = await linked.link()
    assert (link["state"], link["attempts"], link["failure"]) == ("PENDING", 0, None)
    linked.later(timedelta(seconds=70))
    await linked.send()
    assert (await linked.shown())["Name"] == "Renamed Ltd"


async def test_a_taken_name_is_shown_with_its_holder_and_other_fields_are_sent(linked: Linked) -> None:
    [other] = await linked.here.world.rows(
        "select id, name from xero_contact where status = 'ACTIVE' and xero_contact_id <> :own order by name limit 1",
        own=UUID(linked.xero),
    )
    await linked.change(name=other["name"], billingEmail="new@example.com")
    await linked.send()
    link = await linked.link()
    assert (link["state"], link["failure"]["code"], link["failure"]["field"]) == (
        "FAILING",
        "NAME_TAKEN_IN_XERO",
        "NAME",
    )
    assert link["failure"]["subjects"] == [f"XeroContact:{other['id']}"]
    assert (await linked.shown())["EmailAddress"] == "new@example.com"
    await linked.change(name="A name of its own")
    await linked.send()
    link = await linked.link()
    assert (link["state"], link["failure"]) == ("SYNCED", None)


async def test_two_contacts_that_swap_names_both_show_a_taken_name(linked: Linked) -> None:
    rows = await linked.here.world.rows(
        "select l.contact_id, x.name from sync_link l join xero_contact x on x.id = l.xero_contact_id"
        " where l.state = 'SYNCED' order by x.name limit 2"
    )
    async with linked.here.world.tx() as tx:
        for row, other in zip(rows, reversed(rows), strict=True):
            await contact_edits.change(tx, row["contact_id"], as_given({"name": other["name"]}))
    await linked.send()
    told = await linked.here.world.rows("select failure from sync_link where state = 'FAILING'")
    assert [row["failure"]["code"] for row in told] == ["NAME_TAKEN_IN_XERO"] * 2
    assert await linked.writes() == 0


async def test_a_rename_that_frees_a_name_is_sent_before_the_one_that_takes_it(linked: Linked) -> None:
    rows = await linked.here.world.rows(
        "select l.contact_id, x.name from sync_link l join xero_contact x on x.id = l.xero_contact_id"
        " where l.state = 'SYNCED' order by x.name limit 3"
    )
    wanted = ["Quite New Ltd", rows[0]["name"], rows[1]["name"]]
    async with linked.here.world.tx() as tx:
        for row, name in zip(reversed(rows), reversed(wanted), strict=True):
            await contact_edits.change(tx, row["contact_id"], as_given({"name": name}))
    await linked.send()
    states = await linked.here.world.rows("select state, count(*) as n from sync_link group by state")
    assert {row["state"] for row in states} == {"SYNCED"}
