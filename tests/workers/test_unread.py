"""What Xero has announced, or may have changed at this moment, is read before the practice's value is sent over it."""

from datetime import UTC, datetime

from domain.connection import organisations
from domain.tables import ConflictPolicy
from tests.workers.announced import announce
from tests.workers.linked import Linked, edit


async def told(linked: Linked) -> None:
    """Webhooks come, and this one announces nothing new."""
    await announce(linked, linked.xero, at=datetime(2020, 1, 1, tzinfo=UTC))


async def lost(linked: Linked) -> list[tuple[str, str]]:
    """What was overwritten of the contact, on either side."""
    rows = await linked.here.world.rows(
        "select changes from activity where contact_id = :id", id=linked.contact
    )
    return [(change["before"], change["writtenTo"]) for row in rows for change in row["changes"]]


async def test_a_value_that_was_announced_is_read_before_it_is_overwritten(linked: Linked) -> None:
    await told(linked)
    await linked.change(billingEmail="first@practice.example")
    await linked.send()
    await announce(linked, linked.xero)  # our own write
    await edit(linked, linked.xero, fields={"EmailAddress": "theirs@xero.example"})
    await announce(linked, linked.xero)
    await linked.change(billingEmail="ours@practice.example")
    await linked.send()
    assert (await linked.shown())["EmailAddress"] == "ours@practice.example"
    assert ("theirs@xero.example", "XERO") in await lost(linked)


async def test_under_xero_wins_an_edit_of_the_same_moment_in_xero_holds(linked: Linked) -> None:
    await told(linked)
    async with linked.here.world.tx() as tx:
        await organisations.update_sync(
            tx, linked.here.world.organisation, conflict_policy=ConflictPolicy.XERO_WINS
        )
    await linked.change(billingEmail="first@practice.example")
    await linked.send()  # so that nothing else has to be read
    await edit(linked, linked.xero, fields={"EmailAddress": "theirs@xero.example"})
    await linked.change(billingEmail="ours@practice.example")
    written = await linked.writes()
    await linked.send()
    assert await linked.writes() == written
    assert (await linked.shown())["EmailAddress"] == "theirs@xero.example"
    [row] = await linked.here.world.rows(
        "select billing_email from contact where id = :id", id=linked.contact
    )
    assert row["billing_email"] == "theirs@xero.example"
    assert ("ours@practice.example", "PRACTICE") in await lost(linked)
