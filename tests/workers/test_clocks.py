"""Promise 18: the practice's clock five minutes before or behind Xero's, or set back while work is under way."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain.connection import organisations
from domain.tables import RunPurpose
from domain.tx import TANDEM
from runtime.embedded import services as embedded_services
from tests.database import Place
from tests.workers.connected import connected
from tests.workers.test_actions import drop
from tests.workers.test_over_time import edit
from tests.workers.test_sending import Linked, MovedClock
from workers import importing, single_reads
from xero.simulator.clock import ShiftedClock

SKEW = timedelta(minutes=5)
BETWEEN = timedelta(seconds=40)


@dataclass
class Clocked(Linked):
    """Time passes on both sides; `later` sets the practice's clock alone."""

    theirs: ShiftedClock

    async def pass_time(self, by: timedelta = BETWEEN) -> None:
        self.theirs.advance(by)
        self.clock.by += by

    async def poll(self) -> None:
        parts, world = self.here.parts, self.here.world
        async with parts.database.transaction(world.workspace, TANDEM) as tx:
            await organisations.look(tx, world.organisation, RunPurpose.DELTA)
            await tx.run("update import_run set due_at = :now, lease_until = null where finished_at is null")
            [run] = await tx.rows("select id from import_run where finished_at is null")
        await self.advance(run["id"])

    async def settle(self) -> None:
        """Time passes, and whatever is due is done."""
        for _ in range(6):
            await self.pass_time(timedelta(minutes=4))
            await self.recover()
            while await single_reads.read_due(
                self.here.parts, self.here.world.workspace, self.here.world.organisation
            ):
                pass
            await self.poll()
            await self.send()

    async def email(self) -> tuple[str, str]:
        [row] = await self.here.world.rows(
            "select billing_email from contact where id = :id", id=self.contact
        )
        return row["billing_email"], (await self.shown())["EmailAddress"]


@pytest.fixture
async def clocked(clean: Place, services: embedded_services.Services) -> AsyncIterator[Clocked]:
    ours, theirs = MovedClock(), ShiftedClock(lambda: datetime.now(UTC))
    async with connected(clean, services, 10, ours, simulated=theirs) as here:
        run = await here.start_import()
        while await importing.advance(here.parts, here.world.workspace, run):
            pass
        [row] = await here.world.rows(
            "select l.contact_id, x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
            " where l.state = 'SYNCED' and x.email is not null order by x.name limit 1"
        )
        yield Clocked(here, row["contact_id"], str(row["xero_contact_id"]), ours, theirs)


async def in_xero(clocked: Clocked, email: str) -> None:
    await edit(clocked, clocked.xero, fields={"EmailAddress": email})


@pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["before", "behind"])
@pytest.mark.parametrize("last", ["practice", "xero"])
async def test_the_later_edit_wins_whatever_the_clocks_say(
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
async def test_a_clock_set_back_loses_and_doubles_nothing(clocked: Clocked, moment: str) -> None:
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


async def test_a_read_in_the_future_of_a_clock_set_back_is_not_fresh(clocked: Clocked) -> None:
    """Xero has no conditional write: what was read longer ago than a minute is read again before anything is sent."""
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
