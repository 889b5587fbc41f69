"""The health of the connection at each moment, and what unsent changes show of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from domain.actions import retry as retry_action
from domain.actions import unsync as unsync_action
from domain.connection import call_budget, organisations
from domain.connection import health as connection_health
from domain.connection.organisations import Tenant
from domain.matching import issues
from domain.tables import RunPurpose
from runtime.seal import KeyRing, new_key
from tests.workers.linked import Linked, seen
from workers import housekeeping
from workers.due import Due, find
from xero.tokens import identity


async def organisation(linked: Linked) -> dict[str, Any]:
    [row] = await linked.here.world.rows("select * from organisation")
    return row


async def how(linked: Linked) -> str:
    return str((await organisation(linked))["health"])


async def told(linked: Linked) -> int:
    rows = await linked.here.world.rows("select 1 from event where kind = 'CONNECTION'")
    return len(rows)


async def poll(linked: Linked) -> None:
    async with linked.here.world.tx() as tx:
        await organisations.sync_now(tx, linked.here.world.organisation)
    await linked.advance(await unfinished(linked))


async def unfinished(linked: Linked) -> Any:
    [row] = await linked.here.world.rows("select id from import_run where finished_at is null")
    return row["id"]


async def due(linked: Linked, kind: str) -> list[Due]:
    """The jobs that a worker would begin now."""
    database = linked.here.process.database
    return [one for one in await find(database, database.clock.now()) if one.job.kind == kind]


async def disconnect_in_xero(linked: Linked) -> None:
    tenant = (await organisation(linked))["tenant_id"]
    answer = await linked.here.process.http.delete(
        f"{linked.here.xero}/simulator/organisations/{tenant}/connections"
    )
    assert answer.is_success


async def reconnect(linked: Linked) -> None:
    """By the consent that the simulator still has."""
    row = await organisation(linked)
    async with linked.here.world.tx() as tx:
        await organisations.connect(tx, Tenant(row["tenant_id"], uuid4(), row["name"]), row["grant_id"])


async def test_a_rate_limit_is_shown_with_its_end_and_ends_by_itself(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    before = await told(linked)
    await linked.fault(kind="status", status=429, retry_after=30, limit="minute", method="POST", count=1)
    await linked.send()
    row = await organisation(linked)
    assert row["health"] == "RATE_LIMITED"
    assert row["limited_until"] is not None
    assert "no more calls before" in row["health_message"]
    assert await told(linked) == before + 1
    assert await due(linked, "end_rate_limit") == []
    linked.later(timedelta(seconds=31))
    assert [row.job.key for row in await due(linked, "end_rate_limit")] == [linked.here.world.organisation]
    async with linked.here.world.tx() as tx:
        await connection_health.limit_over(tx, linked.here.world.organisation)
    row = await organisation(linked)
    assert (row["health"], row["health_message"], row["limited_until"]) == ("HEALTHY", None, None)
    assert await told(linked) == before + 2


async def test_the_calls_that_bulk_work_leaves_free_are_not_shown_as_a_limit(linked: Linked) -> None:
    tenant = (await organisation(linked))["tenant_id"]
    for _ in range(47):
        slot = await linked.here.process.limits.take(tenant, "INTERACTIVE")
        assert not hasattr(slot, "tzinfo")
        await linked.here.process.limits.give(slot, _Ok())
    await poll(linked)
    assert await how(linked) == "HEALTHY"


class _Ok:
    status, minute_remaining, day_remaining, until = 200, None, None, None


async def test_an_outage_is_shown_after_some_failures_and_ends_with_the_first_answer(linked: Linked) -> None:
    await linked.fault(kind="status", status=502, method="GET", count=None)
    await poll(linked)
    assert await how(linked) == "HEALTHY"  # one call that fails is no outage
    linked.later(timedelta(minutes=2))
    await linked.advance(await unfinished(linked))
    row = await organisation(linked)
    assert row["health"] == "DEGRADED"
    assert row["health_message"] == connection_health.UNAVAILABLE
    await linked.here.process.http.delete(f"{linked.here.xero}/simulator/faults")
    linked.later(timedelta(minutes=6))
    await linked.advance(await unfinished(linked))
    row = await organisation(linked)
    assert (row["health"], row["health_message"], row["failing_since"]) == ("HEALTHY", None, None)


async def test_an_unsent_change_shows_xero_unavailable_until_xero_has_it(
    linked: Linked,
) -> None:
    linked.later(timedelta(minutes=2))  # so that Xero must be read before anything is sent
    await linked.fault(kind="status", status=503, method="GET", count=None)
    await linked.change(name="Renamed Ltd")
    assert await seen(linked) == ("PENDING", None)
    await linked.send()
    state, failure = await seen(linked)
    assert failure is not None
    assert (state, failure["code"], failure["attempts"]) == ("FAILING", "XERO_UNAVAILABLE", 0)
    [run] = await linked.here.world.rows("select due_at from import_run where finished_at is null")
    assert failure["nextAttemptAt"] == run["due_at"].isoformat()
    await linked.here.process.http.delete(f"{linked.here.xero}/simulator/faults")
    link = (await linked.link())["id"]
    async with linked.here.world.tx() as tx:
        assert (await retry_action.retry(tx, [link])).link_ids == (link,)
    await linked.send()
    assert await seen(linked) == ("SYNCED", None)
    assert (await linked.shown())["Name"] == "Renamed Ltd"


WRITES = {"kind": "status", "method": "POST", "path": ".*Contacts.*", "count": None}


async def test_an_unsent_change_shows_xero_unavailable_while_only_reads_succeed(linked: Linked) -> None:
    await linked.fault(status=503, **WRITES)
    await linked.change(name="Renamed Ltd")
    await linked.send()
    since = set[str]()
    for _ in range(3):
        await poll(linked)  # Xero answers that
        assert await how(linked) == "DEGRADED"
        state, failure = await seen(linked)
        assert failure is not None
        assert (state, failure["code"]) == ("FAILING", "XERO_UNAVAILABLE")
        since.add(failure["since"])
        linked.later(timedelta(minutes=3))
        await linked.send()
    assert len(since) == 1
    await linked.here.process.http.delete(f"{linked.here.xero}/simulator/faults")
    linked.later(timedelta(minutes=6))
    await linked.send()
    assert (await seen(linked), await how(linked)) == (("SYNCED", None), "HEALTHY")


async def test_writes_without_an_answer_make_the_organisation_unavailable(linked: Linked) -> None:
    await linked.fault(status=504, **WRITES)
    await linked.change(name="Renamed Ltd")
    await linked.send()
    await poll(linked)
    assert await how(linked) == "HEALTHY"  # one write that fails is no outage
    linked.later(timedelta(minutes=2))
    await linked.recover()
    await poll(linked)
    assert await how(linked) == "DEGRADED"
    uncertain = linked.contact
    [other] = await linked.here.world.rows("select contact_id from sync_link where state = 'SYNCED' limit 1")
    linked.contact = other["contact_id"]
    await linked.change(billingEmail="typed@since.example")
    state, failure = await seen(linked)
    assert failure is not None
    assert (state, failure["code"]) == ("FAILING", "XERO_UNAVAILABLE")
    linked.contact = uncertain
    _, failure = await seen(linked)
    assert failure is not None
    assert failure["code"] == "UNCERTAIN"


async def test_recalled_writes_do_not_make_the_organisation_unavailable(linked: Linked) -> None:
    await linked.fault(status=503, **WRITES)
    await linked.change(name="Renamed Ltd")
    await linked.send()
    assert await how(linked) == "DEGRADED"
    link = await linked.link()
    async with linked.here.world.tx() as tx:
        await issues.each(tx, [link["id"]], lambda key: unsync_action.unsync(tx, key))
    await poll(linked)
    assert await how(linked) == "HEALTHY"


async def test_an_uncertain_write_shows_its_next_look_up_and_the_number_of_sends(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    await linked.fault(kind="status", status=502, method="POST", path=".*Contacts.*", count=2)
    await linked.send()
    linked.later(timedelta(seconds=70))
    await linked.recover()
    _, failure = await seen(linked)
    [delivery] = await linked.here.world.rows("select due_at from delivery where ended_at is null")
    assert failure is not None
    assert (failure["code"], failure["attempts"]) == ("UNCERTAIN", 2)
    assert (failure["nextAttemptAt"] or "")[:19] == delivery["due_at"].isoformat()[:19]


async def test_a_disconnection_inside_xero_drops_no_change_and_counts_no_attempt(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    await disconnect_in_xero(linked)
    await linked.send()
    row = await organisation(linked)
    assert (row["health"], row["health_message"]) == ("NEEDS_RECONNECT", connection_health.RECONNECT)
    link = await linked.link()
    assert (link["state"], link["attempts"], link["failure"]) == ("PENDING", 0, None)
    assert link["due_at"] is not None
    linked.later(timedelta(hours=1))
    for kind in ("send_contacts", "poll_contacts", "read_contact_webhooks", "recover_delivery"):
        assert await due(linked, kind) == [], kind


async def test_a_reconnect_reads_everything_before_anything_is_sent(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    await disconnect_in_xero(linked)
    await linked.send()
    await reconnect(linked)
    row = await organisation(linked)
    assert (row["health"], row["health_message"]) == ("CATCHING_UP", connection_health.CATCHING_UP)
    assert await due(linked, "send_contacts") == []
    writes = await linked.writes()
    await linked.send()
    assert await linked.writes() == writes
    [run] = await linked.here.world.rows("select * from import_run where finished_at is null")
    assert (run["modified_since"], run["next_page"], run["match"]) == (None, 1, True)


async def test_waiting_changes_are_sent_after_the_catch_up(linked: Linked) -> None:
    await linked.change(name="Renamed Ltd")
    async with linked.here.world.tx() as tx:
        await connection_health.locked_out(tx, linked.here.world.organisation)
    await reconnect(linked)
    await linked.advance(await unfinished(linked))
    assert await how(linked) == "HEALTHY"
    await linked.send()
    assert (await linked.shown())["Name"] == "Renamed Ltd"


async def test_after_a_reconnect_a_stopped_delta_becomes_a_scan(linked: Linked) -> None:
    async with linked.here.world.tx() as tx:
        await organisations.begin_run(tx, linked.here.world.organisation, RunPurpose.DELTA)
        await organisations.disconnect(tx, linked.here.world.organisation)
    await reconnect(linked)
    [run] = await linked.here.world.rows("select * from import_run where finished_at is null")
    assert (run["purpose"], run["modified_since"]) == (RunPurpose.SCAN, None)


@pytest.mark.parametrize("passing", ["limited", "unavailable"])
async def test_after_a_passing_trouble_the_lasting_trouble_is_shown(linked: Linked, passing: str) -> None:
    await reconnect(linked)
    async with linked.here.world.tx() as tx:
        if passing == "limited":
            await connection_health.limited(tx, linked.here.world.organisation, tx.now + timedelta(seconds=9))
        else:
            await connection_health.unavailable(tx, linked.here.world.organisation)
    assert await due(linked, "send_contacts") == []
    async with linked.here.world.tx() as tx:
        await connection_health.answered(tx, linked.here.world.organisation)
    assert await how(linked) == "CATCHING_UP"


async def test_a_passing_trouble_never_hides_a_pause_or_a_lost_consent(linked: Linked) -> None:
    for standing in ("PAUSED", "NEEDS_RECONNECT"):
        async with linked.here.world.tx() as tx:
            await tx.run("update organisation set health = :health", health=standing)
            await connection_health.limited(tx, linked.here.world.organisation, tx.now + timedelta(seconds=9))
            await connection_health.hindered(tx, linked.here.world.organisation, "nobody knows")
            await connection_health.answered(tx, linked.here.world.organisation)
        assert await how(linked) == standing


async def test_polls_become_rarer_as_the_days_calls_are_used(linked: Linked) -> None:
    tenant = (await organisation(linked))["tenant_id"]
    await poll(linked)
    row = await organisation(linked)
    usual = row["poll_due_at"] - row["last_polled_at"]
    linked.later(timedelta(minutes=2))
    await linked.here.process.http.put(f"{linked.here.xero}/simulator/limits", json={"day": 120})
    await poll(linked)
    row = await organisation(linked)
    async with linked.here.world.tx() as tx:
        assert (await call_budget.get(tx, tenant)).day_limit == 1000
    assert row["poll_due_at"] - row["last_polled_at"] > usual * 5


async def test_keys_that_do_not_open_the_tokens_are_reported_and_nothing_is_lost(linked: Linked) -> None:
    right = linked.here.process
    linked.here.process = replace(right, keys=KeyRing.parse([new_key("other")]))
    await linked.change(name="Renamed Ltd")
    await linked.send()
    row = await organisation(linked)
    assert row["health"] == "DEGRADED"
    assert "TANDEM_KEYS (the key " in row["health_message"]
    assert "puts the right keys back" in row["health_message"]
    assert "other" not in row["health_message"]
    linked.here.process = right
    linked.later(timedelta(hours=1))
    await linked.send()
    assert await how(linked) == "HEALTHY"
    [link] = await linked.here.world.rows(
        "select state from sync_link where contact_id = :contact", contact=linked.contact
    )
    assert link["state"] == "SYNCED"


async def test_tokens_that_do_not_open_do_not_stop_the_refresh_of_others(linked: Linked) -> None:
    process = linked.here.process
    [row] = await linked.here.world.rows("select grant_id from organisation")
    before = await process.grants.find(row["grant_id"])
    user, now = uuid4(), process.database.clock.now()
    sealed = KeyRing.parse([new_key("lost")]).seal(b"tokens", identity("app", user))
    async with process.database.door() as session:
        await session.execute(
            sa.text("select door.keep_grant(gen_random_uuid(), 'app', :user, :sealed, :at, :at)"),
            {"user": user, "sealed": sealed, "at": now - timedelta(days=1)},
        )
    linked.later(timedelta(days=7))
    assert len(await process.grants.stale()) == 2
    await housekeeping.refresh_stale_grants(process)
    after = await process.grants.find(row["grant_id"])
    assert before is not None
    assert after is not None
    assert after.version > before.version
    assert after.failed is None
