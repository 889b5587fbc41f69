"""A write has no answer, and Xero refuses its resend. Nothing is created twice, and no value that was typed in Xero
meanwhile is overwritten before it was read. The first request may still take effect afterwards."""

from datetime import timedelta
from typing import Any

import pytest

from domain.contacts import edits as contact_edits
from domain.invoices import actions as invoice_actions
from domain.matching import issues
from runtime.embedded import services as embedded_services
from tests.database import Place
from tests.domain.world import as_given
from tests.workers.billing import making
from tests.workers.linked import Clocked, edit
from tests.workers.steps import count, pushed
from xero.simulator.clock import ShiftedClock

LATE = 200  # seconds after which the first request lands


async def fault(clocked: Clocked, method: str, **given: Any) -> None:
    await clocked.fault(method=method, path=".*Contacts.*", count=1, **given)


async def refuse_the_resend(clocked: Clocked, method: str) -> None:
    await clocked.pass_time(timedelta(seconds=90))
    await fault(clocked, method, kind="status", status=400)
    await clocked.recover()


@pytest.mark.parametrize("first", ["never arrives", "lands late"])
async def test_the_halves_of_a_refused_resend_overwrite_no_unread_value(clocked: Clocked, first: str) -> None:
    await clocked.trust_webhooks()
    rows = await clocked.here.world.rows(
        "select l.contact_id, x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
        " where l.state = 'SYNCED' order by x.name limit 4"
    )
    async with clocked.here.world.tx() as tx, issues.evaluating(tx) as touched:
        for n, row in enumerate(rows):
            await contact_edits.change(
                tx, row["contact_id"], as_given({"billingEmail": f"ours{n}@x.example"})
            )
            touched.add(row["contact_id"])
    when: dict[str, Any] = {"when": "later", "seconds": LATE} if first == "lands late" else {"when": "before"}
    await fault(clocked, "POST", kind="drop", **when)
    await clocked.send()
    clocked.contact, clocked.xero = rows[2]["contact_id"], str(rows[2]["xero_contact_id"])
    await clocked.pass_time(timedelta(seconds=30))
    await edit(clocked, clocked.xero, fields={"EmailAddress": "theirs@x.example"})
    await refuse_the_resend(clocked, "POST")
    await clocked.settle()
    assert await clocked.email() == ("theirs@x.example", "theirs@x.example")
    for n, row in enumerate(rows):
        clocked.contact, clocked.xero = row["contact_id"], str(row["xero_contact_id"])
        if n != 2:
            assert await clocked.email() == (f"ours{n}@x.example", f"ours{n}@x.example")
        assert (await clocked.link())["state"] == "SYNCED"


async def test_a_value_typed_after_a_refused_resend_survives_a_late_first_request(
    clocked: Clocked,
) -> None:
    await clocked.change(billingEmail="older@x.example")
    await fault(clocked, "POST", kind="drop", when="later", seconds=LATE)
    await clocked.send()
    await refuse_the_resend(clocked, "POST")
    await clocked.change(billingEmail="newer@x.example")
    await clocked.send()
    await clocked.pass_time(timedelta(seconds=LATE))
    await clocked.shown()  # it lands, when somebody asks
    await clocked.settle()
    assert await clocked.email() == ("newer@x.example", "newer@x.example")


@pytest.mark.parametrize("first", ["never arrives", "lands late"])
async def test_a_push_whose_resend_is_refused_creates_at_most_one_xero_contact(
    clocked: Clocked, first: str
) -> None:
    await pushed(clocked)
    when: dict[str, Any] = {"when": "later", "seconds": LATE} if first == "lands late" else {"when": "before"}
    await fault(clocked, "PUT", kind="drop", **when)
    await clocked.send()
    before = (await clocked.here.simulator())["creates"]
    await refuse_the_resend(clocked, "PUT")
    assert (await clocked.link())["failure"]["code"] == "INVALID_IN_XERO"
    await clocked.change(primaryPhone="09 555 1234")  # corrected, and due again under the same number
    await clocked.send()
    await clocked.settle()
    assert (await clocked.link())["state"] == "SYNCED"
    [number] = await clocked.here.world.rows("select contact_number from push")
    assert before == {}
    assert (await clocked.here.simulator())["creates"] == {number["contact_number"]: 1}
    assert await count(clocked, "push") == 1


@pytest.mark.parametrize("first", ["never arrives", "lands late"])
async def test_the_halves_of_a_refused_batch_of_invoices_are_created_once(
    clean: Place, services: embedded_services.Services, first: str
) -> None:
    async with making(clean, services, simulated=ShiftedClock()) as bill:
        made = await bill.many_approved(3)
        async with bill.here.world.tx() as tx:
            for one in made:
                await invoice_actions.send(tx, one.id)
        when: dict[str, Any] = (
            {"when": "later", "seconds": LATE} if first == "lands late" else {"when": "before"}
        )
        await bill.fault(kind="drop", method="PUT", **when)
        await bill.send()
        bill.later(timedelta(seconds=90))
        await bill.fault(kind="status", status=400, method="PUT")
        await bill.recover()
        await bill.tell("POST", "/simulator/clock", {"seconds": LATE + 60})
        bill.later(timedelta(seconds=LATE + 60))
        await bill.recover()
        await bill.send()
        assert sorted(str(one.invoice_number) for one in await bill.all_at_xero()) == sorted(
            one.number for one in made
        )
        assert {(await bill.look(one)).sync_state for one in made} == {"SYNCED"}
