"""No 403 ends an organisation's sync but a proven disconnect. A missing right is named, and stops only what needs it."""

from datetime import timedelta
from typing import NamedTuple

import pytest

from domain.actions import resume
from domain.connection import health as connection_health
from domain.connection import organisations
from domain.tables import RunPurpose
from domain.tx import TANDEM
from tests.database import row_of, rows_of
from tests.workers.linked import Linked, edit
from tests.workers.linked import seen as link_seen
from workers import catalogues, importing, invoice_reads


class Shown(NamedTuple):
    """As the API shows the organisation."""

    health: str
    says: str | None


async def shown(linked: Linked) -> Shown:
    async with linked.here.world.tx() as tx:
        row = await row_of(
            tx,
            f"select {connection_health.AT_THIS_MOMENT} as health, {connection_health.RIGHTS_SAY} as says"
            " from organisation where workspace_id = :ws",
        )
    assert row is not None
    return Shown(row["health"], row["says"])


async def poll(linked: Linked) -> None:
    """Read what changed, once. What cannot be read now stays for the next time."""
    linked.later(timedelta(minutes=3))
    process, world = linked.here.process, linked.here.world
    async with process.database.transaction(world.workspace, TANDEM) as tx:
        await organisations.begin_run(tx, world.organisation, RunPurpose.DELTA)
        [run] = await rows_of(tx, "select id from import_run where finished_at is null")
    while await importing.advance(process, world.workspace, run["id"]):
        pass


async def clear_faults(linked: Linked) -> None:
    await linked.here.process.http.delete(f"{linked.here.xero}/simulator/faults")


async def sync_now(linked: Linked) -> None:
    async with linked.here.world.tx() as tx:
        await resume.sync_now(tx, linked.here.world.organisation)


async def email(linked: Linked) -> str | None:
    [row] = await linked.here.world.rows(
        "select billing_email from contact where id = :contact", contact=linked.contact
    )
    found: str | None = row["billing_email"]
    return found


@pytest.mark.parametrize("form", ["html", "text", "problem"])
async def test_one_403_to_a_read_is_over_with_the_next_read(linked: Linked, form: str) -> None:
    await edit(linked, linked.xero, fields={"EmailAddress": "new@example.com"})
    await linked.fault(kind="status", status=403, form=form, method="GET", path="Contacts", count=1)
    await poll(linked)
    assert (await shown(linked)).health in ("HEALTHY", "DEGRADED")
    assert await email(linked) != "new@example.com"
    await poll(linked)
    assert await shown(linked) == Shown("HEALTHY", None)
    assert await email(linked) == "new@example.com"


@pytest.mark.parametrize("form", ["html", "text"])
async def test_a_403_on_the_way_leaves_a_write_uncertain_and_the_resend_lands_once(
    linked: Linked, form: str
) -> None:
    await linked.change(name="Renamed Ltd")
    await linked.fault(kind="status", status=403, form=form, method="POST", path="Contacts", count=1)
    await linked.send()
    assert (await linked.link())["failure"]["code"] == "UNCERTAIN"
    linked.later(timedelta(seconds=61))
    await linked.recover()
    link = await linked.link()
    assert (link["state"], link["failure"]) == ("SYNCED", None)
    assert (await linked.shown())["Name"] == "Renamed Ltd"


async def test_without_the_right_to_write_contacts_reading_goes_on_and_nothing_is_lost(
    linked: Linked,
) -> None:
    await linked.fault(
        kind="status", status=403, detail="AuthorizationUnsuccessful", method="POST", path="Contacts", count=None
    )  # fmt: skip
    await linked.change(name="Renamed Ltd")
    await linked.send()
    health, says = await shown(linked)
    assert health == "DEGRADED"
    assert says is not None
    assert "create and change contacts" in says
    assert "AuthorizationUnsuccessful" in says
    state, failure = await link_seen(linked)
    assert state == "FAILING"
    assert failure is not None
    assert (failure["code"], failure["message"], failure["remedy"]) == ("XERO_UNAVAILABLE", says, "WAIT")
    assert (await linked.link())["attempts"] == 0

    await edit(linked, linked.xero, fields={"EmailAddress": "new@example.com"})
    await poll(linked)
    assert await email(linked) == "new@example.com"
    assert (await shown(linked)).says == says  # a read that succeeds tells nothing of the right to write

    await clear_faults(linked)
    linked.later(timedelta(seconds=1))
    await sync_now(linked)
    linked.later(timedelta(minutes=2))
    await linked.send()
    assert (await linked.shown())["Name"] == "Renamed Ltd"
    assert await shown(linked) == Shown("HEALTHY", None)


async def test_a_closed_right_costs_few_calls_however_long_it_is_missing(linked: Linked) -> None:
    await linked.fault(kind="status", status=403, method="POST", path="Contacts", count=None)
    await linked.change(name="Renamed Ltd")
    for _ in range(60):
        await linked.send()
        linked.later(timedelta(minutes=1))
    state = await linked.here.simulator()
    faults = state["faults"]
    assert isinstance(faults, dict)
    assert 4 <= faults["struck"]["status"] <= 12


@pytest.mark.parametrize("path", ["Invoices", "Accounts|TaxRates|Organisation"])
async def test_without_a_right_that_contacts_do_not_need_contacts_are_read_and_sent(
    linked: Linked, path: str
) -> None:
    process, world = linked.here.process, linked.here.world
    await linked.fault(kind="status", status=403, path=path, count=None)
    async with world.tx() as tx:
        await tx.run(
            "update organisation set invoice_sync = true, invoice_poll_due_at = :now, base_currency = ''"
            " where workspace_id = :ws"
        )
    await invoice_reads.poll(process, world.workspace, world.organisation)
    await catalogues.read_due(process, world.workspace, world.organisation)
    await edit(linked, linked.xero, fields={"EmailAddress": "new@example.com"})
    await poll(linked)
    assert await email(linked) == "new@example.com"
    await linked.change(name="Renamed Ltd")
    assert await link_seen(linked) == ("PENDING", None)
    await linked.send()
    assert (await linked.shown())["Name"] == "Renamed Ltd"
    health, says = await shown(linked)
    assert health == "DEGRADED"
    assert says is not None
    assert ("read invoices" if path == "Invoices" else "accounts and tax rates") in says
    assert "contacts" not in says


async def test_a_new_consent_forgets_the_rights_that_were_missing(linked: Linked) -> None:
    await linked.fault(kind="status", status=403, method="POST", path="Contacts", count=1)
    await linked.change(name="Renamed Ltd")
    await linked.send()
    [row] = await linked.here.world.rows("select * from organisation")
    async with linked.here.world.tx() as tx:
        await resume.connect(
            tx, organisations.Tenant(row["tenant_id"], row["connection_id"], row["name"]), row["grant_id"]
        )
    assert (await shown(linked)).says is None
    assert (await linked.link())["next_attempt_at"] is None
