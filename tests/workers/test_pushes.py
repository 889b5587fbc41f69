"""Pushes when Xero holds other names, numbers and customers than the practice expects."""

from typing import Any

from domain.actions import unsync as unsync_action
from domain.tables import Side
from tests.workers.linked import Linked, edit, poll
from tests.workers.steps import act, drop, pushed, read, unsync


async def numbers(linked: Linked) -> list[str]:
    rows = await linked.here.world.rows("select contact_number from push order by at")
    return [row["contact_number"] for row in rows]


async def left_behind(linked: Linked) -> dict[str, Any]:
    """The Xero contact of the first of two pushes: its link was unsynced, it was archived in Xero, and the contact pushed again."""
    await pushed(linked)
    await linked.send()
    await unsync(linked)
    [first] = await numbers(linked)
    left = await read(linked, first)
    assert left is not None
    await edit(linked, left["ContactID"], fields={"ContactStatus": "ARCHIVED"})
    await poll(linked)
    link = await linked.link()
    await act(linked, lambda tx: unsync_action.create_from_unsynced(tx, link["id"], Side.PRACTICE))
    await linked.send()
    return left


async def test_each_push_of_a_contact_creates_its_own_xero_contact(linked: Linked) -> None:
    """Under a number of its own: by the first one it would find the contact that was left behind."""
    left = await left_behind(linked)
    first, second = await numbers(linked)
    made = await read(linked, second)
    assert made is not None
    assert (made["ContactStatus"], made["ContactID"] != left["ContactID"]) == ("ACTIVE", True)
    after = await read(linked, first)
    assert after is not None
    assert (after["ContactID"], after["ContactStatus"]) == (left["ContactID"], "ARCHIVED")
    assert (await linked.link())["state"] == "SYNCED"


async def test_the_link_of_a_second_push_returns_when_its_xero_contact_is_restored(
    linked: Linked,
) -> None:
    """Keeping apart the Xero contact that was left behind does not affect the new one with equal name and email."""
    left = await left_behind(linked)
    made = await read(linked, (await numbers(linked))[1])
    assert made is not None
    for status, state in (("ARCHIVED", "BROKEN"), ("ACTIVE", "SYNCED")):
        await edit(linked, made["ContactID"], fields={"ContactStatus": status})
        await poll(linked)
        assert (await linked.link())["state"] == state
    apart = await linked.here.world.rows("select xero_contact_id from set_apart")
    assert [str(row["xero_contact_id"]) for row in apart] == [left["ContactID"]]


async def test_a_push_is_completed_even_if_the_filter_excludes_the_contact(linked: Linked) -> None:
    """A contact just made is no customer yet; its number is asked before the filter."""
    async with linked.here.world.tx() as tx:
        await tx.run("update organisation set contact_filter = 'CUSTOMERS_ONLY'")
    await pushed(linked)
    await drop(linked, "after")
    await linked.send()
    await poll(linked)
    link = await linked.link()
    assert (link["state"], link["failure"]) == ("SYNCED", None)
