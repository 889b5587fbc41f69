"""Promise 18: the practice's clock is five minutes before or behind Xero's, or is set back during work."""

from datetime import timedelta

import pytest

from tests.workers.linked import Clocked, edit
from tests.workers.steps import drop

SKEW = timedelta(minutes=5)


async def in_xero(clocked: Clocked, email: str) -> None:
    await edit(clocked, clocked.xero, fields={"EmailAddress": email})


@pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["before", "behind"])
@pytest.mark.parametrize("last", ["practice", "xero"])
async def test_the_later_edit_wins_even_if_the_clocks_differ(
    clocked: Clocked, skew: timedelta, last: str
) -> None:
    clocked.later(skew)
    await clocked.pass_time()
    if last == "practice":
        await in_xero(clocked, "first@x.example")
        await clocked.pass_time()
        await clocked.change(billingEmail="last@x.example")
    else:
        await clocked.change(billingEmail="first@x.example")
        await clocked.pass_time()
        await in_xero(clocked, "last@x.example")
    await clocked.settle()
    assert await clocked.email() == ("last@x.example", "last@x.example")
    assert (await clocked.link())["state"] == "SYNCED"


@pytest.mark.parametrize("moment", ["typed", "lost", "polled"])
async def test_after_a_clock_was_set_back_nothing_is_lost_or_sent_twice(
    clocked: Clocked, moment: str
) -> None:
    await clocked.change(name="Renamed Ltd")
    if moment == "typed":
        clocked.later(-SKEW)
    await drop(clocked, "after", "POST")
    await clocked.send()
    if moment == "lost":
        clocked.later(-SKEW)
    await in_xero(clocked, "theirs@x.example")
    await clocked.poll()
    if moment == "polled":
        clocked.later(-SKEW)
    await clocked.change(primaryPhone="09 555 1234")
    await clocked.settle()
    link, shown = await clocked.link(), await clocked.shown()
    assert (link["state"], link["due_at"], link["failure"]) == ("SYNCED", None, None)
    assert await clocked.email() == ("theirs@x.example", "theirs@x.example")
    assert shown["Name"] == "Renamed Ltd"
    assert any("5551234" in str(phone["PhoneNumber"]).replace(" ", "") for phone in shown["Phones"])
    assert not await clocked.here.world.rows("select 1 from delivery where ended_at is null")
    written = await clocked.writes()
    await clocked.settle()
    assert await clocked.writes() == written


async def test_a_read_in_the_future_is_not_fresh_after_the_clock_was_set_back(clocked: Clocked) -> None:
    """Xero has no conditional write, so contacts are read again before a send if the last read is over a minute old."""
    await clocked.poll()
    await clocked.pass_time()
    clocked.later(-SKEW)
    await clocked.pass_time()
    await in_xero(clocked, "theirs@x.example")
    await clocked.change(billingEmail="ours@x.example")
    await clocked.send()
    rows = await clocked.here.world.rows(
        "select c->>'before' as b, c->>'after' as a from activity, jsonb_array_elements(changes) c"
    )
    assert "theirs@x.example" in {value for row in rows for value in (row["a"], row["b"])}
